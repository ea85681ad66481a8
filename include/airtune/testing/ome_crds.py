"""OME's custom resource definitions in a cluster, from the folder that tests are given."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airtune.testing.ome_api import GROUP, OmeApi

FOLDER = "AIRTUNE_OME_CRDS"
"""Environment variable that names the folder; its YAML files are those of OME's chart ome-crd."""

_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ESTABLISHED_S = 60.0


def crd_folder() -> Path | None:
    """The folder of ``AIRTUNE_OME_CRDS``, None if it names none."""
    named = os.environ.get(FOLDER)
    return Path(named) if named and Path(named).is_dir() else None


@contextmanager
def crds(api: OmeApi, folder: Path, needed: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """All definitions of ``folder`` in the cluster while the block runs.

    Those that were there stay as they are, and stay; removed are those that were made.

    Args:
        needed: asked at the end whether somebody else uses them by now: then they stay, too.

    Raises:
        ApiRefused: the API server refused one.
        RuntimeError: one is not established within a minute.
    """
    absent = _absent(api, folder)
    try:
        _make(api, absent)
        yield
    finally:
        for one in [] if needed() else absent:
            api.remove(crd_path(one["metadata"]["name"]))


def install(api: OmeApi, folder: Path) -> None:
    """Have all definitions of ``folder`` in the cluster, those that a test has removed again.

    Raises:
        ApiRefused: the API server refused one.
        RuntimeError: one is not established within a minute.
    """
    _make(api, _absent(api, folder))


def crd_path(name: str) -> str:
    """Where a definition is, such as ``inferenceservices.ome.io``."""
    return f"{_PATH}/{name}"


def _absent(api: OmeApi, folder: Path) -> list[dict[str, Any]]:
    return [one for one in _read(folder) if api.find(crd_path(one["metadata"]["name"])) is None]


def _make(api: OmeApi, definitions: list[dict[str, Any]]) -> None:
    for one in definitions:
        api.apply(crd_path(one["metadata"]["name"]), one)
    for one in definitions:
        _wait(api, one["metadata"]["name"])


def _read(folder: Path) -> list[dict[str, Any]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 5 MB: seconds instead of a minute
    found = []
    for file in sorted(folder.glob(f"{GROUP}_*.yaml")):
        found.append(yaml.load(file.read_text(), Loader=loader))  # noqa: S506 - a safe loader
    return found


def _wait(api: OmeApi, name: str) -> None:
    give_up_at = time.monotonic() + _ESTABLISHED_S
    while time.monotonic() < give_up_at:
        conditions = (api.get(crd_path(name)).get("status") or {}).get("conditions") or []
        if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{name} is not established")
