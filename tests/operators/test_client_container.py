"""The container way behind the benchmark's port, on a Docker Engine in memory."""

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.benchmark.samples import FIXTURES, POINT, a_task, some_settings
from tests.launchers.docker.client_engine import IMAGE, ClientEngine

from airtune.benchmark.run import measure
from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.operators.client_container import ContainerRunner
from airtune.operators.slot_task import Killed
from airtune.processes.place import Place
from airtune.records import Endpoint, FailureClass, Measurement
from airtune.testing.fake_docker import api_error
from airtune.testing.fake_docker_container import FakeContainer

RESULT = FIXTURES / "D32_16_text-to-text_num_concurrency_1_time_6s.json"
ENDPOINT = Endpoint(
    base_url="http://127.0.0.1:41234", model_name="tiny", trial_id=7,
    handle={"host": "", "inside_url": "http://server:8000", "network": "net1"},
)  # fmt: skip


def _finish(engine: ClientEngine, container: FakeContainer) -> None:
    engine.left = {f"genai-bench/{RESULT.name}": RESULT.read_bytes()}
    container.write("Run for scenario D(32,16), num_concurrency 1 has finished after 6 seconds.")


def _finish_and_end(engine: ClientEngine, container: FakeContainer) -> None:
    engine.left = {f"genai-bench/{RESULT.name}": RESULT.read_bytes()}
    container.end(0, "done")


def _crash(engine: ClientEngine, container: FakeContainer) -> None:
    container.end(1, "Traceback (most recent call last):\nValueError: no luck")


def _hang(engine: ClientEngine, container: FakeContainer) -> None:
    container.write(f"client started with key {container.config['command'][6]}")


