import os
import subprocess
import sys
import time
from pathlib import Path

from airtune.processes import table
from airtune.processes.table import Process


def test_this_process_is_in_the_table() -> None:
    here = table.process_of(os.getpid())
    assert here is not None
    assert here.parent == os.getppid()
    assert here.session == os.getsid(0)
    assert here in table.running().values()


def test_a_pid_that_nobody_has_is_none() -> None:
    assert table.process_of(2**22 + 1) is None


def test_a_zombie_is_not_running() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    deadline = time.monotonic() + 5
    while table.process_of(child.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert table.process_of(child.pid) is None
    assert child.wait() == 0


def test_a_name_with_brackets_and_spaces_does_not_confuse_the_reading() -> None:
    code = (
        "import ctypes, sys\n"
        "ctypes.CDLL(None).prctl(15, b'a) S 1 (b')\n"  # PR_SET_NAME
        "print('named', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    found = table.process_of(child.pid)
    child.communicate()
    assert found is not None
    assert found.parent == os.getpid()


def test_descendants_are_found_over_all_generations() -> None:
    def one(pid: int, parent: int) -> Process:
        return Process(pid, start_time=pid, parent=parent, session=1)

    family = {p.pid: p for p in (one(10, 1), one(11, 10), one(12, 11), one(13, 10), one(20, 1))}
    assert {p.pid for p in table.descendants(10, family)} == {11, 12, 13}


def test_a_process_that_is_its_own_ancestor_does_not_loop() -> None:
    circle = {
        pid: Process(pid, start_time=1, parent=parent, session=1)
        for pid, parent in ((5, 6), (6, 5))
    }
    assert {p.pid for p in table.descendants(5, circle)} == {5, 6}


def test_an_environment_entry_is_seen_whole_or_not_at_all() -> None:
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "import sys; print(1, flush=True); sys.stdin.read()"],
        env={"AIRTUNE_X": "12"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    found = [table.carries(child.pid, f"AIRTUNE_X={value}") for value in ("12", "1", "123")]
    child.communicate()
    assert found == [True, False, False]


def test_the_epoch_stays_the_same_while_the_host_is_up() -> None:
    assert table.epoch() == table.epoch()


def test_a_process_whose_first_thread_ended_is_running_while_another_works() -> None:
    code = (
        "import ctypes, sys, threading\n"
        "threading.Thread(target=sys.stdin.read).start()\n"
        "print(flush=True); ctypes.CDLL(None).pthread_exit(None)"
    )
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    deadline = time.monotonic() + 5
    while ") Z " not in _stat(child.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    state, found = _stat(child.pid), table.process_of(child.pid)
    child.kill()
    child.communicate()
    assert ") Z " in state
    assert found is not None


def _stat(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text()
