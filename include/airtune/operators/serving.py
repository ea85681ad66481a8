"""Bringing a trial's server up on this host: adopt the one that runs, or start it."""

import time
from collections.abc import Sequence

from airtune.errors import SettingsError
from airtune.launchers.local.handle import Handle
from airtune.launchers.local.server import adopt, start_and_wait
from airtune.launchers.probe import Readiness
from airtune.operators.slot import Slot
from airtune.records import Device, Endpoint, Lease, Trial


def ensure(slot: Slot, trial: Trial, lease: Lease) -> Endpoint:
    """A ready server for ``trial`` on the leased devices.

    Used by deploy and again by benchmark, so that benchmark's retry works after a crash of
    server or host. Servers of older attempts either are adopted or are gone afterwards.

    Raises:
        TrialFailed: the server did not become ready; the class says why.
    """
    place = slot.place
    place.take_over()
    readiness = readiness_of(slot)
    log = slot.trial_folder(trial.trial_id) / "server.log"
    # Once it has answered its longest request, being there is enough: that one may take a while.
    seen_ready = readiness.short() if trial.argv else readiness
    endpoint = adopt(place, slot.server, seen_ready, start_limit_s(slot))
    if endpoint is None:
        place.end("server")
        began = time.monotonic()
        endpoint = start_and_wait(
            slot.server,
            place,
            readiness,
            command=command_of(slot),
            devices=devices_of(slot, lease.devices),
            log=log,
            deadline=began + start_limit_s(slot),
            trial_id=trial.trial_id,
            cwd=slot.settings.home,
        )
        slot.store.add_seconds(slot.spec.run, slot.spec.slot, "start", time.monotonic() - began)
    slot.update(
        argv=Handle.of(endpoint).argv,
        devices=lease.devices,
        files={"server_log": str(log)},
    )
    return endpoint


def readiness_of(slot: Slot) -> Readiness:
    """Health, the served name, and one completion as long as the longest scenario's."""
    longest = slot.task.longest_request()
    return Readiness(
        health_path=slot.server.health_path,
        model_name=slot.server.model_name,
        prompt_tokens=longest.input_tokens,
        max_tokens=longest.output_tokens,
    )


def start_limit_s(slot: Slot) -> float:
    """Seconds a server may take to become ready."""
    limit = slot.task.timeouts.start_s
    per_trial = slot.task.optimization.timeout_per_iteration
    return float(limit if per_trial is None else min(limit, per_trial))


def command_of(slot: Slot) -> tuple[str, ...]:
    """How this host calls the engine.

    Raises:
        SettingsError: the host's settings do not say.
    """
    engine = slot.server.engine
    command = slot.settings.engine_commands.get(engine)
    if command is None:
        raise SettingsError(
            f"This host does not say how to start {engine!r} as a process: set "
            f'AIRTUNE_ENGINE_COMMANDS=\'{{"{engine}": ["program", "argument"]}}\', '
            "or use autotune_docker."
        )
    return command


def devices_of(slot: Slot, names: Sequence[str]) -> list[Device]:
    """The devices of the inventory with these names."""
    return [device for device in slot.settings.devices if device.name in names]
