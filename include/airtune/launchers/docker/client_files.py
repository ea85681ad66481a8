"""Files into and out of a client's container, without mounts: the engine may be another host's."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from docker import APIClient
from docker.errors import NotFound

from airtune.errors import TrialFailed
from airtune.launchers.folders import MOST_FETCHED, pack, too_large, unpack


def put_folders(client: APIClient, container: str, folders: Mapping[Path, Path | None]) -> None:
    """Make folders in a container that has not been started.

    Args:
        folders: as of ``pack``.

    Raises:
        docker.errors.APIError: the engine refused.
    """
    with tempfile.TemporaryFile() as file:
        pack(folders, file)
        file.seek(0)
        client.put_archive(container, "/", file)


def fetch_folder(client: APIClient, container: str, folder: Path, into: Path) -> bool:
    """Copy the container's ``folder``, files and folders only, over what is in ``into``.

    A container that runs may be writing: then the newest file may be cut off, or False.

    Returns:
        False if there is no such folder, or it changed while it was read.

    Raises:
        TrialFailed: ``benchmark_error``: it is too large.
        docker.errors.APIError: the engine refused.
    """
    try:
        chunks, _ = client.get_archive(container, str(folder))
    except NotFound:
        return False
    with tempfile.TemporaryFile() as file:
        for chunk in _bounded(chunks, folder):
            file.write(chunk)
        file.seek(0)
        return unpack(file, into)


def _bounded(chunks: Iterator[bytes], folder: Path) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MOST_FETCHED:
            raise TrialFailed(too_large(folder))
        yield chunk
