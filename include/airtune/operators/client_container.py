"""genai-bench in a container beside the server, as the benchmark's port wants it."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from airtune.benchmark.client import RAW_FOLDER
from airtune.benchmark.output import ClientOutput
from airtune.benchmark.runner import Ended, Ending
from airtune.benchmark.surroundings import POINT_INSIDE, Surroundings, in_container
from airtune.launchers.client_end import ClientEnd
from airtune.launchers.docker.client import run_to_end
from airtune.launchers.docker.client_container import ClientOrder
from airtune.records import Endpoint, ValidityFlag
from airtune.settings import Settings
from airtune.task import Task

if TYPE_CHECKING:
    from docker import APIClient

ClientCall = Callable[[], ClientEnd]

_HOW = {
    "ended": Ended.BY_ITSELF,
    "complete": Ended.RESULT_COMPLETE,
    "limit": Ended.LIMIT,
    "stopped": Ended.SERVER_GONE,
    "fenced_off": Ended.FENCED_OFF,
}


@dataclass(frozen=True)
class ContainerRunner:
    """Runs the client in a container of its own for each load point.

    Attributes:
        client: of the Docker Engine on which the server runs.
        endpoint: the server's, as the Docker launcher made it.
        run, slot, attempt: whose clients they are.
        cpus: cores of the engine's host that the client may use; all if empty.
        should_stop: True once the server is gone.
        is_current: False once a newer attempt has entered.
        through: makes the call; an operator takes it through its provider's path.
        environ: what of this host may be of use inside, proxies for one.
    """

    client: "APIClient"
    endpoint: Endpoint
    settings: Settings
    run_key: str
    slot: int
    attempt: int
    cpus: tuple[int, ...] = ()
    should_stop: Callable[[], bool] = field(default=lambda: False)
    is_current: Callable[[], bool] = field(default=lambda: True)
    through: Callable[[ClientCall], ClientEnd] = field(default=lambda call: call())
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def surroundings(self, endpoint: Endpoint, task: Task, own: Path) -> Surroundings:
        """Those of a container on the server's network."""
        base_url = str(endpoint.handle["inside_url"])
        return in_container(base_url, task, own, self.settings, self.environ)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        around: Surroundings,
        output: ClientOutput,
        limit_s: float,
        complete: Callable[[], bool],
    ) -> Ending:
        """Run one client to its end; what it left is in ``around.own``.

        Raises:
            TrialFailed: as ``run_to_end`` does.
        """
        order = self._order(argv, env, around)
        end = self.through(
            lambda: run_to_end(
                self.client,
                order,
                limit_s=limit_s,
                feed=output.feed,
                complete=complete,
                should_stop=self.should_stop,
            )
        )
        how = _HOW[end.why]
        if how is Ended.BY_ITSELF and complete():
            return Ending(Ended.RESULT_COMPLETE, None, end.seconds)
        return Ending(how, end.exit_code, end.seconds)

    def doubts(self) -> Mapping[ValidityFlag, str]:
        """None: the client has cores of its own, or there are only so many."""
        return {}

    def _order(
        self, argv: Sequence[str], env: Mapping[str, str], around: Surroundings
    ) -> ClientOrder:
        host = self.settings.docker_host(str(self.endpoint.handle["host"]))
        return ClientOrder(
            engine=host.url,
            installation=self.settings.installation,
            run=self.run_key,
            slot=self.slot,
            attempt=self.attempt,
            trial_id=self.endpoint.trial_id,
            image=self.settings.client_image,
            argv=tuple(argv),
            env=env,
            network=str(self.endpoint.handle["network"]),
            cpus=self.cpus,
            # The client's own log file, a link to nothing, is in the folder.
            put={POINT_INSIDE: None, POINT_INSIDE / "log": around.own / "log", **around.bring},
            fetch=POINT_INSIDE / RAW_FOLDER,
            into=around.own / RAW_FOLDER,
            is_current=self.is_current,
        )
