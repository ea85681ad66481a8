"""A private Kubernetes cluster of one node for tests: own namespaces, gone when it is stopped.

It needs root and Linux. Programs and images stay in a cache outside the checkout; objects, pods
and volumes do not. In a shell, ``python -m airtune.testing.kubernetes_cluster`` runs one in the
foreground; with the word ``up`` it goes on in the background, until ``down``.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import psutil

from airtune.testing import kubernetes_build, kubernetes_install
from airtune.testing.cache import cache_folder
from airtune.testing.kubernetes_containerd import Containerd
from airtune.testing.kubernetes_disposable import DISPOSABLE, KUBECONFIG, Disposable
from airtune.testing.kubernetes_place import Addresses, Place
from airtune.testing.kubernetes_session import clean, first_process, locked, prepare
from airtune.testing.kubernetes_start import Starting

_FAREWELL_S = 30.0


class KubernetesCluster:
    """A running cluster. ``start`` makes one."""

    def __init__(self, place: Place, addresses: Addresses, lock: TextIO) -> None:
        self.place = place
        self.addresses = addresses
        self._lock = lock
        self._first = first_process(place)

    @property
    def url(self) -> str:
        """Where its API server listens."""
        return f"https://{self.addresses.node.ip}:6443"

    @property
    def environment(self) -> dict[str, str]:
        """What tells tests of it; they may restart it."""
        return {KUBECONFIG: str(self.place.kubeconfig), DISPOSABLE: "1"}

    @property
    def disposable(self) -> Disposable:
        """The handle by which any process restarts its components."""
        return Disposable(self.place.run)

    @property
    def containerd(self) -> Containerd:
        """Its images."""
        return self.disposable.containerd

    def begin(self) -> None:
        """Start the components and wait until pods can be run. Raises RuntimeError."""
        Starting(self.place, self._first).run()

    def stop(self) -> None:
        """End all that runs in it, undo what it changed on this host. Idempotent."""
        if self._lock.closed:
            return
        self._first.kill()  # and the kernel ends all below
        self._first.wait()
        clean(self.place)
        self._lock.close()


def start() -> KubernetesCluster:
    """Start the cluster of the cache folder, empty but for its images.

    It ends with the calling thread at the latest.

    Raises:
        RuntimeError: it cannot run here, another session uses it, or it does not start.
    """
    reason = kubernetes_install.why_not()
    if reason is None and not kubernetes_build.are_built():
        reason = f"Kubernetes {kubernetes_build.VERSION} is not built"
    if reason:
        raise RuntimeError(
            f"No private Kubernetes cluster here: {reason}. PROVISION=1 (root on Debian) installs "
            f"and builds what is missing, or name a kubeconfig in {KUBECONFIG}."
        )
    place = Place.below(cache_folder())
    place.cache.mkdir(parents=True, exist_ok=True)
    lock = locked(place)
    cluster = None
    try:
        clean(place)  # of a session that was killed
        cluster = KubernetesCluster(place, prepare(place), lock)
        cluster.begin()
    except BaseException:
        if cluster:
            cluster.stop()
        else:
            clean(place)
            lock.close()
        raise
    return cluster


@contextmanager
def kubernetes_cluster() -> Iterator[KubernetesCluster]:
    """``start``, and ``stop`` at the end."""
    cluster = start()
    try:
        yield cluster
    finally:
        cluster.stop()


def main(words: list[str]) -> int:
    """Run a cluster until Ctrl-C or SIGTERM; or ``up``, or ``down``."""
    if words not in ([], ["up"], ["down"]):
        print("usage: python -m airtune.testing.kubernetes_cluster [up|down]", file=sys.stderr)
        return 2
    try:
        {"": _foreground, "up": _up, "down": _down}["".join(words)]()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _foreground() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), kubernetes_cluster() as cluster:
        _owner(cluster.place).write_text(str(psutil.Process().pid))
        lines = (f"export {name}={value}" for name, value in cluster.environment.items())
        print(*lines, "", sep="\n", flush=True)
        while True:
            signal.pause()


def _up() -> None:
    place = Place.below(cache_folder())
    place.cache.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "airtune.testing.kubernetes_cluster"]
    log = place.cache / "up.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True
        )
    assert process.stdout is not None
    for line in process.stdout:
        if line == "\n":
            break
        print(line, end="")
    else:
        process.wait()
        raise RuntimeError(log.read_text())
    process.stdout.close()
    process.returncode = 0  # it goes on; nobody waits for it


def _down() -> None:
    place = Place.below(cache_folder())
    with suppress(OSError, ValueError, psutil.NoSuchProcess):
        owner = psutil.Process(int(_owner(place).read_text()))
        if "airtune.testing.kubernetes_cluster" in owner.cmdline():
            owner.terminate()
            owner.wait(_FAREWELL_S)
    lock = locked(place)
    clean(place)
    lock.close()


def _owner(place: Place) -> Path:
    return place.run / "owner"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
