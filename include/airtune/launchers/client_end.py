"""How a benchmark client that ran in a container or pod came to its end."""

from dataclasses import dataclass
from typing import Literal

ALMOST_DONE = b"finished"
"""genai-bench says so just before it writes its result; 5 s of plots and sleeps follow."""

Why = Literal["ended", "complete", "limit", "stopped", "fenced_off"]


@dataclass(frozen=True)
class ClientEnd:
    """A client's end.

    Attributes:
        why: by itself, or removed by us: its result was complete, its time was over, it was
            to stop, or its attempt is over (then perhaps it was never started).
        exit_code: None unless it ended by itself.
        seconds: wall-clock from its start.
    """

    why: Why
    exit_code: int | None
    seconds: float
