"""``quant_config`` and ``parallel_config``: fixed arguments, or settings to compare."""

from collections.abc import Mapping
from dataclasses import dataclass

from airtune.engines import Engine, parallelism, quantisation
from airtune.errors import Problem
from airtune.records import ParamValue
from airtune.space import Linked
from airtune.task import Task

_BLOCKS = {"quant_config": quantisation.alternatives, "parallel_config": parallelism.alternatives}


@dataclass(frozen=True)
class Presets:
    """The settings that one block of the task stands for.

    Attributes:
        where: ``quant_config`` or ``parallel_config``.
        rows: label → arguments under the engine's own names; no two rows are equal.
        same: labels of settings that come to the same arguments → the label that stands for them.
    """

    where: str
    rows: Mapping[str, Mapping[str, ParamValue]]
    same: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Every parameter that one of the rows sets."""
        return tuple(sorted({name for row in self.rows.values() for name in row}))

    @property
    def linked(self) -> Linked:
        """The rows as a dimension; a parameter that a row does not set is left out there."""
        names = self.names
        return Linked(names, tuple(tuple(row.get(n) for n in names) for row in self.rows.values()))

    def label(self, configuration: Mapping[str, ParamValue]) -> str:
        """How the row in ``configuration`` is called, for example ``quant_config=kv-cache-fp8``."""
        here = {name: configuration[name] for name in self.names}
        for label, row in self.rows.items():
            if {name: row.get(name) for name in self.names} == here:
                return label if "=" in label else f"{self.where}={label}"
        raise ValueError(f"{here} is no row of {self.where}")


def presets_of(task: Task, engine: Engine, problems: list[Problem]) -> list[Presets]:
    """The blocks that ``task`` has; what the engine refuses is added to ``problems``."""
    found = []
    for where, alternatives in _BLOCKS.items():
        config = getattr(task, where)
        if not config:
            continue
        try:
            settings = alternatives(engine.name, config)
            named = {label: engine.named(arguments) for label, arguments in settings.items()}
        except ValueError as error:
            problems.append(Problem(where, config, "cannot be used:", str(error)))
            continue
        found.append(_distinct(where, named))
    return found


def _distinct(where: str, settings: Mapping[str, Mapping[str, ParamValue]]) -> Presets:
    rows: dict[str, Mapping[str, ParamValue]] = {}
    same: dict[str, str] = {}
    for label, row in settings.items():
        known = next((other for other, seen in rows.items() if seen == row), None)
        if known is None:
            rows[label] = row
        else:
            same[label] = known
    return Presets(where, rows, same)
