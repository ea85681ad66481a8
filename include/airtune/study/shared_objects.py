"""Models and runtimes that airtune has made in OME for runs: given up when those have ended."""

from collections.abc import Callable, Mapping
from typing import Any

from airtune.settings import Settings
from airtune.study.cluster_places import ClusterAccess, access_of, namespace_of
from airtune.study.orphans import Orphan
from airtune.study.reap import Liveness
from airtune.study.store import Store

RunProbe = Callable[[str], Liveness]


def release_run(store: Store, settings: Settings, run: str) -> int:
    """Give up what was made for ``run`` (``<dag_id>/<run_id>``); how many objects were deleted.

    Raises:
        TrialFailed: the cluster cannot be reached or refuses.
    """
    row = store.run(run)
    if not _makes_some(row.launcher, row.task):
        return 0
    from airtune.launchers.kubernetes.access import connect, place
    from airtune.launchers.kubernetes.refusal import reaching
    from airtune.launchers.ome.shared import release

    kubeconfig = access_of(row.launcher, row.task).kubeconfig
    with reaching(place(settings, kubeconfig)), connect(settings, kubeconfig) as api:
        return release(api, settings.installation, run, namespace_of(row.task))


def release_ended(store: Store, settings: Settings, probe: RunProbe) -> list[Orphan]:
    """Give up what was made for runs that have ended, or whose Airflow has lost them."""
    from airtune.launchers.kubernetes.names import run_hash

    known = {run: store.run(run) for run, name in store.launchers().items() if name == "ome"}
    asking = {run: row for run, row in known.items() if _makes_some(row.launcher, row.task)}
    found: list[Orphan] = []
    places = {(access_of("ome", row.task), namespace_of(row.task)) for row in asking.values()}
    for access, namespace in sorted(places):
        try:
            using = _users(settings, access, namespace)
        except Exception as error:  # the other clusters are still to be looked at
            if any(row.finished_at is None for row in asking.values()):
                found.append(Orphan("models and runtimes of OME", False, str(error)))
            continue
        for run in asking:
            if run_hash(run) in using and probe(run) == "dead":
                found.append(_released(store, settings, run))
    return found


def _released(store: Store, settings: Settings, run: str) -> Orphan:
    what = f"models and runtimes of {run}"
    try:
        count = release_run(store, settings, run)
    except Exception as error:
        return Orphan(what, False, f"They could not be given up: {error}")
    return Orphan(what, True, f"The run has ended; {count} were used by no other and are deleted.")


def _users(settings: Settings, access: ClusterAccess, namespace: str) -> frozenset[str]:
    from airtune.launchers.kubernetes.access import connect, place
    from airtune.launchers.kubernetes.refusal import reaching
    from airtune.launchers.ome.shared import users

    with (
        reaching(place(settings, access.kubeconfig)),
        connect(settings, access.kubeconfig, patience_s=5.0) as api,
    ):
        return users(api, settings.installation, namespace)


def _makes_some(launcher: str, task: Mapping[str, Any]) -> bool:
    ome = task.get("ome") or {}
    return launcher == "ome" and bool(ome.get("model_spec") or ome.get("runtime_spec"))
