import os
import signal

import pytest
from tests.launchers.local.serving import READY, begin, bring_up, spec
from tests.processes.starting import until

from airtune.launchers.local.handle import Handle, load, save
from airtune.launchers.local.server import adopt
from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord
from airtune.records import Endpoint


def test_a_later_attempt_adopts_the_server_that_runs(busy: Place, running: Endpoint) -> None:
    later = Place(busy.folder, 4)
    later.take_over()
    assert adopt(later, spec("--tp-size", "2"), READY) == running


def test_a_server_of_a_newer_attempt_is_left_alone(busy: Place) -> None:
    assert adopt(busy.before(), spec("--tp-size", "2"), READY) is None


@pytest.mark.parametrize("flags", [("--tp-size", "1"), (), ("--x", "--tp-size", "2")])
def test_a_server_with_other_arguments_is_not_adopted(busy: Place, flags: tuple[str, ...]) -> None:
    assert adopt(busy, spec(*flags), READY) is None


def test_a_server_of_another_engine_is_not_adopted(busy: Place) -> None:
    other = spec("--tp-size", "2").model_copy(update={"engine": "vllm"})
    assert adopt(busy, other, READY) is None


def test_the_newest_server_is_adopted(place: Place) -> None:
    bring_up(spec(), place)
    second = bring_up(spec(), Place(place.folder, 2))
    assert adopt(Place(place.folder, 3), spec(), READY) == second


def test_a_dead_server_is_not_adopted(place: Place) -> None:
    begin(spec(), place)
    record = ProcessRecord.read(place.record("server"))
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    until(lambda: not record.alive)
    assert adopt(place, spec(), READY) is None


def test_a_server_that_hangs_is_not_adopted(place: Place) -> None:
    endpoint = begin(spec(hang=True), place)
    until(lambda: "listens" in Handle.of(endpoint).output())
    assert adopt(place, spec(), READY, timeout_s=0.2) is None


def test_where_nothing_was_started_nothing_is_adopted(place: Place) -> None:
    assert adopt(place, spec(), READY) is None


def test_what_was_saved_is_what_is_loaded(place: Place) -> None:
    endpoint = begin(spec("--sizes", "1", "2"), place, trial_id=2)
    assert load(place) == endpoint
    save(endpoint.model_copy(update={"trial_id": 5}), place)
    loaded = load(place)
    assert loaded is not None
    assert loaded.trial_id == 5


def test_a_torn_file_counts_as_none(place: Place) -> None:
    (place.folder / f"endpoint-{place.attempt}.json").write_text('{"base_url":')
    assert load(place) is None
