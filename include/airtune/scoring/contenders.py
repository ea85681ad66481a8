"""Which of a study's trials take part in the answer: one a configuration, the newest."""

from collections.abc import Sequence

from airtune.records import Role, Trial, TrialState

_SETTLED = frozenset({TrialState.SUCCEEDED, TrialState.INFEASIBLE})


def contenders(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The newest baseline and the newest settled trial of each other configuration, by trial id.

    Of a configuration measured several times the newest counts, not the best: picking the best of
    n noisy measurements would reward what was measured most often. A failed trial counts only
    where its configuration was never settled.
    """
    chosen: dict[str, Trial] = {}
    for trial in sorted(trials, key=lambda trial: trial.trial_id):
        key = "baseline" if trial.role is Role.BASELINE else f"plan {trial.plan_key}"
        before = chosen.get(key)
        if before is None or _replaces(trial, before):
            chosen[key] = trial
    return tuple(sorted(chosen.values(), key=lambda trial: trial.trial_id))


def _replaces(newer: Trial, older: Trial) -> bool:
    if newer.role is Role.BASELINE:  # measured anew in each run: an older one says nothing of it
        return True
    return newer.state in _SETTLED or older.state not in _SETTLED
