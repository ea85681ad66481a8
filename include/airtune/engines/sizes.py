"""Reading parallel sizes out of an engine's arguments."""

from collections.abc import Mapping

from airtune.records import ParamValue


def size(arguments: Mapping[str, ParamValue], name: str) -> int:
    """How many ways ``name`` splits the model, 1 when it is not given.

    Raises:
        ValueError: the value is not a whole number ≥ 1.
    """
    value = arguments.get(name)
    if value is None:
        return 1
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} = {value!r} must be a whole number ≥ 1.")
    return value


def product(arguments: Mapping[str, ParamValue], *names: str) -> int:
    """The product of several sizes: how many devices one server spans.

    Raises:
        ValueError: as ``size``.
    """
    total = 1
    for name in names:
        total *= size(arguments, name)
    return total


def require_divides(arguments: Mapping[str, ParamValue], part: str, whole: str) -> None:
    """Check that the size ``part`` divides the size ``whole``.

    Raises:
        ValueError: it does not; the text names both and says what to write.
    """
    if size(arguments, whole) % size(arguments, part):
        raise ValueError(
            f"{part} = {size(arguments, part)} must divide {whole} = {size(arguments, whole)}; "
            f"choose a {whole} that is a multiple of it, or exclude the pair by a constraint."
        )
