import pytest

from airtune.launchers.local.environment import server_environment
from airtune.records import parse_devices


@pytest.mark.parametrize(
    "name",
    [
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "_AIRFLOW__AS_LIBRARY",
        "AIRTUNE_API_PASSWORD",
        "AIRTUNE_STORE_URL",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "my_password",
        "CUDA_VISIBLE_DEVICES",
    ],
)
def test_a_server_does_not_inherit(name: str) -> None:
    assert server_environment({}, (), environ={name: "x"}) == {}


@pytest.mark.parametrize("name", ["PATH", "HOME", "HF_TOKEN", "HF_HOME", "TOKENIZERS_PARALLELISM"])
def test_a_server_inherits(name: str) -> None:
    assert server_environment({}, (), environ={name: "x"}) == {name: "x"}


def test_the_task_wins_over_what_is_inherited() -> None:
    found = server_environment({"OMP_NUM_THREADS": "2"}, (), environ={"OMP_NUM_THREADS": "8"})
    assert found == {"OMP_NUM_THREADS": "2"}


def test_leased_gpus_are_visible_in_the_order_of_their_indexes() -> None:
    devices = parse_devices("gpu3,gpu1")
    found = server_environment({"CUDA_VISIBLE_DEVICES": "0"}, devices, environ={})
    assert found == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1,3"}


def test_a_server_on_cpus_sees_no_gpu() -> None:
    found = server_environment({}, parse_devices("cpu1"), environ={})
    assert found == {"CUDA_VISIBLE_DEVICES": ""}


def test_fake_devices_change_nothing() -> None:
    assert server_environment({}, parse_devices("fake0"), environ={}) == {}
