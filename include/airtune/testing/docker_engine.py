"""A private Docker Engine for tests: own data, own network, ended by its pid.

It needs root and Linux. Images stay in a cache outside the checkout, so that they are built once;
containers, networks and volumes do not. In a shell: ``python -m airtune.testing.docker_engine``
runs one in the foreground.
"""

import fcntl
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import TextIO

from airtune.testing.cache import cache_folder
from airtune.testing.docker_daemon import Place, dockerd_words
from airtune.testing.docker_disposable import DISPOSABLE, Disposable
from airtune.testing.docker_images import HOST
from airtune.testing.docker_install import find_dockerd, why_not
from airtune.testing.docker_keeper import Keeper
from airtune.testing.docker_network import make_network, remove_network
from airtune.testing.docker_sweep import empty, end_daemon

_START_S = 60.0
_TAIL = 3000


class DockerEngine:
    """A running engine. ``start`` makes one."""

    def __init__(self, place: Place, dockerd: Path, pool: IPv4Network, lock: TextIO) -> None:
        self.place = place
        self._lock = lock
        self._keeper = Keeper(place, dockerd_words(dockerd, place, pool))
        self._keeper.start()

    @property
    def process(self) -> "subprocess.Popen[bytes] | None":
        """Its ``dockerd`` of this moment."""
        return self._keeper.process

    @property
    def url(self) -> str:
        """Where it listens, ``unix://…``."""
        return self.place.url

    @property
    def folder(self) -> Path:
        """Its images and its log."""
        return self.place.cache

    @property
    def environment(self) -> dict[str, str]:
        """What tells tests of it; they may restart it."""
        return {HOST: self.url, DISPOSABLE: "1"}

    def kill(self) -> None:
        """Kill it as a crash would; it stays down until ``restart``."""
        Disposable(self.url).kill()

    def restart(self) -> None:
        """End it if it runs, start it, wait until it answers. Raises TimeoutError."""
        Disposable(self.url).restart()

    def wait(self) -> None:
        """Wait until it answers for the first time.

        Raises:
            RuntimeError: it ended, or did not answer in 60 s (with the end of its log).
        """
        engine = Disposable(self.url)
        deadline = time.monotonic() + _START_S
        while not engine.answers():
            if self._keeper.has_ended or time.monotonic() > deadline:
                log = self.place.log.read_text(errors="replace")[-_TAIL:]
                raise RuntimeError(f"dockerd did not start; the end of {self.place.log}:\n{log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Remove what runs in it, end it, undo what it changed on this host. Idempotent."""
        if self._lock.closed:
            return
        self._keeper.stopping.set()
        if Disposable(self.url).answers():
            with suppress(Exception):  # it goes all the same, and the next start empties it
                empty(self.url)
        while self._keeper.is_alive():  # it may have been about to start the engine once more
            end_daemon(self.place)
            self._keeper.join(1.0)
        remove_network(self.place)
        shutil.rmtree(self.place.run, ignore_errors=True)
        self._lock.close()


def start() -> DockerEngine:
    """Start the engine of the cache folder, empty but for its images.

    It ends with this process at the latest.

    Raises:
        RuntimeError: it cannot run here, another session uses it, or it does not start.
    """
    if reason := why_not():
        raise RuntimeError(
            f"No private Docker Engine here: {reason}. PROVISION=1 (root on Debian) installs what "
            f"is missing, or name a running engine in {HOST}."
        )
    dockerd = find_dockerd()
    assert dockerd is not None
    place = Place.below(cache_folder())
    for folder in (place.data, place.run):
        folder.mkdir(parents=True, exist_ok=True)
    lock = _locked(place)
    try:
        end_daemon(place)  # of a session that was killed
        place.hold.unlink(missing_ok=True)
        (place.run / "daemon.json").write_text("{}\n")
        engine = DockerEngine(place, dockerd, make_network(place), lock)
    except BaseException:
        remove_network(place)
        shutil.rmtree(place.run, ignore_errors=True)
        lock.close()
        raise
    try:
        engine.wait()
        empty(engine.url)
    except BaseException:
        engine.stop()
        raise
    return engine


@contextmanager
def docker_engine() -> Iterator[DockerEngine]:
    """``start``, and ``stop`` at the end."""
    engine = start()
    try:
        yield engine
    finally:
        engine.stop()


def _locked(place: Place) -> TextIO:
    lock = (place.cache / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise RuntimeError(
            f"Another test session uses the engine in {place.cache}: wait for its end, or name "
            "another folder in AIRTUNE_TEST_CACHE."
        ) from None
    return lock


def main() -> int:
    """Run an engine until Ctrl-C or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), docker_engine() as engine:
        print(*(f"export {name}={value}" for name, value in engine.environment.items()), sep="\n")
        sys.stdout.flush()
        while True:
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
