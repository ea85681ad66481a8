"""Trials whose servers came up with equal settings: one configuration, however it was written."""

import json
from collections.abc import Sequence

from airtune.records import Trial


def same_as(trials: Sequence[Trial]) -> dict[int, int]:
    """Trial id → the oldest trial with equal ``effective`` settings, for those that have one.

    Trials whose settings were not read back are told apart, and so are measurements of one
    configuration in several runs (same plan key).
    """
    first: dict[str, Trial] = {}
    found: dict[int, int] = {}
    for trial in sorted(trials, key=lambda trial: trial.trial_id):
        if not trial.effective:
            continue
        settings = json.dumps(trial.effective, sort_keys=True)
        original = first.setdefault(settings, trial)
        if original is not trial and original.plan_key != trial.plan_key:
            found[trial.trial_id] = original.trial_id
    return found
