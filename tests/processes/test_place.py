import subprocess
from pathlib import Path

import pytest
from tests.processes.starting import entry_words, record_of, start, until

from airtune.processes.entry import GATE_SHUT
from airtune.processes.place import Place


def _places(folder: Path) -> tuple[Place, Place, Place]:
    return Place(folder, 0), Place(folder, 1), Place(folder, 2)


def test_every_slot_of_every_run_has_a_folder_of_its_own(tmp_path: Path) -> None:
    keys = [("a/1", 0), ("a/1", 1), ("a/2", 0), ("b/1", 0)]
    folders = {Place.of(tmp_path, run, slot, 0).folder for run, slot in keys}
    assert len(folders) == len(keys)
    assert all(folder.is_dir() for folder in folders)


def test_attempts_of_a_slot_share_the_folder(tmp_path: Path) -> None:
    first, second = Place.of(tmp_path, "r", 0, 1), Place.of(tmp_path, "r", 0, 2)
    assert first.folder == second.folder
    assert first.gate != second.gate
    assert first.record("server") != second.record("server")


def test_end_all_ends_servers_and_clients_of_all_attempts(tmp_path: Path) -> None:
    first, second, third = _places(tmp_path)
    started = [start(first), start(second), start(second, role="client", options="")]
    assert third.end_all() == 3
    assert [process.wait(1) for process in started] == [-15, -15, -15]
    assert third.end_all() == 0


def test_end_all_leaves_newer_attempts_alone(tmp_path: Path) -> None:
    first, second, _ = _places(tmp_path)
    process = start(second)
    assert first.end_all() == 0
    assert record_of(second).alive
    second.end_all()
    process.wait()


def test_after_end_all_nothing_of_these_attempts_can_start(tmp_path: Path) -> None:
    first, second, third = _places(tmp_path)
    second.end_all()
    codes = [
        subprocess.run(entry_words(place, "true"), timeout=10).returncode
        for place in (first, second, third)
    ]
    assert codes == [GATE_SHUT, GATE_SHUT, 0]


def test_a_process_that_starts_while_it_is_removed_never_survives(tmp_path: Path) -> None:
    """The race that the gate is for: removal begins at any moment of a start."""
    for attempt in range(8):
        place = Place(tmp_path, attempt)
        process = subprocess.Popen(
            entry_words(place, "sleep", "60", options="--session"), stderr=subprocess.DEVNULL
        )
        if attempt % 2:  # one half before the record is there, the other right after it
            until(place.record("server").exists)
        place.end_all()
        assert process.wait(5) in {-15, GATE_SHUT}


def test_end_ends_one_role_and_lets_it_start_again(tmp_path: Path) -> None:
    place = Place(tmp_path, 0)
    server, client = start(place), start(place, role="client", options="")
    assert place.end("client") == 1
    assert client.wait(1) == -15
    assert record_of(place).alive
    again = start(place, role="client", options="")
    assert place.end_all() == 2
    for process in (server, again):
        process.wait()


def test_taking_over_ends_earlier_clients_and_keeps_servers(tmp_path: Path) -> None:
    first, second, _ = _places(tmp_path)
    server, client = start(first), start(first, role="client", options="")
    assert second.take_over() == 1
    client.wait()
    assert record_of(first).alive
    assert subprocess.run(entry_words(first, "true"), timeout=10).returncode == GATE_SHUT
    assert subprocess.run(entry_words(second, "true"), timeout=10).returncode == 0
    server.kill()
    server.wait()


def test_the_first_attempt_has_nothing_to_take_over(tmp_path: Path) -> None:
    first = Place(tmp_path, 0)
    assert first.take_over() == 0
    assert first.before().end_all() == 0
    assert not first.gate.exists()


def test_a_record_that_is_of_no_process_any_more_is_removed(tmp_path: Path) -> None:
    place = Place(tmp_path, 0)
    start(place, "true").wait()
    assert place.end_all() == 0
    assert not place.record("server").exists()


def test_a_forgotten_place_has_nothing_to_end(tmp_path: Path) -> None:
    place = Place.of(tmp_path, "r", 0, 1)
    place.end_all()
    place.forget()
    place.forget()
    assert not place.folder.exists()
    assert place.end_all() == 0


@pytest.mark.parametrize("attempt", [0, 3])
def test_attempts_are_counted_down_to_the_first(tmp_path: Path, attempt: int) -> None:
    numbers = [place.attempt for place in Place(tmp_path, attempt).attempts()]
    assert numbers == list(range(attempt, -1, -1))
