from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.launchers.docker.orders import CPU, FAKE, GPUS, order, server

from airtune.launchers.docker import names
from airtune.launchers.docker.spec import ContainerSpec, container_spec, cpuset_of
from airtune.launchers.launcher import Order
from airtune.records import Device, ServerSpec
from airtune.settings import DockerHost, Settings
from airtune.task.container import ContainerOptions
from airtune.task.model import Model

DIGEST = "sha256:0123456789abcdef"
HUB = Model(name="m", id_or_path="org/m")
LLAMA = ServerSpec(
    engine="llama_cpp",
    image="airtune/llama-cpp:latest",
    program=("llama-server",),
    arguments=("--model", "/model/m.gguf", "--port", "{port}"),
    model_name="m",
)


@pytest.fixture
def make(tmp_path: Path, host: DockerHost, settings: Settings) -> Any:
    def made(spec: ServerSpec | None = None, **changes: Any) -> ContainerSpec:
        where = changes.pop("host", host)
        token = changes.pop("token", None)
        digest = changes.pop("digest", DIGEST)
        wanted: Order = order(tmp_path, spec, **changes)
        return container_spec(wanted, where, settings, digest=digest, token=token)

    return made


def test_every_argument_is_in_the_command_and_the_program_is_the_entrypoint(make: Any) -> None:
    create = make(server("--tp-size", "2")).create
    assert create["entrypoint"] == ["python3"]
    assert create["command"][:2] == ["-m", "sglang.launch_server"]
    assert create["command"][-4:] == ["--port", "8000", "--tp-size", "2"]


def test_llama_cpp_keeps_the_entrypoint_of_its_image_and_needs_no_compile_cache(make: Any) -> None:
    made = make(LLAMA, model=Model(name="m.gguf"))
    assert made.create["entrypoint"] is None
    assert made.create["command"] == ["--model", "/model/m.gguf", "--port", "8000"]
    [mount] = made.host["mounts"]
    assert (mount["Source"], mount["Target"]) == ("/srv/models/m.gguf", "/model/m.gguf")
    assert "TRITON_CACHE_DIR" not in made.create["environment"]


def test_gpus_are_asked_for_by_id_and_never_by_environment(make: Any) -> None:
    made = make(devices=GPUS)
    [request] = made.host["device_requests"]
    assert request["DeviceIDs"] == ["0", "1"]
    assert request["Capabilities"] == [["gpu"]]
    assert "CUDA_VISIBLE_DEVICES" not in made.create["environment"]
    assert {limit.name for limit in made.host["ulimits"]} == {"memlock", "stack"}
    assert "cpuset_cpus" not in made.host


def test_without_gpus_the_limits_for_gpus_are_not_asked_for_but_own_ones_are(make: Any) -> None:
    assert "ulimits" not in make(devices=CPU).host
    own = ContainerOptions(ulimits={"nofile": 4096})
    [limit] = make(container=own).host["ulimits"]
    assert (limit.name, limit.soft, limit.hard) == ("nofile", 4096, 4096)


def test_cpu_devices_pin_and_fake_ones_do_not(make: Any) -> None:
    assert make(devices=CPU).host["cpuset_cpus"] == "0-1"
    assert "cpuset_cpus" not in make(devices=FAKE).host


@given(st.sets(st.integers(0, 200), max_size=12))
def test_the_core_list_names_exactly_the_leased_cores(firsts: set[int]) -> None:
    devices = tuple(
        Device(name=f"cpu{i}", kind="cpu", indexes=tuple(range(3 * i, 3 * i + 1 + i % 3)))
        for i in firsts
    )
    named = set()
    for part in (cpuset_of(devices) or "").split(","):
        if part:
            low, _, high = part.partition("-")
            named |= set(range(int(low), int(high or low) + 1))
    assert named == {core for device in devices for core in device.indexes}


