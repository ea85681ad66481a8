"""How OME lays an InferenceService over its runtime: by strategic merge, as far as needed."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_KEYS = {
    "containers": "name",
    "env": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""Lists whose items are merged, by what names an item; every other list is replaced whole."""

_REPLACED = frozenset({"volumes"})
"""Of these an item of the same name is replaced and not merged: no volume has two sources."""


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Json:
    """``over`` laid over ``base``: maps are merged, ``args`` and ``command`` replaced whole.

    Items that only ``base`` has keep their place; those that only ``over`` has follow.
    """
    result = dict(base)
    for name, value in over.items():
        below = result.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[name] = merged(below, value)
        elif isinstance(value, list) and isinstance(below, list) and name in _KEYS:
            result[name] = _merged_items(below, value, _KEYS[name], whole=name in _REPLACED)
        else:
            result[name] = value
    return result


def _merged_items(below: list[Json], above: list[Json], key: str, *, whole: bool) -> list[Json]:
    items = {item.get(key): item for item in below}
    for item in above:
        name = item.get(key)
        known = name in items and not whole
        items[name] = merged(items[name], item) if known else item
    return list(items.values())
