"""Connecting to a Docker Engine, and the SDK's errors as failures of a trial."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException

from airtune.errors import TrialFailed
from airtune.records import Failure, FailureClass
from airtune.settings import DockerHost

_ERRORS = (
    DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    ConnectionError,  # streams read their sockets themselves
    TimeoutError,
)
_UNIX = "unix://"
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class _Client(docker.APIClient):  # type: ignore[misc] # the SDK is untyped
    """One that trusts the engine's own authority, whatever REQUESTS_CA_BUNDLE says.

    ``requests`` prefers the environment's bundle to the one that a session was given.
    """

    trust_env = property(lambda self: False, lambda self, value: None)


@contextmanager
def own_authority() -> Iterator[None]:
    """The same for a client that others make in the block: the environment names no bundle.

    It changes the process's environment, so only for a process that does one thing at a time.
    """
    kept = {name: os.environ.pop(name) for name in _BUNDLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def connect(host: DockerHost, timeout_s: float = 60.0) -> Iterator["docker.APIClient"]:
    """A client of the engine of ``host``, closed at the end of the block.

    Args:
        timeout_s: for one answer of the engine, > 0.

    Raises:
        TrialFailed: ``infrastructure``: it cannot be reached or refuses us.
    """
    with engine_errors(host.url):
        _knock(host.url)
        kind = _Client if host.tls_ca else docker.APIClient
        client = kind(base_url=host.url, version="auto", timeout=timeout_s, tls=_tls(host))
    try:
        yield client
    finally:
        client.close()


@contextmanager
def engine_errors(url: str) -> Iterator[None]:
    """Turn every error of the SDK in the block into ``TrialFailed`` (``infrastructure``).

    Args:
        url: the engine's, for the text.
    """
    try:
        yield
    except _ERRORS as error:
        reason = reason_of(error, url)
        failure = Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason)
        raise TrialFailed(failure) from error


def reason_of(error: Exception, url: str) -> str:
    """One sentence: what the engine at ``url`` did, and what to check."""
    if isinstance(error, APIError) and error.explanation:
        return f"The Docker Engine at {url} refused: {said(error)}"
    text = " ".join(str(error).split())
    if "Permission denied" in text or "PermissionError" in text:
        return (
            f"The Docker Engine's socket {url} may not be used by this user: add the user that "
            "runs Airflow's workers to the socket's group (usually docker), in compose by "
            "DOCKER_GID, and start the workers again."
        )
    if "FileNotFoundError" in text:
        return (
            f"There is no Docker Engine at {url}: the socket does not exist. Start the engine, or "
            "correct AIRTUNE_DOCKER_HOST; in a container, mount the socket."
        )
    return (
        f"The Docker Engine at {url} cannot be reached: {text}. Check that it runs, and "
        "AIRTUNE_DOCKER_HOST (AIRTUNE_DOCKER_HOSTS for others: url, tls_ca, tls_cert, tls_key)."
    )


def said(error: APIError) -> str:
    """The engine's own words, on one line."""
    return " ".join(str(error.explanation or error).split())


def _knock(url: str) -> None:
    """Fail at once at a socket that is not there or not for us; the SDK would leave one open."""
    if not url.startswith(_UNIX):
        return
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(5.0)
        try:
            knocking.connect(url.removeprefix(_UNIX))
        except OSError as error:
            raise ConnectionError(f"{type(error).__name__}: {error.strerror or error}") from error


def _tls(host: DockerHost) -> Any:
    if not (host.tls_ca or host.tls_cert):
        return False
    pair = (host.tls_cert, host.tls_key) if host.tls_cert else None
    return docker.TLSConfig(client_cert=pair, ca_cert=host.tls_ca or None, verify=True)