class Bench:
    """Measures one load point in the container way."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, list[str]()
        self.settings = replace(some_settings(folder), client_image=IMAGE, installation="t")

    def measure(
        self,
        engine: ClientEngine,
        limit_s: float = 20,
        api_key: str | None = None,
        token: str | None = None,
        **more: object,
    ) -> Measurement:
        owner = {"run_key": "dag/run", "slot": 2, "attempt": 5, "environ": {}}
        runner = ContainerRunner(engine, ENDPOINT, self.settings, **owner | more)  # type: ignore[arg-type]
        return measure(
            ENDPOINT, a_task(), POINT, folder=self.folder / "exp7",
            place=Place.of(self.folder / "run", "r", 0, 1), limit_s=limit_s,
            settings=self.settings, log=self.lines.append, runner=runner, api_key=api_key,
            token=token,
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("behave", [_finish, _finish_and_end])
def test_a_container_gives_the_measurement_that_a_process_gives(
    bench: Bench, behave: type[object]
) -> None:
    engine = ClientEngine(behave)  # type: ignore[arg-type]
    measurement = bench.measure(engine)
    assert (measurement.completed, measurement.requests) == (8, 8)
    assert measurement.scorable
    assert measurement.raw_file
    assert Path(measurement.raw_file).read_bytes() == RESULT.read_bytes()
    assert Measurement.model_validate(json.loads(measurement.model_dump_json())) == measurement
    assert not engine.made


def test_a_client_that_crashes_leaves_an_incomplete_load_point(bench: Bench) -> None:
    measurement = bench.measure(ClientEngine(_crash))
    assert not measurement.scorable
    assert measurement.notes["incomplete"] == (
        "The client left no result file (exit code 1; its last line: ValueError: no luck)."
    )


def test_the_limit_ends_the_client_in_its_container(bench: Bench) -> None:
    engine = ClientEngine(_hang)
    with pytest.raises(TrialFailed, match=r"not measured within 0\.3 s.*load_point_s") as caught:
        bench.measure(engine, limit_s=0.3)
    assert caught.value.failure.failure_class is FailureClass.BENCHMARK_TIMEOUT
    assert "client started" in caught.value.failure.log_tail
    assert not engine.made


def test_a_client_ends_with_its_server(bench: Bench) -> None:
    gone = threading.Event()
    threading.Timer(0.2, gone.set).start()
    began = time.monotonic()
    engine = ClientEngine(_hang)
    measurement = bench.measure(engine, should_stop=gone.is_set)
    assert time.monotonic() - began < 2
    assert "its server had stopped" in measurement.notes["incomplete"]
    assert not engine.made


def test_a_task_that_is_killed_leaves_no_client(bench: Bench) -> None:
    def killed() -> bool:
        raise Killed("the task was stopped")

    engine = ClientEngine(_hang)
    with pytest.raises(Killed):
        bench.measure(engine, should_stop=killed)
    assert not engine.made


def test_an_attempt_that_is_over_starts_no_client(bench: Bench) -> None:
    engine = ClientEngine(lambda engine, container: pytest.fail("started"))
    with pytest.raises(TrialFailed) as caught:
        bench.measure(engine, is_current=lambda: False)
    assert caught.value.failure.failure_class is FailureClass.CANCELLED
    assert not engine.made


def test_the_container_is_the_slots_own_and_has_what_it_needs_and_no_mount(bench: Bench) -> None:
    seen: list[FakeContainer] = []

    def look(engine: ClientEngine, container: FakeContainer) -> None:
        seen.append(container)
        _finish_and_end(engine, container)

    engine = ClientEngine(look)
    bench.measure(engine, cpus=(0, 3))
    (container,) = seen
    assert container.name == names.object_name("t", "dag/run", 2, "client")
    assert container.labels == names.labels_of("t", "dag/run", 2, 5, "client", trial="7")
    assert container.config["image"] == IMAGE
    assert container.config["entrypoint"] == ["genai-bench"]
    host = container.host_config
    assert (host["CpusetCpus"], host["NetworkMode"]) == ("0,3", "net1")
    assert not {"Binds", "Mounts", "Privileged", "PortBindings"} & set(host)
    assert engine.given["airtune/point"] == 0o777


def test_secrets_are_in_no_line_and_no_file(bench: Bench) -> None:
    def leak(engine: ClientEngine, container: FakeContainer) -> None:
        _hang(engine, container)
        key = container.config["environment"]["HF_TOKEN"].encode()
        engine.left = {"genai-bench/experiment_metadata.json": b"sk-very-secret " + key}
        container.end(1)

    bench.measure(ClientEngine(leak), api_key="sk-very-secret", token="hf_secret")
    assert "client started with key ***" in bench.lines
    files = [path for path in bench.folder.rglob("*") if path.is_file()]
    assert files
    content = b"".join(path.read_bytes() for path in files) + "".join(bench.lines).encode()
    assert b"secret" not in content
    assert b"*** ***" in content


def test_an_engine_that_goes_away_is_infrastructure(bench: Bench) -> None:
    def go(engine: ClientEngine, container: FakeContainer) -> None:
        engine.refusals["inspect_container"] = api_error(500, "the engine is shutting down")
        container.end(137)

    with pytest.raises(TrialFailed, match="the engine is shutting down") as caught:
        bench.measure(ClientEngine(go))
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_missing_image_is_named_with_the_fix(bench: Bench) -> None:
    engine = ClientEngine(_finish)
    engine.refusals["create_container"] = _no_image()
    with pytest.raises(TrialFailed, match=r"docker/genai-bench\.Dockerfile.*AIRTUNE_CLIENT_IMAGE"):
        bench.measure(engine)


def _no_image() -> Exception:
    engine = ClientEngine(_finish)
    with pytest.raises(Exception, match="nowhere") as caught:
        engine.inspect_image("nowhere")
    return caught.value


def test_a_client_of_this_attempt_that_was_left_gives_its_name_up(bench: Bench) -> None:
    engine = ClientEngine(_finish_and_end)
    name = names.object_name("t", "dag/run", 2, "client")
    labels = names.labels_of("t", "dag/run", 2, 4, "client", trial="7")
    engine.create_container(IMAGE, name=name, labels=labels)
    assert bench.measure(engine).scorable


@pytest.mark.parametrize(
    ("labels", "failure_class"),
    [
        ({}, FailureClass.INFRASTRUCTURE),
        (names.labels_of("t", "dag/run", 2, 6, "client"), FailureClass.CANCELLED),
        (names.labels_of("other", "dag/run", 2, 5, "client"), FailureClass.INFRASTRUCTURE),
    ],
)
def test_what_is_not_this_attempts_to_remove_is_left_alone(
    bench: Bench, labels: dict[str, str], failure_class: FailureClass
) -> None:
    engine = ClientEngine(_finish)
    engine.create_container(
        IMAGE, name=names.object_name("t", "dag/run", 2, "client"), labels=labels
    )
    with pytest.raises(TrialFailed) as caught:
        bench.measure(engine)
    assert caught.value.failure.failure_class is failure_class
    assert len(engine.made) == 1
