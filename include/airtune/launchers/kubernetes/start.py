"""Making a slot's objects in a cluster, fenced against other attempts."""

from dataclasses import dataclass

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import names, paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.remove import Removal
from airtune.launchers.kubernetes.spec import owned_by
from airtune.launchers.launcher import Order
from airtune.records import Failure, FailureClass

_CONFLICT = 409
_NOT_FOUND = 404
_TRIES = 5


@dataclass(frozen=True)
class Start:
    """One start of one server: the first of ``objects`` owns the others.

    A name is a lock. What holds one is this server already (an answer was lost, an earlier
    attempt has made it), an older attempt's and goes, or a stranger's and stays.
    """

    api: Api
    order: Order
    objects: list[Json]
    removal: Removal

    def held(self) -> Json | None:
        """What has the owner's name now; None: nothing.

        Raises:
            TrialFailed: ``infrastructure``: a stranger has it; ``cancelled``: a newer attempt.
        """
        return self._held(self.objects[0])

    def is_this(self, held: Json) -> bool:
        """Whether that is the very server that is asked for, and not on its way out."""
        asked = self.objects[0]["metadata"]["annotations"][names.SPEC]
        metadata = held["metadata"]
        same = (metadata.get("annotations") or {}).get(names.SPEC) == asked
        return same and not metadata.get("deletionTimestamp")

    def run(self) -> Json:
        """Create everything; the owner as the API server has it, not ready yet.

        Raises:
            ApiRefused: an object was refused; nothing is left.
            TrialFailed: as ``held``, or ``cancelled``: the slot is another attempt's.
        """
        self._require_current()
        owner = self._created(self.objects[0])
        try:
            self._require_current()
            self.complete(owner)
            self._require_current()
        except BaseException:
            self.removal.run_all(self.order.attempt)
            raise
        return owner

    def complete(self, owner: Json) -> None:
        """Create what ``owner`` lacks of its dependents.

        Raises:
            ApiRefused: one was refused.
            TrialFailed: as ``held``.
        """
        for one in self.objects[1:]:
            self._created(owned_by(one, owner))

    def adopt(self, held: Json) -> Json:
        """Take over a running server: it is this attempt's from now on, and complete.

        Raises:
            ApiRefused: it is gone, or may not be changed.
        """
        # The labels of an InferenceService reach its pods' template: changed, they would roll
        # out a second server.
        if held["kind"] == "Pod":
            labels = {names.ATTEMPT: str(self.order.attempt)}
            # With the uid, so that it is this very pod that is changed.
            change = {"metadata": {"uid": held["metadata"]["uid"], "labels": labels}}
            held = _kinded(self.api.patch(paths.place_of(held), change), held)
        self.complete(held)
        return held

    def _created(self, manifest: Json) -> Json:
        for _ in range(_TRIES):
            try:
                made = self.api.post(
                    paths.collection_of(manifest), manifest, fieldValidation="Strict"
                )
                return _kinded(made, manifest)
            except ApiRefused as error:
                if error.status != _CONFLICT:
                    raise
            held = self._held(manifest)
            if held is None:
                continue
            if self.is_this(held) and _owners(held) == _owners(manifest):
                return held
            self._free(held)
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"{manifest['kind']} {manifest['metadata']['name']} is made again and again by "
            "somebody else: look for a second airtune with this AIRTUNE_INSTALLATION.",
        )

    def _free(self, held: Json) -> None:
        if held["kind"] == self.objects[0]["kind"]:
            self.removal.run_all(self.order.attempt)
        else:
            self.removal.one(held)

    def _held(self, manifest: Json) -> Json | None:
        path = paths.place_of(manifest)
        try:
            held = _kinded(self.api.get(path), manifest)
        except ApiRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        self._require_ours(held)
        return held

    def _require_ours(self, held: Json) -> None:
        metadata, wanted = held["metadata"], self.objects[0]["metadata"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        keys = (names.INSTALLATION, names.RUN, names.SLOT, names.ROLE)
        ours = all(labels.get(key) == wanted["labels"][key] for key in keys)
        if not ours or annotations.get(names.RUN_ID) != wanted["annotations"][names.RUN_ID]:
            raise _failed(
                FailureClass.INFRASTRUCTURE,
                f"A {held['kind']} named {metadata['name']} that is not this airtune's is in the "
                f"namespace {metadata['namespace']}: remove or rename it.",
            )
        if int(labels.get(names.ATTEMPT, "0")) > self.order.attempt:
            raise _cancelled()

    def _require_current(self) -> None:
        if not self.order.is_current():
            raise _cancelled()


def _kinded(made: Json, manifest: Json) -> Json:
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]} | made


def _owners(manifest: Json) -> list[str]:
    return [one["uid"] for one in manifest["metadata"].get("ownerReferences") or ()]


def _cancelled() -> TrialFailed:
    reason = "Nothing more is started here: the slot was cleaned up or a newer attempt took over."
    return _failed(FailureClass.CANCELLED, reason)


def _failed(failure_class: FailureClass, reason: str) -> TrialFailed:
    return TrialFailed(Failure(failure_class=failure_class, reason=reason))
