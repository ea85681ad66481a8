"""What the client finds where it runs: on this host, or in a container beside the server."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from airtune.benchmark.hub import TokenizerSource, find_tokenizer
from airtune.records import Endpoint
from airtune.settings import Settings
from airtune.task import Task

POINT_INSIDE = Path("/airtune/point")
"""The load point's folder, as the client in a container sees it."""

TOKENIZER_INSIDE = Path("/airtune/tokenizer")
"""Where a tokenizer folder of this host is put in the client's container."""

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_KEPT_INSIDE = ("HF_ENDPOINT", *_PROXIES)
_KEPT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "XDG_CACHE_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HF_HOME", "HF_HUB_CACHE", *_KEPT_INSIDE),
)
"""All that the client gets of our environment: it writes secrets it finds into its output."""


@dataclass(frozen=True)
class Surroundings:
    """The client's view of one load point.

    Attributes:
        command: how its command line begins.
        base_url: the server's, as it is reached from there.
        own: the load point's folder on this host.
        folder: the same folder as the client sees it.
        tokenizer: as the client is told of it.
        environment: what it gets beside airtune's own variables.
        bring: folders of this host that must be there, by the client's path of them.
    """

    command: tuple[str, ...]
    base_url: str
    own: Path
    folder: Path
    tokenizer: TokenizerSource
    environment: Mapping[str, str]
    bring: Mapping[Path, Path] = field(default_factory=dict)


def on_host(
    endpoint: Endpoint,
    task: Task,
    own: Path,
    settings: Settings,
    environ: Mapping[str, str] | None = None,
) -> Surroundings:
    """Those of a process of this host.

    Args:
        environ: ``os.environ`` unless given.

    Raises:
        TaskError: the tokenizer is a path and nothing is there.
    """
    ours = os.environ if environ is None else environ
    kept = {name: ours[name] for name in _KEPT if name in ours}
    kept["AIRTUNE_BENCH_PYTHON"] = str(settings.bench_python)
    return Surroundings(
        command=settings.bench_command,
        base_url=endpoint.base_url,
        own=own,
        folder=own,
        tokenizer=find_tokenizer(task.benchmark.model_tokenizer, settings.home, ours),
        environment=kept | no_proxy(endpoint.base_url, ours),
    )


def in_container(
    base_url: str,
    task: Task,
    own: Path,
    settings: Settings,
    environ: Mapping[str, str] | None = None,
    point: Path = POINT_INSIDE,
) -> Surroundings:
    """Those of a container: of this host it gets a tokenizer folder and the way to the hub.

    A hub id stays one: what this host has cached of the hub is not there.

    Args:
        base_url: the server's on the container's network.
        environ: ``os.environ`` unless given.
        point: the load point's folder, as the client sees it.

    Raises:
        TaskError: the tokenizer is a path and nothing is there.
    """
    ours = os.environ if environ is None else environ
    source = find_tokenizer(task.benchmark.model_tokenizer, settings.home, ours)
    here = Path(source.reference)
    local = here.is_absolute()
    kept = {name: ours[name] for name in _KEPT_INSIDE if name in ours}
    return Surroundings(
        command=("genai-bench", "benchmark"),
        base_url=base_url,
        own=own,
        folder=point,
        tokenizer=TokenizerSource(str(TOKENIZER_INSIDE) if local else source.reference, local),
        environment=kept | no_proxy(base_url, ours),
        bring={TOKENIZER_INSIDE: here} if local else {},
    )


def no_proxy(base_url: str, ours: Mapping[str, str]) -> dict[str, str]:
    """``NO_PROXY`` and ``no_proxy``: loopback, the server, and what ``ours`` names."""
    hosts = ["localhost", "127.0.0.1", "::1", urlsplit(base_url).hostname or ""]
    given = ours.get("NO_PROXY") or ours.get("no_proxy") or ""
    names = dict.fromkeys([*hosts, *given.split(",")])
    text = ",".join(filter(None, names))
    return {"NO_PROXY": text, "no_proxy": text}
