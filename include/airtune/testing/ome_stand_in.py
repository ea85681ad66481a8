"""The stand-in controller as a child process, to be stopped, killed and started again by tests."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from airtune.testing.ome_api import OmeApi, connected
from airtune.testing.ome_controller import STARTED
from airtune.testing.ome_finalizer import release_all
from airtune.testing.ome_webhook import PATH, webhook_name

RETRY_PAUSES_S = (3.0, 8.0, 20.0)
"""OME's 15 s, 60 s … made short for tests; they stay long beside everything else."""

_START_S = 60.0
_END_S = 15.0


@dataclass
class StandIn:
    """A stand-in controller.

    Attributes:
        kubeconfig: of an administrator.
        words: its other arguments.
        file: its log, kept over restarts.
    """

    kubeconfig: Path
    words: Sequence[str]
    file: Path
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, and wait until it works.

        Raises:
            RuntimeError: it ended, or took longer than a minute; with the end of its log.
        """
        program = [sys.executable, "-m", "airtune.testing.ome_controller"]
        command = [*program, "--kubeconfig", str(self.kubeconfig), *self.words]
        before = len(self.log())
        with self.file.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        give_up_at = time.monotonic() + _START_S
        while STARTED not in self.log()[before:]:
            if not self.runs or time.monotonic() > give_up_at:
                self.stop()
                raise RuntimeError(f"no stand-in controller: {self.log()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it in good order: its webhook and node labels go with it. Idempotent."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once: its webhook stays, so nothing can be made until it is started again."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """All it has said."""
        return self.file.read_text(errors="replace") if self.file.exists() else ""


@contextmanager
def stand_in(
    kubeconfig: Path,
    *,
    namespace_prefix: str = "",
    retry_pauses: Sequence[float] = RETRY_PAUSES_S,
    requeue_s: float = 2.0,
    words: Sequence[str] = (),
    log: Path | None = None,
) -> Iterator[StandIn]:
    """A running stand-in controller; OME's CRDs have to be installed, and OME must not run.

    At the end it is stopped, whatever the block did with it, and objects that wait for it to be
    deleted are let go.

    Args:
        namespace_prefix: of the namespaces that it looks at; empty: all.
        retry_pauses: seconds between looks at what cannot be served.
        requeue_s: pause before a BenchmarkJob whose InferenceService was not ready is looked at
            again; OME's is 60.
        words: more arguments.
        log: file for its output.

    Raises:
        RuntimeError: it does not start, or OME's own controller is there.
    """
    api = connected(kubeconfig)
    with tempfile.TemporaryDirectory() as folder:
        _refuse_beside_ome(api)
        given = {
            "--namespace-prefix": namespace_prefix,
            "--retry-pauses": ",".join(str(one) for one in retry_pauses),
            "--requeue": str(requeue_s),
        }
        flags = [f"{flag}={value}" for flag, value in given.items()]
        controller = StandIn(kubeconfig, [*flags, *words], log or Path(folder) / "stand-in.log")
        try:
            controller.start()
            yield controller
        finally:
            controller.stop()
            api.remove(f"{PATH}/{webhook_name(namespace_prefix)}")
            release_all(api, namespace_prefix)
            api.close()


def _refuse_beside_ome(api: OmeApi) -> None:
    found = api.items("/apis/apps/v1/namespaces/ome/deployments")
    if names := [one["metadata"]["name"] for one in found]:
        raise RuntimeError(
            f"OME itself runs here (Deployments {json.dumps(names)} in namespace ome): "
            "use a cluster without it"
        )
