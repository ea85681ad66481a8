"""Why a task's space cannot be tried as it is, and what to write instead."""

from collections.abc import Mapping
from itertools import islice

from airtune.errors import Problem
from airtune.space import Space
from airtune.task import Task


def too_many(task: Task, space: Space, most: int) -> Problem:
    """More configurations than one run can map (``most``, without the baseline)."""
    grid = "more" if space.combinations is None else f"{space.combinations:,} combinations"
    if task.parameter_constraints and space.count is not None:
        grid += f", {space.count:,} of which satisfy the constraints"
    return Problem(
        "parameters",
        None,
        f"come to {grid}; one run can try {most:,}.",
        f"Set optimization.max_iterations (for example {min(50, most)}): that many are tried, "
        "spread evenly over the grid. Or shorten the lists.",
    )


def nothing_left(
    task: Task, space: Space, refused: Mapping[str, str], as_baseline: bool
) -> list[Problem]:
    """No configuration can be tried: refused by the engine, the baseline's own, or excluded."""
    if refused:
        reasons = dict.fromkeys(refused.values())
        return [Problem("parameters", None, "cannot be used:", why) for why in islice(reasons, 5)]
    if as_baseline:
        reason = "come to the baseline's own command line only, so there is nothing to compare."
        return [Problem("parameters", None, reason, "Add values that differ from the defaults.")]
    if space.count is None:
        reason = "exclude every combination that was looked at."
        return [Problem("parameter_constraints", None, reason, "Loosen them.")]
    grid = f"all {space.combinations:,} combinations"
    for index, text in enumerate(task.parameter_constraints):
        if space.under([text]).count == 0:
            where = f"parameter_constraints[{index}]"
            return [Problem(where, text, f"excludes {grid}.", "Loosen or remove it.")]
    return [Problem("parameter_constraints", None, f"together exclude {grid}.", "Loosen them.")]
