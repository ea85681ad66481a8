"""The factory of the ``autotune_*`` DAGs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Param, TriggerRule, task_group

from airtune.operators.benchmark import Benchmark
from airtune.operators.manual import manual
from airtune.operators.plan import PlanSlots
from airtune.operators.reduce import Reduce
from airtune.operators.retries import retry_arguments
from airtune.settings import Settings

PRIORITY = {"plan": 10, "deploy": 1, "benchmark": 5, "teardown": 9, "reduce": 10}
"""Finish what has begun before beginning more; the default rule does the opposite."""

LABEL = "{{ task.spec.label }}"


@dataclass(frozen=True)
class LauncherTasks:
    """What differs between the DAGs.

    Attributes:
        launcher: ``local``, ``docker`` …; also the end of the DAG's id.
        deploy, teardown: operator classes that take ``spec``.
        how: the manual's words for where engines run.
        example: a task file to show.
    """

    launcher: str
    deploy: type[BaseOperator]
    teardown: type[BaseOperator]
    how: str
    example: str


def autotune(tasks: LauncherTasks) -> DAG:
    """The DAG of one launcher: plan, a mapped slot for each trial, reduce."""
    settings = Settings.load()
    with DAG(
        dag_id=f"autotune_{tasks.launcher}",
        description=f"Tune an LLM inference engine, deployed {tasks.how}",
        doc_md=manual(tasks.launcher, tasks.how, tasks.example),
        schedule=None,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_tasks=1000,  # the queue for devices decides, not a count of tasks
        params=_params(tasks),
        default_args=retry_arguments() | {"weight_rule": "absolute"},
        tags=["airtune", tasks.launcher],
        render_template_as_native_obj=True,
    ) as dag:
        plan = PlanSlots(
            task_id="plan",
            launcher=tasks.launcher,
            priority_weight=PRIORITY["plan"],
            execution_timeout=timedelta(minutes=10),
        )
        reduce = Reduce(
            task_id="reduce",
            trigger_rule=TriggerRule.ALL_DONE,
            priority_weight=PRIORITY["reduce"],
            execution_timeout=timedelta(minutes=10),
        )
        # As many deploys as devices keep every device busy: one that becomes free is not held by
        # a deploy, so another deploy waits for it. One more would only be deferred and resumed.
        slots = _slots(tasks, deploys=max(len(settings.devices), 1)).expand(spec=plan.output)
        plan >> slots >> reduce
        dag.get_task("slot.teardown") >> reduce
        dag.add_result(reduce.output)
    return dag


def _slots(tasks: LauncherTasks, deploys: int) -> Any:
    """The mapped group. ``deploys``: how many deploy tasks of a run are active at once."""

    @task_group(group_id="slot")
    def slot(spec: Any) -> None:
        deploy = tasks.deploy(
            task_id="deploy",
            spec=spec,
            map_index_template=LABEL,
            max_active_tis_per_dagrun=deploys,
            priority_weight=PRIORITY["deploy"],
            execution_timeout=timedelta(hours=2),
        )
        benchmark = Benchmark(
            task_id="benchmark",
            spec=spec,
            map_index_template=LABEL,
            priority_weight=PRIORITY["benchmark"],
            execution_timeout=timedelta(hours=24),
        )
        teardown = tasks.teardown(
            task_id="teardown",
            spec=spec,
            map_index_template=LABEL,
            priority_weight=PRIORITY["teardown"],
            execution_timeout=timedelta(minutes=10),
        )
        # Not a setup and teardown pair: the teardown of a setup that failed would not run.
        deploy >> benchmark >> teardown.as_teardown()

    return slot


def _params(tasks: LauncherTasks) -> dict[str, Param]:
    return {
        "task_file": Param(
            None,
            type=["null", "string"],
            examples=[tasks.example],
            description="Name of a task file in one of the folders of AIRTUNE_TASK_DIRS.",
        ),
        "task": Param(
            None,
            type=["null", "object"],
            description="The whole task, instead of a file.",
        ),
        "max_iterations": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            section="Overrides",
            description="Most search trials of this run.",
        ),
        "timeout_per_iteration": Param(
            None,
            type=["null", "number"],
            exclusiveMinimum=0,
            section="Overrides",
            description="Limit for one trial's start and measuring, in seconds.",
        ),
        "rerun": Param(
            None,
            type=["null", "boolean"],
            section="Overrides",
            description="Measure again what the study already knows.",
        ),
    }
