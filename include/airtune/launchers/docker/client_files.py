"""Files into and out of a client's container, without mounts: the engine may be another host's."""

import io
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from docker import APIClient
from docker.errors import NotFound

from airtune.errors import TrialFailed
from airtune.records import Failure, FailureClass

_MOST_PUT = 64 << 20
"""Bytes of one file; a model's weights may lie beside its tokenizer, and no client needs them."""

_MOST_FETCHED = 512 << 20
"""Bytes of a whole folder; a server that fails every request makes the client write 16 MB."""


def put_folders(client: APIClient, container: str, folders: Mapping[Path, Path | None]) -> None:
    """Make folders in a container that has not been started.

    Args:
        folders: the container's folder → the folder of this host that it is a copy of. None:
            empty, and whoever the client runs as may write there.

    Raises:
        docker.errors.APIError: the engine refused.
    """
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            _add_parents(tar, folders)
            for folder, source in folders.items():
                tar.addfile(_entry(folder, tarfile.DIRTYPE, 0o755 if source else 0o777))
                _add_content(tar, folder, source)
        file.seek(0)
        client.put_archive(container, "/", file)


def _add_parents(tar: tarfile.TarFile, folders: Iterable[Path]) -> None:
    for parent in sorted({parent for folder in folders for parent in folder.parents[:-1]}):
        tar.addfile(_entry(parent, tarfile.DIRTYPE, 0o755))


def _add_content(tar: tarfile.TarFile, folder: Path, source: Path | None) -> None:
    for path in sorted(source.rglob("*")) if source else ():
        name = folder / path.relative_to(source or path)
        if path.is_file():  # also through a link: the hub's cache is made of links
            if (size := path.stat().st_size) <= _MOST_PUT:
                entry = _entry(name, tarfile.REGTYPE, 0o644)
                entry.size = size
                with path.open("rb") as content:
                    tar.addfile(entry, content)
        elif path.is_symlink():
            entry = _entry(name, tarfile.SYMTYPE, 0o777)
            entry.linkname = str(path.readlink())
            tar.addfile(entry)
        elif path.is_dir():
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o755))


def _entry(name: Path, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(str(name).lstrip("/"))
    entry.type, entry.mode, entry.mtime = kind, mode, int(time.time())
    return entry


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
        return _extract(file, into)


def _bounded(chunks: Iterator[bytes], folder: Path) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > _MOST_FETCHED:
            raise TrialFailed(
                Failure(
                    failure_class=FailureClass.BENCHMARK_ERROR,
                    reason=f"The client left more than {_MOST_FETCHED >> 20} MiB in {folder}; "
                    "lower benchmark.max_requests_per_iteration.",
                )
            )
        yield chunk


def _extract(file: IO[bytes], into: Path) -> bool:
    """Only what a client has to leave is made: no link, no device, nothing outside ``into``."""
    try:
        with tarfile.open(fileobj=file) as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts[1:]  # the first is the folder itself
                if ".." in parts or not (member.isfile() or member.isdir()):
                    continue
                _write(tar.extractfile(member), into.joinpath(*parts))
    except tarfile.ReadError:
        return False
    return True


def _write(content: IO[bytes] | None, path: Path) -> None:
    if content is None:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file, io.DEFAULT_BUFFER_SIZE * 16)
