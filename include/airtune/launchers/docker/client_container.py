"""The container of one call of the benchmark client: made under a name that is a lock, removed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, ImageNotFound, NotFound

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker.connect import engine_errors, said
from airtune.launchers.docker.image import ensure_image
from airtune.launchers.docker.lookup import Found, containers_of
from airtune.launchers.docker.remove import remove_container
from airtune.records import Failure, FailureClass

VERSION_LABEL = "org.airtune.genai-bench"
"""Label of the image: the version of genai-bench in it."""

_BUILD = (
    "The client's image is built on that host from docker/genai-bench.Dockerfile, or named in "
    "AIRTUNE_CLIENT_IMAGE."
)
_TRIES = 3
_LOG = {"max-size": "10m", "max-file": "1"}


@dataclass(frozen=True)
class ClientOrder:
    """A client to be run to its end.

    Attributes:
        engine: the Docker Engine's URL, for texts.
        run, slot, attempt, trial_id: whose it is; a later attempt ends it.
        argv: its whole command line; the image's entrypoint is not used.
        env: all that is added to the image's environment.
        network: on which its server is.
        cpus: cores of the engine's host it may use; all if empty.
        put: folders it needs, as ``put_folders`` takes them.
        fetch, into: what it leaves, and where that goes on this host.
        is_current: False once a newer attempt has entered: then nothing may be started.
    """

    engine: str
    installation: str
    run: str
    slot: int
    attempt: int
    trial_id: int
    image: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    network: str
    cpus: tuple[int, ...]
    put: Mapping[Path, Path | None]
    fetch: Path
    into: Path
    is_current: Callable[[], bool] = field(default=lambda: True)

    @property
    def name(self) -> str:
        """The container's name, the same for all clients of the slot."""
        return names.object_name(self.installation, self.run, self.slot, "client")


def create_client(client: APIClient, order: ClientOrder) -> str:
    """Create the container, not started; returns its id.

    A client of this or an earlier attempt of the slot that holds the name is removed.

    Raises:
        TrialFailed: ``infrastructure``: something foreign holds the name; ``cancelled``: a newer
            attempt does.
        docker.errors.APIError: the engine refused.
    """
    for _ in range(_TRIES):
        try:
            return str(client.create_container(**_configuration(client, order))["Id"])
        except APIError as error:
            if error.status_code != 409:
                raise
            _free_name(client, order)
    raise _failed(
        FailureClass.INFRASTRUCTURE,
        f"A container named {order.name} comes back whenever it is removed; find out what makes "
        "it and end that.",
    )


def _configuration(client: APIClient, order: ClientOrder) -> dict[str, Any]:
    host_config = client.create_host_config(
        network_mode=order.network,
        cpuset_cpus=",".join(map(str, order.cpus)) or None,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        log_config={"type": "json-file", "config": _LOG},
    )
    return {
        "image": order.image,
        "name": order.name,
        "entrypoint": [order.argv[0]],
        "command": list(order.argv[1:]),
        "environment": dict(order.env),
        "labels": names.labels_of(
            order.installation,
            order.run,
            order.slot,
            order.attempt,
            "client",
            trial=str(order.trial_id),
        ),
        "host_config": host_config,
    }


def _free_name(client: APIClient, order: ClientOrder) -> None:
    """Remove what holds the name, if it is a client of this slot that this attempt may end."""
    try:
        holder = client.inspect_container(order.name)
    except NotFound:
        return
    labels = holder["Config"].get("Labels") or {}
    ours = labels.get(names.INSTALLATION) == order.installation and names.RUN_ID in labels
    if not ours or names.owner(labels)[:2] != (order.run, order.slot):
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"The name {order.name} is taken by a container ({holder['Id'][:12]}) that is not "
            "airtune's; rename or remove it.",
        )
    if names.owner(labels)[2] > order.attempt:
        raise _failed(
            FailureClass.CANCELLED, "A newer attempt of this slot already runs its client."
        )
    remove_client(client, str(holder["Id"]))


def remove_client(client: APIClient, container: str) -> None:
    """End and remove the container and see it gone; idempotent.

    Raises:
        TrialFailed: ``infrastructure``: it is still there after 30 s.
        docker.errors.APIError: the engine refused.
    """
    remove_container(client, Found(container, "client", "client", 0, False, 0.0, {}))


def end_clients(
    client: APIClient, installation: str, run: str, slot: int, attempt_before: int
) -> int:
    """Remove the slot's clients of ``attempt_before`` and earlier ones; how many were running.

    Raises:
        TrialFailed: ``infrastructure``: one is still there after 30 s.
        docker.errors.APIError: the engine refused.
    """
    found = containers_of(
        client, installation, run=names.run_hash(run), slot=str(slot), role="client"
    )
    earlier = [one for one in found if one.attempt <= attempt_before]
    for one in earlier:
        remove_container(client, one)
    return sum(one.running for one in earlier)


def ensure_client_image(
    client: APIClient, image: str, limit_s: float, say: Callable[[str], None]
) -> None:
    """Have the client's image on the engine's host, pulled where it is missing.

    Args:
        limit_s: for the pull.
        say: gets its progress.

    Raises:
        TrialFailed: ``image`` or ``infrastructure``.
    """
    try:
        ensure_image(client, image, limit_s, say)
    except TrialFailed as error:
        raise _failed(
            error.failure.failure_class,
            f"The client's image {image} could not be had: {error.failure.reason} {_BUILD}",
        ) from error


def client_version(client: APIClient, image: str) -> str:
    """The version of genai-bench that ``image`` says it has; empty if it does not say.

    Raises:
        docker.errors.ImageNotFound: the engine does not have it.
    """
    labels = client.inspect_image(image)["Config"].get("Labels") or {}
    return str(labels.get(VERSION_LABEL, ""))


@contextmanager
def client_failures(order: ClientOrder) -> Iterator[None]:
    """What the engine refuses is raised as a failure of the trial.

    Raises:
        TrialFailed: ``image``, ``cancelled`` or ``infrastructure``.
    """
    with engine_errors(order.engine):
        try:
            yield
        except ImageNotFound as error:
            raise _failed(
                FailureClass.IMAGE,
                f"The client's image {order.image} is not on the engine's host. {_BUILD}",
            ) from error
        except APIError as error:
            if error.status_code == 404 and not order.is_current():
                raise _failed(
                    FailureClass.CANCELLED, "A newer attempt of this slot has ended this client."
                ) from error
            if error.status_code == 400 and "executable file not found" in said(error):
                raise _failed(
                    FailureClass.IMAGE,
                    f"The client's image {order.image} has no program {order.argv[0]}. {_BUILD}",
                ) from error
            raise


def _failed(failure_class: FailureClass, reason: str) -> TrialFailed:
    return TrialFailed(Failure(failure_class=failure_class, reason=reason))
