"""The DAG that cleans up after dead runs, and tells of sweep files that cannot be run."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException

from airtune.errors import SettingsError
from airtune.operators.retries import retry_arguments
from airtune.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context

DAG_ID = "airtune_reaper"

MANUAL = """\
# airtune_reaper

Cleans up after runs that ended without doing so themselves, every now and then
(`AIRTUNE_REAPER_CRON`). It is idempotent, touches nothing of living runs and nothing foreign.

* `reap` takes devices back from owners that are surely dead, once what they left is gone, and
  removes processes of the worker's host, containers, networks and a cluster's objects of dead
  slots that hold no devices. It fails if something could not be removed.
* `broken_sweeps` fails if a file in the sweep folder cannot be run, and names each with its error.

On several worker hosts, `airtune reap` cleans up each host by itself.
"""


class Reap(BaseOperator):
    """Give back what dead owners hold, and remove what they left."""

    ui_color = "#eeeeee"

    def execute(self, context: "Context") -> dict[str, list[str]]:
        """Reap; returns ``{"reclaimed": …, "removed": …, "kept": …}``, sentences.

        Raises:
            AirflowFailException: something could not be removed; the log says what.
        """
        from airtune.operators.cluster_connection import use_connections
        from airtune.operators.owner import owner_state, run_state
        from airtune.study.orphans import reap_orphans
        from airtune.study.reap import reap
        from airtune.study.removal import remove_slot
        from airtune.study.shared_objects import release_ended
        from airtune.study.store import Store

        use_connections()
        settings = Settings.load()
        with Store.open(settings.store_url) as store:
            leases = reap(store, owner_state, partial(remove_slot, store, settings))
            orphans = reap_orphans(store, settings, owner_state)
            orphans += release_ended(store, settings, run_state)
        told = [
            (f"{', '.join(one.lease.devices)} of {one.lease.run} slot {one.lease.slot}", one)
            for one in leases
        ]
        found = {
            "reclaimed": [f"{what}: {one.reason}" for what, one in told if one.reclaimed],
            "removed": [f"{one.what}: {one.reason}" for one in orphans if one.removed],
            "kept": [f"{what}: {one.reason}" for what, one in told if not one.reclaimed]
            + [f"{one.what}: {one.reason}" for one in orphans if not one.removed],
        }
        for outcome, sentences in found.items():
            for sentence in sentences:
                self.log.info("%s %s", outcome, sentence)
        if found["kept"]:
            raise AirflowFailException(f"kept {'; '.join(found['kept'])}")
        return found


class BrokenSweeps(BaseOperator):
    """Tell of files in the sweep folder whose nights do not take place."""

    ui_color = "#f8d7da"

    def execute(self, context: "Context") -> int:
        """Read the folder; returns how many files are sweeps.

        Raises:
            AirflowFailException: names each broken file with its error.
        """
        from airtune.operators.sweep_files import read_sweep_files

        folder = Settings.load().sweep_dir
        files = read_sweep_files(folder)
        broken = [file for file in files if file.sweep is None]
        for file in broken:
            self.log.error("%s: %s", file.name, file.problem)
        if broken:
            problems = "\n".join(file.problem for file in broken)
            raise AirflowFailException(f"{len(broken)} broken in {folder}:\n{problems}")
        return len(files)


def reaper(settings: Settings) -> DAG:
    """The DAG; its two tasks do not depend on each other, so each is seen to fail by itself.

    Raises:
        SettingsError: ``AIRTUNE_REAPER_CRON`` is no cron expression.
    """
    with DAG(
        dag_id=DAG_ID,
        description="Clean up after dead runs",
        doc_md=MANUAL,
        schedule=CronTriggerTimetable(_cron(settings), timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args=_arguments(),
        tags=["airtune"],
    ) as dag:
        Reap(task_id="reap", priority_weight=10)
        BrokenSweeps(task_id="broken_sweeps")
    return dag


def _arguments() -> dict[str, Any]:
    limit = {"execution_timeout": timedelta(minutes=10)}
    return retry_arguments() | limit | {"weight_rule": "absolute"}


def _cron(settings: Settings) -> str:
    from pydantic_core import PydanticCustomError

    from airtune.task.schedule import PRESETS, cron_text

    text = settings.reaper_cron
    try:
        return PRESETS.get(cron_text(text), text)
    except PydanticCustomError as error:
        raise SettingsError(f"AIRTUNE_REAPER_CRON = {text!r}: {error.message()}") from None
