"""The ``AIRTUNE_*`` variables."""

import json
import sys
from pathlib import Path

import pytest

from airtune.errors import SettingsError
from airtune.settings import Settings


def test_everything_is_below_home_unless_told_otherwise(tmp_path: Path) -> None:
    settings = Settings.load({"AIRTUNE_HOME": str(tmp_path)})
    assert settings.store_url == f"sqlite:///{tmp_path}/var/airtune.db"
    assert settings.results_dir == tmp_path / "results"
    assert settings.task_dirs == (tmp_path / "examples", tmp_path / "tasks")


def test_devices_are_those_that_make_env_wrote(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "devices").write_text("cpu2-5\n")
    (device,) = Settings.load({"AIRTUNE_HOME": str(tmp_path)}).devices
    assert device.indexes == (2, 3, 4, 5)


def test_the_variable_wins_over_what_make_env_wrote(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "devices").write_text("cpu1")
    settings = Settings.load({"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_DEVICES": "gpu0..3"})
    assert [device.name for device in settings.devices] == ["gpu0", "gpu1", "gpu2", "gpu3"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AIRTUNE_DEVICES", "tpu0", "cpu2-5"),
        ("AIRTUNE_DEVICES", "gpu0,gpu0", "named twice"),
        ("AIRTUNE_DEVICES", "cpu5-2", "backwards"),
        ("AIRTUNE_ENGINE_COMMANDS", "vllm serve", "not JSON"),
        ("AIRTUNE_ENGINE_COMMANDS", '["vllm"]', "JSON object"),
        ("AIRTUNE_ENGINE_COMMANDS", '{"vllm": "vllm serve"}', "list of words"),
        ("AIRTUNE_BENCH_COMMAND", "[]", "list of words"),
        (
            "AIRTUNE_DOCKER_HOSTS",
            '{"far": {"url": "tcp://far:2376", "devices": "gpu0", "tls_ca": "/ca.pem"}}',
            "all of tls_ca, tls_cert and tls_key",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_with_the_fix(
    name: str, value: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=told) as error:
        Settings.load({name: value})
    assert name in str(error.value)


def test_python_in_a_command_is_the_interpreter_that_runs(tmp_path: Path) -> None:
    settings = Settings.load({"AIRTUNE_ENGINE_COMMANDS": '{"vllm": ["python", "-m", "x"]}'})
    assert settings.engine_commands["vllm"] == (sys.executable, "-m", "x")


def test_two_homes_are_two_installations(tmp_path: Path) -> None:
    homes = [Settings.load({"AIRTUNE_HOME": str(tmp_path / name)}) for name in "ab"]
    assert homes[0].installation != homes[1].installation


def test_a_docker_host_with_a_queue_is_reached_by_every_worker() -> None:
    hosts = {"far": {"url": "unix:///run/docker.sock", "devices": "gpu0", "queue": "far"}}
    with pytest.raises(SettingsError, match="tcp://"):
        Settings.load({"AIRTUNE_DOCKER_HOSTS": json.dumps(hosts)})
