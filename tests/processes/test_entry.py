import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.processes.starting import entry_words, record_of, start, until

from airtune.processes.entry import CANNOT_START, GATE_SHUT, MARK, start_time
from airtune.processes.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, 3)


def _run(words: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, timeout=10)


def test_the_command_runs_under_the_pid_that_was_recorded(place: Place) -> None:
    done = _run(entry_words(place, "sh", "-c", "echo $$"))
    record = json.loads(place.record("server").read_text())
    assert int(done.stdout) == record["pid"]
    assert record["session"] == os.getsid(0)


def test_a_shut_gate_keeps_the_command_from_starting_but_not_from_being_recorded(
    place: Place,
) -> None:
    place.gate.touch()
    done = _run(entry_words(place, "touch", str(place.folder / "it ran")))
    assert done.returncode == GATE_SHUT
    assert place.record("server").exists()
    assert not (place.folder / "it ran").exists()


def test_the_gate_of_another_attempt_does_not_matter(place: Place) -> None:
    Place(place.folder, 2).gate.touch()
    assert _run(entry_words(place, "true")).returncode == 0


def test_a_forgotten_folder_keeps_the_command_from_starting(place: Place, tmp_path: Path) -> None:
    gone = Place(place.folder / "gone", 0)
    done = _run(entry_words(gone, "touch", str(tmp_path / "it ran")))
    assert done.returncode != 0
    assert not (tmp_path / "it ran").exists()


def test_the_commands_own_words_stay_as_they_are(place: Place) -> None:
    words = ["--record", "x", "--", "--gate", ""]
    done = _run(entry_words(place, "printf", "[%s]", *words))
    assert done.stdout == "[--record][x][--][--gate][]"


def test_without_a_command_it_says_where_to_write_it(place: Place) -> None:
    done = _run(entry_words(place))
    assert done.returncode == 2
    assert "write it after --" in done.stderr


def test_a_missing_program_is_named(place: Place) -> None:
    done = _run(entry_words(place, "no-such-program-here"))
    assert done.returncode == 127
    assert done.stderr.startswith(f"{CANNOT_START} no-such-program-here: No such file")


def test_the_log_gets_both_streams_and_keeps_what_it_had(place: Place, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("before\n")
    done = _run(entry_words(place, "sh", "-c", "echo out; echo err >&2", options=f"--log {log}"))
    assert (done.stdout, done.stderr) == ("", "")
    assert log.read_text() == "before\nout\nerr\n"


def test_a_session_of_its_own_is_led_by_the_recorded_process(place: Place) -> None:
    process = start(place)
    record = record_of(place)
    assert record.session == record.pid == process.pid == os.getsid(process.pid)
    place.end_all()
    process.wait()


def test_it_runs_on_the_cores_that_it_was_given(place: Place) -> None:
    core = max(os.sched_getaffinity(0))
    code = "import os; print(os.sched_getaffinity(0))"
    done = _run(entry_words(place, sys.executable, "-c", code, options=f"--cpus {core}"))
    assert done.stdout.strip() == str({core})


def test_cores_that_are_not_there_are_refused_with_the_setting_to_correct(place: Place) -> None:
    done = _run(entry_words(place, "true", options="--cpus 4095"))
    assert done.returncode == 1
    assert "4095" in done.stderr
    assert "AIRTUNE_DEVICES" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_that_the_parent_ignored_or_blocked_reach_the_command(
    place: Place, number: signal.Signals
) -> None:
    def deaf() -> None:
        signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])

    process = subprocess.Popen(entry_words(place, "sleep", "60"), preexec_fn=deaf)
    until(place.record("server").exists)
    until(lambda: b"sleep" in Path(f"/proc/{process.pid}/cmdline").read_bytes()[:6])
    process.send_signal(number)
    assert process.wait(5) == -number


def test_a_client_dies_with_the_process_that_started_it(place: Place) -> None:
    code = (
        "import subprocess, sys, os\n"
        "words = sys.argv[1:]\n"
        "words[words.index('PARENT')] = str(os.getpid())\n"
        "subprocess.Popen(words); sys.stdin.read()"
    )
    words = entry_words(place, "sleep", "60", role="client", options="--die-with-parent PARENT")
    parent = subprocess.Popen([sys.executable, "-c", code, *words], stdin=subprocess.PIPE)
    until(place.record("client").exists)
    record = record_of(place, "client")
    assert record.alive
    parent.kill()
    parent.communicate()
    until(lambda: not record.alive)


def test_a_client_whose_parent_is_gone_already_does_not_start(place: Place) -> None:
    words = entry_words(place, "touch", str(place.folder / "ran"), options="--die-with-parent 1")
    assert _run(words).returncode == GATE_SHUT
    assert not (place.folder / "ran").exists()


def test_the_command_carries_a_mark_that_no_other_start_has(place: Place) -> None:
    marks = [_run(entry_words(place, "printenv", MARK)).stdout.strip() for _ in range(2)]
    assert marks[1] == record_of(place).mark
    assert marks[0] != marks[1]


def test_the_start_time_of_nobody_is_an_error() -> None:
    with pytest.raises(ProcessLookupError):
        start_time(2**22 + 1)
