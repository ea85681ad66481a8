import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.processes.starting import record_of, start, until

from airtune.processes import table
from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord, kill

DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, 0)


def _script(place: Place, code: str, options: str = "--session") -> ProcessRecord:
    """Run ``code`` and wait until it has said that it is where the test wants it."""
    said = place.folder / "said"
    options = f"{options} --log {said}"
    start(place, sys.executable, "-S", "-c", code, options=options)
    until(lambda: said.read_text())
    return record_of(place)


def test_a_running_process_is_alive_and_a_member_of_itself(place: Place) -> None:
    process = start(place)
    record = record_of(place)
    assert record.alive
    assert record.members() == [process.pid]
    kill(record)
    assert not record.alive
    assert record.members() == []
    assert process.wait() == -signal.SIGTERM


def test_killing_twice_is_fine(place: Place) -> None:
    start(place)
    kill(record_of(place))
    kill(record_of(place))
    assert not record_of(place).alive


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(place: Place) -> None:
    record = _script(place, DEAF)
    kill(record, grace_s=0.2)
    assert not record.alive


def test_sigterm_is_sent_once_and_the_process_gets_the_grace_to_end(place: Place) -> None:
    code = (
        "import signal, time, os\n"
        "heard = []\n"
        "signal.signal(15, lambda *_: heard.append(1))\n"
        "print('ready', flush=True)\n"
        "while not heard: time.sleep(0.01)\n"
        "time.sleep(0.2); print('heard', len(heard), flush=True)"
    )
    record = _script(place, code)
    kill(record)
    assert (place.folder / "said").read_text() == "ready\nheard 1\n"


def test_a_zombie_is_not_alive(place: Place) -> None:
    process = start(place, "true")
    record = record_of(place)
    until(lambda: not record.alive)
    assert record.members() == []
    assert process.wait() == 0  # nobody has taken the exit code from its parent


def test_children_that_ignore_sigterm_are_killed_though_their_parent_ended(place: Place) -> None:
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-S', '-c', {DEAF!r}],"
        " stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)"
    )
    record = _script(place, code)
    child = int((place.folder / "said").read_text())
    assert record.members() == sorted([record.pid, child])
    kill(record, grace_s=0.2)
    assert table.process_of(child) is None


_FORKS_TWICE = (
    "import os, time\n"
    "if os.fork() == 0:\n"
    "    {setsid}\n"
    "    if os.fork() == 0:\n"
    "        print(os.getpid(), flush=True); time.sleep(60)\n"
    "    os._exit(0)\n"
    "os.wait(); {then}"
)


@pytest.mark.parametrize(
    ("options", "setsid", "then"),
    [
        pytest.param("--session", "pass", "os._exit(0)", id="in the session of an ended leader"),
        pytest.param("--session", "os.setsid()", "time.sleep(60)", id="left the session"),
        pytest.param("--session", "os.setsid()", "os._exit(0)", id="left, and the leader ended"),
        pytest.param("", "pass", "os._exit(0)", id="orphan of an ended client"),
        pytest.param("", "os.setsid()", "os._exit(0)", id="orphan in a session of its own"),
    ],
)
def test_a_daemon_that_forked_twice_belongs_to_it(
    place: Place, options: str, setsid: str, then: str
) -> None:
    record = _script(place, _FORKS_TWICE.format(setsid=setsid, then=then), options)
    daemon = int((place.folder / "said").read_text())
    assert daemon in record.members()
    kill(record)
    assert table.process_of(daemon) is None


def test_what_is_started_while_it_is_being_killed_is_killed_too(place: Place) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "def again(*_):\n"
        "    subprocess.Popen(['sleep', '60']); sys.exit()\n"
        "signal.signal(15, again); print(flush=True); time.sleep(60)"
    )
    record = _script(place, code)
    kill(record, grace_s=1.0)
    assert record.members() == []


def test_a_process_outside_is_not_touched(place: Place) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    start(place)
    kill(record_of(place))
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_pid_that_a_stranger_has_now_is_left_alone() -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    known = table.process_of(stranger.pid)
    assert known is not None
    earlier = ProcessRecord(stranger.pid, known.start_time - 1, stranger.pid)
    assert not earlier.alive
    assert earlier.members() == []
    kill(earlier, grace_s=0.1)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_after_a_reboot_nothing_of_it_is_left(place: Place) -> None:
    process = start(place)
    record = record_of(place)
    before_reboot = dataclasses.replace(record, epoch="another boot/1")
    assert not before_reboot.alive
    assert before_reboot.members() == []
    kill(before_reboot)
    assert record.alive
    kill(record)
    process.wait()


def test_a_record_without_mark_and_epoch_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    here = table.process_of(os.getpid())
    assert here is not None
    words = {"pid": here.pid, "start_time": here.start_time, "session": here.session}
    path.write_text(json.dumps(words))
    record = ProcessRecord.read(path)
    assert record is not None
    assert record.alive


def test_no_record_yet_is_none(tmp_path: Path) -> None:
    assert ProcessRecord.read(tmp_path / "server-0.json") is None


@pytest.mark.parametrize("torn", ["", "{", "[1]", "3", '{"pid": 1}', '{"x": 1}'])
def test_a_torn_record_counts_as_none(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "server-0.json"
    path.write_text(torn)
    assert ProcessRecord.read(path) is None


def test_what_survives_sigkill_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    process = start(place)
    record = record_of(place)
    monkeypatch.setattr(os, "kill", lambda *_: None)  # like a process in uninterruptible sleep
    monkeypatch.setattr("airtune.processes.record._LAST_PATIENCE_S", 0.05)
    with pytest.raises(TimeoutError, match=f"left: {process.pid}"):
        kill(record, grace_s=0.05)
    monkeypatch.undo()
    kill(record)
    process.wait()
