"""Folders as tar archives: how a client's files get into its container and out of it."""

import io
import shutil
import tarfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from airtune.records import Failure, FailureClass

MOST_PUT = 64 << 20
"""Bytes of one file; a model's weights may lie beside its tokenizer, and no client needs them."""

MOST_FETCHED = 512 << 20
"""Bytes of a whole folder; a server that fails every request makes the client write 16 MB."""


def pack(folders: Mapping[Path, Path | None], into: IO[bytes], *, parents: bool = True) -> None:
    """Write an archive that, unpacked at ``/``, makes the folders.

    Args:
        folders: the container's folder → the folder of this host that it is a copy of. None:
            empty, and whoever the client runs as may write there.
        parents: also make the folders above them.
    """
    with tarfile.open(fileobj=into, mode="w") as tar:
        if parents:
            _add_parents(tar, folders)
        for folder, source in folders.items():
            tar.addfile(_entry(folder, tarfile.DIRTYPE, 0o755 if source else 0o777))
            _add_content(tar, folder, source)


def unpack(archive: IO[bytes], into: Path) -> bool:
    """Write an archived folder's content over what is in ``into``.

    Only what a client has to leave is made: no link, no device, nothing outside ``into``.

    Returns:
        False if the archive ends too early.
    """
    try:
        with tarfile.open(fileobj=archive) as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts[1:]  # the first is the folder itself
                if ".." in parts or not (member.isfile() or member.isdir()):
                    continue
                _write(tar.extractfile(member), into.joinpath(*parts))
    except tarfile.ReadError:
        return False
    return True


def too_large(folder: Path) -> Failure:
    """The failure of a client that has left too much in ``folder``."""
    return Failure(
        failure_class=FailureClass.BENCHMARK_ERROR,
        reason=f"The client left more than {MOST_FETCHED >> 20} MiB in {folder}; "
        "lower benchmark.max_requests_per_iteration.",
    )


def _add_parents(tar: tarfile.TarFile, folders: Iterable[Path]) -> None:
    for parent in sorted({parent for folder in folders for parent in folder.parents[:-1]}):
        tar.addfile(_entry(parent, tarfile.DIRTYPE, 0o755))


def _add_content(tar: tarfile.TarFile, folder: Path, source: Path | None) -> None:
    for path in sorted(source.rglob("*")) if source else ():
        name = folder / path.relative_to(source or path)
        if path.is_file():  # also through a link: the hub's cache is made of links
            if (size := path.stat().st_size) <= MOST_PUT:
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


def _write(content: IO[bytes] | None, path: Path) -> None:
    if content is None:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file, io.DEFAULT_BUFFER_SIZE * 16)
