"""A cluster in memory in which a client's pod runs: objects, exec, and a log that is followed."""

import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.launchers.kubernetes.client_orders import SERVER, a_status, an_order
from tests.launchers.kubernetes.streams import streams

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.client_call import ClientCall
from airtune.launchers.kubernetes.client_pod import ClientPodOrder
from airtune.launchers.kubernetes.handle import Handle
from airtune.testing.fake_cluster import FakeCluster

SINCE = {"startedAt": "2026-11-24T12:00:00Z"}
RUNNING = {"running": SINCE}


class ClientCluster(FakeCluster):
    """Plays the kubelet of one client pod, which runs until ``ended``.

    Attributes:
        put: archives that were unpacked in the pod.
        files: what the client has left so far, by path.
        later: happens a moment after the client has started.
    """

    def __init__(self, client: Any) -> None:
        super().__init__("n")
        self.client = client
        self.put: list[bytes] = []
        self.files: dict[str, bytes] = {}
        self.printed: list[bytes] = []
        self.place = ""
        self.later: Callable[[], None] = lambda: None
        self.on_create = self._created

    def ended(self, code: int) -> None:
        """The client comes to its end."""
        self.tell(a_status(client={"terminated": {"exitCode": code, **SINCE}}, phase="Running"))

    def tell(self, status: Json) -> None:
        """The pod's status from now on."""
        self.change(self.place, status=status)

    def lines(self, path: str, read_s: float, **query: str) -> Iterator[bytes]:
        """The log: what is printed, until the client has ended or its pod is gone."""
        sent = 0
        while True:
            over = self._over()
            for number, line in enumerate(self.printed[sent:], start=sent):
                yield f"2026-01-01T00:00:00.{number:09}Z ".encode() + line
            sent = len(self.printed)
            if over:
                return
            time.sleep(0.01)

    def execute(self, argv: list[str], stdin: bytes) -> tuple[bytes, bytes, int]:
        """What runs in its containers."""
        if argv[0] == "tar" and "-x" in argv:
            self.put.append(stdin)
        elif argv[0] == "touch":
            self.tell(a_status(files={"terminated": {"exitCode": 0}}, client=RUNNING))
            threading.Timer(0.1, lambda: self.later()).start()
        elif self.files:
            return self._archive(), b"", 0
        else:
            return b"", b"tar: no such file", 1
        return b"", b"", 0

    def _created(self, made: Json) -> None:
        made["status"] = a_status(files=RUNNING)
        self.place = paths.pods("n", made["metadata"]["name"])

    def _over(self) -> bool:
        pods = [one for one in self.all("pods") if self.place.endswith(one["metadata"]["name"])]
        states = [one["status"]["containerStatuses"][0]["state"] for one in pods]
        return not states or "terminated" in states[0]

    def _archive(self) -> bytes:
        into = io.BytesIO()
        with tarfile.open(fileobj=into, mode="w") as tar:
            for name, content in self.files.items():
                entry = tarfile.TarInfo(f"genai-bench/{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return into.getvalue()


@contextmanager
def a_client_cluster() -> Iterator[tuple[ClientCluster, Handle]]:
    """The cluster with a server in it."""
    with streams() as (fake, api):
        cluster = ClientCluster(api.client)
        fake.program = cluster.execute
        server = cluster.add(
            paths.pods("n"), {"metadata": {"name": SERVER.name}, "spec": {"containers": []}}
        )
        uid = server["metadata"]["uid"]
        yield cluster, SERVER.model_copy(update={"namespace": "n", "uid": uid})


def a_call(
    cluster: ClientCluster, server: Handle, into: Path, limit_s: float = 10.0, **changes: Any
) -> ClientCall:
    """A call whose output is kept in ``cluster.seen``."""
    steps = {key: changes.pop(key) for key in ("complete", "should_stop") if key in changes}
    order: ClientPodOrder = an_order(into, server=server, **changes)
    feed: Callable[[bytes], None] = changes.pop("feed", lambda data: None)
    return ClientCall(cluster, order, limit_s, feed, **steps)  # type: ignore[arg-type]


def through(call: ClientCall) -> None:
    """The steps in the order in which the provider's operator takes them."""
    try:
        call.make_room()
        call.api.post(paths.pods(call.order.namespace), call.manifest)
        call.start()
        call.follow()
        call.fetch()
    finally:
        call.remove()
