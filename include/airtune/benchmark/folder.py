"""One fresh folder for each measuring of a load point, inside its trial's folder."""

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from airtune.records import LoadPoint

CLIENT_LOG = "client.log"
"""The client's output, capped, inside a load point's folder."""


def fresh_folder(trial_folder: Path, point: LoadPoint) -> Path:
    """Make and return a folder that did not exist before, for example ``D100_100-c4``.

    A load point that is measured again gets ``D100_100-c4-2``: old files never mix with new ones.
    """
    trial_folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = trial_folder / (_name(point) + (f"-{number}" if number > 1 else ""))
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count never ends")


def newest_folder(trial_folder: Path, point: LoadPoint) -> Path | None:
    """The folder of the last measuring of ``point``, None before the first."""
    name = _name(point)
    numbers = {
        int(path.name[len(name) + 1 :] or 1): path
        for path in trial_folder.glob(f"{name}*")
        if re.fullmatch(rf"{re.escape(name)}(-\d+)?", path.name)
    }
    return numbers[max(numbers)] if numbers else None


def client_log_tail(trial_folder: Path, point: LoadPoint, limit: int = 4000) -> str:
    """The last ``limit`` bytes of what the client printed at ``point``; empty if nothing."""
    folder = newest_folder(trial_folder, point)
    log = folder / CLIENT_LOG if folder else None
    if log is None or not log.is_file():
        return ""
    return log.read_bytes()[-limit:].decode(errors="replace")


def _name(point: LoadPoint) -> str:
    scenario = re.sub(r"[^A-Za-z0-9]+", "_", re.sub("[()]", "", point.scenario))
    return f"{scenario}-c{point.concurrency}"


def redact_files(folder: Path, secrets: Sequence[str]) -> None:
    """Put ``***`` for each secret in every file below ``folder``: the client writes keys down."""
    found = [secret.encode() for secret in secrets if secret]
    if not found:
        return
    for path in folder.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        content = clean = path.read_bytes()
        for secret in found:
            clean = clean.replace(secret, b"***")
        if clean != content:
            path.write_bytes(clean)
