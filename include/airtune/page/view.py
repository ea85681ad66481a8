"""A results document as the rows of the page."""

from datetime import UTC, datetime

from airtune.page.row import PointRow, TaskRow, TrialRow
from airtune.records import Distribution, Measurement, Score
from airtune.results.document import ResultsDocument, TrialResult
from airtune.results.table import flags_of, ordered
from airtune.scoring.words import configuration, number, percent

NOTHING = "–"
"""Stands where there is no figure: an empty cell could be taken for a fault of the page."""


def task_row(document: ResultsDocument) -> TaskRow:
    """The task in the list of tasks."""
    gain = document.verdict.gain
    return TaskRow(
        name=document.task_name,
        statement=document.verdict.statement,
        winner=_trial_name(document.verdict.winner) if document.winner else "none",
        gain=_percentage(gain.pct if gain else None),
        trials=len(document.trials),
        written=moment(document.written_at),
    )


def trial_rows(document: ResultsDocument) -> list[TrialRow]:
    """Its trials, best first."""
    return [_trial_row(trial, document) for trial in ordered(document)]


def point_rows(document: ResultsDocument) -> list[PointRow]:
    """The load points of its trials, in the order of ``trial_rows``."""
    return [
        _point_row(_name(trial), point)
        for trial in ordered(document)
        for point in trial.load_points
    ]


def parameters(document: ResultsDocument) -> list[tuple[str, str]]:
    """The winner's configuration, name and value."""
    chosen = document.winner.parameters if document.winner else {}
    # The value alone is what ``configuration`` writes behind the equals sign.
    return [
        (name, configuration({name: value}).removeprefix(f"{name}="))
        for name, value in chosen.items()
    ]


def gain_sentence(document: ResultsDocument) -> str:
    """The gain over the baseline with what stands behind it; empty if there is none."""
    gain = document.verdict.gain
    if gain is None:
        return ""
    if gain.ci95 is not None:
        low, high = map(percent, gain.ci95)
        return f"{percent(gain.pct)} (95 % interval {low} to {high}, {gain.deploys} deploys each)"
    deploys = "one deploy each" if gain.deploys == 1 else f"{gain.deploys} deploys each"
    return f"{percent(gain.pct)} (provisional: {deploys}, no interval)"


def moment(when: datetime) -> str:
    """To the minute, in UTC."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M}"


def made_with(document: ResultsDocument) -> list[tuple[str, str]]:
    """Where the figures come from: what of the provenance is known, the study and the run."""
    known = document.provenance.model_dump(mode="json", exclude_none=True)
    lines = [(name.replace("_", " "), _told(value)) for name, value in known.items()]
    lines += [("study", document.study), ("run", document.run_id), ("load", document.load)]
    return [(name, text) for name, text in lines if text]


def _trial_row(trial: TrialResult, document: ResultsDocument) -> TrialRow:
    failure = trial.failure
    return TrialRow(
        name=_name(trial),
        role=trial.role.value,
        configuration=configuration(trial.parameters),
        state=trial.state.value,
        remark=_remark(trial, document),
        failure_class=failure.failure_class.value if failure else "",
        failure_reason=failure.reason if failure else "",
        log_tail=failure.log_tail.strip() if failure else "",
        score=number(trial.score.score) if trial.score else NOTHING,
        penalised=_penalised(trial.score),
        gain=_gain(trial, document),
        flags=tuple(flags_of(trial)),
        start_s=_seconds(trial.seconds.start),
        benchmark_s=_seconds(trial.seconds.benchmark),
        winner=trial.trial_id is not None and trial.trial_id == document.verdict.winner,
    )


def _remark(trial: TrialResult, document: ResultsDocument) -> str:
    remarks = []
    if trial.same_as is not None:
        remarks.append(f"comes to the same server as {_trial_name(trial.same_as)}")
    if trial.run_id != document.run_id:
        remarks.append("measured in an earlier run")
    return "; ".join(remarks)


def _penalised(score: Score | None) -> str:
    if score is None or score.penalty == 0:
        return ""
    return f"raw {number(score.raw)}, SLO penalty {number(score.penalty)}"


def _gain(trial: TrialResult, document: ResultsDocument) -> str:
    if trial.trial_id is not None and trial.trial_id == document.baseline:
        return "reference" if trial.score else NOTHING
    return _percentage(trial.gain_pct)


def _percentage(value: float | None) -> str:
    # The columns' headings have the unit.
    return NOTHING if value is None else percent(value).removesuffix(" %")


def _seconds(value: float) -> str:
    # A phase that was never entered has taken no time.
    return number(value) if value else NOTHING


def _point_row(trial: str, point: Measurement) -> PointRow:
    return PointRow(
        trial=trial,
        scenario=point.scenario,
        concurrency=point.concurrency,
        ttft_mean=_statistic(point.ttft_ms, "mean"),
        ttft_p99=_statistic(point.ttft_ms, "p99"),
        tpot_mean=_statistic(point.tpot_ms, "mean"),
        e2e_mean=_statistic(point.e2e_latency_ms, "mean"),
        e2e_p99=_statistic(point.e2e_latency_ms, "p99"),
        output_rate=_figure(point.output_tokens_per_s),
        completed=f"{point.completed} of {point.requests}",
        error_rate=number(100 * point.error_rate),
        doubts=tuple((flag.value, point.notes.get(flag.value, "")) for flag in point.validity),
    )


def _statistic(distribution: Distribution | None, name: str) -> str:
    return NOTHING if distribution is None else number(getattr(distribution, name))


def _figure(value: float | None) -> str:
    return NOTHING if value is None else number(value)


def _name(trial: TrialResult) -> str:
    return f"slot {trial.slot}" if trial.trial_id is None else _trial_name(trial.trial_id)


def _trial_name(trial_id: int | None) -> str:
    return f"exp{trial_id}"


def _told(value: object) -> str:
    if isinstance(value, dict):
        parts = ((name, _told(part)) for name, part in value.items())
        return ", ".join(f"{name} {part}" for name, part in parts if part)
    if isinstance(value, list):
        return " ".join(map(_told, value))
    return "" if value is None else str(value)
