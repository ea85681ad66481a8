"""Stands for OME's model agent: nodes carry a label for every model that lies on their disk."""

from airtune.testing.ome_api import OME, OmeApi
from airtune.testing.ome_names import node_label

_READY = "Ready"


class ModelAgent:
    """Labels nodes as if every model were on their disks; fetches nothing.

    Args:
        nodes: names of those; empty is all.
    """

    def __init__(self, api: OmeApi, nodes: frozenset[str]) -> None:
        self._api = api
        self._nodes = nodes
        self._ours: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Label nodes for new models, and take labels off for models that are gone."""
        models = [
            *self._api.items(f"{OME}/clusterbasemodels"),
            *self._api.items(f"{OME}/basemodels"),
        ]
        wanted = {node_label(model) for model in models}
        for node in self._api.items("/api/v1/nodes"):
            name, has = node["metadata"]["name"], node["metadata"].get("labels", {})
            if self._nodes and name not in self._nodes:
                continue
            missing = {label for label in wanted if has.get(label) != _READY}
            gone = {label for at, label in self._ours if at == name} - wanted
            self._set(name, {label: _READY for label in missing} | dict.fromkeys(gone))
            self._ours |= {(name, label) for label in missing}
            self._ours -= {(name, label) for label in gone}

    def leave(self) -> None:
        """Take off every label that this agent has set."""
        for name in {at for at, _ in self._ours}:
            labels = {label for at, label in self._ours if at == name}
            self._set(name, dict.fromkeys(labels))
        self._ours.clear()

    def _set(self, node: str, labels: dict[str, str | None]) -> None:
        if labels:
            self._api.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": labels}})
