"""Bringing a trial's server up: the one that runs is adopted, else one is started."""

import time
from dataclasses import replace

from airtune.errors import TrialFailed
from airtune.launchers.launcher import Order, StillStarting
from airtune.launchers.probe import Readiness
from airtune.operators.slot import Slot
from airtune.records import Endpoint, Lease, ParamValue, Trial


def ensure(
    slot: Slot,
    trial: Trial,
    lease: Lease,
    *,
    patience_s: float = float("inf"),
    expected: Endpoint | None = None,
) -> Endpoint:
    """A ready server for ``trial`` on the leased devices.

    Used by deploy and again by benchmark, so that benchmark's retry works after a crash of
    server or host. Servers of older attempts either are adopted or are gone afterwards.

    Args:
        patience_s: how long to wait in this process.
        expected: a server that was left starting.

    Raises:
        TrialFailed: the server did not become ready; the class says why.
        StillStarting: patience is over and the server's time is not.
    """
    order = order_of(slot, trial)
    devices = tuple(device for device in slot.pool if device.name in lease.devices)
    slot.place.take_over()
    began = time.time()
    try:
        endpoint = slot.launcher.ensure(replace(order, devices=devices), patience_s, expected)
    except StillStarting as still:
        charge_start(slot, still.endpoint, since=began)
        raise
    except TrialFailed as error:
        _charge(slot, max(began, error.started_at))
        raise
    charge_start(slot, endpoint, since=began)
    slot.update(
        argv=slot.launcher.argv(endpoint),
        devices=lease.devices,
        identity=_identity(slot, trial, endpoint),
        files={"server_log": str(order.log)},
    )
    return endpoint


def charge_start(slot: Slot, endpoint: Endpoint, *, since: float) -> None:
    """Add the time from ``since`` (epoch seconds) to the trial's start, from its process' begin on.

    What a cluster needs to find room and to pull is not the configuration's.
    """
    _charge(slot, max(since, slot.launcher.started_at(endpoint)))


def _charge(slot: Slot, since: float) -> None:
    spent = time.time() - since
    if spent > 0:
        slot.store.add_seconds(slot.spec.run, slot.spec.slot, "start", spent)


def _identity(slot: Slot, trial: Trial, endpoint: Endpoint) -> dict[str, ParamValue]:
    """What the launcher found, and whether its image is new to this host."""
    found = slot.launcher.identity(endpoint)
    if "image_digest" not in found:
        return found
    known = slot.store.knows_digest(
        str(found["image_digest"]),
        str(found.get("host") or ""),
        besides=(slot.run.task_name, trial.trial_id),
    )
    return found | {"first_of_digest": not known}


def order_of(slot: Slot, trial: Trial) -> Order:
    """What the slot wants of its launcher; the devices are the lease's to say."""
    task = slot.task
    readiness = readiness_of(slot)
    return Order(
        run=slot.spec.run,
        slot=slot.spec.slot,
        attempt=slot.attempt,
        generation=slot.generation,
        server=slot.server,
        model=task.model,
        container=task.container,
        # Once it has answered its longest request, being there is enough: that may take a while.
        readiness=readiness.short() if trial.argv else readiness,
        devices=(),
        log=slot.trial_folder(trial.trial_id) / "server.log",
        start_limit_s=start_limit_s(slot),
        pull_limit_s=task.timeouts.pull_s,
        trial_id=trial.trial_id,
        capacity_limit_s=task.timeouts.capacity_s,
        kubernetes=task.kubernetes,
        ome=task.ome,
        runtime=task.base_runtime or "",
        is_current=slot.is_current,
        say=slot.say,
    )


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
