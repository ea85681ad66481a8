import time
from pathlib import Path

import pytest
from tests.launchers.docker.orders import order

from airtune.launchers.docker.handle import Handle
from airtune.launchers.docker.launcher import DockerLauncher
from airtune.launchers.docker.watch import end_of
from airtune.records import FailureClass
from airtune.testing.fake_docker import FakeDocker
from airtune.testing.fake_docker_container import FakeContainer, stamp

CRASH = FailureClass.STARTUP_CRASH
UNHEALTHY = FailureClass.UNHEALTHY


@pytest.fixture
def running(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> tuple[Handle, FakeContainer]:
    handle = Handle.of(launcher.ensure(order(tmp_path), 5.0))
    return handle, engine.made[handle.container]


def test_a_running_server_has_not_ended(
    engine: FakeDocker, running: tuple[Handle, FakeContainer]
) -> None:
    assert end_of(engine, running[0], UNHEALTHY) is None


@pytest.mark.parametrize(
    ("code", "log", "oom", "otherwise", "expected", "words"),
    [
        (1, "Error: bad luck", False, CRASH, CRASH, "bad luck"),
        (1, "Error: bad luck", False, UNHEALTHY, UNHEALTHY, "bad luck"),
        (137, "", True, CRASH, FailureClass.OOM, "container.memory"),
        (1, "a worker has gone", True, UNHEALTHY, FailureClass.OOM, "container.memory"),
        (137, "", False, UNHEALTHY, UNHEALTHY, "SIGKILL"),
        (1, "CUDA out of memory.", False, UNHEALTHY, FailureClass.OOM, "Out of memory"),
        (135, "", False, CRASH, FailureClass.OOM, "container.shm_size"),
        (1, "OSError: /dev/shm/x: No space left on device", False, CRASH, FailureClass.OOM, "shm"),
        (
            127,
            "[FATAL tini (7)] exec vllm failed: No such file or directory",
            False,
            CRASH,
            FailureClass.IMAGE,
            "vllm failed",
        ),
        (
            2,
            "x.py: error: unrecognized arguments: --x",
            False,
            CRASH,
            FailureClass.INVALID_CONFIG,
            "--x",
        ),
        (0, "", False, UNHEALTHY, UNHEALTHY, "exit code 0"),
    ],
)
def test_the_class_follows_state_and_log(
    engine: FakeDocker,
    running: tuple[Handle, FakeContainer],
    code: int,
    log: str,
    oom: bool,
    otherwise: FailureClass,
    expected: FailureClass,
    words: str,
) -> None:
    handle, container = running
    container.lines.clear()
    container.end(code, log, oom=oom)
    failure = end_of(engine, handle, otherwise)
    assert failure is not None
    assert failure.failure_class is expected
    assert words in failure.reason
    assert handle.log in failure.reason
    assert log in failure.log_tail


def test_a_crash_loop_is_an_end(engine: FakeDocker, running: tuple[Handle, FakeContainer]) -> None:
    handle, container = running
    container.restarts = 1  # somebody has given it a restart policy
    failure = end_of(engine, handle, CRASH)
    assert failure is not None
    assert failure.failure_class is CRASH
    assert "again and again" in failure.reason


def test_a_removed_container_is_infrastructure_with_what_was_saved_of_its_log(
    engine: FakeDocker, running: tuple[Handle, FakeContainer]
) -> None:
    handle, container = running
    del engine.made[container.id]
    failure = end_of(engine, handle, UNHEALTHY)
    assert failure is not None
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert "it listens" in failure.log_tail


@pytest.mark.parametrize(
    ("started", "ended", "up", "expected"),
    [
        (-60, -2, -1, FailureClass.INFRASTRUCTURE),  # stopped by the engine as it went down
        (-60, 0, -1, FailureClass.INFRASTRUCTURE),  # found dead by the engine that came up
        (-60, -2, -300, UNHEALTHY),  # it was up all the time
        (-600, -300, -1, UNHEALTHY),  # had ended long before
    ],
)
def test_an_end_around_a_start_of_the_engine_is_the_engines(
    engine: FakeDocker,
    running: tuple[Handle, FakeContainer],
    started: float,
    ended: float,
    up: float,
    expected: FailureClass,
) -> None:
    handle, container = running
    now = time.time()
    container.end(143)
    container.started_at, container.finished_at = stamp(now + started), stamp(now + ended)
    engine.up_since = stamp(now + up)
    failure = end_of(engine, handle, UNHEALTHY)
    assert failure is not None
    assert failure.failure_class is expected
