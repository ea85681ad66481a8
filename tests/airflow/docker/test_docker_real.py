"""llama.cpp in a container, measured by the real genai-bench in both ways, under Airflow."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.airflow.docker.conftest import DockerSite

from airtune.records import TrialState
from airtune.testing.docker_images import build

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.docker,
    pytest.mark.timeout(900),
]

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "docker_llamacpp.json"
WAYS = ("cli", "container")


@pytest.fixture(scope="module")
def cpu_site(docker_site: DockerSite) -> Iterator[DockerSite]:
    """The same Airflow, with the DAG of the engine that has a core."""
    site = docker_site.site
    api = site.api.of("autotune_docker__cpu")
    yield DockerSite(type(site)(api, site.settings, site.stack), docker_site.client)
    api.close()


@pytest.fixture(scope="module")
def real(cpu_site: DockerSite) -> dict[str, dict[str, Any]]:
    """Finished runs of a small version of the example by way, each with an inspected server."""
    build("airtune/llama-cpp:latest")
    build("airtune/genai-bench:0.0.5")
    for way in WAYS:
        task = json.loads(EXAMPLE.read_text())
        task |= {"task_name": f"docker-real-{way}", "parameters": {"parallel": [2]}}
        task.pop("linked", None)
        task["benchmark"] |= {
            "client": way,
            "traffic_scenarios": ["D(16,8)"],
            "num_concurrency": [2],
            "max_requests_per_iteration": 10,
        }
        cpu_site.api.trigger({"task": task}, way)
    seen: dict[str, dict[str, Any]] = {}
    cpu_site.api.until(lambda: _inspect(cpu_site, seen), 700, "the servers of both runs")
    for way in WAYS:
        assert cpu_site.api.wait(way, timeout_s=800) == "success", way
    return seen


def _inspect(site: DockerSite, seen: dict[str, dict[str, Any]]) -> bool:
    """Keep what docker inspect shows of each run's searched configuration; True with both."""
    for run in WAYS:
        plan = site.api.task(run, "plan")
        if plan is not None and plan["state"] == "success":
            server = site.server(run, site.site.slot(run, parallel=2))
            seen |= {run: server} if server else {}
    return len(seen) == len(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_every_configured_parameter_is_in_the_containers_command(
    cpu_site: DockerSite, real: dict[str, Any], way: str
) -> None:
    command = real[way]["Config"]["Cmd"]
    assert command[command.index("--parallel") + 1] == "2"
    assert command[command.index("--ctx-size") + 1] == "2048"
    trial = cpu_site.site.trial(way, parallel=2)
    assert list(trial.argv)[-len(command) :] == command


@pytest.mark.parametrize("way", WAYS)
def test_a_cpu_engine_gets_the_cores_of_its_lease(real: dict[str, Any], way: str) -> None:
    assert real[way]["HostConfig"]["CpusetCpus"] == "1"
    environment = [word.partition("=")[0] for word in real[way]["Config"]["Env"]]
    assert "CUDA_VISIBLE_DEVICES" not in environment


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_published_beyond_this_host(real: dict[str, Any], way: str) -> None:
    published = [
        binding["HostIp"]
        for bindings in real[way]["HostConfig"]["PortBindings"].values()
        for binding in bindings
    ]
    assert set(published) == {"127.0.0.1"}


@pytest.mark.parametrize("way", WAYS)
def test_the_verdict_rests_on_real_requests(
    cpu_site: DockerSite, real: dict[str, Any], way: str
) -> None:
    trials = cpu_site.site.trials(way)
    assert len(trials) == 2
    for trial in trials:
        assert trial.state is TrialState.SUCCEEDED
        (point,) = trial.load_points
        assert point.completed >= 10
        assert point.output_tokens_mean == 8
        assert Path(str(point.raw_file)).exists()
        assert str(trial.identity["image_digest"]).startswith("sha256:")
    assert cpu_site.site.results(f"docker-real-{way}")["verdict"]["best"] is not None


def test_both_ways_make_the_same_kind_of_measurement(
    cpu_site: DockerSite, real: dict[str, Any]
) -> None:
    points = [cpu_site.site.trial(way, parallel=2).load_points[0] for way in WAYS]
    filled = [
        {name for name, value in point.model_dump().items() if value is not None}
        for point in points
    ]
    assert filled[0] == filled[1]
    assert points[0].input_tokens_mean == pytest.approx(points[1].input_tokens_mean, rel=0.1)


def test_the_first_trial_of_an_image_is_marked(cpu_site: DockerSite, real: dict[str, Any]) -> None:
    trials = [trial for way in WAYS for trial in cpu_site.site.trials(way)]
    first = min(trials, key=lambda trial: trial.trial_id)
    assert any(trial.identity["first_of_digest"] for trial in trials)
    assert not all(trial.identity["first_of_digest"] for trial in trials)
    marked = [trial for trial in trials if trial.identity["first_of_digest"]]
    assert all("first_of_digest" in trial.load_points[0].validity for trial in marked)
    assert first.study.startswith("docker-real-")


@pytest.mark.parametrize("way", WAYS)
def test_logs_are_kept_and_nothing_is_left(
    cpu_site: DockerSite, real: dict[str, Any], way: str
) -> None:
    for trial in cpu_site.site.trials(way):
        folder = cpu_site.site.settings.benchmark_dir / f"docker-real-{way}-exp{trial.trial_id}"
        assert (folder / "server.log").read_text()
        assert "docker run" in (folder / "reproduce.sh").read_text()
    assert cpu_site.left_of(way) == []
