"""How a configuration is called in the UI, in tables and in logs."""

import json
from collections.abc import Mapping, Sequence

from airtune.records import ParamValue

BASELINE = "baseline"
LONGEST = 200
"""Characters of a label; Airflow keeps 250 for a mapped index."""


def label_of(configuration: Mapping[str, ParamValue], more: Sequence[str] = ()) -> str:
    """One line such as ``cache-type-k=f16 parallel=2``; a flag left out reads ``=default``.

    Args:
        more: parts to put behind, already written.
    """
    parts = [f"{name}={_shown(value)}" for name, value in configuration.items()]
    text = " ".join([*parts, *more])
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _shown(value: ParamValue) -> str:
    if value is None:
        return "default"
    if isinstance(value, list):
        return ",".join(_shown(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)
