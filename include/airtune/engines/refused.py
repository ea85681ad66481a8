"""Flags that no task sets, because airtune does."""

from collections.abc import Mapping


def set_by_airtune(*names: str) -> Mapping[str, str]:
    """``refused`` entries for flags that identify the server: model, name, host, port."""
    fix = "airtune sets this flag itself; remove it (the model stands in 'model', its served "
    return dict.fromkeys(names, fix + "name in 'benchmark.model_name').")
