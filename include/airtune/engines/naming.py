"""One spelling for each parameter: ``tp_size``, ``--tp-size`` and ``tp`` are the same flag."""

import re
from collections.abc import Mapping

_DASHES = re.compile(r"^--?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9_.+-]+)?")


def flag_name(given: str, aliases: Mapping[str, str]) -> str:
    """The engine's own name of a parameter, without leading dashes.

    Underscores become dashes, but only before the first dot: what follows it is a key inside a
    JSON valued flag (vLLM's ``compilation-config.cudagraph_mode``) and is taken as written.

    Args:
        given: the name as the task spells it.
        aliases: other names → the engine's own, both with dashes.

    Raises:
        ValueError: ``given`` cannot be the name of a flag.
    """
    head, dot, tail = _DASHES.sub("", given).partition(".")
    name = head.replace("_", "-") + dot + tail
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{given!r} is no parameter name; write the engine's flag without dashes in front, "
            "for example 'tp_size'."
        )
    return aliases.get(name, name)
