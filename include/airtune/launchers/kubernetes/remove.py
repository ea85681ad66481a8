"""Removing what a slot has in a cluster, and seeing that it is gone."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import logs, names, paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.lookup import Found, found
from airtune.launchers.kubernetes.world import World
from airtune.records import Failure, FailureClass
from airtune.settings import Settings

SERVER = "server"

_CLIENT_GRACE_S = 1
_GONE_WITHIN_S = 60.0
"""Beside the longest grace period among the pods."""
_POLL_S = 0.1
_TRIES = 20
"""A pod that comes up or ends changes again and again."""

_CONFLICT = 409
_NOT_FOUND = 404


@dataclass(frozen=True)
class Removal:
    """Removing for one slot.

    Attributes:
        namespace: empty: wherever something of the slot is.
        run: ``<dag_id>/<run_id>``.
    """

    api: Api
    world: World
    settings: Settings
    namespace: str
    run: str
    slot: int

    def run_all(self, attempt: int) -> int:
        """End and remove what ``attempt`` and earlier ones have; idempotent. Clients go first.

        Logs of servers are saved before. What lacks our labels is not touched, and nothing is
        removed but the very object that was looked at.

        Returns:
            how many servers and clients were alive.

        Raises:
            ApiRefused: something may not be removed or asked for.
            TrialFailed: ``infrastructure``: something is still there.
        """
        everything = self._found(attempt)
        clients = [one for one in everything if one.role != SERVER]
        # A client without its server writes megabytes of errors.
        self._remove(clients, attempt)
        self._remove([one for one in everything if one.role == SERVER], attempt)
        return sum(one.alive and not one.controlled for one in everything)

    def clients(self, attempt: int) -> int:
        """The same for clients only."""
        everything = [one for one in self._found(attempt) if one.role != SERVER]
        self._remove(everything, attempt)
        return sum(one.alive and not one.controlled for one in everything)

    def one(self, manifest: Json) -> None:
        """Remove this one object of ours and wait until it is gone."""
        labels = manifest["metadata"]["labels"]
        attempt = int(labels[names.ATTEMPT])
        self._remove([Found(manifest, labels[names.ROLE], attempt)], attempt)

    def _found(self, attempt: int) -> list[Found]:
        of_slot = {"run": self.run, "slot": str(self.slot)}
        own = self.settings.installation
        everything = list(found(self.api, self.world.kind, own, self.namespace, **of_slot))
        newer = {one.uid for one in everything if one.attempt > attempt}
        # The Service of a pod that a later attempt has adopted has kept its labels.
        return [
            one
            for one in everything
            if one.attempt <= attempt and not (one.role == SERVER and newer & one.owners)
        ]

    def _remove(self, objects: list[Found], attempt: int) -> None:
        for one in objects:
            if one.kind == "Pod":
                self._save_log(one)
        kept: set[str] = set()
        for one in objects:
            # What a controller has made it would make again; it goes with its owner.
            if not one.controlled and (kept & one.owners or not self._delete(one, attempt)):
                kept.add(one.uid)
        self._wait_until_gone([one for one in objects if one.uid not in kept])

    def _save_log(self, pod: Found) -> None:
        path = (pod.manifest["metadata"].get("annotations") or {}).get(names.LOG)
        # Whoever may edit pods may edit this, too: it must not name any file of the worker.
        if not path or not _is_inside(Path(path), self.settings.benchmark_dir):
            return
        containers = [one["name"] for one in pod.manifest["spec"]["containers"]]
        own = self.world.container
        container = own if own in containers else containers[0]
        # Removing matters more: the node that has the log may be gone.
        with suppress(ApiRefused, OSError):
            logs.save(self.api, pod.namespace, pod.name, container, Path(path))

    def _delete(self, one: Found, attempt: int) -> bool:
        """Ask for its end; False if a later attempt has adopted it meanwhile: then it stays."""
        options: Json = {
            "propagationPolicy": "Background" if one.kind in {"Pod", "Service"} else "Foreground",
        }
        if one.kind == "Pod" and one.role != SERVER:
            options["gracePeriodSeconds"] = _CLIENT_GRACE_S
        for _ in range(_TRIES):
            preconditions = {"uid": one.uid}
            if one.kind == "Pod":
                if (now := self._now(one)) is None:
                    return True
                if int(now["metadata"]["labels"].get(names.ATTEMPT, "0")) > attempt:
                    return False
                preconditions["resourceVersion"] = now["metadata"]["resourceVersion"]
            try:
                self.api.delete(
                    paths.place_of(one.manifest), options | {"preconditions": preconditions}
                )
                return True
            except ApiRefused as error:
                # Gone by now, or another one has that name, or it has changed.
                if error.status not in {_NOT_FOUND, _CONFLICT}:
                    raise
                if error.status == _NOT_FOUND or one.kind != "Pod":
                    return True
        return True  # that it is still there will be told

    def _wait_until_gone(self, objects: Iterable[Found]) -> None:
        left = {one.uid: one for one in objects}
        selectors = {
            (one.namespace, self.world.pods(one.manifest))
            for one in left.values()
            if one.kind == "InferenceService"
        }
        graces = [_grace_s(one.manifest) for one in left.values() if one.kind == "Pod"]
        deadline = time.monotonic() + _GONE_WITHIN_S + max(graces, default=0.0)
        while True:
            left = {uid: one for uid, one in left.items() if self._is_there(one)}
            behind = [pod for where in selectors for pod in self._pods_behind(*where)]
            if not left and not behind:
                return
            if time.monotonic() > deadline:
                raise _left([*(f"{one.kind} {one.name}" for one in left.values()), *behind])
            time.sleep(_POLL_S)

    def _is_there(self, one: Found) -> bool:
        return self._now(one) is not None

    def _now(self, one: Found) -> Json | None:
        """That very object as it is now; None: it is gone."""
        try:
            now = self.api.get(paths.place_of(one.manifest))
        except ApiRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return now if now["metadata"]["uid"] == one.uid else None

    def _pods_behind(self, namespace: str, selector: str) -> list[str]:
        items = self.api.get(paths.pods(namespace), labelSelector=selector)["items"]
        return [f"pod {one['metadata']['name']}" for one in items]


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _grace_s(pod: Json) -> float:
    return float(pod["spec"].get("terminationGracePeriodSeconds") or 30)


def _left(what: list[str]) -> TrialFailed:
    reason = (
        f"{', '.join(sorted(what))} could not be removed within {_GONE_WITHIN_S:.0f} s; the "
        "devices stay reserved until it is gone. Look for finalizers, and for a node that is away."
    )
    return TrialFailed(Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason))
