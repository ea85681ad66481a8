import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.launchers.local.serving import COMMAND, begin, log_of, mention, spec
from tests.processes.starting import until

from airtune.errors import TrialFailed
from airtune.launchers.local.handle import Handle
from airtune.launchers.local.server import died, remove
from airtune.launchers.local.start import arguments_of, exit_code
from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord
from airtune.records import FailureClass, ServerSpec, parse_devices
from airtune.records.server import PORT


def _record(place: Place) -> ProcessRecord:
    record = ProcessRecord.read(place.record("server"))
    assert record is not None
    return record


def _command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def test_the_process_leads_its_session_and_has_the_command_line_of_the_handle(place: Place) -> None:
    endpoint = begin(spec("--tp-size", "2"), place, trial_id=7)
    handle = Handle.of(endpoint)
    record = _record(place)
    assert record.session == record.pid != os.getsid(0)
    until(lambda: _command_line(record.pid)[:1] and "--record" not in _command_line(record.pid))
    assert _command_line(record.pid) == handle.argv
    assert handle.argv[-2:] == ["--tp-size", "2"]
    assert handle.argv[: len(COMMAND)] == list(COMMAND)
    assert endpoint.base_url == f"http://127.0.0.1:{handle.port}"
    assert (endpoint.model_name, endpoint.trial_id) == ("m", 7)


def test_the_server_is_pinned_to_its_cpu_set(place: Place) -> None:
    core = max(os.sched_getaffinity(0))
    begin(spec(), place, devices=parse_devices(f"cpu{core}"))
    assert os.sched_getaffinity(_record(place).pid) == {core}


def test_cores_that_the_host_lacks_are_named_with_the_setting(place: Place) -> None:
    with pytest.raises(TrialFailed, match="AIRTUNE_DEVICES") as caught:
        begin(spec(), place, devices=parse_devices("cpu4095"))
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE
    assert str(log_of(place)) in str(caught.value)


def test_a_server_that_writes_a_log_again_keeps_the_earlier_lines(place: Place) -> None:
    log_of(place).parent.mkdir()
    log_of(place).write_text("earlier: address already in use\n")
    endpoint = begin(spec(), place)
    until(lambda: Handle.of(endpoint).output())
    assert "earlier" in log_of(place).read_text()
    assert "earlier" not in Handle.of(endpoint).output()


def test_behind_a_shut_gate_nothing_starts(place: Place) -> None:
    remove(place)
    endpoint = begin(spec(), place)
    until(lambda: died(endpoint))
    failure = died(endpoint)
    assert failure is not None
    assert failure.failure_class is FailureClass.CANCELLED


def test_in_a_forgotten_place_nothing_starts(place: Place, tmp_path: Path) -> None:
    place.forget()
    with pytest.raises(TrialFailed) as caught:
        begin(spec(), place, log=tmp_path / "server.log")
    assert caught.value.failure.failure_class is FailureClass.CANCELLED
    assert mention(place.folder) == []


def test_starting_again_in_one_attempt_ends_what_it_had_started(place: Place) -> None:
    begin(spec(), place)
    first = _record(place)
    begin(spec(), place)
    assert not first.alive
    assert _record(place).alive


def test_only_the_parent_learns_the_exit_code(place: Place) -> None:
    begin(spec(exit_at_start=7), place)
    pid = _record(place).pid
    assert exit_code(pid) == 7
    assert exit_code(1) is None


def test_a_server_never_listens_on_more_than_the_host() -> None:
    wide = ServerSpec(
        engine="vllm",
        image="none",
        program=("vllm", "serve"),
        arguments=("m", "--host", "0.0.0.0", "--port", PORT, "--x", "0.0.0.0"),
        model_name="m",
    )
    words = ["m", "--host", "127.0.0.1", "--port", "80", "--x", "0.0.0.0"]
    assert arguments_of(wide, "127.0.0.1", 80) == words


_START_AND_END = """
import sys
from pathlib import Path
from airtune.processes.place import Place
from tests.launchers.local.serving import begin, spec
begin(spec(), Place(Path(sys.argv[1]), 1))
print("started")
"""


def test_the_server_outlives_its_starter_and_holds_none_of_its_streams(place: Place) -> None:
    # run() returns only once nobody has the pipes open any more.
    done = subprocess.run(
        [sys.executable, "-c", _START_AND_END, str(place.folder)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout == "started\n"
    assert _record(place).alive


@pytest.mark.parametrize("after_ms", [0, 5, 20, 60])
def test_a_starter_that_is_killed_at_any_moment_leaves_nothing_unfindable(
    place: Place, after_ms: int
) -> None:
    starter = os.fork()
    if starter == 0:
        begin(spec(), place)
        time.sleep(60)
    time.sleep(after_ms / 1000)
    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)
    remove(Place(place.folder, 2))
    # One that is not recorded yet finds the gate shut; a server would stay for ever.
    until(lambda: not mention(place.folder) and not _fakes_of(place))
    assert _fakes_of(place) == []


def _fakes_of(place: Place) -> list[int]:
    """Fake engines that write to this place's log (their command line does not name it)."""
    found = []
    for pid in mention("airtune.testing.fake_engine"):
        try:
            if Path(f"/proc/{pid}/fd/2").readlink() == log_of(place):
                found.append(pid)
        except OSError:
            continue
    return found
