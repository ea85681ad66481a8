"""Docker Compose for tests: the plug-in that is there, else one built from its Go module.

Where no binary can be downloaded, Go's module proxy still has the source: building takes about
two minutes of two cores, once, and the program is kept in the tests' cache.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airtune.testing.cache import cache_folder, locked
from airtune.testing.golang import go, why_no_go

VERSION = "v2.40.3"
MODULE = "github.com/docker/compose/v2"
_NAME = "airtune.test/compose"
_PLUGINS = tuple(
    Path(folder, "docker/cli-plugins")
    for folder in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
)


def compose_binary() -> Path:
    """``find``.

    Raises:
        RuntimeError: there is none; the text says how to have one.
    """
    found = find()
    if found is None:
        reason = why_not() or "no Docker Compose; PROVISION=1 make test-docker builds it"
        raise RuntimeError(reason)
    return found


def find() -> Path | None:
    """Compose as a program of its own: Docker's plug-in is one, else what ``provision`` built."""
    for folder in (Path.home() / ".docker/cli-plugins", *_PLUGINS):
        if (folder / "docker-compose").exists():
            return folder / "docker-compose"
    return cached() if cached().exists() else None


def cached() -> Path:
    """Where the program is that ``provision`` builds."""
    return cache_folder() / f"compose-{VERSION}" / "docker-compose"


def why_not() -> str | None:
    """Why there is no Compose and none can be built, None if there is or can be."""
    if find():
        return None
    reason = why_no_go()
    return f"no Docker Compose, and {reason} to build it" if reason else None


def provision() -> Path:
    """``find``, after building Compose if there is none.

    Raises:
        RuntimeError: it cannot be built here (why), or the build failed (with its output's end).
    """
    with locked("compose"):
        found = find()
        if found is None:
            if reason := why_not():
                raise RuntimeError(reason)
            _build()
            found = cached()
    return found


def module_file(upstream: Mapping[str, Any]) -> str:
    """The go.mod of a module that only requires Compose.

    Args:
        upstream: Compose's own, as ``go mod edit -json`` prints it. Its exclusions and
            replacements count for itself alone, so they are repeated.
    """
    lines = [f"module {_NAME}", f"go {upstream['Go']}", f"require {MODULE} {VERSION}"]
    lines += [f"exclude {one['Path']} {one['Version']}" for one in upstream.get("Exclude") or []]
    for one in upstream.get("Replace") or []:
        old, new = (
            " ".join(filter(None, (side["Path"], side.get("Version"))))
            for side in (one["Old"], one["New"])
        )
        lines.append(f"replace {old} => {new}")
    return "\n".join(lines) + "\n"


def _build() -> None:
    folder = Path(tempfile.mkdtemp(prefix="airtune-compose-"))
    try:
        fetched = json.loads(go(folder, "mod", "download", "-json", f"{MODULE}@{VERSION}"))
        upstream = json.loads(go(folder, "mod", "edit", "-json", fetched["GoMod"]))
        (folder / "go.mod").write_text(module_file(upstream))
        linked = f"-s -w -X {MODULE}/internal.Version={VERSION}"
        words = ["build", "-mod=mod", "-trimpath", "-ldflags", linked, "-o", "docker-compose"]
        go(folder, *words, f"{MODULE}/cmd")
        cached().parent.mkdir(parents=True, exist_ok=True)
        partial = cached().with_suffix(".new")
        shutil.move(folder / "docker-compose", partial)
        partial.rename(cached())  # whole or not there
    finally:
        shutil.rmtree(folder, ignore_errors=True)
