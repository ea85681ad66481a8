"""With ``PROVISION=1``: servers that tests and demos need, installed, started, stopped again."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from airtune.testing import (
    compose_binary,
    docker_engine,
    docker_images,
    docker_install,
    kubernetes_build,
    kubernetes_cluster,
    kubernetes_images,
    kubernetes_install,
)

Made = TypeVar("Made")


def wanted() -> bool:
    """True if ``PROVISION=1`` allows to install and start things on this machine."""
    return os.environ.get("PROVISION") == "1"


@contextmanager
def private_engine(*, compose: bool = False) -> Iterator[docker_engine.DockerEngine]:
    """A Docker Engine of our own, which the environment names while the block runs.

    Args:
        compose: build Docker Compose, too, if there is none.

    Raises:
        RuntimeError: something cannot be installed, built or started here.
    """
    timed("Docker's packages", docker_install.provision)
    if compose and compose_binary.why_not() is None:
        timed("Docker Compose", compose_binary.provision)
    engine = timed("Docker Engine", docker_engine.start)
    try:
        with _named(engine.environment):
            timed("base image", docker_images.base)
            yield engine
    finally:
        engine.stop()


@contextmanager
def private_cluster(
    images: Sequence[str] = kubernetes_images.FOR_TESTS,
) -> Iterator[kubernetes_cluster.KubernetesCluster]:
    """A Kubernetes cluster of our own, which the environment names while the block runs.

    Args:
        images: built by the Docker Engine that the environment names, and put into the cluster.

    Raises:
        RuntimeError: something cannot be installed, built or started here.
    """
    timed("packages for Kubernetes", kubernetes_install.provision)
    timed("Kubernetes' programs", kubernetes_build.provision)
    cluster = timed("Kubernetes cluster", kubernetes_cluster.start)
    try:
        with _named(cluster.environment):
            timed("images", lambda: _loaded(cluster, images))
            yield cluster
    finally:
        cluster.stop()


def timed(what: str, make: Callable[[], Made]) -> Made:
    """What ``make`` makes, after a line that says what it is and how long it took."""
    began = time.monotonic()
    made = make()
    shown = getattr(made, "url", made)
    print(f"{what}: {shown} ({time.monotonic() - began:.0f} s)", flush=True)
    return made


def _loaded(cluster: kubernetes_cluster.KubernetesCluster, images: Sequence[str]) -> str:
    imported = kubernetes_images.load(cluster.containerd, images)
    return f"imported {', '.join(imported)}" if imported else "are there"


@contextmanager
def _named(environment: Mapping[str, str]) -> Iterator[None]:
    os.environ.update(environment)
    try:
        yield
    finally:
        for name in environment:
            os.environ.pop(name, None)
