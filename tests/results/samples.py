"""A run with everything that can happen to a trial, and its document."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tests.scoring.samples import RUN, a_baseline, a_task, a_trial, at, both, failed

from airtune.records import FailureClass, ParamValue, PhaseSeconds, Role, Trial, ValidityFlag
from airtune.results.build import build
from airtune.results.document import ResultsDocument
from airtune.scoring.verdict import decide
from airtune.settings import Settings

TASK = a_task("maximize_throughput", env={"OMP_NUM_THREADS": "4"})
SETTINGS = Settings.load({"AIRTUNE_HOME": "/srv/tune"})
STUDY = "smol-00000000"
EARLIER = "autotune_local/scheduled__2026-01-01"
WRITTEN = datetime(2026, 1, 2, 11, 0, tzinfo=UTC)
PROVENANCE = {
    "airtune": "0.1.0",
    "airflow": "3.3.2",
    "engine": {"name": "llama_cpp", "xllamacpp": "1.2"},
    "model": {"name": "SmolLM2", "sha256": None},
    "hardware": {"cores": 2, "devices": ["cpu1"]},
}


@dataclass(frozen=True)
class Plan:
    """A planned trial."""

    role: Role
    label: str
    parameters: dict[str, ParamValue]
    plan_key: str


PLANNED = (
    Plan(Role.BASELINE, "baseline", {}, "key-2"),
    Plan(Role.SEARCH, "parallel=3", {"parallel": 3}, "key-3"),
    Plan(Role.SEARCH, "parallel=4", {"parallel": 4}, "key-4"),
    Plan(Role.SEARCH, "parallel=9", {"parallel": 9}, "key-9"),
)


def trials() -> list[Trial]:
    """Baseline, winner, failure, one of an earlier run; the plan's fourth slot has none."""
    seconds = PhaseSeconds(lease_wait=1.0, start=2.0, benchmark=30.0, teardown=0.5)
    doubtful = at(4, tokens=150, validity=(ValidityFlag.UNDERSAMPLED,))
    return [
        a_trial(1, *both(tokens=90), run=EARLIER, slot=1, effective={"n_parallel": 2}),
        a_baseline(2, *both(tokens=100), slot=0, seconds=seconds, effective={"n_parallel": 1}),
        a_trial(
            3, at(1, tokens=150), doubtful, slot=1, seconds=seconds, effective={"n_parallel": 2}
        ),
        failed(4, FailureClass.OOM, slot=2, seconds=seconds),
    ]


def a_document() -> ResultsDocument:
    found = trials()
    return build(
        TASK,
        STUDY,
        RUN,
        PLANNED,
        found,
        decide(found, TASK, run=RUN),
        PROVENANCE,
        120.0,
        settings=SETTINGS,
        written_at=WRITTEN,
    )
