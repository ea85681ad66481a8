"""Which configurations of a space are tried, each command line once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from airtune.errors import Problem, TaskError
from airtune.records import ServerSpec
from airtune.space import Configuration, ExpressionError, Space
from airtune.study.refusals import nothing_left, too_many
from airtune.study.servers import Servers
from airtune.study.spaces import Search
from airtune.task import Task

_HOPELESS = 8
"""Grids this many times too large are refused without looking for equal command lines."""


@dataclass
class Candidate:
    """A configuration to try, and the labels of others that come to the same server."""

    configuration: Configuration
    label: str
    server: ServerSpec
    aliases: list[str] = field(default_factory=list)


@dataclass
class Chosen:
    """What came out, in the order in which it is to be tried.

    Attributes:
        candidates: no two have the same command line, none the baseline's.
        as_baseline: labels of configurations that come to the baseline's command line.
        refused: label → why the engine's rules refuse it.
        even_sample: the grid is larger than what is tried.
    """

    candidates: list[Candidate] = field(default_factory=list)
    as_baseline: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    even_sample: bool = False


def choose(task: Task, search: Search, servers: Servers, baseline: ServerSpec, most: int) -> Chosen:
    """Choose the search trials of ``task``, at most ``most`` (≥ 1).

    Raises:
        TaskError: no configuration is left, or there are too many; says what to write.
    """
    limit, space = task.optimization.max_iterations, search.space
    chosen = Chosen()
    try:
        chosen.even_sample = _is_sample(task, space, most)
        _collect(
            chosen,
            _ordered(task, space, chosen.even_sample),
            search,
            servers,
            baseline,
            most + 1 if limit is None else limit,
        )
    except ExpressionError as error:
        problem = Problem("parameter_constraints", None, "cannot be used:", str(error))
        raise TaskError([problem], task.task_name) from None
    if len(chosen.candidates) > most:
        raise TaskError([too_many(task, space, most)], task.task_name)
    if not chosen.candidates:
        problems = nothing_left(task, space, chosen.refused, bool(chosen.as_baseline))
        raise TaskError(problems, task.task_name)
    return chosen


def _is_sample(task: Task, space: Space, most: int) -> bool:
    """Whether fewer are tried than the grid has; refuses what is too many at first sight."""
    limit = task.optimization.max_iterations
    if limit is not None and limit > most:
        fix = f"Write at most {most}: a run maps {most + 1} trials, the baseline included."
        problem = Problem("optimization.max_iterations", limit, "is too many for one run.", fix)
        raise TaskError([problem], task.task_name)
    if task.optimization.strategy == "random":
        return False
    if space.combinations is None:
        fix = 'Give it a "step", list its values, or write "strategy": "random".'
        problem = Problem("parameters", None, "has a continuous range, which has no grid.", fix)
        raise TaskError([problem], task.task_name)
    if limit is not None:
        return space.count is None or space.count > limit
    if (space.combinations if space.count is None else space.count) > _HOPELESS * most:
        raise TaskError([too_many(task, space, most)], task.task_name)
    return False


def _ordered(task: Task, space: Space, even_sample: bool) -> Iterator[Configuration]:
    if task.optimization.strategy == "random":
        return space.draws(task.optimization.seed)
    return space.spread(task.optimization.seed) if even_sample else iter(space)


def _collect(
    chosen: Chosen,
    configurations: Iterator[Configuration],
    search: Search,
    servers: Servers,
    baseline: ServerSpec,
    limit: int,
) -> None:
    """Take up to ``limit`` configurations with command lines of their own."""
    by_line: dict[tuple[str, ...], Candidate] = {}
    # Bounded, because a space may consist of refused or equal configurations only.
    for configuration in islice(configurations, 1000 + 20 * limit):
        label = search.label(configuration)
        try:
            candidate = Candidate(configuration, label, servers.server(configuration))
        except ValueError as error:
            chosen.refused[label] = str(error)
            continue
        line = candidate.server.normal
        if line == baseline.normal:
            chosen.as_baseline.append(label)
        elif line in by_line:
            by_line[line].aliases.append(label)
        else:
            by_line[line] = candidate
            chosen.candidates.append(candidate)
            if len(by_line) == limit:
                return
