"""The ``docker run`` of a trial says what the launcher did."""

import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.results.docker_samples import SETTINGS, a_docker_task, a_docker_trial

from airtune.engines import get_engine
from airtune.launchers.docker.spec import container_spec
from airtune.launchers.launcher import Order
from airtune.launchers.probe import Readiness
from airtune.records import Trial, parse_devices
from airtune.results.start_command import start_command
from airtune.study.servers import Servers, model_path
from airtune.task import Task

GGUF = {"engine": "llama_cpp", "model": {"name": "tiny.gguf", "root": "/data"}}


def words(trial: Trial, task: Task) -> list[str]:
    """The command as a shell takes it apart."""
    command = start_command(trial, task, SETTINGS)
    assert command is not None
    return shlex.split(command)


def options(found: list[str]) -> dict[str, list[str]]:
    """Option → its values, up to the image."""
    named: dict[str, list[str]] = {}
    for name, value in pairwise(found):
        if name.startswith("-"):
            named.setdefault(name, []).append(value)
        if name == "--entrypoint":
            break
    return named


def test_the_launch_command_is_a_complete_docker_run() -> None:
    assert start_command(a_docker_trial(), a_docker_task(), SETTINGS) == (
        "docker run -d --init --name smol-exp3 --gpus '\"device=0,1\"' --shm-size 16g "
        "--ulimit memlock=-1 --ulimit stack=67108864 -p 127.0.0.1:8000:8000 "
        "-v /mnt/data/models/llama:/model:ro --entrypoint python3 lmsysorg/sglang:latest "
        "-m sglang.launch_server --model-path /model --port 8000"
    )


def test_limits_of_the_task_are_in_it() -> None:
    container = {"shm_size": "1g", "memory": "64g", "ulimits": {"nofile": 9}, "ipc": "shareable"}
    found = options(words(a_docker_trial(), a_docker_task(container=container)))
    assert found["--memory"] == found["--memory-swap"] == ["64g"]
    assert (found["--shm-size"], found["--ulimit"]) == (["1g"], ["nofile=9"])
    assert found["--ipc"] == ["shareable"]


def test_of_the_hosts_shared_memory_no_size_is_said() -> None:
    found = options(words(a_docker_trial(), a_docker_task(container={"ipc": "host"})))
    assert found["--ipc"] == ["host"]
    assert "--shm-size" not in found


@pytest.mark.parametrize(
    ("model", "mount"),
    [
        ({"name": "llama"}, ["/mnt/data/models/llama:/model:ro"]),
        ({"name": "llama", "root": "/data/"}, ["/data/llama:/model:ro"]),
        ({"name": "x", "id_or_path": "folder"}, ["/mnt/data/models/folder:/model:ro"]),
        ({"name": "a b"}, ["/mnt/data/models/a b:/model:ro"]),
        ({"id_or_path": "org/llama"}, ["airtune-hub:/root/.cache/huggingface"]),
        ({"name": "x", "in_image": "/models/x"}, []),
    ],
)
def test_the_model_is_mounted_as_it_was(model: dict[str, Any], mount: list[str]) -> None:
    assert options(words(a_docker_trial(), a_docker_task(model=model))).get("-v", []) == mount


def test_a_cpu_engine_gets_its_cores_and_no_gpu() -> None:
    trial = a_docker_trial(devices=("cpu6", "cpu2-5"), argv=("llama-server", "--port", "8000"))
    found = words(trial, a_docker_task(**GGUF))
    assert options(found)["--cpuset-cpus"] == ["2-5,6"]
    assert "--gpus" not in found
    assert "--ulimit" not in found
    assert "/data/tiny.gguf:/model/tiny.gguf:ro" in found


def test_on_another_host_its_address_and_its_own_device_numbers_are_named() -> None:
    found = options(words(a_docker_trial(devices=("gpu7/gpu5",)), a_docker_task()))
    assert found["--gpus"] == ['"device=5"']
    assert found["-p"] == ["10.0.0.7:8000:8000"]


