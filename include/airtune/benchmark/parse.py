"""genai-bench's result files: found by what is in them, read into plain figures in seconds.

The client's own sums are not used: its error rate is always 0, and its throughput contains its
own starting and stopping. Everything is taken from the single requests.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airtune.records import LoadPoint

_MESSAGE_CHARS = 300


@dataclass(frozen=True)
class RequestTimes:
    """One completed request; seconds and tokens.

    Attributes:
        tpot_s: None where the client refused to divide (a whole answer within a millisecond).
        input_tokens: as the server counted them, chat template included.
    """

    ttft_s: float
    tpot_s: float | None
    e2e_s: float
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class RawResult:
    """One result file, or the debug file of a run in which nothing completed.

    Attributes:
        seconds: the client's own run duration; None in a debug file.
        errors: failed requests by code; ``connection`` where no answer came.
        error_messages: the first message of each code.
        final: False for a debug file.
    """

    path: Path
    point: LoadPoint
    seconds: float | None
    completed: tuple[RequestTimes, ...]
    errors: dict[str, int] = field(default_factory=dict)
    error_messages: dict[str, str] = field(default_factory=dict)
    final: bool = True


def find_result(folder: Path, point: LoadPoint) -> RawResult | None:
    """The complete result file of ``point`` in ``folder``, whatever its name; None if none is."""
    return _find(folder, point, "*.json", final=True)


def find_debug(folder: Path, point: LoadPoint) -> RawResult | None:
    """What the client leaves of a run in which no request completed; None if it left nothing."""
    return _find(folder, point, "debug_for_run_*.json", final=False)


def _find(folder: Path, point: LoadPoint, pattern: str, *, final: bool) -> RawResult | None:
    for path in sorted(folder.glob(pattern)):
        if path.name == "experiment_metadata.json" or final == path.name.startswith("debug_"):
            continue
        content = _complete(path)
        result = _read(content, path, final) if content else None
        if result and result.point == point:
            return result
    return None


def _complete(path: Path) -> dict[str, Any] | None:
    """The file's content once it is closed; the last thing written is the outermost brace."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2))
            if file.read() != b"\n}":
                return None
        content = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _read(content: dict[str, Any], path: Path, final: bool) -> RawResult | None:
    try:
        totals, requests = content["aggregated_metrics"], content["individual_request_metrics"]
        unit = {"s": 1.0, "ms": 0.001}[content.get("_time_unit", "s")]
        failed = [one for one in requests if one["error_code"]]
        codes = [_code(one) for one in failed]
        messages = [str(one["error_message"] or "")[:_MESSAGE_CHARS] for one in failed]
        duration = totals["run_duration"]
        return RawResult(
            path=path,
            point=LoadPoint(scenario=totals["scenario"], concurrency=totals["num_concurrency"]),
            # The run duration is not converted to the time unit.
            seconds=float(duration) if duration else None,
            completed=tuple(_times(one, unit) for one in requests if not one["error_code"]),
            errors=dict(Counter(codes)),
            error_messages=dict(reversed(list(zip(codes, messages, strict=True)))),
            final=final,
        )
    except (KeyError, TypeError, ValueError):
        return None  # some other JSON file


def _times(request: dict[str, Any], unit: float) -> RequestTimes:
    tpot = request["tpot"]
    return RequestTimes(
        ttft_s=float(request["ttft"]) * unit,
        tpot_s=None if tpot is None else float(tpot) * unit,
        e2e_s=float(request["e2e_latency"]) * unit,
        input_tokens=int(request["num_input_tokens"]),
        output_tokens=int(request["num_output_tokens"]),
    )


def _code(request: dict[str, Any]) -> str:
    """genai-bench writes 503 for a connection that broke; a server's 503 means overload."""
    message = str(request["error_message"] or "")
    return "connection" if message.startswith("Connection error") else str(request["error_code"])
