"""Removing what a slot has started, by whichever launcher its run has."""

from airtune.launchers.local.launcher import LocalLauncher
from airtune.launchers.opening import opened
from airtune.settings import Settings
from airtune.study.cluster_places import access_of, namespace_of
from airtune.study.store import Store


def remove_slot(store: Store, settings: Settings, run: str, slot: int, attempt: int) -> None:
    """End all that ``slot`` of ``run`` has started up to ``attempt``, and see it gone; idempotent.

    Clients may be processes of this host for every launcher, so those are ended first.

    Raises:
        TrialFailed: ``infrastructure``: something could not be ended or asked for.
    """
    LocalLauncher(settings).remove(run, slot, attempt)
    row = store.find_run(run)
    if row is None or row.launcher == "local":
        return
    kubeconfig = access_of(row.launcher, row.task).kubeconfig
    with opened(row.launcher, settings, kubeconfig, namespace_of(row.task)) as launcher:
        launcher.remove(run, slot, attempt)