def test_a_memory_limit_has_no_swap_on_top(make: Any) -> None:
    limits = make(container=ContainerOptions(memory="2g")).host
    assert limits["mem_limit"] == limits["memswap_limit"] == "2g"
    assert "mem_limit" not in make().host


def test_ipc_of_the_host_brings_its_own_shared_memory(make: Any) -> None:
    assert make().host["shm_size"] == "64m"
    limits = make(container=ContainerOptions(ipc="host")).host
    assert limits["ipc_mode"] == "host"
    assert "shm_size" not in limits


def test_the_port_is_published_on_the_hosts_address_and_nowhere_in_a_network(
    make: Any, host: DockerHost
) -> None:
    assert make().host["port_bindings"] == {8000: ("127.0.0.1", None)}
    assert make(host=replace(host, publish="10.0.0.7")).host["port_bindings"][8000][0] == "10.0.0.7"
    shared = make(host=replace(host, network="airtune_default"))
    assert "port_bindings" not in shared.host
    assert shared.network == shared.host["network_mode"] == "airtune_default"


def test_a_model_folder_is_read_only_and_the_compile_cache_belongs_to_the_digest(
    make: Any,
) -> None:
    cache, model = make(model=Model(name="m", root="/data")).host["mounts"]
    assert (model["Source"], model["Target"], model["ReadOnly"]) == ("/data/m", "/model", True)
    assert cache["Source"] == "airtune-cache-0123456789ab"
    assert cache["Target"] == "/root/.cache"
    assert cache["VolumeOptions"]["Labels"] == {names.CACHE: DIGEST}


def test_a_model_in_the_image_mounts_nothing_of_the_host(make: Any) -> None:
    [cache] = make(model=Model(name="m", in_image="/models/m")).host["mounts"]
    assert cache["Type"] == "volume"


def test_a_hub_model_gets_cache_and_token_and_looks_nothing_up(make: Any) -> None:
    made = make(model=HUB, token="hf_secret")
    assert made.host["mounts"][1]["Target"] == "/root/.cache/huggingface"
    assert (
        made.create["environment"].items()
        >= {
            "HF_TOKEN": "hf_secret",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": "/root/.cache/huggingface",
        }.items()
    )
    assert "hf_secret" not in str(made.labels)
    assert "HF_TOKEN" not in make(token="hf_secret").create["environment"]


def test_a_tasks_environment_wins(make: Any) -> None:
    spec = server().model_copy(update={"env": {"HF_HUB_OFFLINE": "0"}})
    assert make(spec).create["environment"]["HF_HUB_OFFLINE"] == "0"


@pytest.mark.parametrize(
    "change",
    [
        {"spec": server("--tp-size", "2")},
        {"spec": server(ttft_ms=9)},
        {"devices": CPU},
        {"container": ContainerOptions(memory="1g")},
        {"model": HUB},
        {"digest": "sha256:ffff"},
    ],
    ids=["argument", "environment", "devices", "limit", "model", "digest"],
)
def test_whatever_makes_another_server_makes_another_hash(
    make: Any, change: dict[str, Any]
) -> None:
    assert make(**change).labels[names.SPEC] != make().labels[names.SPEC]


@pytest.mark.parametrize("change", [{"attempt": 9}, {"trial_id": 8}, {"token": "x", "model": HUB}])
def test_what_makes_no_other_server_does_not(make: Any, change: dict[str, Any]) -> None:
    same = {"model": change["model"]} if "model" in change else {}
    assert make(**change).labels[names.SPEC] == make(**same).labels[names.SPEC]


def test_it_is_neither_privileged_nor_restarted_and_its_log_is_bounded(make: Any) -> None:
    limits = make().host
    assert "privileged" not in limits
    assert limits["restart_policy"] == {"Name": "no"}
    assert limits["security_opt"] == ["no-new-privileges"]
    assert limits["log_config"]["Config"] == {"max-size": "50m", "max-file": "3"}
