import socket

import pytest
from tests.launchers.local.serving import bring_up, spec

from airtune.errors import TrialFailed
from airtune.launchers.local import start as starting
from airtune.launchers.local.handle import Handle
from airtune.launchers.local.server import remove
from airtune.processes import record
from airtune.processes.place import Place
from airtune.records import FailureClass


def test_afterwards_process_port_and_record_are_gone(place: Place) -> None:
    endpoint = bring_up(spec(), place)
    handle = Handle.of(endpoint)
    assert remove(place) == 1
    assert handle.process is None
    assert starting._started == {}  # no zombie either
    with socket.create_server((handle.host, handle.port)):  # free again
        assert remove(place) == 0


def test_a_server_that_ignores_sigterm_is_removed_too(place: Place) -> None:
    endpoint = bring_up(spec(ignore_sigterm=True), place)
    process = Handle.of(endpoint).process
    assert process is not None
    assert remove(place, grace_s=0.1) == 1
    assert not process.alive


def test_servers_of_earlier_attempts_are_removed(place: Place) -> None:
    bring_up(spec(), place)
    bring_up(spec(), Place(place.folder, 2))
    assert remove(Place(place.folder, 5)) == 2


def test_what_cannot_be_ended_fails_with_its_pid(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_up(spec(), place)
    monkeypatch.setattr(record, "_send", lambda *_: None)  # like a process stuck in the kernel
    monkeypatch.setattr(record, "_LAST_PATIENCE_S", 0.05)
    with pytest.raises(TrialFailed, match=r"left: \d+") as caught:
        remove(place, grace_s=0.05)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE
    monkeypatch.undo()
    assert remove(place) == 1
