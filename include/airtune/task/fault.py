"""The one error that the task's own validators raise: a reason and a fix, both sentences."""

from pydantic_core import PydanticCustomError

FAULT = "airtune"
"""Type of our own errors in pydantic's list."""


def fault(reason: str, fix: str, *path: str | int, secret: bool = False) -> PydanticCustomError:
    """Make (not raise) an error for a validator.

    Args:
        reason: why the value cannot be used; continues a sentence that begins with the value.
        fix: what to write instead.
        path: where below the validated value; empty for the value itself.
        secret: the value must not be shown.
    """
    context = {"reason": reason, "fix": fix, "path": list(path), "secret": secret}
    return PydanticCustomError(FAULT, "{reason} {fix}", context)
