"""The verdict in words that a person can act on."""

from collections.abc import Sequence
from dataclasses import dataclass

from airtune.records import Gain, Role, Score, Trial, TrialState
from airtune.scoring.hardware import product_of
from airtune.scoring.objectives import Objective
from airtune.scoring.words import clause, configuration, counted, number, percent

PROVISIONAL = "provisional: one deploy each"
"""Said with every answer that rests on one deploy of the winner and one of the baseline."""


@dataclass(frozen=True)
class Findings:
    """What a verdict rests on.

    Attributes:
        trials: the judged contenders, the baseline among them.
        elsewhere: what ran on another GPU product, and is not compared.
        best: the first of the ranking; None when nothing is feasible.
        reference: what the baseline measured, feasible or not.
        gain: of ``best`` over ``reference``.
        replaces: ``best`` takes the baseline's place.
        nearest_miss: where nothing is feasible, what came closest.
    """

    objective: Objective
    min_gain_pct: float
    trials: tuple[Trial, ...]
    best: Trial | None
    baseline: Trial | None
    reference: Score | None
    gain: Gain | None
    replaces: bool
    nearest_miss: str | None
    elsewhere: tuple[Trial, ...] = ()


def statement(found: Findings) -> str:
    """The answer, what it rests on, and how many trials gave no result or were not compared."""
    return _answer(found) + _not_compared(found)


def _answer(found: Findings) -> str:
    best, baseline = found.best, found.baseline
    if best is None or best.score is None:
        return _nothing_feasible(found)
    if baseline is not None and best.role is Role.BASELINE:
        answer = f"Keep the baseline {_reading(found, best, best.score)}: {_rivals(found)}"
    elif found.replaces or baseline is None:
        answer = (
            f"exp{best.trial_id} wins with {configuration(best.parameters)}: "
            f"{_amount(found, best.score)}, {_against_baseline(found)}"
        )
    else:
        answer = _gain_too_small(found, best, best.score, baseline)
    without = _without_result(found.trials)
    return f"{answer} ({_basis(best, baseline)}).{without}"


def _against_baseline(found: Findings) -> str:
    baseline, reference, gain = found.baseline, found.reference, found.gain
    if baseline is None:
        return "without a gain to show, because this run has no baseline"
    if reference is None or gain is None:
        return (
            f"without a gain to show, because the baseline exp{baseline.trial_id} {_why(baseline)}"
        )
    text = f"{percent(gain.pct)} against the baseline {_reading(found, baseline, reference)}"
    return text if baseline.state is TrialState.SUCCEEDED else f"{text}, which {_why(baseline)}"


def _rivals(found: Findings) -> str:
    others = [trial for trial in found.trials if trial.role is not Role.BASELINE]
    feasible = sum(trial.state is TrialState.SUCCEEDED for trial in others)
    if not others:
        return "nothing else was measured"
    if not feasible:
        return f"nothing else is feasible, {len(others)} tried"
    return f"nothing else is better, {feasible} feasible tried"


def _gain_too_small(found: Findings, best: Trial, score: Score, baseline: Trial) -> str:
    reference, gain = found.reference, found.gain
    if reference is None or gain is None:
        raise ValueError("A gain can only be too small where there is one.")
    kept = f"Keep the baseline {_reading(found, baseline, reference)}: "
    name = f"exp{best.trial_id} ({configuration(best.parameters)})"
    limit = f"below the {found.min_gain_pct:g} % that a change must gain"
    if score.penalty < reference.penalty:
        return (
            f"{kept}{name} ranks first by its lower SLO penalty ({number(score.penalty)} instead "
            f"of {number(reference.penalty)}) but its gain is {percent(gain.pct)}, {limit}; "
            "to have the SLO decide, set hard_fail in it"
        )
    return f"{kept}the best other one, {name}, gains {percent(gain.pct)}, {limit}"


def _nothing_feasible(found: Findings) -> str:
    if not found.trials:
        return "No trial was measured."
    many = f"{len(found.trials)} trials" if len(found.trials) > 1 else "the only trial"
    without = _classes(found.trials)
    told = f"No configuration is feasible: {many} gave no result ({without})."
    return f"{told} Nearest miss: {found.nearest_miss}." if found.nearest_miss else told


def _without_result(trials: Sequence[Trial]) -> str:
    without = [trial for trial in trials if trial.state is not TrialState.SUCCEEDED]
    if not without:
        return ""
    return f" Without a result: {len(without)} of {len(trials)} trials ({_classes(without)})."


def _not_compared(found: Findings) -> str:
    if not found.elsewhere:
        return ""
    here = next((product_of(trial) for trial in found.trials if product_of(trial)), "none")
    ran = ", ".join(f"exp{trial.trial_id} on {product_of(trial)}" for trial in found.elsewhere)
    return f" Not compared, since the others ran on {here}: {ran}."


def _classes(trials: Sequence[Trial]) -> str:
    return counted(
        str(trial.failure.failure_class if trial.failure else trial.state) for trial in trials
    )


def _why(baseline: Trial) -> str:
    if baseline.failure is None:
        return f"is {baseline.state}"
    verb = "is infeasible" if baseline.state is TrialState.INFEASIBLE else "failed"
    failure = baseline.failure
    return f"{verb} ({failure.failure_class}: {clause(failure.reason)})"


def _reading(found: Findings, trial: Trial, score: Score) -> str:
    return f"exp{trial.trial_id} ({_amount(found, score)})"


def _amount(found: Findings, score: Score) -> str:
    amount = f"{number(score.raw)} {found.objective.unit}"
    return f"{amount}, SLO penalty {number(score.penalty)}" if score.penalty > 0 else amount


def _basis(best: Trial, baseline: Trial | None) -> str:
    pair = [best] if baseline is None else [best, baseline]
    flags = {flag for trial in pair for point in trial.load_points for flag in point.validity}
    return "; ".join([PROVISIONAL, *([", ".join(sorted(flags))] if flags else [])])
