"""genai-bench's traffic scenarios: what a text means, read without genai-bench."""

import re
from collections.abc import Callable

from airtune.records.base import Record

_FORMS = {
    "D": (r"D\((\d+),(\d+)\)", "D(input,output)"),
    "N": (r"N\((\d+),(\d+)\)/\((\d+),(\d+)\)", "N(mean,deviation)/(mean,deviation)"),
    "U": (r"U\((\d+),(\d+)\)(?:/\((\d+),(\d+)\))?", "U(low,high)/(low,high) or U(input,output)"),
    "E": (r"E\((\d+)\)", "E(tokens)"),
    "R": (r"R\((\d+),(\d+)\)", "R(document,query)"),
    "I": (r"I\((\d+),(\d+)(?:,(\d+))?\)", "I(width,height) or I(width,height,images)"),
    "A": (r"A\((\d+)\)", "A(characters)"),
    "dataset": (r"dataset()", "dataset"),
}
_DEVIATIONS = 4
"""A normal sample beyond mean + 4 deviations comes once in 30,000 requests."""
_FEWEST = 2
"""genai-bench raises smaller samples of output tokens to this."""


class Scenario(Record):
    """One traffic scenario.

    Attributes:
        text: as genai-bench takes it and repeats it in its result files.
        kind: ``D``, ``N``, ``U`` (texts), ``E``, ``R``, ``I``, ``A`` or ``dataset``.
        output_tokens: what every request asks for, exactly; None where it varies or is unknown.
        longest_input: longest prompt in tokens, chat template not counted; None if unknown.
        longest_output: most output tokens that a request asks for; None if unknown.
        shortest_output: fewest output tokens that a request asks for; None if unknown.
        mean_output, output_deviation: of the output tokens asked for; None if unknown.
    """

    text: str
    kind: str
    output_tokens: int | None = None
    longest_input: int | None = None
    longest_output: int | None = None
    shortest_output: int | None = None
    mean_output: float | None = None
    output_deviation: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Scenario":
        """Read a scenario such as ``D(100,100)``.

        Raises:
            ValueError: not in genai-bench's grammar, or a form it accepts and cannot measure.
        """
        token = re.match(r"[A-Za-z]*", text)
        kind = token[0] if token else ""
        if kind not in _FORMS:
            forms = ", ".join(form for _, form in _FORMS.values())
            raise ValueError(f"{text!r} is no traffic scenario; write one of: {forms}.")
        pattern, form = _FORMS[kind]
        match = re.fullmatch(pattern, text, re.ASCII)
        if not match:
            raise ValueError(f"{text!r} is no traffic scenario; write {form}, integers, no spaces.")
        numbers = [int(group) for group in match.groups() if group]
        read = _READERS.get(kind)
        return read(text, numbers) if read else cls(text=text, kind=kind)


def _deterministic(text: str, numbers: list[int]) -> Scenario:
    given, asked = numbers
    _require(given >= 1, text, "a prompt has at least 1 token")
    _require_two(asked, text)
    return Scenario(
        text=text,
        kind="D",
        output_tokens=asked,
        longest_input=given,
        longest_output=asked,
        shortest_output=asked,
        mean_output=asked,
        output_deviation=0,
    )


def _normal(text: str, numbers: list[int]) -> Scenario:
    in_mean, in_deviation, out_mean, out_deviation = numbers
    _require(in_mean >= 1, text, "a prompt has at least 1 token")
    _require_two(out_mean, text)
    low = out_mean - _DEVIATIONS * out_deviation
    return Scenario(
        text=text,
        kind="N",
        output_tokens=None if out_deviation else out_mean,
        longest_input=in_mean + _DEVIATIONS * in_deviation,
        longest_output=out_mean + _DEVIATIONS * out_deviation,
        shortest_output=max(low, _FEWEST),
        # Samples below 2 are raised to 2, which moves the mean of a wide distribution.
        mean_output=out_mean if low >= _FEWEST else None,
        output_deviation=out_deviation if low >= _FEWEST else None,
    )


def _uniform(text: str, numbers: list[int]) -> Scenario:
    # genai-bench's short form names the upper ends and counts from 1.
    if len(numbers) == 2:
        numbers = [1, numbers[0], 1, numbers[1]]
    in_low, in_high, out_low, out_high = numbers
    _require_two(out_high, text)
    _require(
        min(in_low, out_low) >= 1, text, "the lower ends start at 1 (short form: U(input,output))"
    )
    _require(in_low <= in_high and out_low <= out_high, text, "the lower end comes first")
    out_low = max(out_low, _FEWEST)
    return Scenario(
        text=text,
        kind="U",
        output_tokens=out_high if out_low == out_high else None,
        longest_input=in_high,
        longest_output=out_high,
        shortest_output=out_low,
        mean_output=(out_low + out_high) / 2,
        output_deviation=(out_high - out_low) / 12**0.5,
    )


def _require_two(tokens: int, text: str) -> None:
    _require(
        tokens >= _FEWEST,
        text,
        "a request needs at least 2 output tokens (with 1 there is no TPOT)",
    )


def _require(holds: bool, text: str, reason: str) -> None:
    if not holds:
        raise ValueError(f"{text!r} cannot be measured: {reason}.")


_READERS: dict[str, Callable[[str, list[int]], Scenario]] = {
    "D": _deterministic,
    "N": _normal,
    "U": _uniform,
}
