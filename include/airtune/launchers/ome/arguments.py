"""The runner's args of an InferenceService: the runtime's own, ours in the place of the same."""

from collections.abc import Mapping, Sequence

from airtune.engines import Engine
from airtune.engines.naming import flag_name
from airtune.launchers.ome.runtime import Runner
from airtune.records import ParamValue

_SERVED_AS = {"llama_cpp": "alias"}
_NAME = "served-model-name"
_POSITIONAL = frozenset({"vllm"})
"""Engines that take a positional word, the model: it may stand after any flag."""

Flags = Mapping[str, tuple[str, ...]]
"""Flag by the engine's own name → its values as they stand; the last one wins."""


def flags_in(words: Sequence[str], engine: Engine) -> dict[str, tuple[str, ...]]:
    """The flags of a command line, whichever spelling it has; words before the first are left out.

    A word after a switch that is a positional one counts as the switch's value: nothing but the
    engine knows better.
    """
    found: dict[str, tuple[str, ...]] = {}
    name = None
    for word in words:
        if _is_flag(word):
            given, equals, value = word.partition("=")
            name = _own_name(given, engine)
            found[name] = (value,) if equals else ()
        elif name is not None:
            found[name] += (word,)
    return found


def runner_args(
    runner: Runner, engine: Engine, own: Sequence[str], model_name: str
) -> tuple[str, ...]:
    """All args of the runner; empty: the runtime stays as it is.

    They replace the runtime's args whole, while its command stays before them, where the last of
    two equal flags wins. The served name is the only flag that airtune adds of its own accord,
    and only where requests use another one than the runtime serves.

    Args:
        own: what the task asks for, ``ServerSpec.own``.
        model_name: the name that requests will send.
    """
    ours = (*own, *_served_as(runner, engine, model_name))
    return (*_without(runner.args, flags_in(ours, engine), engine), *ours) if ours else ()


def devices_of(runner: Runner, engine: Engine, own: Sequence[str]) -> int:
    """How many devices the engine spans with ``own`` laid over what the runtime says, ≥ 1.

    Raises:
        ValueError: sizes do not divide as the engine wants it.
    """
    flags = flags_in(runner.words, engine) | flags_in(own, engine)
    return engine.device_need({name: _value(values) for name, values in flags.items()})


def gpus_of(
    runner: Runner, engine: Engine, own: Sequence[str], asked: int | None = None
) -> int | None:
    """GPUs to ask for in the runtime's stead; None: its own number is right.

    Args:
        asked: what the task says.

    Raises:
        ValueError: as ``devices_of``.
    """
    if asked is not None or engine.name == "llama_cpp":
        return asked
    need = devices_of(runner, engine, own)
    return None if need == devices_of(runner, engine, ()) else need


def served_names(runner: Runner, engine: Engine) -> tuple[str, ...]:
    """The model's names as the runtime serves it; none if it does not say."""
    return flags_in(runner.words, engine).get(_SERVED_AS.get(engine.name, _NAME), ())


def _served_as(runner: Runner, engine: Engine, model_name: str) -> tuple[str, ...]:
    if model_name in served_names(runner, engine):
        return ()
    return f"--{_SERVED_AS.get(engine.name, _NAME)}", model_name


def _without(words: Sequence[str], flags: Flags, engine: Engine) -> list[str]:
    """``words`` without what sets one of ``flags``, in the order they have.

    All values go with a flag; where one of them may be a positional word, as many as ours has.
    """
    kept: list[str] = []
    dropping: int | None = 0
    for word in words:
        if _is_flag(word):
            given, equals, _ = word.partition("=")
            name = _own_name(given, engine)
            dropping = 0
            if name not in flags:
                kept.append(word)
            elif not equals:
                many = len(flags[name])
                whole = many > 1 or name == _NAME or engine.name not in _POSITIONAL
                dropping = None if whole else many
        elif dropping is None:
            continue
        elif dropping:
            dropping -= 1
        else:
            kept.append(word)
    return kept


def _own_name(given: str, engine: Engine) -> str:
    try:
        name = flag_name(given, engine.aliases)
    except ValueError:
        return given
    bare = name.removeprefix("no-")
    return bare if bare != name and engine.dialect.negatable(bare) else name


def _is_flag(word: str) -> bool:
    return len(word) > 1 and word.startswith("-") and not word[1].isdigit() and word[1] != "."


def _value(values: Sequence[str]) -> ParamValue:
    """As far as sizes need it; what a variable stands for is not known here."""
    if not values:
        return True
    if len(values) > 1:
        return list(values)
    text = values[0]
    if text.isdecimal():
        return int(text)
    return None if text.startswith("$(") else text
