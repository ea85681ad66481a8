"""A cluster whose components tests may kill and restart, from whatever process they run in."""

import http.client
import json
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airtune.testing.kubernetes_containerd import Containerd
from airtune.testing.kubernetes_control import Control, wait_until

KUBECONFIG = "AIRTUNE_TEST_KUBECONFIG"
"""Environment variable: path of the kubeconfig of the cluster for tests."""

DISPOSABLE = "AIRTUNE_TEST_KUBERNETES_DISPOSABLE"
"""Environment variable, ``1`` for a private cluster. One of the user is never restarted."""

API_SERVER = "kube-apiserver"
KUBELET = "kubelet"

_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Disposable:
    """A private cluster.

    Attributes:
        run: the folder of its kubeconfig, keys and sockets.
    """

    run: Path

    @classmethod
    def of_environment(cls) -> "Disposable":
        """The cluster that ``scripts/test.py`` has started.

        Raises:
            RuntimeError: none is named: a cluster of the user is never restarted.
        """
        path = os.environ.get(KUBECONFIG)
        if os.environ.get(DISPOSABLE) != "1" or not path:
            raise RuntimeError("These tests restart the cluster: PROVISION=1 make test-kubernetes.")
        return cls(Path(path).resolve().parent)

    @property
    def control(self) -> Control:
        """Starts and ends components."""
        return Control(self.run / "control.sock")

    @property
    def containerd(self) -> Containerd:
        """Its images."""
        return Containerd(self.run / "containerd" / "containerd.sock")

    def kill(self, component: str = API_SERVER) -> None:
        """Kill a component as a crash would; it stays down until ``restart``."""
        self.control.kill(component)

    def restart(self, component: str = API_SERVER) -> None:
        """End a component in good order if it runs, start it, wait until all is well again.

        Raises:
            TimeoutError: the API server does not answer, or the node is not ready, in 60 s.
        """
        self.control.end(component)
        self.control.start(component)
        self.wait()

    def wait(self) -> None:
        """Wait until the API server answers and the node is ready, as seen now.

        Raises:
            TimeoutError: that takes more than 60 s.
        """
        wait_until(self.answers, _PATIENCE_S, "the API server")
        wait_until(self.node_is_ready, _PATIENCE_S, "the node")

    def answers(self) -> bool:
        """True if the API server says that it is ready."""
        with suppress(OSError, http.client.HTTPException):
            return self._get("/readyz")[0] == http.client.OK
        return False

    def node_is_ready(self) -> bool:
        """True if the API server calls a node ready; a dead kubelet's for up to 40 s more."""
        with suppress(OSError, ValueError, http.client.HTTPException):
            nodes = json.loads(self._get("/api/v1/nodes")[1])
            return any(map(_is_ready, nodes["items"]))
        return False

    def has_accounts(self) -> bool:
        """True if the namespace ``default`` has its service account: pods can be created."""
        with suppress(OSError, http.client.HTTPException):
            path = "/api/v1/namespaces/default/serviceaccounts/default"
            return self._get(path)[0] == http.client.OK
        return False

    def _get(self, path: str) -> tuple[int, bytes]:
        config = json.loads((self.run / "admin.kubeconfig").read_text())
        server = urlsplit(config["clusters"][0]["cluster"]["server"])
        assert server.hostname is not None
        pki = self.run / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        connection = http.client.HTTPSConnection(
            server.hostname, server.port, timeout=5, context=context
        )
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
