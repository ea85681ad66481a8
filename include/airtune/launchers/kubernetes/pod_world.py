"""Kubernetes mode's ``World``: a server is one pod with a Service in front."""

import re
from typing import Literal

from airtune.launchers.kubernetes import names, paths
from airtune.launchers.kubernetes.api import Api, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.pod_values import args_of, command_of, pod_values
from airtune.launchers.kubernetes.spec import (
    marked,
    of_kind,
    pod_of_server,
    require_arguments,
    require_kinds,
)
from airtune.launchers.kubernetes.templates import render, users_template
from airtune.launchers.launcher import Order
from airtune.launchers.probe import Pending
from airtune.records import Failure
from airtune.settings import Settings

_OWN_TEMPLATE = "kubernetes/engine_pod.yaml.j2"
_KINDS = frozenset({"Pod", "Service"})
_SERVER = (names.INSTALLATION, names.RUN, names.SLOT, names.ROLE)
_REFERENCE = re.compile(r"\$(\$|\(([A-Za-z_.-][A-Za-z0-9_.-]*)\))")


class KubernetesWorld:
    """Servers as pods."""

    kind: Literal["kubernetes", "ome"] = "kubernetes"
    container = "server"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def prepare(self, api: Api, order: Order) -> None:
        """Nothing is shared between servers."""

    def objects(self, api: Api, order: Order) -> list[Json]:
        """Pod and Service of ``order``.

        Raises:
            TaskError: the template cannot be used.
        """
        name = order.kubernetes.template
        text = users_template(name, self._settings) if name else None
        name = name or _OWN_TEMPLATE
        found = render(name, pod_values(order, self._settings), text)
        require_kinds(found, _KINDS, name)
        pod = of_kind(found, "Pod", name) or {"apiVersion": "v1", "kind": "Pod", "spec": {}}
        require_arguments(pod, self.container, command_of(order), args_of(order), name)
        pod = marked(pod_of_server(pod, order), order, self._settings)
        given = of_kind(found, "Service", name) or {"apiVersion": "v1", "kind": "Service"}
        return [pod, _service(marked(given, order, self._settings), pod)]

    def pods(self, owner: Json) -> str:
        """Its own labels."""
        return ",".join(f"{key}={owner['metadata']['labels'][key]}" for key in _SERVER)

    def service(self, owner: Json) -> tuple[str, int]:
        """The Service has the pod's name."""
        return owner["metadata"]["name"], names.PORT

    def look(self, api: Api, handle: Handle) -> Failure | Pending | None:
        """The owner is the pod itself: nothing beside it."""
        return None

    def argv(self, api: Api, handle: Handle, pod: Json) -> tuple[str, ...]:
        """Command and arguments of the container, variables in place as the kubelet puts them.

        Without a command the image's entrypoint stands before them, which the API does not tell.
        """
        found = next(c for c in pod["spec"]["containers"] if c["name"] == self.container)
        known = {one["name"]: one["value"] for one in found.get("env") or () if "value" in one}
        words = (*(found.get("command") or ()), *(found.get("args") or ()))
        return tuple(_expanded(word, known) for word in words)

    def owner_path(self, namespace: str, name: str = "") -> str:
        """Path of a pod."""
        return paths.pods(namespace, name)


def _service(manifest: Json, pod: Json) -> Json:
    """A Service whose selector and port are airtune's, the rest the template's."""
    spec = dict(manifest.get("spec") or {}) | {
        "selector": {key: pod["metadata"]["labels"][key] for key in _SERVER},
        "ports": [{"name": "http", "port": names.PORT, "targetPort": names.PORT}],
    }
    return manifest | {"spec": spec}


def _expanded(word: str, known: dict[str, str]) -> str:
    """``$(NAME)`` of a variable that is known, and ``$$`` for one dollar."""

    def put(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else known.get(match[2], match[0])

    return _REFERENCE.sub(put, word)
