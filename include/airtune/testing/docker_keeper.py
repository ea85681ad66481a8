"""Keeps a private ``dockerd`` running, until it is told to let it end."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence

from airtune.testing.debian import search_path
from airtune.testing.docker_daemon import Place
from airtune.testing.docker_sweep import another_engine


class Keeper(threading.Thread):
    """Starts the engine, and starts it again whenever it ends.

    So any process of the tests can restart it (``Disposable``), and it still belongs to the
    process that started it first.

    Attributes:
        process: the ``dockerd`` of this moment; None before the first.
        stopping: once this is set an end is final.
        has_ended: True if it ended at least once.
    """

    def __init__(self, place: Place, words: Sequence[str]) -> None:
        """``words`` is the command line."""
        super().__init__(name="dockerd", daemon=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.stopping = threading.Event()
        self.has_ended = False
        self._place = place
        self._words = words

    def run(self) -> None:
        """The thread: it must live as long as the engine, which ends with its parent thread."""
        with self._place.log.open("wb") as log:
            while not self.stopping.is_set():
                if self._place.hold.exists():
                    time.sleep(0.05)
                    continue
                self._forget()
                self.process = subprocess.Popen(
                    self._words,
                    env=os.environ | {"PATH": search_path()},
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for the tests, which need it to clean up
                )
                self.process.wait()
                self.has_ended = True
                self.stopping.wait(0.2)

    def _forget(self) -> None:
        """Remove what the next ``dockerd`` would take amiss."""
        # With address pools of its own and a network "bridge" on record, dockerd removes docker0:
        # another engine's. Then networks do not outlive a restart, else they do.
        if self.process is None or another_engine(self._place):
            shutil.rmtree(self._place.data / "network", ignore_errors=True)
        # A killed engine leaves the file, and the next one waits 15 s for that containerd.
        (self._place.execution / "containerd/containerd.pid").unlink(missing_ok=True)
