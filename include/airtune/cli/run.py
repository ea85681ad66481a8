"""``airtune run``: hand a task to Airflow, watch it, tell the end."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from airtune.cli.api import Api
from airtune.cli.console import open_console
from airtune.cli.login import find_login
from airtune.cli.screen import print_verdict
from airtune.cli.watch import Watched, follow
from airtune.scoring.objectives import objective_of
from airtune.settings import Settings
from airtune.task import Task, load_task, load_task_data


def run_file(file: Path, *, url: str | None, watch: bool, rerun: bool) -> int:
    """Run a task file; returns 0, or 1 if the run failed.

    Raises:
        TaskError: the task cannot be used; nothing is triggered then.
        ApiError: Airflow cannot be reached or refuses.
    """
    task, data = load_task(file), load_task_data(file)
    console = open_console()
    api = Api(find_login(url, Settings.load()))
    watched = submit(api, task, data, rerun=rerun)
    where = api.run_url(watched.dag_id, watched.run_id)
    console.print(f"run {watched.run_id} of {watched.dag_id}: {where}")
    if not watch:
        return 0
    try:
        return follow_to_the_end(watched, console)
    except KeyboardInterrupt:
        console.print(f"No longer watching; the run goes on. Stop it there: {where}")
        return 130


def submit(api: Api, task: Task, data: Mapping[str, Any], *, rerun: bool = False) -> Watched:
    """Trigger the DAG of the task's launcher with the task inline.

    Raises:
        ApiError: Airflow refuses, or does not have the DAG.
    """
    dag_id = f"autotune_{task.launcher}"
    conf: dict[str, Any] = {"task": dict(data)}
    if rerun:
        conf["rerun"] = True
    return Watched(api, dag_id, api.trigger(dag_id, conf), objective_of(task).maximize)


def follow_to_the_end(
    watched: Watched, console: Console, check: Callable[[], None] = lambda: None
) -> int:
    """Watch the run, then print its verdict or why it failed; returns 0 or 1."""
    follow(watched, console, check)
    api, dag_id, run_id = watched.api, watched.dag_id, watched.run_id
    result = api.xcom(dag_id, run_id, "reduce")
    if result:
        print_verdict(console, result)
    if api.run_state(dag_id, run_id) == "success" and result:
        return 0
    _tell_failure(watched, console)
    return 1


def _tell_failure(watched: Watched, console: Console) -> None:
    """The messages of the tasks that failed, plan first; not their stack traces."""
    api, dag_id, run_id = watched.api, watched.dag_id, watched.run_id
    failed = [task for task in watched.tasks if task.state == "failed"]
    single = sorted((task for task in failed if task.map_index < 0), key=lambda task: task.task_id)
    for task in single:
        message = api.error_of(dag_id, run_id, task) or "see its log"
        console.print(Text(f"{task.task_id} failed: {message}", style="red"))
    if not single:
        console.print("The run ended without a result: it was marked failed, or its reduce was.")
        console.print("`airtune results` shows what its trials measured.")
    console.print(f"details: {api.run_url(dag_id, run_id)}")
