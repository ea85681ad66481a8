"""genai-bench as OME's BenchmarkJob, as the benchmark's port wants it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airtune.benchmark.client import RAW_FOLDER
from airtune.benchmark.hub import TokenizerSource
from airtune.benchmark.output import ClientOutput
from airtune.benchmark.runner import Ended, Ending
from airtune.benchmark.surroundings import Surroundings, no_proxy
from airtune.launchers.kubernetes.access import place, reaching
from airtune.launchers.kubernetes.api import Api, ApiRefused
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.isolation import isolated
from airtune.launchers.kubernetes.pods import pods_of
from airtune.launchers.kubernetes.remove import Removal
from airtune.launchers.ome.benchmark_job import JobOrder, client_name
from airtune.launchers.ome.installed import ome_path
from airtune.launchers.ome.job_files import Execute
from airtune.launchers.ome.job_pod import JobPod
from airtune.launchers.ome.job_run import run_to_end
from airtune.launchers.ome.world import OmeWorld
from airtune.records import Endpoint, ValidityFlag
from airtune.settings import Settings
from airtune.task import Task

if TYPE_CHECKING:
    from airtune.benchmark.runner import Runner
    from airtune.operators.cluster_task import ClusterSlotTask
    from airtune.operators.slot import Slot
    from airtune.records import Lease

_HOW = {
    "ended": Ended.BY_ITSELF,
    "limit": Ended.LIMIT,
    "stopped": Ended.SERVER_GONE,
    "fenced_off": Ended.FENCED_OFF,
}
_SCENARIO, _CONCURRENCY = "--traffic-scenario", "--num-concurrency"


def job_runner(
    task_operator: "ClusterSlotTask", slot: "Slot", endpoint: Endpoint, lease: "Lease"
) -> "Runner":
    """The runner of a slot's BenchmarkJobs.

    Args:
        task_operator: connects to the cluster.
        lease: not looked at: OME places the client's pod.

    Raises:
        TrialFailed: ``infrastructure``: there is no way to the cluster.
    """
    from airtune.launchers.kubernetes.exec import run

    api = task_operator.api(slot)
    return JobRunner(
        api=api,
        execute=partial(run, api),
        endpoint=endpoint,
        task=slot.task,
        settings=slot.settings,
        run_key=slot.spec.run,
        slot=slot.spec.slot,
        attempt=slot.attempt,
        should_stop=lambda: slot.launcher.died(endpoint) is not None,
        is_current=slot.is_current,
    )


@dataclass(frozen=True)
class JobRunner:
    """Runs the client as a BenchmarkJob for each load point.

    OME makes the client's command line itself: of the one it is given here only the load point is
    taken. It sends the model's name ``vllm-model`` and takes the tokenizer from the model's
    folder; the backend, and with it the fixed length of answers, comes from PROTOCOL_VERSION of
    the InferenceService.

    Attributes:
        execute: runs a program in a pod.
        endpoint: the server's, as the OME launcher made it.
        run_key, slot, attempt: whose clients they are.
        should_stop: True once the server is gone.
        is_current: False once a newer attempt has entered.
    """

    api: Api
    execute: Execute
    endpoint: Endpoint
    task: Task
    settings: Settings
    run_key: str
    slot: int
    attempt: int
    should_stop: Callable[[], bool] = field(default=lambda: False)
    is_current: Callable[[], bool] = field(default=lambda: True)
    _doubts: dict[ValidityFlag, str] = field(default_factory=dict, init=False)

    def surroundings(self, endpoint: Endpoint, task: Task, own: Path) -> Surroundings:
        """Those of OME's pod: the model's folder and the claim are mounted."""
        handle = Handle.of(endpoint)
        return Surroundings(
            command=("genai-bench", "benchmark"),
            base_url=handle.inside_url,
            own=own,
            folder=Path("/", self._inside, self._leaf(own)),
            tokenizer=TokenizerSource(self._model_folder(), True),
            environment=no_proxy(handle.inside_url, {}),
        )

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
        """Run one BenchmarkJob to its end; what it left is in ``around.own``.

        Raises:
            TrialFailed: as ``run_to_end`` does, or the API server refused something.
        """
        order = self.order(argv, env, around)
        output.feed(b"OME's BenchmarkJob runs it, with a command line of its own.\n")
        handle = Handle.of(self.endpoint)
        world, namespace = OmeWorld(self.settings), handle.namespace
        removal = Removal(self.api, world, self.settings, namespace, self.run_key, self.slot)
        with reaching(place(self.settings, handle.kubeconfig)):
            end = run_to_end(
                self.api,
                removal,
                order,
                execute=self.execute,
                limit_s=limit_s,
                feed=output.feed,
                should_stop=self.should_stop,
            )
        self._look_for_doubts(end.pod)
        how = _HOW[end.why]
        if how is Ended.BY_ITSELF and complete():
            return Ending(Ended.RESULT_COMPLETE, None, end.seconds)
        return Ending(how, end.exit_code, end.seconds)

    def doubts(self) -> Mapping[ValidityFlag, str]:
        """Whether the last client shared the server's node."""
        return self._doubts

    def _look_for_doubts(self, client: JobPod | None) -> None:
        self._doubts.clear()
        handle = Handle.of(self.endpoint)
        servers = []
        if client is None:
            return
        with suppress(ApiRefused):  # the figures are there; where they come from is a side matter
            servers = pods_of(self.api, handle)
        for server in servers:
            if why := isolated(server, handle.container, client.pod, client.container):
                self._doubts[ValidityFlag.SHARED_HOST] = why

    def order(self, argv: Sequence[str], env: Mapping[str, str], around: Surroundings) -> JobOrder:
        """The load point of ``argv`` as a BenchmarkJob."""
        benchmark, options, limits = self.task.benchmark, self.task.kubernetes, self.task.timeouts
        claim = self.task.ome.output_claim
        if claim is None:  # refused by the task's checks
            raise ValueError("A BenchmarkJob needs ome.output_claim.")
        return JobOrder(
            server=Handle.of(self.endpoint),
            installation=self.settings.installation,
            run=self.run_key,
            slot=self.slot,
            attempt=self.attempt,
            trial_id=self.endpoint.trial_id,
            task=benchmark.task,
            scenario=_value(argv, _SCENARIO),
            concurrency=int(_value(argv, _CONCURRENCY)),
            minutes=benchmark.max_time_per_iteration,
            requests=benchmark.max_requests_per_iteration,
            claim=claim.claim,
            inside=self._inside,
            leaf=self._leaf(around.own),
            folder=RAW_FOLDER,
            into=around.own / RAW_FOLDER,
            image=self.settings.client_image,
            env=env,
            client=options.client,
            capacity_limit_s=float(limits.capacity_s),
            pull_limit_s=float(limits.pull_s),
            is_current=self.is_current,
        )

    @property
    def name(self) -> str:
        """The BenchmarkJob's, the same for all points and attempts of the slot."""
        return client_name(self.settings.installation, self.run_key, self.slot)

    @property
    def _inside(self) -> str:
        claim = self.task.ome.output_claim
        return ((claim and claim.sub_path) or "").strip("/")

    def _leaf(self, own: Path) -> str:
        """Never used before: a point's folder is new each time, and an attempt's number, too."""
        return f"{self.name}-{self.attempt}-{own.name}"

    def _model_folder(self) -> str:
        kind, name = self.task.ome.model_kind, self.task.model.name
        with reaching(place(self.settings, Handle.of(self.endpoint).kubeconfig)):
            model = self.api.get(ome_path(kind, self.task.model.namespace, name))
        return str((model["spec"].get("storage") or {}).get("path") or "")


def _value(argv: Sequence[str], flag: str) -> str:
    return argv[list(argv).index(flag) + 1]
