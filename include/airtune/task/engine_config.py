"""``quant_config`` and ``parallel_config``: fields or presets, with lists to compare several."""

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Annotated

from pydantic import AfterValidator

from airtune.records import ParamValue
from airtune.task.fault import fault
from airtune.task.values import EngineValue

_MOST = 1024
"""Settings of one block; more could not be mapped as trials anyway."""


def engine_config(config: dict[str, ParamValue]) -> dict[str, ParamValue]:
    """Check the form; whether an engine knows fields and values is checked with the whole task."""
    if "preset" in config and "presets" in config:
        raise fault("stands beside preset.", "Keep only one of them.", "presets")
    for field, value in config.items():
        values = value if isinstance(value, list) else [value]
        if not values:
            raise fault("is an empty list.", "Write at least one value, or remove it.", field)
        if len(set(map(repr, values))) < len(values):
            raise fault("has a value twice.", "Remove one of them.", field)
    if (count := settings(config)) > _MOST:
        raise fault(f"comes to {count} settings.", f"Shorten its lists to at most {_MOST} in all.")
    return config


def settings(config: dict[str, ParamValue]) -> int:
    """How many settings the lists in ``config`` come to, ≥ 1."""
    return prod(len(value) for value in config.values() if isinstance(value, list))


def variants(config: Mapping[str, ParamValue]) -> tuple[dict[str, ParamValue], ...]:
    """Every combination of the lists in ``config``, in the order of the file, each without lists.

    ``presets`` becomes one ``preset`` for each variant. An empty config has one empty variant.
    """
    names = ["preset" if field == "presets" else field for field in config]
    columns = [value if isinstance(value, list) else [value] for value in config.values()]
    return tuple(dict(zip(names, row, strict=True)) for row in product(*columns))


EngineConfig = Annotated[dict[str, EngineValue], AfterValidator(engine_config)]
"""Field → value, or a list of values to compare; ``preset`` names one set of fields, ``presets``
several to compare."""
