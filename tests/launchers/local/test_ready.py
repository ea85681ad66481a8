import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.launchers.local.serving import READY, begin, bring_up, log_of, spec
from tests.processes.starting import until

from airtune.errors import TrialFailed
from airtune.launchers.local import port
from airtune.launchers.local import start as starting
from airtune.launchers.local.handle import Handle
from airtune.launchers.local.server import died, poll, responds, wait_ready
from airtune.launchers.probe import Pending, Readiness
from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord
from airtune.records import Endpoint, Failure, FailureClass


def _failure(place: Place, within_s: float = 10.0, **behaviour: Any) -> Failure:
    with pytest.raises(TrialFailed) as caught:
        bring_up(spec(**behaviour), place, within_s)
    return caught.value.failure


def _pid(place: Place) -> int:
    record = ProcessRecord.read(place.record("server"))
    assert record is not None
    return record.pid


def test_a_server_that_is_ready_lives_and_responds(running: Endpoint) -> None:
    assert poll(running, READY, 1.0) is None
    assert died(running) is None
    assert responds(running)


def test_it_waits_while_the_model_loads(place: Place) -> None:
    began = time.monotonic()
    bring_up(spec(start_s=0.4), place)
    assert time.monotonic() - began > 0.4


def test_looking_once_says_what_is_missing(place: Place) -> None:
    endpoint = begin(spec(never_ready=True), place)
    reasons = []

    def is_loading() -> bool:
        result = poll(endpoint, READY, 1.0)
        assert isinstance(result, Pending)
        reasons.append(result.reason)
        return "503" in result.reason

    until(is_loading)
    assert reasons[-1] == "/health says HTTP 503"


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({"exit_at_start": 1}, FailureClass.STARTUP_CRASH),
        ({"oom_log": True}, FailureClass.OOM),
        ({"context": 12}, FailureClass.INVALID_CONFIG),
        ({"fail_every": 1}, FailureClass.UNHEALTHY),
    ],
)
def test_a_server_that_fails_is_classified_long_before_time_is_over(
    place: Place, behaviour: dict[str, Any], expected: FailureClass
) -> None:
    began = time.monotonic()
    failure = _failure(place, 60, **behaviour)
    assert time.monotonic() - began < 5
    assert failure.failure_class is expected
    assert str(log_of(place)) in failure.reason
    assert failure.log_tail


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [({"never_ready": True}, "/health says HTTP 503"), ({"hang": True}, "gave no answer in time")],
)
def test_a_server_that_is_not_ready_in_time_is_a_startup_timeout(
    place: Place, behaviour: dict[str, Any], state: str
) -> None:
    failure = _failure(place, 0.8, **behaviour)
    assert failure.failure_class is FailureClass.STARTUP_TIMEOUT
    assert state in failure.reason
    assert "timeouts.start_s" in failure.reason
    assert str(log_of(place)) in failure.reason
    assert "fake engine m listens" in failure.log_tail


def test_a_program_that_is_not_there_is_named(place: Place) -> None:
    with pytest.raises(TrialFailed, match="no-such-engine") as caught:
        bring_up(spec(), place, command=["no-such-engine"])
    assert caught.value.failure.failure_class is FailureClass.STARTUP_CRASH


def test_an_exit_while_the_probe_waits_for_its_answer_is_noticed(place: Place) -> None:
    endpoint = begin(spec(hang=True), place)
    until(lambda: "listens" in Handle.of(endpoint).output())
    killer = threading.Timer(0.3, os.kill, (_pid(place), signal.SIGKILL))
    killer.start()
    began = time.monotonic()
    with pytest.raises(TrialFailed) as caught:
        wait_ready(endpoint, READY, deadline=began + 60)
    killer.join()
    assert time.monotonic() - began < 1.3
    assert caught.value.failure.failure_class is FailureClass.STARTUP_CRASH


