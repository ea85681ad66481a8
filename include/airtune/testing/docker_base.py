"""The base image of every image that tests build: Debian bookworm with Python 3.11."""

import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient

BASE = "airtune-test/base:bookworm"
"""Its tag."""

PUBLIC = "python:3.11-slim-bookworm"
"""What takes its place where it cannot be made here: it is fetched and gets the tag."""

_SUITE = "bookworm"
_PACKAGES = ("python3", "python3-venv", "ca-certificates")
_NOT_NEEDED = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt/archives")
_TAIL = 2000
_BLOCK = 1 << 20


def make_base(client: "APIClient") -> str:
    """The tag of the base image, after making it if the engine has none.

    As root with debootstrap it is made from Debian's packages alone (about 50 s, no image
    registry); otherwise the public Python image is fetched.

    Raises:
        RuntimeError: neither way works here.
    """
    from docker.errors import ImageNotFound

    try:
        client.inspect_image(BASE)
    except ImageNotFound:
        if os.geteuid() == 0 and shutil.which("debootstrap"):
            _bootstrap(client)
        else:
            _fetch(client)
    return BASE


def debootstrap_words(folder: Path) -> list[str]:
    """The command line that fills ``folder`` with the system."""
    return [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(_PACKAGES)}",
        _SUITE,
        str(folder),
    ]


def _bootstrap(client: "APIClient") -> None:
    folder = Path(tempfile.mkdtemp(prefix="airtune-base-"))
    root, archive = folder / "root", folder / "root.tar"
    try:
        made = subprocess.run(debootstrap_words(root), capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError(f"debootstrap failed: {(made.stderr + made.stdout)[-_TAIL:]}")
        words = ["tar", "-C", str(root), "-c", "-f", str(archive), "--numeric-owner"]
        words += [f"--exclude=./{path}/*" for path in _NOT_NEEDED]
        words += ["--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "."]
        subprocess.run(words, check=True, capture_output=True)
        repository, _, tag = BASE.partition(":")
        with archive.open("rb") as stream:
            blocks = iter(partial(stream.read, _BLOCK), b"")  # not the file: it is sent in chunks
            client.import_image_from_stream(
                blocks, repository=repository, tag=tag, changes=["CMD python3"]
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(client: "APIClient") -> None:
    from docker.errors import APIError

    try:
        client.pull(PUBLIC)
    except APIError as error:
        raise RuntimeError(
            f"The base image {BASE} is missing. It is made as root with debootstrap (PROVISION=1), "
            f"or is {PUBLIC} under that tag; fetching that failed: {error.explanation}"
        ) from error
    repository, _, tag = BASE.partition(":")
    client.tag(PUBLIC, repository, tag)
