"""The short form of a results document that the API, the live view and the command line show."""

from pathlib import Path
from typing import Any

from airtune.results.document import ResultsDocument, TrialResult
from airtune.results.table import ordered


def digest(document: ResultsDocument, path: Path | None) -> dict[str, Any]:
    """Verdict, best trial, table and where the results lie, as JSON.

    Args:
        path: the results file; None if there is none.
    """
    shown = ordered(document)
    best = next((t for t in shown if t.trial_id == document.verdict.best), None)
    if document.verdict.best is None:
        best = None
    reused = sum(trial.run_id != document.run_id for trial in document.trials)
    return {
        "verdict": document.verdict.model_dump(mode="json"),
        "best": best.label if best else None,
        "unit": document.objective.unit,
        "launch_command": _launch_command(document, best),
        "results": str(path) if path else None,
        "measured": len(document.trials) - reused,
        "reused": reused,
        "table": [_row(trial) for trial in shown],
    }


def _launch_command(document: ResultsDocument, best: TrialResult | None) -> str | None:
    """Files of earlier versions have it for the winner alone."""
    if best is None or best.launch_command is not None:
        return best.launch_command if best else None
    winner = document.winner
    return winner.launch_command if winner and winner.trial_id == best.trial_id else None


def _row(trial: TrialResult) -> dict[str, Any]:
    seconds = trial.seconds
    return {
        "trial_id": trial.trial_id,
        "label": trial.label,
        "role": trial.role.value,
        "state": trial.state.value,
        "failure": trial.failure.failure_class.value if trial.failure else None,
        "score": trial.score.score if trial.score else None,
        "raw": trial.score.raw if trial.score else None,
        "gain_pct": trial.gain_pct,
        "seconds": round(seconds.start + seconds.warm_up + seconds.benchmark, 1),
    }
