"""Figures, configurations and lists as people read them."""

from collections.abc import Iterable, Mapping

from airtune.records import ParamValue


def number(value: float) -> str:
    """Three to four significant digits, never in exponent form: ``41.0``, ``1234``, ``0.012``."""
    size = abs(value)
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.3g}" if size >= 0.001 or size == 0 else f"{value:.6f}"


def percent(value: float) -> str:
    """A gain with its sign: ``+34.4 %``, ``−2.0 %``."""
    rounded = round(value, 1)
    sign = "−" if rounded < 0 else "+"
    return f"{sign}{abs(rounded):.1f} %"


def configuration(parameters: Mapping[str, ParamValue]) -> str:
    """``parallel=4, cache-type-k=q8_0``; without parameters: ``the fixed arguments alone``."""
    if not parameters:
        return "the fixed arguments alone"
    return ", ".join(f"{name}={_value(value)}" for name, value in parameters.items())


def clause(reason: str) -> str:
    """A failure's reason as part of another sentence: one line, without its full stop."""
    return " ".join(reason.split()).rstrip(". ")


def counted(names: Iterable[str]) -> str:
    """``2 oom, 1 slo``: how often each name occurs, the most frequent first."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {name}" for name, count in ordered)


def _value(value: ParamValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return "unset" if value is None else str(value)
