"""The first task of a run: read the task, open the study, name the slots."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airtune.records import Trial
    from airtune.settings import Settings
    from airtune.study.plan import Plan
    from airtune.study.runs import RunRow
    from airtune.study.servers import Runtime
    from airtune.study.store import Store
    from airtune.task import Task


class PlanSlots(BaseOperator):
    """Return one small spec a slot; the whole plan is in the store.

    Args:
        launcher: the DAG's launcher; a task of another one is refused.
        sweep: name of the file in the sweep folder that every run of this DAG is about; None:
            the run's conf names the task.
    """

    ui_color = "#fff3cd"

    def __init__(self, *, launcher: str, sweep: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.launcher = launcher
        self.sweep = sweep

    def execute(self, context: "Context") -> list[dict[str, Any]]:
        """Plan the run, or repeat the plan that this very run already has.

        Raises:
            TaskError: the task cannot be run as it is.
            StudyBusyError: the study is in another run that has not ended.
            AirflowSkipException: a sweep's night came while the run before it went on.
        """
        from airtune.settings import Settings
        from airtune.study.store import Store

        settings = Settings.load()
        run = f"{context['ti'].dag_id}/{context['ti'].run_id}"
        with Store.open(settings.store_url) as store:
            row = store.find_run(run) or self._open(context, run, store, settings)
        slots = [item for item in row.plan if item["reused"] is None]
        return [
            {"run": run, "study": row.study, "slot": index, "label": item["trial"]["label"]}
            for index, item in enumerate(slots)
        ]

    def _open(self, context: "Context", run: str, store: "Store", settings: "Settings") -> "RunRow":
        from airtune.operators.overlap import skip_overlap
        from airtune.operators.planning import planned_items, refuse_busy
        from airtune.operators.request import requested_task
        from airtune.operators.sweep_files import refuse_second_file
        from airtune.study.plan import make_plan

        if self.sweep is not None:
            skip_overlap(context, store)
        kind, _, host = self.launcher.partition("/")
        task = requested_task(
            context["dag_run"].conf or {}, context["params"], kind, settings, sweep=self.sweep
        )
        if self.sweep is not None:
            refuse_second_file(settings.sweep_dir, self.sweep, task.task_name)
        task = self.resolve(task, settings)
        runtime = self.runtime(task, settings)
        plan = make_plan(task, settings, most=_most_slots(), host=host, runtime=runtime)
        self.check(task, plan, settings)
        refuse_busy(store, settings, plan.study)
        items = planned_items(store, task, plan, self.reusable, nightly=self.sweep is not None)
        self._say(task, plan, items)
        return store.open_run(
            run,
            plan.study,
            task.task_name,
            self.launcher,
            task.model_dump(mode="json"),
            items,
            alone=True,
        )

    def resolve(self, task: "Task", settings: "Settings") -> "Task":
        """What the task leaves to the launcher's world, filled in; here: nothing."""
        return task

    def runtime(self, task: "Task", settings: "Settings") -> "Runtime | None":
        """OME's serving runtime, whose arguments stand below the task's; None elsewhere."""
        return None

    def check(self, task: "Task", plan: "Plan", settings: "Settings") -> None:
        """Refuse a task that this launcher cannot run; here: processes of this host.

        Raises:
            TaskError: with every problem found.
        """
        from airtune.operators.preflight import check_local

        check_local(task, plan, settings)

    def reusable(self, trial: "Trial") -> bool:
        """Whether an earlier trial with an equal plan key ran on what would run now."""
        return True

    def _say(self, task: "Task", plan: "Plan", items: list[dict[str, Any]]) -> None:
        for sentence in [*task.sentences(), *plan.notes]:
            self.log.info("%s", sentence)
        reused = sum(item["reused"] is not None for item in items)
        self.log.info(
            "study %s: %d trials to measure, %d re-used", plan.study, len(items) - reused, reused
        )


def _most_slots() -> int:
    from airflow.sdk.configuration import conf

    return int(conf.getint("core", "max_map_length"))
