"""From the client's file to the record that the store keeps."""

from airtune.benchmark.figures import Figures, figures_of
from airtune.benchmark.parse import RawResult
from airtune.benchmark.validity import validity_of
from airtune.records import LoadPoint, Measurement
from airtune.task import Task


def measurement_of(
    raw: RawResult | None,
    point: LoadPoint,
    task: Task,
    wall_s: float,
    problem: str | None = None,
) -> Measurement:
    """The Measurement that ``raw`` stands for; with None one in which nothing completed.

    Args:
        wall_s: stands for the client's own duration where it left none.
        problem: what went wrong with the client itself; a reason where it left no result.
    """
    flags = validity_of(raw, point, task, problem)
    figures = figures_of(raw) if raw else Figures()
    completed = len(raw.completed) if raw else 0
    failed = sum(raw.errors.values()) if raw else 0
    return Measurement(
        scenario=point.scenario,
        concurrency=point.concurrency,
        seconds=(raw.seconds if raw else None) or wall_s,
        requests=completed + failed,
        completed=completed,
        errors=raw.errors if raw else {},
        error_messages=raw.error_messages if raw else {},
        # Nothing sent is as bad as everything failed.
        error_rate=failed / (completed + failed) if completed + failed else 1.0,
        validity=tuple(flags),
        notes={flag.value: reason for flag, reason in flags.items()},
        raw_file=str(raw.path) if raw else None,
        **figures._asdict(),
    )
