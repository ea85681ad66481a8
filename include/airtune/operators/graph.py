"""The factory of the ``autotune_*`` DAGs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Param, TriggerRule, task_group

from airtune.operators.benchmark import Benchmark
from airtune.operators.manual import manual, sweep_manual
from airtune.operators.plan import PlanSlots
from airtune.operators.pool import pool_of, queue_of
from airtune.operators.reduce import Reduce
from airtune.operators.retries import retry_arguments
from airtune.operators.sweep import Sweep
from airtune.settings import Settings

PRIORITY = {"plan": 10, "deploy": 1, "benchmark": 5, "teardown": 9, "reduce": 10}
"""Finish what has begun before beginning more; the default rule does the opposite."""

LABEL = "{{ task.spec.label }}"


@dataclass(frozen=True)
class LauncherTasks:
    """What differs between the DAGs.

    Attributes:
        launcher: ``local``, ``docker``, or ``docker/<host>``: also the end of the DAG's id.
        deploy, teardown, benchmark: make operators that take ``spec``.
        how: the manual's words for where engines run.
        example: a task file to show.
        plan: makes the operator that takes ``launcher``.
    """

    launcher: str
    deploy: Callable[..., BaseOperator]
    teardown: Callable[..., BaseOperator]
    how: str
    example: str
    benchmark: Callable[..., BaseOperator] = Benchmark
    plan: Callable[..., PlanSlots] = PlanSlots

    @property
    def dag_id(self) -> str:
        """``autotune_local``, ``autotune_docker``, ``autotune_docker__<host>``."""
        return f"autotune_{self.launcher.replace('/', '__')}"


def autotune(tasks: LauncherTasks, sweep: Sweep | None = None) -> DAG:
    """The DAG of one launcher, or of one sweep: plan, a mapped slot for each trial, reduce."""
    settings = Settings.load()
    with DAG(
        **(_on_demand(tasks) if sweep is None else _by_schedule(tasks, sweep)),
        catchup=False,
        is_paused_upon_creation=False,
        max_active_tasks=1000,  # the queue for devices decides, not a count of tasks
        default_args=retry_arguments()
        | {"weight_rule": "absolute"}
        | queue_of(tasks.launcher, settings),
        render_template_as_native_obj=True,
    ) as dag:
        plan = tasks.plan(
            task_id="plan",
            launcher=tasks.launcher,
            sweep=sweep.file if sweep else None,
            priority_weight=PRIORITY["plan"],
            execution_timeout=timedelta(minutes=10),
        )
        reduce = Reduce(
            task_id="reduce",
            trigger_rule=TriggerRule.ALL_DONE,
            priority_weight=PRIORITY["reduce"],
            execution_timeout=timedelta(minutes=10),
            outlets=[sweep.asset] if sweep else [],
        )
        # As many deploys as devices keep every device busy: one that becomes free is not held by
        # a deploy, so another deploy waits for it. One more would only be deferred and resumed.
        pool = pool_of(tasks.launcher, settings)
        slots = _slots(tasks, deploys=max(len(pool), 1)).expand(spec=plan.output)
        plan >> slots >> reduce
        dag.get_task("slot.teardown") >> reduce
        dag.add_result(reduce.output)
        if sweep and sweep.receivers:
            _notify(reduce, sweep)
    return dag


def _on_demand(tasks: LauncherTasks) -> dict[str, Any]:
    return {
        "dag_id": tasks.dag_id,
        "description": f"Tune an LLM inference engine, deployed {tasks.how}",
        "doc_md": manual(tasks.dag_id, tasks.how, tasks.example),
        "schedule": None,
        "params": _params(tasks),
        "tags": ["airtune", tasks.launcher.partition("/")[0]],
    }


def _by_schedule(tasks: LauncherTasks, sweep: Sweep) -> dict[str, Any]:
    return {
        "dag_id": sweep.dag_id,
        "description": f"Tune {sweep.task_name} by its schedule, deployed {tasks.how}",
        "doc_md": sweep_manual(sweep, tasks.how),
        "schedule": sweep.timetable,
        "max_active_runs": 1,
        "params": _overrides(tasks),
        "tags": ["airtune", "sweep", tasks.launcher.partition("/")[0]],
        "auto_register": False,  # one that is broken half-way must not be found
    }


def _notify(reduce: Reduce, sweep: Sweep) -> None:
    """Tell the receivers. As a teardown it leaves the run's state to reduce."""
    from airtune.operators.notify import NotifyVerdict

    notify = NotifyVerdict(
        task_id="notify",
        receivers=list(sweep.receivers),
        retries=0,
        execution_timeout=timedelta(minutes=10),
    )
    reduce >> notify.as_teardown()


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
            execution_timeout=timedelta(hours=25),  # the task's own limits come first
        )
        benchmark = tasks.benchmark(
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
        **_overrides(tasks),
    }


def _overrides(tasks: LauncherTasks) -> dict[str, Param]:
    params = {
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
    return params | _of_launcher(tasks.launcher.partition("/")[0])


def _of_launcher(launcher: str) -> dict[str, Param]:
    """Overrides that not every launcher has."""
    known = {
        "docker": ("model_path", "client"),
        "kubernetes": ("model_path", "namespace", "kubeconfig", "client"),
        "ome": ("namespace", "kubeconfig", "client"),
    }
    about = {
        "model_path": "Folder of the engine's host, or of the nodes, in which the model's folder "
        "is; left out: the task's model.root, else AIRTUNE_MODEL_ROOT (/mnt/data/models).",
        "namespace": "Namespace of all objects; left out: the task's model.namespace.",
        "kubeconfig": "Kubeconfig file of the workers, one that AIRTUNE_KUBECONFIGS allows; left "
        "out: the task's, else the installation's own access.",
        "client": "Where genai-bench runs: cli (on the worker), container (a container or pod)"
        + (" or benchmark_job (OME's BenchmarkJob)." if launcher == "ome" else "."),
    }
    return {
        name: Param(None, type=["null", "string"], section="Overrides", description=about[name])
        for name in known.get(launcher, ())
    }
