"""A server's objects written into its trial's folder, to be applied by hand."""

from pathlib import Path
from typing import TYPE_CHECKING

from airtune.errors import TrialFailed
from airtune.results.reproduce_kubernetes import MANIFESTS, name_by_hand

if TYPE_CHECKING:
    from airtune.operators.slot import Slot
    from airtune.records import Endpoint


def write_manifests(slot: "Slot", endpoint: "Endpoint", trial_id: int, folder: Path) -> None:
    """Write ``server.yaml`` for a server in a cluster; nothing for other launchers.

    It is for people: that it cannot be written is said, and is no failure of the trial.
    """
    if slot.task.launcher not in {"kubernetes", "ome"}:
        return
    import yaml

    from airtune.launchers.kubernetes.access import connect, place, reaching
    from airtune.launchers.kubernetes.by_hand import manifests_by_hand
    from airtune.launchers.kubernetes.handle import Handle

    handle = Handle.of(endpoint)
    try:
        with (
            connect(slot.settings, handle.kubeconfig, patience_s=5.0) as api,
            reaching(place(slot.settings, handle.kubeconfig)),
        ):
            found = manifests_by_hand(api, handle, name_by_hand(slot.task, trial_id))
    except TrialFailed as error:
        slot.say(f"{MANIFESTS} is not written: {error}")
        return
    text = yaml.safe_dump_all(found, sort_keys=False, allow_unicode=True)
    (folder / MANIFESTS).write_text(text)
