"""From a run's conf to a task."""

import json
from pathlib import Path
from typing import Any

import pytest

from airtune.errors import TaskError
from airtune.operators.request import KEYS, requested_task
from airtune.settings import Settings
from airtune.testing.fake_task import fake_task


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "examples"
    folder.mkdir()
    task = fake_task("from-file", parameters={"random_seed": [1, 2]})
    (folder / "task.json").write_text(json.dumps(task))
    (tmp_path / "secret.json").write_text(json.dumps(task))
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    return Settings.load({"AIRTUNE_HOME": str(tmp_path)})


def _requested(settings: Settings, **conf: Any) -> Any:
    params = dict.fromkeys(KEYS) | conf
    return requested_task(conf, params, "local", settings)


def test_a_task_may_be_sent_inline(settings: Settings) -> None:
    task = fake_task("inline", parameters={"random_seed": [1]})
    assert _requested(settings, task=task).task_name == "inline"


def test_a_task_may_be_named_as_a_file_of_an_allowed_folder(settings: Settings) -> None:
    assert _requested(settings, task_file="task.json").task_name == "from-file"


@pytest.mark.parametrize("name", ["../secret.json", "link.json", "/etc/passwd"])
def test_a_file_outside_the_allowed_folders_is_refused(settings: Settings, name: str) -> None:
    with pytest.raises(TaskError):
        _requested(settings, task_file=name)


def test_scalars_override_the_task(settings: Settings) -> None:
    task = _requested(settings, task_file="task.json", max_iterations=7, rerun=True)
    assert task.optimization.max_iterations == 7
    assert task.rerun


def test_an_override_does_not_change_the_task_that_was_sent(settings: Settings) -> None:
    sent = fake_task("inline", parameters={"random_seed": [1]})
    before = json.dumps(sent)
    _requested(settings, task=sent, max_iterations=3)
    assert json.dumps(sent) == before


def test_an_unknown_key_is_refused_with_the_nearest_one(settings: Settings) -> None:
    with pytest.raises(TaskError, match="Did you mean 'task_file'"):
        _requested(settings, taskfile="task.json")


def test_no_task_at_all_says_what_to_send(settings: Settings) -> None:
    with pytest.raises(TaskError, match="task_file"):
        _requested(settings)


def test_two_tasks_are_refused(settings: Settings) -> None:
    with pytest.raises(TaskError, match="Send only one"):
        _requested(settings, task={"task_name": "x"}, task_file="task.json")


def test_a_task_of_another_launcher_is_refused(settings: Settings) -> None:
    task = fake_task("inline", parameters={"random_seed": [1]}, deployment_mode="docker")
    with pytest.raises(TaskError, match="docker"):
        _requested(settings, task=task)


def test_the_model_path_of_docker_can_be_given_with_the_run(settings: Settings) -> None:
    model = {"name": "llama", "root": "/mnt/data/models"}
    task = fake_task(
        "inline", parameters={"random_seed": [1]}, deployment_mode="docker", model=model
    )
    conf = {"task": task, "model_path": "/data/models"}
    params = dict.fromkeys(KEYS) | conf
    assert requested_task(conf, params, "docker", settings).model.root == "/data/models"
    assert model["root"] == "/mnt/data/models"


def test_a_model_path_where_none_is_mounted_is_refused(settings: Settings) -> None:
    with pytest.raises(
        TaskError, match=r"model\.root.*is for Docker and Kubernetes, and this task"
    ):
        _requested(settings, task_file="task.json", model_path="/data/models")


@pytest.mark.parametrize(
    ("launcher", "conf"),
    [
        ("docker", {"model_path": "/data", "client": "container"}),
        ("kubernetes", {"model_path": "/data", "kubeconfig": "/etc/lab", "namespace": "team"}),
        ("kubernetes", {"client": "cli"}),
        ("ome", {"kubeconfig": "/etc/lab", "namespace": "team", "client": "container"}),
    ],
)
def test_what_the_seeds_command_line_could_say_can_be_said_with_the_run(
    settings: Settings, launcher: str, conf: dict[str, str]
) -> None:
    task = fake_task(
        "inline",
        parameters={"random_seed": [1]},
        deployment_mode=launcher,
        model={"name": "llama"},
        base_runtime="sglang",
    )
    params = dict.fromkeys(KEYS) | conf | {"task": task}
    read = requested_task(conf | {"task": task}, params, launcher, settings)
    said = {
        "model_path": read.model.root,
        "namespace": read.model.namespace,
        "kubeconfig": read.kubernetes.kubeconfig,
        "client": read.benchmark.client,
    }
    assert {key: said[key] for key in conf} == conf


def test_the_benchmark_job_can_be_chosen_with_the_run(settings: Settings) -> None:
    task = fake_task(
        "inline",
        parameters={"random_seed": [1]},
        deployment_mode="ome",
        base_runtime="llama-sglang",
        model={"name": "llama"},
        ome={"output_claim": {"claim": "results"}},
    )
    conf = {"task": task, "client": "benchmark_job"}
    read = requested_task(conf, dict.fromkeys(KEYS) | conf, "ome", settings)
    assert read.benchmark.client == "benchmark_job"


def test_an_override_of_what_is_no_object_is_told_as_the_tasks_fault(settings: Settings) -> None:
    task = fake_task("inline", parameters={"random_seed": [1]}, optimization="grid")
    with pytest.raises(TaskError, match=r"optimization.*is not an object"):
        _requested(settings, task=task, max_iterations=3)


@pytest.fixture
def sweeps(settings: Settings) -> Settings:
    settings.sweep_dir.mkdir()
    task = fake_task("night", parameters={"random_seed": [1, 2]}, schedule="@daily")
    (settings.sweep_dir / "night.json").write_text(json.dumps(task))
    return settings


def test_a_sweep_runs_its_own_file_with_scalars_overridden(sweeps: Settings) -> None:
    conf = {"max_iterations": 1}
    task = requested_task(conf, conf, "local", sweeps, sweep="night.json")
    assert task.task_name == "night"
    assert task.optimization.max_iterations == 1


@pytest.mark.parametrize("conf", [{"task": {"task_name": "x"}}, {"task_file": "task.json"}])
def test_a_sweep_cannot_be_asked_for_another_task(sweeps: Settings, conf: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match="unknown key"):
        requested_task(conf, conf, "local", sweeps, sweep="night.json")
