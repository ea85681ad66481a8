"""Plan refuses a Docker host whose servers the worker could never reach."""

import json
from pathlib import Path

import pytest

from airtune.errors import Problem, TaskError
from airtune.operators.preflight import check_docker
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.task import read_task
from airtune.testing.fake_task import fake_task


def _problems(home: Path, url: str, **more: str) -> list[Problem]:
    values = {
        "AIRTUNE_HOME": str(home),
        "AIRTUNE_DOCKER_HOSTS": json.dumps({"far": {"url": url, "devices": "fake0", **more}}),
    }
    settings = Settings.load(values)
    task = read_task(fake_task("t", parameters={"random_seed": [1]}, deployment_mode="docker"))
    plan = make_plan(task, settings, host="far")
    with pytest.raises(TaskError) as caught:  # the tokenizer is missing in any case
        check_docker(task, plan, settings, settings.docker_host("far"))
    return [p for p in caught.value.problems if p.path == "AIRTUNE_DOCKER_HOSTS"]


def test_a_port_on_another_hosts_loopback_is_refused_with_the_fix(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path, "tcp://gpu7:2376")
    assert problem.value == "tcp://gpu7:2376"
    assert '"publish"' in problem.fix


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("tcp://gpu7:2376", {"publish": "10.0.0.7"}),
        ("tcp://proxy:2375", {"network": "airtune"}),
        ("tcp://127.0.0.1:2375", {}),
        ("unix:///var/run/docker.sock", {}),
    ],
)
def test_what_the_worker_can_reach_is_let_through(
    tmp_path: Path, url: str, more: dict[str, str]
) -> None:
    assert _problems(tmp_path, url, **more) == []


@pytest.mark.parametrize(
    ("root", "name"),
    [
        ("/", "etc"),
        ("/var/run", "docker.sock"),
        ("/srv/../run", "x"),
        ("/", "var"),
        ("//run", "x"),
        ("/srv/engine", "docker.sock"),
        ("/", "srv"),
    ],
)
def test_a_folder_that_holds_the_engines_socket_or_the_system_is_never_mounted(
    tmp_path: Path, root: str, name: str
) -> None:
    assert _folders(tmp_path, root, name, allowed="/") == ["model.root"]


@pytest.mark.parametrize(
    "root", ["/mnt/data/models", "/mnt/data/models/team", "/srv/models", "/srv/models/../models"]
)
def test_folders_that_are_named_and_those_below_are_let_through(tmp_path: Path, root: str) -> None:
    assert _folders(tmp_path, root, "llama") == []


@pytest.mark.parametrize("root", ["/home", "/mnt/data", "/mnt/data/models/../secrets", "/srv"])
def test_a_task_cannot_have_any_other_folder_mounted(tmp_path: Path, root: str) -> None:
    assert _folders(tmp_path, root, "llama") == ["model.root"]


def _folders(home: Path, root: str, name: str, allowed: str = "/srv/models") -> list[str]:
    """Which complaints there are of ``model.root``."""
    settings = Settings.load(
        {
            "AIRTUNE_HOME": str(home),
            "AIRTUNE_DOCKER_HOST": "unix:///srv/engine/docker.sock",
            "AIRTUNE_MODEL_ROOTS": allowed,
        }
    )
    changes = {"deployment_mode": "docker", "model": {"name": name, "root": root}}
    task = read_task(fake_task("t", parameters={"random_seed": [1]}, **changes))
    with pytest.raises(TaskError) as caught:
        check_docker(task, make_plan(task, settings), settings, settings.docker_host())
    return [p.path for p in caught.value.problems if p.path == "model.root"]