def test_a_device_that_no_inventory_knows_any_more_is_left_out() -> None:
    assert "--gpus" not in words(a_docker_trial(devices=("gone/tpu",)), a_docker_task())


def test_secrets_are_named_and_never_written() -> None:
    task = a_docker_task(env={"A": "b c"}, model={"id_or_path": "org/llama"})
    argv = ("python3", "--api-key", "hunter2")
    command = start_command(a_docker_trial(argv=argv), task, SETTINGS)
    assert command is not None
    assert "-e A='b c' -e HF_TOKEN " in command
    assert command.endswith('lmsysorg/sglang:latest --api-key "${AIRTUNE_API_KEY:-no-key}"')
    assert "hunter2" not in command


def test_a_trial_that_never_started_has_no_command() -> None:
    assert start_command(a_docker_trial(argv=()), a_docker_task(), SETTINGS) is None


@pytest.mark.parametrize(
    ("fields", "devices"),
    [
        ({}, "gpu0,gpu2"),
        ({"container": {"shm_size": "2g", "memory": "4g", "ulimits": {"nofile": 99}}}, "gpu0"),
        ({"model": {"id_or_path": "org/llama"}, "container": {"ipc": "host"}}, "fake0"),
        (GGUF, "cpu1,cpu2-5"),
        (GGUF | {"container": {"ulimits": {"memlock": -1}}}, "cpu1"),
    ],
)
def test_it_asks_docker_for_what_the_launcher_asks_for(
    tmp_path: Path, fields: dict[str, Any], devices: str
) -> None:
    task, held = a_docker_task(**fields), parse_devices(devices)
    made = container_spec(_order(task, held, tmp_path), SETTINGS.docker_host(), SETTINGS, digest="")
    names = tuple(device.name for device in held)
    entrypoint = made.create["entrypoint"] or ["llama-server"]
    trial = a_docker_trial(argv=(*entrypoint, *made.create["command"]), devices=names)
    found = words(trial, task)
    said = options(found)

    host = made.host
    gpus = host.get("device_requests", [{"DeviceIDs": []}])[0]["DeviceIDs"]
    limits = {f"{limit['Name']}={limit['Soft']}" for limit in host.get("ulimits", [])}
    mounts = {m["Target"]: (m["Source"], m["ReadOnly"] or False) for m in host["mounts"]}
    cache = mounts.pop("/root/.cache", None)  # of compiled kernels, said to be left out
    assert (cache is None) is (task.engine == "llama_cpp")
    assert said.get("--gpus", []) == ([f'"device={",".join(gpus)}"'] if gpus else [])
    assert said.get("--cpuset-cpus", [None]) == [host.get("cpuset_cpus")]
    assert said.get("--shm-size", [None]) == [host.get("shm_size")]
    assert said.get("--memory", [None]) == [host.get("mem_limit")]
    assert said.get("--memory-swap", [None]) == [host.get("memswap_limit")]
    assert said.get("--ipc", ["private"]) == [host["ipc_mode"]]
    assert set(said.get("--ulimit", [])) == limits
    assert {text.split(":")[1]: text for text in said.get("-v", [])} == {
        target: f"{source}:{target}" + (":ro" if read_only else "")
        for target, (source, read_only) in mounts.items()
    }
    assert ("--init" in found) is host["init"]
    at = found.index("--entrypoint")
    assert found[at + 1 :] == [entrypoint[0], made.create["image"], *made.create["command"]]


def _order(task: Task, devices: Any, folder: Path) -> Order:
    server = Servers(task, get_engine(task.engine), {}, model_path(task, SETTINGS)).server({})
    return Order(
        run="d/1",
        slot=0,
        attempt=1,
        generation=0,
        server=server,
        model=task.model,
        container=task.container,
        readiness=Readiness(health_path="/health", model_name="x", prompt_tokens=1, max_tokens=1),
        devices=devices,
        log=folder / "server.log",
        start_limit_s=1.0,
        pull_limit_s=1.0,
    )
