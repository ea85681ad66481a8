"""A task's space: its parameters, linked groups, presets to compare and constraints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airtune.engines import Engine
from airtune.errors import Problem, TaskError
from airtune.records import ParamValue
from airtune.space import Choice, Configuration, Expression, ExpressionError, Linked, Range, Space
from airtune.study.label import label_of
from airtune.study.presets import Presets, presets_of
from airtune.task import Task
from airtune.task.parameters import Choice as ChoiceForm
from airtune.task.parameters import Parameter

Fixed = dict[str, tuple[ParamValue, str]]
"""Engine's own name → value, and where the task says so."""


@dataclass(frozen=True)
class Search:
    """What a task leaves fixed and what it searches.

    Attributes:
        fixed: arguments of every server, under the engine's own names.
        space: the rest; its parameters are in the order of their names, so that tasks that
            differ only in the order of their keys have one plan.
        presets: the blocks that are dimensions of the space.
        notes: sentences for people.
    """

    fixed: Mapping[str, ParamValue]
    space: Space
    presets: tuple[Presets, ...] = ()
    notes: tuple[str, ...] = ()

    def label(self, configuration: Configuration) -> str:
        """How ``configuration`` is called; a preset by its name, not by what it sets."""
        hidden = {name for block in self.presets for name in block.names}
        parts = [block.label(configuration) for block in self.presets]
        own = {name: value for name, value in configuration.items() if name not in hidden}
        return label_of(own, parts)


def search_of(task: Task, engine: Engine) -> Search:
    """Split ``task`` into what is fixed and what is searched.

    Raises:
        TaskError: a name that the engine refuses, a parameter that is set in two places, a wrong
            constraint, nothing to search. All that was found is listed.
    """
    problems: list[Problem] = []
    blocks = presets_of(task, engine, problems)
    searched = [block for block in blocks if len(block.rows) > 1]
    fixed = _fixed(task, engine, [block for block in blocks if len(block.rows) == 1], problems)
    places = _places(task, searched)
    _check_names(engine, places, fixed, problems)
    _check_constraints(task, [name for name, _ in places], problems)
    if not places:
        reason = "there is nothing to search."
        fix = 'Write for example "parameters": {"max-num-seqs": [64, 128]}.'
        problems.append(Problem("parameters", None, reason, fix))
    if problems:
        raise TaskError(problems, task.task_name)
    parameters = {name: _dimension(task.parameters[name]) for name in sorted(task.parameters)}
    groups = [Linked(tuple(g.parameters), tuple(map(tuple, g.values))) for g in task.linked]
    groups += [block.linked for block in searched]
    return Search(
        {name: value for name, (value, _) in fixed.items()},
        Space(parameters, groups, task.parameter_constraints),
        tuple(searched),
        tuple(
            f"{block.where} {label}: the same for {engine.name} as {other}, run once."
            for block in blocks
            for label, other in block.same.items()
        ),
    )


def _fixed(task: Task, engine: Engine, blocks: Sequence[Presets], problems: list[Problem]) -> Fixed:
    """What every server gets: ``engine_args``, and blocks that have one setting only."""
    fixed: Fixed = {}
    given = [({name: value}, f"engine_args.{name}") for name, value in task.engine_args.items()]
    given += [(dict(row), block.where) for block in blocks for row in block.rows.values()]
    for arguments, where in given:
        try:
            named = engine.named(arguments)
        except ValueError as error:
            problems.append(Problem(where, None, "cannot be used:", str(error)))
            continue
        for name, value in named.items():
            if name in fixed:
                reason = f"--{name} is set by {fixed[name][1]} too."
                problems.append(Problem(where, value, reason, "Keep one of them."))
            fixed[name] = (value, where)
    return fixed


def _places(task: Task, presets: Sequence[Presets]) -> list[tuple[str, str]]:
    """Every searched parameter, with the place where the task names it."""
    return [
        *((name, f"parameters.{name}") for name in task.parameters),
        *((n, f"linked[{i}]") for i, group in enumerate(task.linked) for n in group.parameters),
        *((name, block.where) for block in presets for name in block.names),
    ]


def _check_names(
    engine: Engine, places: Sequence[tuple[str, str]], fixed: Fixed, problems: list[Problem]
) -> None:
    seen: dict[str, str] = {}
    for given, where in places:
        try:
            (name,) = engine.named({given: None})
        except ValueError as error:
            problems.append(Problem(where, None, "cannot be used:", str(error)))
            continue
        if name in seen:
            reason = f"--{name} is searched by {seen[name]} too."
            problems.append(Problem(where, None, reason, "Keep one of them."))
        elif name in fixed:
            reason = f"--{name} is fixed by {fixed[name][1]} too."
            fix = f'Remove it there; a baseline that has it is "baseline": {{"{name}": …}}.'
            problems.append(Problem(where, None, reason, fix))
        seen[name] = where


def _check_constraints(task: Task, names: Sequence[str], problems: list[Problem]) -> None:
    for index, text in enumerate(task.parameter_constraints):
        try:
            Expression.parse(text, names)
        except ExpressionError as error:
            where = f"parameter_constraints[{index}]"
            problems.append(Problem(where, text, "cannot be used:", str(error)))


def _dimension(form: Parameter) -> Choice | Range:
    if isinstance(form, ChoiceForm):
        return Choice(tuple(form.values))
    return Range(form.low, form.high, form.step, form.log, integer=form.integer)
