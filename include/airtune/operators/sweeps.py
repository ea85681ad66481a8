"""The DAGs of the sweep folder: one for each task file with a schedule, broken ones included."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airtune.operators.sweep_files import (
    SweepFile,
    broken_dag_ids,
    find_sweep_file,
    read_sweep_files,
)

if TYPE_CHECKING:
    from airflow.sdk import Context


class BrokenPlan(BaseOperator):
    """The ``plan`` of a sweep whose file cannot be used: tells why.

    Args:
        problem: the error.
    """

    ui_color = "#f8d7da"

    def __init__(self, *, problem: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def execute(self, context: "Context") -> NoReturn:
        """Never plans anything.

        Raises:
            AirflowFailException: always, with the error.
        """
        raise AirflowFailException(self.problem)


def sweep_dags(folder: Path, only: str | None = None) -> Iterator[DAG]:
    """The DAGs of ``folder``.

    Args:
        only: id of the one DAG that is needed, as in a task's process; None for all.
    """
    if only is not None and (file := find_sweep_file(folder, only)) is not None:
        yield _dag(file, only)
        return
    files = read_sweep_files(folder)
    broken = broken_dag_ids(files)
    for file in files:
        dag_id = file.sweep.dag_id if file.sweep is not None else broken[file.name]
        if only in {None, dag_id}:
            yield _dag(file, dag_id)


def _dag(file: SweepFile, dag_id: str) -> DAG:
    if file.sweep is None:
        return broken_dag(dag_id, file)
    from airtune.operators.graph import autotune
    from airtune.operators.launchers import launcher_tasks

    try:
        return autotune(launcher_tasks(file.launcher), file.sweep)
    # An unforeseen error in one file must not take the nights of all others away.
    except Exception as error:
        problem = f"{file.name}: {type(error).__name__}: {error}"
        return broken_dag(dag_id, replace(file, sweep=None, problem=problem))


def broken_dag(dag_id: str, file: SweepFile) -> DAG:
    """A DAG without schedule that shows what is wrong with a file, and raises it when run."""
    with DAG(
        dag_id=dag_id,
        description=f"{file.name} cannot be run",
        doc_md=_broken_manual(file),
        schedule=None,
        catchup=False,
        is_paused_upon_creation=False,
        tags=["airtune", "sweep", "broken"],
        auto_register=False,
    ) as dag:
        BrokenPlan(
            task_id="plan",
            problem=file.problem,
            retries=0,
            execution_timeout=timedelta(minutes=10),
        )
    return dag


def _broken_manual(file: SweepFile) -> str:
    lines = "\n".join(f"    {line}" for line in file.problem.splitlines())
    return (
        f"# A broken sweep\n\nThe file `{file.name}` of the sweep folder cannot be run, so it has "
        f"no schedule until it is corrected:\n\n{lines}\n"
    )
