"""A Docker Engine in memory, at the SDK's port: those calls of ``APIClient`` that airtune makes.

Nothing runs: what a started container does is the test's to say (``on_start``).
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import HostConfig
from requests import Response

from airtune.testing.fake_docker_container import FakeContainer, stamp


def api_error(status: int, text: str) -> APIError:
    """The SDK's exception for an answer of the engine."""
    response = Response()
    response.status_code, response.reason = status, "refused"
    kind = NotFound if status == 404 else APIError
    error: APIError = kind(text, response=response, explanation=text)
    return error


class FakeDocker:
    """One engine.

    Attributes:
        made: containers by id.
        networks_made: rows of networks by id.
        on_start: called with a container that has just been started.
        pull_events: reports of the next pull; an exception is raised where it stands.
        refusals: name of a call → error that it raises.
        up_since: time stamp of the engine's start.
        members: network id → names of containers in it, beside its own.
        volumes: name → ``inspect_volume``.
    """

    def __init__(self, *images: str) -> None:
        self.images = {name: {"Id": f"sha256:{name}", "RepoDigests": []} for name in images}
        self.made: dict[str, FakeContainer] = {}
        self.networks_made: dict[str, dict[str, Any]] = {}
        self.on_start: Callable[[FakeContainer], None] = lambda container: None
        self.pull_events: list[Any] = []
        self.refusals: dict[str, Exception] = {}
        self.up_since = stamp(0.0)
        self.clock: str | None = None
        self.members: dict[str, list[str]] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    # --- the engine

    def info(self) -> dict[str, Any]:
        self._refuse("info")
        return {"Name": "fake-host", "SystemTime": self.clock or stamp()}

    def version(self) -> dict[str, Any]:
        return {"Version": "20.10.24", "ApiVersion": "1.41"}

    def close(self) -> None:
        """Nothing to close."""

    # --- images and volumes

    def inspect_image(self, name: str) -> Mapping[str, Any]:
        self._refuse("inspect_image")
        if name not in self.images:
            raise ImageNotFound(name, response=api_error(404, name).response, explanation=name)
        return self.images[name]

    def pull(self, repository: str, *, tag: str, stream: bool, decode: bool) -> Iterator[Any]:
        assert stream
        assert decode
        for event in self.pull_events:
            if isinstance(event, Exception):
                raise event
            yield event() if callable(event) else event
        digest = f"{repository}@sha256:{'d' * 64}"
        self.images[f"{repository}:{tag}"] = {"Id": "sha256:id", "RepoDigests": [digest]}

    def inspect_volume(self, name: str) -> Mapping[str, Any]:
        if name not in self.volumes:
            raise api_error(404, f"no such volume: {name}")
        return self.volumes[name]

    # --- containers

    def create_host_config(self, **options: Any) -> Any:
        return HostConfig("1.41", **options)

    def create_container(self, image: str, **config: Any) -> dict[str, str]:
        self._refuse("create_container")
        name = str(config.get("name") or f"nameless-{next(self._numbers)}")
        if any(one.name == name for one in self.made.values()):
            raise api_error(409, f'Conflict. The container name "/{name}" is already in use')
        host_config = config.pop("host_config", None) or {}
        number = f"{next(self._numbers):064x}"
        self.made[number] = FakeContainer(number, name, {"image": image, **config}, host_config)
        return {"Id": number}

    def start(self, container: str) -> None:
        self._refuse("start")
        found = self._find(container)
        found.start()
        self.on_start(found)

    def inspect_container(self, container: str) -> dict[str, Any]:
        self._refuse("inspect_container")
        return self._find(container).inspect()

    def containers(self, *, all: bool, filters: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        self._refuse("containers")
        assert all
        rows = [one.row() for one in self.made.values()]
        return [row for row in rows if _matches(row["Labels"], filters)]

    def logs(
        self,
        container: str,
        *,
        stdout: bool,
        stderr: bool,
        stream: bool = False,
        follow: bool = False,
        timestamps: bool = False,
        tail: int | str = "all",
        since: float = 0.0,
    ) -> Any:
        assert not follow
        lines = self._find(container).lines
        chosen = lines if isinstance(tail, str) else lines[-tail:]
        after = stamp(since)
        texts = [f"{at} {text}" if timestamps else text for at, text in chosen if at >= after]
        data = "".join(f"{text}\n" for text in texts).encode()
        return iter([data]) if stream else data

    def stop(self, container: str, timeout: int) -> None:
        self._refuse("stop")
        self._find(container).end(143)

    def remove_container(self, container: str, *, v: bool, force: bool) -> None:
        self._refuse("remove_container")
        assert v, "its anonymous volumes would stay"
        assert force
        del self.made[self._find(container).id]

    # --- networks

    def create_network(self, name: str, **options: Any) -> dict[str, str]:
        self._refuse("create_network")
        number = f"net{next(self._numbers)}"
        self.networks_made[number] = {"Id": number, "Name": name, "Labels": options["labels"]}
        return {"Id": number}

    def networks(self, *, filters: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        return [row for row in self.networks_made.values() if _matches(row["Labels"], filters)]

    def inspect_network(self, network: str) -> dict[str, Any]:
        if network == "bridge":
            return {"Created": self.up_since}
        if network not in self.networks_made:
            raise api_error(404, f"network {network} not found")
        inside = {name: {"Name": name} for name in self.members.get(network, [])}
        return self.networks_made[network] | {"Containers": inside}

    def remove_network(self, network: str) -> None:
        if self.inspect_network(network)["Containers"]:
            raise api_error(403, f"network {network} has active endpoints")
        del self.networks_made[network]

    def _find(self, container: str) -> FakeContainer:
        for one in self.made.values():
            if container in {one.id, one.name}:
                return one
        raise api_error(404, f"No such container: {container}")

    def _refuse(self, call: str) -> None:
        if error := self.refusals.get(call):
            raise error


def _matches(labels: Mapping[str, str], filters: Mapping[str, list[str]]) -> bool:
    wanted = (word.partition("=") for word in filters.get("label", []))
    return all(labels.get(name) == value for name, _, value in wanted)
