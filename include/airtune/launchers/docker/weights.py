"""Fetching a hub model's weights to the engine's host, once, before any device is leased."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from airtune.errors import TrialFailed
from airtune.launchers.docker import hub_download, names
from airtune.launchers.docker.connect import said
from airtune.launchers.docker.fetched import Marker
from airtune.launchers.docker.logs import Follower, output
from airtune.launchers.docker.mounts import HUB_ENVIRONMENT, hub_mount
from airtune.launchers.docker.refusal import refused
from airtune.records import Failure, FailureClass
from airtune.settings import DockerHost, Settings

_POLL_S = 0.5
_CONFLICT = 409
_ENVIRONMENT = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_OFFLINE": "0", **HUB_ENVIRONMENT}
_UNREADABLE: Mapping[int, tuple[FailureClass, str]] = {
    hub_download.NO_ACCESS: (
        FailureClass.IMAGE,
        "the hub refuses access. Accept the model's licence there, and name in AIRTUNE_HF_CONN_ID "
        "an Airflow connection whose password is a token that may read it",
    ),
    hub_download.NOT_FOUND: (
        FailureClass.IMAGE,
        "the hub has no such model. Correct model.id_or_path; a private one needs a token "
        "(AIRTUNE_HF_CONN_ID)",
    ),
    hub_download.NO_LIBRARY: (
        FailureClass.IMAGE,
        "the engine's image has no huggingface_hub. Put the model's folder on the host and name it "
        "in model.name",
    ),
    hub_download.NO_SPACE: (
        FailureClass.INFRASTRUCTURE,
        "the disk of the hub cache is full. Make room, or move it (AIRTUNE_HUB_CACHE)",
    ),
    127: (
        FailureClass.IMAGE,
        "the engine's image has no python3. Put the model's folder on the host and name it in "
        "model.name",
    ),
}


@dataclass(frozen=True)
class Fetch:
    """One model that is to be on one host.

    Attributes:
        client: ``docker.APIClient``.
        model: hub id.
        image: the engine's, whose ``huggingface_hub`` is used.
        environment: the task's (``HF_ENDPOINT``, proxies).
        token: for the hub; None without.
        log: file for the output.
        limit_s: for all of it, waiting for somebody else's download included.
        say: gets a line every few seconds.
        start_s: one that is not started by then has lost its maker, who would have done so at once.
    """

    client: Any
    host: DockerHost
    settings: Settings
    model: str
    image: str
    environment: Mapping[str, str]
    token: str | None
    log: Path
    limit_s: float
    say: Callable[[str], None]
    start_s: float = 30.0

    @property
    def name(self) -> str:
        """Name of the container; that the engine has one of a name only makes it the lock."""
        digest = hashlib.sha256(self.model.encode()).hexdigest()[:12]
        return f"airtune-{self.settings.installation[:12]}-hub-{digest}"


def fetch(order: Fetch) -> None:
    """Return once all of the model is in the host's hub cache.

    One container fetches it, whoever has made it; others wait for that one.

    Raises:
        TrialFailed: ``image``: the hub does not give it to us; ``infrastructure``: network,
            disk, or time is over.
    """
    marker = Marker(order.client, order.host.url, order.settings, order.model)
    deadline = time.monotonic() + order.limit_s
    while not marker.complete():
        container, ours = _container(order)
        code = _wait(order, container, deadline, ours=ours)
        if code is None:
            continue  # whoever had made it has removed it: look whether it was complete
        text = output(order.client, container)
        if not code:
            marker.write()  # before the name is free: nobody is to fetch it again
        _remove(order, container)
        if code:
            raise _failed(order, code, text)


def _container(order: Fetch) -> tuple[str, bool]:
    """The container that fetches, and whether it is this call that has made it."""
    client, made = order.client, ""
    order.say(f"fetching {order.model} to the hub cache {order.settings.hub_cache}")
    limits = client.create_host_config(
        mounts=[hub_mount(order.settings)],
        init=True,
        restart_policy={"Name": "no"},
        security_opt=["no-new-privileges"],
    )
    private = {"HF_TOKEN": order.token} if order.token else {}
    try:
        made = str(
            client.create_container(
                order.image,
                entrypoint=["python3"],
                command=["-c", hub_download.PROGRAM, order.model],
                name=order.name,
                environment={**order.environment, **_ENVIRONMENT, **private},
                user="0",  # the cache is its own, whoever the image's user is
                labels={names.INSTALLATION: order.settings.installation, names.ROLE: "prefetch"},
                host_config=limits,
            )["Id"]
        )
        client.start(made)
    except APIError as error:
        if made:  # its name must not stay taken by what never runs
            _remove(order, made)
        elif error.status_code == _CONFLICT:
            return _of_others(order), False
        raise refused(said(error), order.host.url) from error
    return made, True


def _of_others(order: Fetch) -> str:
    """The container that has the name; empty if it has just gone."""
    try:
        found = order.client.inspect_container(order.name)
    except NotFound:
        return ""
    if (found["Config"]["Labels"] or {}).get(names.INSTALLATION) != order.settings.installation:
        raise _failure(
            FailureClass.INFRASTRUCTURE,
            f"A container named {order.name} that is not this airtune's is on {order.host.url}: "
            "remove or rename it.",
        )
    return str(found["Id"])


def _wait(order: Fetch, container: str, deadline: float, *, ours: bool) -> int | None:
    """Its exit code; None if it is gone."""
    follower = Follower(order.client, container, order.log, order.say)
    lost = time.monotonic() + order.start_s
    while True:
        try:
            state = order.client.inspect_container(container)["State"] if container else None
        except NotFound:
            return None
        if state is None:
            return None
        follower.look()
        if state["Status"] == "created" and time.monotonic() > lost:
            _remove(order, container)
            return None
        if not state["Running"] and state["Status"] != "created":
            return int(state["ExitCode"])
        if time.monotonic() > deadline:
            if ours:
                _remove(order, container)
            raise _failure(
                FailureClass.INFRASTRUCTURE,
                f"{order.model} was not fetched within {order.limit_s:.0f} s (log: {order.log}); "
                "what is there is kept. Raise timeouts.pull_s, or fetch it by hand.",
            )
        time.sleep(_POLL_S)


def _remove(order: Fetch, container: str) -> None:
    try:
        order.client.remove_container(container, v=True, force=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != _CONFLICT:  # somebody else removes it at this moment
            raise


def _failed(order: Fetch, code: int, text: str) -> TrialFailed:
    lines = text.strip().splitlines()
    failure_class, why = _UNREADABLE.get(
        code, (FailureClass.INFRASTRUCTURE, "the hub cannot be reached from the engine's host")
    )
    reason = f"{order.model} could not be fetched: {why}. {lines[-1] if lines else ''}".rstrip()
    return _failure(failure_class, reason, text[-4000:])


def _failure(failure_class: FailureClass, reason: str, tail: str = "") -> TrialFailed:
    return TrialFailed(Failure(failure_class=failure_class, reason=reason, log_tail=tail))