def test_a_wrong_served_name_is_said_with_both_names(running: Endpoint) -> None:
    other = READY.model_copy(update={"model_name": "other"})
    with pytest.raises(TrialFailed, match="serves m, but requests ask for other") as caught:
        wait_ready(running, other, deadline=time.monotonic() + 10)
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG
    assert "server.log" in str(caught.value)


@contextmanager
def _listening(share: bool = False) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), reuse_port=share) as server:
        yield server.getsockname()[1]


def test_a_port_that_was_taken_meanwhile_is_replaced_by_another(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _listening() as taken:
        ports = iter([taken])
        free = port.free_port
        monkeypatch.setattr(starting, "free_port", lambda host: next(ports, None) or free(host))
        endpoint = bring_up(spec(), place)
        assert Handle.of(endpoint).port != taken
        assert "ddress already in use" in log_of(place).read_text()


def test_a_port_that_is_shared_in_silence_is_replaced_by_another(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _listening(share=True) as shared:
        ports = iter([shared])
        free = port.free_port
        monkeypatch.setattr(starting, "free_port", lambda host: next(ports, None) or free(host))
        endpoint = bring_up(spec(share_port=True), place)
    assert Handle.of(endpoint).port != shared


def test_ports_that_are_taken_every_time_are_an_infrastructure_failure(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _listening() as taken:
        monkeypatch.setattr(starting, "free_port", lambda host: taken)
        failure = _failure(place)
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert log_of(place).read_text().count("ddress already in use") == 3


def test_a_stranger_on_the_port_is_never_taken_for_the_server(
    place: Place, running: Endpoint
) -> None:
    """Another trial's server, say, with the same model and perfectly healthy."""
    own = Handle.of(begin(spec(), place))
    handle = own.model_copy(update={"port": Handle.of(running).port})
    mistaken = running.model_copy(update={"handle": handle.model_dump()})
    result = poll(mistaken, READY, 1.0)
    assert isinstance(result, Pending)
    assert "does not listen" in result.reason


def test_a_server_that_dies_after_it_was_ready_is_unhealthy(place: Place) -> None:
    endpoint = bring_up(spec(), place)
    os.kill(_pid(place), signal.SIGKILL)
    until(lambda: died(endpoint))
    failure = died(endpoint)
    assert failure is not None
    assert failure.failure_class is FailureClass.UNHEALTHY
    assert "SIGKILL" in failure.reason
    assert str(log_of(place)) in failure.reason
    assert not responds(endpoint)


def test_a_server_of_another_process_is_seen_to_die_and_to_be_removed(
    place: Place,
) -> None:
    endpoint = bring_up(spec(), place)
    mine = starting._started.pop(_pid(place))  # as if this process had not started it
    os.kill(_pid(place), signal.SIGKILL)
    until(lambda: died(endpoint))
    mine.wait()
    failure = died(endpoint)
    assert failure is not None
    assert failure.failure_class is FailureClass.UNHEALTHY
    assert failure.reason.startswith("The server has ended.")
    place.end_all()
    failure = died(endpoint)
    assert failure is not None
    assert "removed by clean-up" in failure.reason


def test_out_of_memory_under_load_is_told_from_other_deaths(place: Place) -> None:
    endpoint = bring_up(spec(log="torch.OutOfMemoryError: CUDA out of memory."), place)
    assert died(endpoint) is None
    os.kill(_pid(place), signal.SIGKILL)
    until(lambda: died(endpoint))
    failure = died(endpoint)
    assert failure is not None
    assert failure.failure_class is FailureClass.OOM


def test_a_server_that_hangs_does_not_respond(place: Place) -> None:
    endpoint = bring_up(spec(hang_after_requests=2), place)
    assert not responds(endpoint, timeout_s=0.3)


def test_an_embedding_server_is_ready_without_a_completion(place: Place) -> None:
    endpoint = begin(spec(hang=True), place)
    wait_ready(endpoint, Readiness(model_name="m", max_tokens=0), deadline=time.monotonic() + 10)
    assert died(endpoint) is None
