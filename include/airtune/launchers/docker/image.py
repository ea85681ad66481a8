"""Having the image on the engine's host: pulled here, with progress and a limit."""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from docker.errors import APIError, ImageNotFound

from airtune.errors import TrialFailed
from airtune.launchers.docker.connect import said
from airtune.launchers.docker.progress import Progress
from airtune.records import Failure, FailureClass

_SAY_EVERY_S = 3.0
_RETRYABLE = re.compile(
    r"dial tcp|no such host|connection refused|connection reset|i/o timeout|TLS handshake timeout"
    r"|request canceled|deadline exceeded|temporarily|toomanyrequests|unexpected EOF|no route to"
    r"|Service Unavailable|Bad Gateway|Internal Server Error|no space left|EOF$",
    re.IGNORECASE,
)
"""Of the registry's host, or of the engine's: the same pull can succeed later."""

_END = None


def ensure_image(
    client: Any, reference: str, limit_s: float, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """The image's ``inspect``, after pulling it where it is missing.

    Args:
        client: ``docker.APIClient``, logged in to the registry where that is needed.
        reference: with tag or digest.
        limit_s: for the pull, also when nothing arrives any more.
        say: gets a line every few seconds.

    Raises:
        TrialFailed: ``image``: there is no such image, or we may not have it;
            ``infrastructure``: the registry cannot be reached, or time is over.
    """
    try:
        found: Mapping[str, Any] = client.inspect_image(reference)
    except ImageNotFound:
        say(f"pulling {reference}")
        began = time.monotonic()
        _pull(client, reference, limit_s, say)
        say(f"pulled {reference} in {time.monotonic() - began:.0f} s")
        found = client.inspect_image(reference)
    return found


def digest_of(image: Mapping[str, Any]) -> str:
    """``sha256:…`` under which the registry has the image; its id if it never was in one."""
    for digest in image.get("RepoDigests") or []:
        return str(digest).rpartition("@")[2]
    return str(image["Id"])


def digest_there(client: Any, reference: str) -> str | None:
    """``digest_of`` the image that ``reference`` means on this engine; None if it has none.

    Args:
        client: ``docker.APIClient``.
    """
    try:
        # Not from the list of images: that knows no "docker.io/…", and finds any tag of a name.
        return digest_of(client.inspect_image(reference))
    except ImageNotFound:
        return None


def _pull(client: Any, reference: str, limit_s: float, say: Callable[[str], None]) -> None:
    progress, next_word = Progress(reference), time.monotonic() + _SAY_EVERY_S
    for event in _events(client, reference, limit_s):
        if error := event.get("error"):
            raise _failed(reference, str(error))
        progress.take(event)
        if time.monotonic() > next_word:
            say(progress.line())
            next_word = time.monotonic() + _SAY_EVERY_S


def _events(client: Any, reference: str, limit_s: float) -> Iterator[dict[str, Any]]:
    """The engine's reports. Read in a thread: the limit holds when none comes, too."""
    reports: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()
    deadline = time.monotonic() + limit_s
    # If time is over the thread is left behind; it ends, and the engine gives the pull up, when
    # the client is closed or this process ends.
    threading.Thread(
        target=_read, args=(client, reference, reports), daemon=True, name=f"pull {reference}"
    ).start()
    while True:
        try:
            report = reports.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise _too_slow(reference, limit_s) from None
        if report is _END:
            return
        if isinstance(report, APIError):
            raise _failed(reference, said(report)) from report
        if isinstance(report, Exception):
            raise report
        yield report


def _read(client: Any, reference: str, reports: "queue.SimpleQueue[Any]") -> None:
    repository, tag = _parts(reference)
    try:
        for event in client.pull(repository, tag=tag, stream=True, decode=True):
            reports.put(event)
    except Exception as error:  # it is raised where the reports are read
        reports.put(error)
    finally:
        reports.put(_END)


def _parts(reference: str) -> tuple[str, str]:
    """Repository and tag or digest; without either, ``latest``."""
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    folder, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return folder + slash + name, tag or "latest"


def _failed(reference: str, answer: str) -> TrialFailed:
    retryable = _RETRYABLE.search(answer)
    reason = (
        f"Image {reference} is not on the engine's host and could not be pulled: "
        f"{answer.rstrip('.')}. Check image and image_tag, try 'docker pull' there by hand; a "
        "private registry needs AIRTUNE_DOCKER_CONN_ID."
    )
    failure_class = FailureClass.INFRASTRUCTURE if retryable else FailureClass.IMAGE
    return TrialFailed(Failure(failure_class=failure_class, reason=reason))


def _too_slow(reference: str, limit_s: float) -> TrialFailed:
    reason = (
        f"Image {reference} was not pulled within {limit_s:.0f} s: pull it by hand on the engine's "
        "host, or raise timeouts.pull_s."
    )
    return TrialFailed(Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason))
