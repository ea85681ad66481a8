"""Images for tests, built where they are missing and again when what they are made of changes."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airtune.testing.cache import locked
from airtune.testing.docker_base import make_base
from airtune.testing.docker_context import Context, local_certificates, read_context

if TYPE_CHECKING:
    from docker import APIClient

HOST = "AIRTUNE_TEST_DOCKER_HOST"
"""Environment variable that names the engine for tests."""

CONTENT = "airtune-test/content"
"""Label of an image: hash of the context that it was built from."""

DOCKERFILES = {
    "airtune/llama-cpp:latest": "docker/llama-cpp.Dockerfile",
    "airtune/genai-bench:0.0.5": "docker/genai-bench.Dockerfile",
    "airtune/airtune:latest": "Dockerfile",
    "airtune-test/fake-sglang:latest": "tests/docker/images/fake-sglang/Dockerfile",
    "airtune-test/postgres:15": "tests/docker/images/postgres/Dockerfile",
}
"""Tag of each image that can be built → its Dockerfile."""

_TAIL = 40
_BUILD_S = 1800


BUILT: list["Built"] = []
"""Builds of this process, for reports."""


@dataclass(frozen=True)
class Built:
    """What ``build`` did.

    Attributes:
        seconds: how long it took; next to nothing if the image was there.
        fresh: False if the image was there already.
    """

    tag: str
    seconds: float
    fresh: bool


def build(name: str, *, host: str | None = None) -> str:
    """The tag of image ``name`` (with or without its version), after building it if need be.

    Args:
        host: the engine's URL; None is ``AIRTUNE_TEST_DOCKER_HOST``.

    Raises:
        KeyError: no such image.
        RuntimeError: no engine is named, or the build failed (with the end of its output).
    """
    return build_timed(name, host=host).tag


def build_timed(name: str, *, host: str | None = None, on: str | None = None) -> Built:
    """``build``, and what it took. Raises what ``build`` does.

    Args:
        on: image to build on, fetched if it is not there; None is the tests' own.
    """
    tag = _tag(name)
    began = time.monotonic()
    with connected(host) as client, locked("docker-images"):
        arguments = {"BASE_IMAGE": on or make_base(client)}
        context = read_context(DOCKERFILES[tag], certificates=local_certificates())
        digest = context.digest(arguments)
        before = _labelled(client, tag)
        fresh = before is None or before[1] != digest
        if fresh:
            _build(client, tag, context, arguments, digest)
            _drop(client, before, tag)
    built = Built(tag, time.monotonic() - began, fresh)
    BUILT.append(built)
    return built


def base(*, host: str | None = None) -> str:
    """The tag of the base image, after making it if need be (about 50 s). Raises: see ``build``."""
    with connected(host) as client, locked("docker-images"):
        return make_base(client)


@contextmanager
def connected(host: str | None = None) -> "Iterator[APIClient]":
    """A client of the engine at ``host``, or of ``AIRTUNE_TEST_DOCKER_HOST``; closed at the end.

    Raises:
        RuntimeError: neither names an engine.
    """
    from docker import APIClient

    url = host or os.environ.get(HOST)
    if not url:
        raise RuntimeError(
            f"No Docker Engine for tests: name one in {HOST}, or PROVISION=1 make test-docker."
        )
    client = APIClient(base_url=url, version="auto", timeout=_BUILD_S)
    try:
        yield client
    finally:
        client.close()


def _tag(name: str) -> str:
    return next((tag for tag in DOCKERFILES if name in {tag, tag.partition(":")[0]}), name)


def _build(
    client: "APIClient", tag: str, context: Context, arguments: dict[str, str], digest: str
) -> None:
    lines: list[str] = []
    events = client.build(
        fileobj=context.tar(),
        custom_context=True,
        dockerfile=context.dockerfile,
        tag=tag,
        buildargs=arguments,
        labels={CONTENT: digest},
        rm=True,
        forcerm=True,
        decode=True,
        use_config_proxy=True,
    )
    for event in events:
        lines += [text] if (text := event.get("stream", "").strip()) else []
        if "error" in event:
            tail = "\n".join(lines[-_TAIL:])
            raise RuntimeError(f"building {tag} failed: {event['error']}\n{tail}")


def _labelled(client: "APIClient", tag: str) -> tuple[str, str] | None:
    """Id and content label of an image, None if there is no such image."""
    from docker.errors import ImageNotFound

    try:
        found: dict[str, Any] = client.inspect_image(tag)
    except ImageNotFound:
        return None
    return found["Id"], (found["Config"].get("Labels") or {}).get(CONTENT, "")


def _drop(client: "APIClient", before: tuple[str, str] | None, tag: str) -> None:
    """Remove what ``tag`` meant before, if it was ours and no container needs it."""
    from docker.errors import APIError

    now = _labelled(client, tag)
    if before and before[1] and now and now[0] != before[0]:
        try:
            client.remove_image(before[0])
        except APIError:  # it has another tag, or a container
            return
