"""genai-bench in a pod beside the server, as the benchmark's port wants it."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from airtune.benchmark.client import RAW_FOLDER
from airtune.benchmark.output import ClientOutput
from airtune.benchmark.runner import Ended, Ending
from airtune.benchmark.surroundings import Surroundings, in_container
from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.client_call import ClientCall
from airtune.launchers.kubernetes.client_pod import (
    CONTAINER,
    POINT,
    SIDE_CAR_IMAGE,
    ClientPodOrder,
)
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.isolation import isolated
from airtune.launchers.kubernetes.pods import pods_of
from airtune.launchers.kubernetes.refusal import failure_of
from airtune.records import Endpoint, ValidityFlag
from airtune.settings import Settings
from airtune.task import Task
from airtune.task.kubernetes import KubernetesOptions

_HOW = {
    "ended": Ended.BY_ITSELF,
    "complete": Ended.RESULT_COMPLETE,
    "limit": Ended.LIMIT,
    "stopped": Ended.SERVER_GONE,
    "fenced_off": Ended.FENCED_OFF,
}
_LAST_RESORT_S = 600
"""Beyond all other limits: only then does the cluster itself end a client that nobody ended."""


@dataclass(frozen=True)
class PodRunner:
    """Runs the client in a pod of its own for each load point.

    Attributes:
        api: the cluster in which the server runs.
        endpoint: the server's, as a cluster's launcher made it.
        where: the cluster, for texts.
        options: what the task asks of pods.
        run_key, slot, attempt: whose clients they are.
        pending_limit_s: for a node and the images of a client.
        through: makes the call; an operator takes it through its provider's path.
        should_stop: True once the server is gone.
        is_current: False once a newer attempt has entered.
        environ: what of this host may be of use inside, proxies for one.
    """

    api: ClusterApi
    endpoint: Endpoint
    settings: Settings
    where: str
    options: KubernetesOptions
    run_key: str
    slot: int
    attempt: int
    pending_limit_s: float
    through: Callable[[ClientCall], None]
    should_stop: Callable[[], bool] = field(default=lambda: False)
    is_current: Callable[[], bool] = field(default=lambda: True)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    _doubts: dict[ValidityFlag, str] = field(default_factory=dict, init=False)

    def surroundings(self, endpoint: Endpoint, task: Task, own: Path) -> Surroundings:
        """Those of a pod of the server's cluster."""
        base_url = Handle.of(endpoint).inside_url
        return in_container(base_url, task, own, self.settings, self.environ, POINT)

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
            TrialFailed: as ``ClientCall`` does; what the API server refuses by its class.
        """
        call = ClientCall(
            self.api,
            self._order(argv, env, around, limit_s),
            limit_s,
            output.feed,
            complete,
            self.should_stop,
        )
        try:
            self._through(call)
        except ApiRefused as error:
            raise TrialFailed(failure_of(error, self.where)) from error
        end = call.end
        if end is None:
            raise AssertionError("a call that raises nothing has come to an end")
        how = _HOW[end.why]
        if how is Ended.BY_ITSELF and complete():
            return Ending(Ended.RESULT_COMPLETE, None, end.seconds)
        return Ending(how, end.exit_code, end.seconds)

    def doubts(self) -> Mapping[ValidityFlag, str]:
        """Whether the last client shared the server's node."""
        return self._doubts

    def _through(self, call: ClientCall) -> None:
        self._doubts.clear()
        try:
            self.through(call)
            self._look_for_doubts(call)
        finally:
            call.remove()

    def _look_for_doubts(self, call: ClientCall) -> None:
        handle = Handle.of(self.endpoint)
        servers = []
        with suppress(ApiRefused):  # the figures are there; where they come from is a side matter
            servers = pods_of(self.api, handle)
        for server in servers if call.pod else ():
            if why := isolated(server, handle.container, call.pod or {}, CONTAINER):
                self._doubts[ValidityFlag.SHARED_HOST] = why

    def _order(
        self, argv: Sequence[str], env: Mapping[str, str], around: Surroundings, limit_s: float
    ) -> ClientPodOrder:
        # The API server keeps what stands in a manifest, and whoever may read pods can read it.
        open_env = {name: value for name, value in env.items() if name != "HF_TOKEN"}
        return ClientPodOrder(
            server=Handle.of(self.endpoint),
            installation=self.settings.installation,
            run=self.run_key,
            slot=self.slot,
            attempt=self.attempt,
            trial_id=self.endpoint.trial_id,
            image=self.settings.client_image,
            helper_image=self.settings.cluster.xcom_image or SIDE_CAR_IMAGE,
            argv=tuple(argv),
            env=open_env,
            options=self.options,
            # The client's own log file, a link to nothing, is in the folder.
            put={POINT: None, POINT / "log": around.own / "log", **around.bring},
            fetch=POINT / RAW_FOLDER,
            into=around.own / RAW_FOLDER,
            pending_limit_s=self.pending_limit_s,
            deadline_s=int(self.pending_limit_s + limit_s) + _LAST_RESORT_S,
            hub_token=env.get("HF_TOKEN"),
            is_current=self.is_current,
        )
