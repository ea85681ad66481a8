"""What airtune sets in every object itself, whatever a template says, and what it checks."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from airtune.errors import Problem, TaskError
from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.launcher import Order
from airtune.settings import Settings

_DAY_S = 24 * 3600
_LONGEST_S = 2**31 - 1
_OF_ATTEMPT = frozenset({names.ATTEMPT, names.TRIAL, names.LOG, names.SPEC})
_FIELD = "kubernetes.template"


def marked(manifest: Json, order: Order, settings: Settings, role: str = "server") -> Json:
    """The object with airtune's name, namespace, labels and annotations; ours win.

    Ownership, finalizers and generated names are dropped: those would let it outlive its owner.
    """
    given = manifest.get("metadata") or {}
    installation = settings.installation
    labels = names.labels_of(
        installation, order.run, order.slot, order.attempt, role, order.trial_id
    )
    annotations = names.annotations_of(installation, order.run, log=str(order.log))
    metadata = {
        "name": names.object_name(installation, order.run, order.slot, role),
        "namespace": order.model.namespace,
        "labels": dict(given.get("labels") or {}) | labels,
        "annotations": dict(given.get("annotations") or {}) | annotations,
    }
    return manifest | {"metadata": metadata}


def with_spec(manifests: list[Json]) -> list[Json]:
    """The objects with the hash of them all, so that only the very same server is adopted."""
    text = json.dumps(_timeless(manifests), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return [_annotated(one, names.SPEC, digest) for one in manifests]


def pod_of_server(manifest: Json, order: Order) -> Json:
    """A server's pod with the fields that airtune does not leave to a template."""
    spec = manifest["spec"] | {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": last_resort_s(order),
    }
    return manifest | {"spec": spec}


def last_resort_s(order: Order) -> int:
    """After so long the cluster ends a pod by itself, should nobody else be there to do it.

    Queue, pull, start and a day of measuring.
    """
    limits = order.capacity_limit_s + order.pull_limit_s + order.start_limit_s
    return min(int(limits) + _DAY_S, _LONGEST_S)


def require_arguments(
    manifest: Json, container: str, command: tuple[str, ...], args: tuple[str, ...], template: str
) -> None:
    """Check that every parameter has arrived in the server's container.

    Args:
        command: that replaces the image's entrypoint; empty: whatever the template says.

    Raises:
        TaskError: there is no such container, or its command line is another one.
    """
    containers = manifest.get("spec", {}).get("containers") or []
    found = next((one for one in containers if one.get("name") == container), None)
    if found is None:
        raise _wrong(template, f"has no container {container!r} in its pod.", "Name it so.")
    for field, wanted in (("command", list(command)), ("args", list(args))):
        if wanted and found.get(field) != wanted:
            raise _wrong(
                template,
                f"gives the container {container!r} other {field} than the trial asks for: "
                f"{found.get(field)!r}.",
                f"Write {field}: {{{{ {field} }}}}.",
            )


def of_kind(manifests: list[Json], kind: str, template: str) -> Json | None:
    """The one object of that kind; None if there is none.

    Raises:
        TaskError: there are several.
    """
    found = [one for one in manifests if one["kind"] == kind]
    if len(found) > 1:
        raise _wrong(template, f"gives {len(found)} objects of kind {kind}.", "Give one.")
    return found[0] if found else None


def require_kinds(manifests: list[Json], kinds: frozenset[str], template: str) -> None:
    """Check that there are no objects of other kinds: they could not be found and removed again.

    Raises:
        TaskError: there is one.
    """
    others = sorted({str(one["kind"]) for one in manifests} - kinds)
    if others:
        raise _wrong(
            template,
            f"gives objects of kind {', '.join(others)}, which airtune would not remove again.",
            f"Give only {' and '.join(sorted(kinds))}.",
        )


def owned_by(manifest: Json, owner: Json) -> Json:
    """The object as one that goes when ``owner`` goes."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return manifest | {"metadata": manifest["metadata"] | {"ownerReferences": [reference]}}


def _annotated(manifest: Json, key: str, value: str) -> Json:
    metadata = manifest["metadata"]
    annotations = (metadata.get("annotations") or {}) | {key: value}
    return manifest | {"metadata": metadata | {"annotations": annotations}}


def _timeless(value: Any) -> Any:
    """Without what differs between two attempts for the same server."""
    if isinstance(value, Mapping):
        return {key: _timeless(one) for key, one in value.items() if key not in _OF_ATTEMPT}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def _wrong(name: str, reason: str, fix: str) -> TaskError:
    return TaskError([Problem(_FIELD, name, reason, fix)], "template")
