"""The state of a container, as the engine tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True)
class ContainerState:
    """One look at a container.

    Attributes:
        status: ``created``, ``running``, ``exited`` …
        alive: it runs and has never been restarted by the engine.
        oom_killed: the kernel ended one of its processes at the memory limit.
        exit_code: > 128 for a signal; None while it runs.
        started_at, finished_at: epoch seconds on the engine's clock; None if it never did.
        memory_bytes: its limit, 0 for none.
        shm_bytes: size of its ``/dev/shm``.
    """

    status: str
    alive: bool
    oom_killed: bool
    exit_code: int | None
    started_at: float | None
    finished_at: float | None
    memory_bytes: int
    shm_bytes: int

    @classmethod
    def of(cls, inspected: Mapping[str, Any]) -> Self:
        """Read the answer of ``inspect_container``."""
        state, limits = inspected["State"], inspected.get("HostConfig") or {}
        restarted = state.get("Restarting") or inspected.get("RestartCount", 0)
        running = bool(state["Running"])
        return cls(
            status=str(state["Status"]),
            alive=running and not restarted,
            oom_killed=bool(state.get("OOMKilled")),
            exit_code=None if running else int(state["ExitCode"]),
            started_at=epoch(state.get("StartedAt")),
            finished_at=epoch(state.get("FinishedAt")),
            memory_bytes=int(limits.get("Memory") or 0),
            shm_bytes=int(limits.get("ShmSize") or 0),
        )


def epoch(text: str | None) -> float | None:
    """Epoch seconds of the engine's time stamps; None for its year 1, which means never."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text).timestamp()
