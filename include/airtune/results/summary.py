"""The run in Markdown: the verdict first, then the trials, then how to read the figures."""

from collections.abc import Iterator, Sequence

from airtune.records import Gain
from airtune.results.document import ResultsDocument, TrialResult
from airtune.results.table import flags_of, ordered
from airtune.scoring.words import configuration, number, percent

_READING = """\
Load is closed loop: as many users as the concurrency says, without think time. Throughput is
concurrency × Σ output tokens ÷ Σ end-to-end latency. Load points combine by weighted geometric
mean; a trial with a missing or invalid load point has no score. `score` is `raw` with the SLO
penalty; gains are on `raw`. Gains are provisional: one deploy each, so no interval is given."""


def summary(document: ResultsDocument) -> str:
    """A report that can be read on its own, in Markdown."""
    parts = [
        f"# {document.task_name}",
        document.verdict.statement,
        *_winner(document),
        "## Trials",
        _table(_HEADER, [_row(trial, document) for trial in ordered(document)]),
        *_failures(document),
        "## How to read this",
        _READING,
        *_provenance(document),
    ]
    return "\n\n".join(parts) + "\n"


_HEADER = (
    "trial",
    "role",
    "configuration",
    "state",
    "raw",
    "penalty",
    "score",
    "gain",
    "start s",
    "benchmark s",
    "doubts",
)


def _winner(document: ResultsDocument) -> Iterator[str]:
    if document.winner is not None:
        yield "Launch it with:"
        yield f"```sh\n{document.winner.launch_command}\n```"
    gain = document.verdict.gain
    if gain is not None and gain.per_load_point:
        yield f"## Exp{document.verdict.best} against the baseline, by load point"
        yield _gains(gain, document.objective.unit)


def _gains(gain: Gain, unit: str) -> str:
    lines = [
        (
            f"{point.scenario}@{point.concurrency}",
            number(point.baseline),
            number(point.winner),
            percent(point.pct),
        )
        for point in gain.per_load_point
    ]
    head = ("load point", f"baseline ({unit})", f"best ({unit})", "gain")
    return _table(head, lines)


def _row(trial: TrialResult, document: ResultsDocument) -> tuple[str, ...]:
    score = trial.score
    mark = " (winner)" if trial.trial_id is not None and _is_winner(trial, document) else ""
    return (
        f"exp{trial.trial_id}{mark}" if trial.trial_id is not None else f"slot {trial.slot}",
        trial.role.value,
        _configuration(trial),
        _state(trial, document),
        f"{number(score.raw)} {document.objective.unit}" if score else "",
        number(score.penalty) if score else "",
        number(score.score) if score else "",
        percent(trial.gain_pct) if trial.gain_pct is not None else "",
        number(trial.seconds.start),
        number(trial.seconds.benchmark),
        ", ".join(flags_of(trial)),
    )


def _is_winner(trial: TrialResult, document: ResultsDocument) -> bool:
    return trial.trial_id == document.verdict.winner


def _configuration(trial: TrialResult) -> str:
    told = configuration(trial.parameters)
    return told if trial.same_as is None else f"same as exp{trial.same_as} ({told})"


def _state(trial: TrialResult, document: ResultsDocument) -> str:
    told = trial.state.value
    if trial.failure is not None:
        told += f" ({trial.failure.failure_class})"
    if trial.run_id != document.run_id:
        told += ", earlier run"
    return told


def _failures(document: ResultsDocument) -> Iterator[str]:
    lines = [
        f"- exp{trial.trial_id}: {failure.failure_class}: {' '.join(failure.reason.split())}"
        for trial in document.trials
        if (failure := trial.failure) is not None
    ]
    if lines:
        yield "## Without a score"
        yield "\n".join(lines)


def _provenance(document: ResultsDocument) -> Iterator[str]:
    known = document.provenance.model_dump(mode="json", exclude_none=True)
    lines = [f"- {name}: {_told(value)}" for name, value in known.items() if value != {}]
    yield "## Made with"
    yield "\n".join([*lines, f"- study: {document.study}", f"- run: {document.run_id}"])


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(part)}" for name, part in value.items() if part)
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())
