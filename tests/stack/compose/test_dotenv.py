import os
import stat
from pathlib import Path

import pytest

from airtune.records import parse_devices
from airtune.stack.compose.dotenv import (
    IMAGE_USER,
    host_values,
    make_folders,
    random_secrets,
    socket_group,
    write_dotenv,
)
from airtune.stack.compose.strength import SECRETS, weaknesses

EXAMPLE = Path(__file__).resolve().parents[3] / ".env.example"


def _read(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def _values(devices: str = "cpu1", gpus: int = 0) -> dict[str, str]:
    return random_secrets() | host_values(devices, gpus, {})


def test_the_written_file_starts_a_stack(tmp_path: Path) -> None:
    assert write_dotenv(tmp_path / ".env", EXAMPLE, _values())
    written = _read(tmp_path / ".env")
    assert weaknesses(written) == []
    assert written["AIRTUNE_DEVICES"] == "cpu1"
    assert len(written["AIRTUNE_INSTALLATION"]) == 8


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    write_dotenv(tmp_path / ".env", EXAMPLE, _values())
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    write_dotenv(tmp_path / ".env", EXAMPLE, _values())
    before = (tmp_path / ".env").read_text()
    assert not write_dotenv(tmp_path / ".env", EXAMPLE, _values())
    assert (tmp_path / ".env").read_text() == before


def test_two_files_share_no_secret() -> None:
    one, other = random_secrets(), random_secrets()
    assert not set(one.values()) & set(other.values())
    assert set(SECRETS) < set(one)


def test_a_value_that_the_example_does_not_know_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no empty line for AIRTUNE_NOTHING"):
        write_dotenv(tmp_path / ".env", EXAMPLE, {**_values(), "AIRTUNE_NOTHING": "1"})
    assert not (tmp_path / ".env").exists()


def test_the_example_holds_no_secret() -> None:
    example = _read(EXAMPLE)
    assert {example[name] for name in SECRETS} == {""}


@pytest.mark.parametrize(("gpus", "devices"), [(0, "cpu1"), (1, "gpu0"), (8, "gpu0..7")])
def test_gpus_go_before_cores(gpus: int, devices: str) -> None:
    values = host_values("cpu1", gpus, {})
    assert values["AIRTUNE_DEVICES"] == devices
    assert len(parse_devices(devices)) == max(1, gpus)


def test_the_services_keep_off_the_cores_of_cpu_devices() -> None:
    own = os.sched_getaffinity(0)
    kept = {
        int(core) for core in _values(f"cpu{max(own)}")["AIRTUNE_STACK_CPUS"].split(",") if core
    }
    assert kept == own - {max(own)}
    assert host_values("cpu1", 2, {})["AIRTUNE_STACK_CPUS"] == ""


def test_no_service_runs_as_root() -> None:
    assert host_values("cpu1", 0, {})["AIRTUNE_UID"] == str(os.getuid() or IMAGE_USER)


def test_the_socket_is_the_one_that_docker_host_names(tmp_path: Path) -> None:
    socket = tmp_path / "docker.sock"
    socket.touch()
    values = host_values("cpu1", 0, {"DOCKER_HOST": f"unix://{socket}"})
    assert values["DOCKER_SOCKET"] == str(socket)
    assert values["DOCKER_GID"] == str(socket.stat().st_gid) == socket_group(socket)
    remote = host_values("cpu1", 0, {"DOCKER_HOST": "tcp://gpu7:2376"})
    assert remote["DOCKER_SOCKET"] == "/var/run/docker.sock"


def test_folders_are_made_once_and_kept(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.json").touch()
    make_folders(tmp_path, ("results", "tasks"))
    assert (tmp_path / "results").is_dir()
    assert (tmp_path / "tasks" / "mine.json").exists()
