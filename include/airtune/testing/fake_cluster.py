"""An API server in memory: objects, names as locks, ownership, watching, refusals on demand."""

import copy
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from airtune.launchers.kubernetes.api import ApiRefused, Json
from airtune.testing.fake_cluster_paths import KINDS, OME_KINDS, Place, place_of

Refuse = Callable[[str, str, Json], ApiRefused | None]
"""Gets method, path and body; what it returns is raised instead of an answer."""

Key = tuple[str, str, str, str]


class FakeCluster:
    """``Api`` without a cluster; safe for threads.

    Attributes:
        objects: what is stored, by group and version, plural, namespace and name.
        logs: a container's output by ``(namespace, pod, container)``.
        forbidden: ``(verb, resource)`` that RBAC does not allow us.
        on_create: called with each stored object, before it is answered; may change it.
        refuse: asked before each call.
        lingers: pods stay, terminating, until ``end`` is called.
        calls: ``(method, path, body)`` of every call, in order.
    """

    def __init__(self, *namespaces: str, ome: bool = False) -> None:
        self.kinds = KINDS | (OME_KINDS if ome else {})
        self.objects: dict[Key, Json] = {}
        self.logs: dict[tuple[str, str, str], str] = {}
        self.forbidden: set[tuple[str, str]] = set()
        self.on_create: Callable[[Json], None] = lambda made: None
        self.refuse: Refuse = lambda method, path, body: None
        self.lingers = False
        self.calls: list[tuple[str, str, Json]] = []
        self._changed = threading.Condition(threading.RLock())
        self._events: list[tuple[str, Key, Json]] = []
        self._count = 0
        for name in namespaces or ("default",):
            self.add("/api/v1/namespaces", {"metadata": {"name": name}})

    # What tests do to it.

    def add(self, path: str, body: Json) -> Json:
        """Store an object of somebody's, no questions asked; ``path`` is its collection's."""
        place = self._place(path)
        with self._changed:
            made = self._made(place, copy.deepcopy(body))
            self._store((*place.key[:3], made["metadata"]["name"]), "ADDED", made)
            return copy.deepcopy(made)

    def change(self, path: str, **fields: Any) -> None:
        """Replace top-level fields of an object, such as ``status``."""
        with self._changed:
            key = self._place(path).key
            self._store(key, "MODIFIED", self._found(path, key) | copy.deepcopy(fields))

    def end(self, path: str) -> None:
        """Remove an object and what it owns, at once; no word if it is not there."""
        with self._changed:
            if gone := self.objects.pop(self._place(path).key, None):
                self._note("DELETED", self._place(path).key, gone)
                self._collect(gone["metadata"]["uid"])

    def all(self, plural: str) -> list[Json]:
        """Every object of a resource, in all namespaces."""
        with self._changed:
            return [copy.deepcopy(one) for key, one in self.objects.items() if key[1] == plural]

    # What the launcher does with it: ``Api``.

    def get(self, path: str, **query: str) -> Json:
        """An object, or a list of them by ``labelSelector`` and ``fieldSelector``."""
        if path == "/version":
            self._called("GET", path, {})
            return {"gitVersion": "v1.34.4"}
        if kinds := [kind for (group, _), kind in self.kinds.items() if path == f"/{group}"]:
            self._called("GET", path, {})
            verbs = ["create", "delete", "get", "list", "patch", "watch"]
            return {"resources": [{"kind": kind, "verbs": verbs} for kind, _ in kinds]}
        place = self._place(path)
        self._called("GET", path, {}, ("get" if place.name else "list", place.plural))
        with self._changed:
            if place.name:
                return copy.deepcopy(self._found(path, place.key))
            items = [one for key, one in self.objects.items() if _in(key, place, one, query)]
            return {
                "kind": f"{place.kind}List",
                "metadata": {"resourceVersion": str(self._count)},
                "items": copy.deepcopy(items),
            }

    def text(self, path: str, **query: str) -> str:
        """A container's log."""
        place = self._place(path)
        self._called("GET", path, {}, ("get", f"{place.plural}/{place.part}"))
        with self._changed:
            self._found(path, place.key)
            written = self.logs.get((place.namespace, place.name, query.get("container", "")), "")
        if "timestamps" in query:
            lines = enumerate(written.splitlines(keepends=True))
            written = "".join(f"2026-01-01T00:00:00.{i:09}Z {line}" for i, line in lines)
        return written[-int(query["limitBytes"]) :] if "limitBytes" in query else written

    def post(self, path: str, body: Mapping[str, Any], **query: str) -> Json:
        """Create an object; with ``dryRun`` only ask whether it might be."""
        place, made = self._place(path), copy.deepcopy(dict(body))
        if place.kind == "SelfSubjectAccessReview":
            return self._review(path, made)
        self._called("POST", path, made, ("create", place.plural))
        with self._changed:
            self._require_namespace(place)
            made = self._made(place, made)
            key = (*place.key[:3], made["metadata"]["name"])
            if key in self.objects:
                raise _refused(409, "AlreadyExists", f'{place.plural} "{key[3]}" already exists')
            if "dryRun" not in query:
                self.on_create(made)
                self._store(key, "ADDED", made)
                owners = [one["uid"] for one in made["metadata"].get("ownerReferences", ())]
                if owners and not self._alive(owners):
                    self.end(f"{path}/{key[3]}")
            return copy.deepcopy(made)

    def patch(self, path: str, body: Mapping[str, Any], **query: str) -> Json:
        """Merge ``body`` into an object."""
        place = self._place(path)
        self._called("PATCH", path, dict(body), ("patch", place.plural))
        with self._changed:
            found = self._found(path, place.key)
            wanted = body.get("metadata", {}).get("resourceVersion")
            if wanted not in {None, found["metadata"]["resourceVersion"]}:
                raise _refused(409, "Conflict", "the object has been modified")
            self._store(place.key, "MODIFIED", _merged(found, body))
            return copy.deepcopy(self.objects[place.key])

    def delete(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Json:
        """Delete an object and what it owns, if ``preconditions`` hold."""
        place = self._place(path)
        self._called("DELETE", path, dict(body or {}), ("delete", place.plural))
        with self._changed:
            found = self._found(path, place.key)
            for name, wanted in ((body or {}).get("preconditions") or {}).items():
                if found["metadata"][name] != wanted:
                    raise _refused(409, "Conflict", f"the {name} in the precondition differs")
            if self.lingers and place.kind == "Pod":
                found["metadata"]["deletionTimestamp"] = _now()
                self._store(place.key, "MODIFIED", found)
            else:
                self.end(path)
            return {"kind": "Status", "status": "Success"}

    def watch(self, path: str, timeout_s: int, **query: str) -> Iterator[tuple[str, Json]]:
        """Changes as they come; without ``resourceVersion`` first all that is there."""
        place = self._place(path)
        self._called("WATCH", path, {}, ("watch", place.plural))
        with self._changed:
            known = [one for key, one in self.objects.items() if _in(key, place, one, query)]
            first = copy.deepcopy([] if "resourceVersion" in query else known)
            seen = len(self._events)
            if "resourceVersion" in query:
                since = int(query["resourceVersion"])
                newer = [int(e[2]["metadata"]["resourceVersion"]) > since for e in self._events]
                seen = newer.index(True) if True in newer else seen
        yield from (("ADDED", one) for one in first)
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            with self._changed:
                if len(self._events) == seen:
                    self._changed.wait(left)
                new, seen = self._events[seen:], len(self._events)
            for event, key, one in new:
                if _in(key, place, one, query):
                    yield event, copy.deepcopy(one)

    def _called(
        self, method: str, path: str, body: Json, needs: tuple[str, str] | None = None
    ) -> None:
        with self._changed:
            self.calls.append((method, path, copy.deepcopy(body)))
        if refusal := self.refuse(method, path, body):
            raise refusal
        if needs in self.forbidden:
            raise _refused(
                403,
                "Forbidden",
                f'{needs[1]} is forbidden: User "someone" cannot {needs[0]} resource '
                f'"{needs[1]}" in API group ""',
            )

    def _review(self, path: str, asked: Json) -> Json:
        self._called("POST", path, asked)
        wanted = asked["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (wanted["resource"], wanted.get("subresource"))))
        return asked | {"status": {"allowed": (wanted["verb"], resource) not in self.forbidden}}

    def _place(self, path: str) -> Place:
        place = place_of(path, self.kinds)
        if place is None:
            raise _refused(404, "NotFound", "the server could not find the requested resource")
        return place

    def _require_namespace(self, place: Place) -> None:
        if place.namespace and ("api/v1", "namespaces", "", place.namespace) not in self.objects:
            raise _refused(
                404, "NotFound", f'namespaces "{place.namespace}" not found', "namespaces"
            )

    def _found(self, path: str, key: Key) -> Json:
        if key not in self.objects:
            raise _refused(404, "NotFound", f'{key[1]} "{key[3]}" not found', key[1])
        return self.objects[key]

    def _made(self, place: Place, body: Json) -> Json:
        version = place.group.partition("/")[2]
        metadata = {
            "uid": f"uid-{self._count + 1}",
            "creationTimestamp": _now(),
        } | body.get("metadata", {})
        if place.namespace:
            metadata["namespace"] = place.namespace
        return {"apiVersion": version, "kind": place.kind} | body | {"metadata": metadata}

    def _store(self, key: Key, event: str, made: Json) -> None:
        self._count += 1
        made["metadata"]["resourceVersion"] = str(self._count)
        self.objects[key] = made
        self._note(event, key, made)

    def _note(self, event: str, key: Key, one: Json) -> None:
        self._events.append((event, key, copy.deepcopy(one)))
        self._changed.notify_all()

    def _alive(self, uids: list[str]) -> bool:
        return any(one["metadata"]["uid"] in uids for one in self.objects.values())

    def _collect(self, uid: str) -> None:
        for key, one in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences", ())):
                group, plural, namespace, name = key
                inside = f"/namespaces/{namespace}" if namespace else ""
                self.end(f"/{group}{inside}/{plural}/{name}")


def _refused(status: int, reason: str, message: str, kind: str = "") -> ApiRefused:
    return ApiRefused(status, reason, message, {"kind": kind} if kind else None)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _merged(into: Json, body: Mapping[str, Any]) -> Json:
    merged = dict(into)
    for name, value in body.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _merged(merged.get(name) or {}, value)
        else:
            merged[name] = copy.deepcopy(value)
    return merged


def _in(key: Key, place: Place, one: Json, query: Mapping[str, str]) -> bool:
    group, plural, namespace, _ = key
    if (group, plural) != (place.group, place.plural) or place.namespace not in {"", namespace}:
        return False
    labels = one["metadata"].get("labels") or {}
    if not all(_holds(word, labels) for word in _words(query, "labelSelector")):
        return False
    for word in _words(query, "fieldSelector"):
        name, equal, value = re.split(r"(!?==?)", word, maxsplit=1)
        if (_field(one, name) == value) == equal.startswith("!"):
            return False
    return True


def _words(query: Mapping[str, str], name: str) -> list[str]:
    return list(filter(None, query.get(name, "").split(",")))


def _holds(word: str, labels: Mapping[str, str]) -> bool:
    name, equal, value = (*re.split(r"(!?==?)", word, maxsplit=1), "", "")[:3]
    if not equal:
        return name in labels
    return (labels.get(name) == value) != equal.startswith("!")


def _field(one: Any, path: str) -> str:
    for name in path.split("."):
        one = one.get(name) if isinstance(one, Mapping) else None
    return "" if one is None else str(one)
