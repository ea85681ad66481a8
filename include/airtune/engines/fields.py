"""Fields of ``quant_config`` and ``parallel_config``: presets and lists → single settings."""

import difflib
import itertools
from collections.abc import Iterable, Mapping

Fields = Mapping[str, object]
"""As in a task file: a value or a list of values by field, or ``presets``; null is not given."""


def alternatives(config: Fields, presets: Mapping[str, Fields], what: str) -> dict[str, Fields]:
    """Every single setting that ``config`` stands for, by a label for people.

    ``presets: [a, b]`` (or ``preset: a``) is one setting a preset; lists in fields are combined
    in all ways; anything else is one setting.

    Raises:
        ValueError: a preset is unknown, presets and fields are mixed, or a list is empty.
    """
    config = {name: value for name, value in config.items() if value is not None}
    chosen = config.get("presets", config.get("preset"))
    if chosen is None:
        return _combinations(config, what)
    others = sorted(set(config) - {"presets", "preset"})
    if others or {"presets", "preset"} <= set(config):
        raise ValueError(
            f"{what} names presets and also {', '.join(others) or 'preset'}; write presets or "
            "fields, not both."
        )
    names = chosen if isinstance(chosen, list) else [chosen]
    if not names:
        raise ValueError(f"{what}.presets is empty; name one of {', '.join(sorted(presets))}.")
    return {str(name): presets[known(name, presets, f"{what} preset")] for name in names}


def single(config: Fields, presets: Mapping[str, Fields], what: str) -> Fields:
    """The one setting that ``config`` stands for.

    Raises:
        ValueError: as ``alternatives``, or it stands for several.
    """
    found = alternatives(config, presets, what)
    if len(found) != 1:
        raise ValueError(
            f"{what} stands for {len(found)} settings ({', '.join(found)}); one is needed here."
        )
    return next(iter(found.values()))


def known(name: object, names: Iterable[str], what: str) -> str:
    """``name`` when it is among ``names``.

    Raises:
        ValueError: it is not; the text gives the closest and all of them.
    """
    choices = sorted(names)
    if isinstance(name, str) and name in choices:
        return name
    close = difflib.get_close_matches(str(name), choices, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"{name!r} is no {what}.{hint} Choices: {', '.join(choices)}.")


def _combinations(config: Fields, what: str) -> dict[str, Fields]:
    lists = {name: value for name, value in config.items() if isinstance(value, list)}
    if empty := [name for name, values in lists.items() if not values]:
        raise ValueError(f"{what}.{empty[0]} is an empty list; give a value or remove the field.")
    if not lists:
        return {_label(config): dict(config)}
    settings = (
        dict(config) | dict(zip(lists, values, strict=True))
        for values in itertools.product(*lists.values())
    )
    return {_label({name: setting[name] for name in lists}): setting for setting in settings}


def _label(fields: Fields) -> str:
    return " ".join(f"{name}={value}" for name, value in fields.items()) or "default"
