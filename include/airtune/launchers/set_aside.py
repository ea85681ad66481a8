"""Keeping the log of an earlier start."""

from pathlib import Path


def set_aside(path: Path, attempt: int) -> None:
    """Keep what is in ``path`` as ``<name>-before-<attempt>.log`` before another start begins."""
    if path.exists() and path.stat().st_size:
        path.replace(path.with_name(f"{path.stem}-before-{attempt}{path.suffix}"))
