"""The results as rows: for CSV, for pandas, for the screen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airtune.results.document import ResultsDocument, TrialResult

if TYPE_CHECKING:
    import pandas as pd

Cell = str | int | float | bool | None
"""One value of a row."""


def ordered(document: ResultsDocument) -> list[TrialResult]:
    """Best first, then what has no score; trials of one configuration stand together."""
    maximize = document.objective.direction == "maximize"
    last = 1 + max((trial.trial_id or 0 for trial in document.trials), default=0)

    def place(trial: TrialResult) -> tuple[bool, float, int]:
        score = trial.score.score if trial.score else 0.0
        number = last if trial.trial_id is None else trial.trial_id
        return trial.score is None, -score if maximize else score, number

    groups: dict[object, list[TrialResult]] = {}
    for trial in sorted(document.trials, key=place):
        one = trial.same_as if trial.same_as is not None else trial.trial_id
        groups.setdefault(("slot", trial.slot) if one is None else one, []).append(trial)
    return [trial for group in groups.values() for trial in group]


def rows(document: ResultsDocument) -> list[dict[str, Cell]]:
    """One row a trial, best first. Units are in the column names or in ``unit``."""
    parameters = list(dict.fromkeys(name for t in document.trials for name in t.parameters))
    return [_row(trial, document, parameters) for trial in ordered(document)]


def load_point_rows(document: ResultsDocument) -> list[dict[str, Cell]]:
    """One row a trial and load point, with the client's figures."""
    found: list[dict[str, Cell]] = []
    for trial in ordered(document):
        for point in trial.load_points:
            row: dict[str, Cell] = {"trial_id": trial.trial_id}
            for name, value in point.model_dump(mode="json").items():
                if isinstance(value, dict):
                    row |= {f"{name}_{key}": inner for key, inner in value.items()}
                elif not isinstance(value, list):
                    row[name] = value
            row["validity"] = " ".join(point.validity)
            found.append(row)
    return found


def frame(document: ResultsDocument) -> "pd.DataFrame":
    """The rows as a pandas table."""
    import pandas as pd

    return pd.DataFrame(rows(document))


def load_point_frame(document: ResultsDocument) -> "pd.DataFrame":
    """The load point rows as a pandas table."""
    import pandas as pd

    return pd.DataFrame(load_point_rows(document))


def _row(
    trial: TrialResult, document: ResultsDocument, parameters: Sequence[str]
) -> dict[str, Cell]:
    score, seconds = trial.score, trial.seconds
    return {
        "trial_id": trial.trial_id,
        "role": trial.role.value,
        "label": trial.label,
        "same_as": trial.same_as,
        "state": trial.state.value,
        "failure": trial.failure.failure_class.value if trial.failure else None,
        "raw": score.raw if score else None,
        "unit": document.objective.unit,
        "penalty": score.penalty if score else None,
        "score": score.score if score else None,
        "gain_pct": trial.gain_pct,
        "validity": " ".join(flags_of(trial)),
        **{f"parameter.{name}": _cell(trial.parameters.get(name)) for name in parameters},
        "devices": " ".join(trial.devices),
        **{f"{phase}_s": value for phase, value in seconds.model_dump().items()},
        "run_id": trial.run_id,
        "measured_at": trial.measured_at.isoformat() if trial.measured_at else None,
    }


def flags_of(trial: TrialResult) -> list[str]:
    """The validity flags raised at any of its load points, each once."""
    return sorted({flag.value for point in trial.load_points for flag in point.validity})


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
