"""Trials on different GPU products are never compared: a faster GPU is no better configuration."""

from collections.abc import Sequence

from airtune.records import Role, Trial


def product_of(trial: Trial) -> str | None:
    """The GPU product that the trial ran on; None where there was none, or it is not known."""
    product = trial.identity.get("gpu_product")
    return str(product) if product else None


def comparable(trials: Sequence[Trial]) -> tuple[tuple[Trial, ...], tuple[Trial, ...]]:
    """Those on the baseline's product, and those on another one.

    Without a baseline whose product is known, the oldest trial with one decides. A trial whose
    product is not known stays: it ran on no GPU, or never started.
    """
    known = [trial for trial in trials if product_of(trial)]
    known.sort(key=lambda trial: (trial.role is not Role.BASELINE, trial.trial_id))
    if not known:
        return tuple(trials), ()
    wanted = {None, product_of(known[0])}
    return (
        tuple(trial for trial in trials if product_of(trial) in wanted),
        tuple(trial for trial in trials if product_of(trial) not in wanted),
    )
