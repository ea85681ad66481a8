"""Claims and Secrets that a task names: whether they are there, as far as one may look."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airtune.errors import Problem
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.paths import path_of

if TYPE_CHECKING:
    from airtune.task import Task


def find(api: Api, path: str) -> Json | None:
    """The object; None if it is not there; empty if it may not be looked at.

    Raises:
        ApiRefused: the API server does not answer.
    """
    try:
        return api.get(path)
    except ApiRefused as error:
        if error.status == 404:
            return None
        if error.status == 403:
            return {}
        raise


@dataclass(frozen=True)
class _Reference:
    """Something of the namespace that the task names."""

    field: str
    kind: str
    name: str
    key: str = ""


def _references(task: "Task") -> Iterator[_Reference]:
    options = task.kubernetes
    for field, claim in (
        ("kubernetes.model_claim.claim", options.model_claim),
        ("kubernetes.hub_cache_claim.claim", options.hub_cache_claim),
    ):
        if claim is not None:
            yield _Reference(field, "PersistentVolumeClaim", claim.claim)
    if options.hf_token_secret is not None:
        secret = options.hf_token_secret
        yield _Reference("kubernetes.hf_token_secret.name", "Secret", secret.name, secret.key)
    for index, name in enumerate(options.image_pull_secrets):
        yield _Reference(f"kubernetes.image_pull_secrets[{index}]", "Secret", name)


def named(task: "Task", api: Api) -> Iterator[Problem]:
    """What is not there, so that pods would wait for it for ever.

    Raises:
        ApiRefused: the API server does not answer.
    """
    namespace = task.model.namespace
    for one in _references(task):
        found = find(api, path_of("v1", one.kind, namespace, one.name))
        if found is None:
            reason = f"is no {one.kind} of the namespace {namespace}."
            yield Problem(one.field, one.name, reason, "Create it, or name another one.")
        elif one.key and one.key not in (found.get("data") or {one.key: ""}):
            reason = f"has no key {one.key!r}."
            fix = f"Write one of {', '.join(sorted(found['data']))} as its key."
            yield Problem(one.field, one.name, reason, fix)
        elif one.kind == "PersistentVolumeClaim":
            yield from _storage_class(one, found, api)


def _storage_class(one: _Reference, claim: Json, api: Api) -> Iterator[Problem]:
    """A claim that nobody is ever going to fulfil."""
    if (claim.get("status") or {}).get("phase") == "Lost":
        reason = "has lost its volume."
        yield Problem(one.field, one.name, reason, "Make the claim anew, or name another one.")
    name = (claim.get("spec") or {}).get("storageClassName")
    if (claim.get("status") or {}).get("phase") != "Pending" or not name:
        return
    where = "/apis/storage.k8s.io/v1/storageclasses/" + str(name)
    if find(api, where) is None:
        reason = f"waits for a volume of the StorageClass {name}, which is not there."
        yield Problem(one.field, one.name, reason, "Make the claim anew with one that is there.")
