"""How the fake engine behaves: latencies and faults, chosen by its flags."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from airtune.testing.fake_engine_options import flag_name

VARIABLE = "FAKE_ENGINE"
"""Environment variable with the behaviour as a JSON object."""


@dataclass(frozen=True)
class Behaviour:
    """What the fake engine does.

    Attributes:
        ttft_ms, tpot_ms: time to the first token and between tokens, ≥ 0.
        start_s: seconds from start until ``/health`` answers 200.
        seconds: how long a replayed client takes for one load point (``/fake/latency``).
        parallel: requests served at once, the others wait for their turn; 0 is no limit.
        context: prompt + answer above so many tokens get HTTP 400; 0 is no limit.
        exit_at_start: exit code to end with at once.
        oom_log: end at once with a CUDA out-of-memory log.
        log: text to print to stderr before anything else.
        never_ready: ``/health`` is 503 for ever.
        hang: no completion is ever answered.
        hang_after_requests: from that completion on none is answered; 0 is never.
        die_after_requests: killed in the middle of that completion; 0 is never.
        eat_memory_mb: so much memory is taken and kept, MB; 0 is none.
        eat_after_requests: at that completion it is taken; 0 is at the start.
        fail_every: every so many-th completion fails; 0 is never.
        fail_status: HTTP status of a failing completion.
        short_answers: half of the tokens asked for.
        share_port: listens with SO_REUSEPORT, like vLLM: two of them can have one port.
        ignore_sigterm: only SIGKILL ends it.
        once_file: the rule with it counts only for the start that creates this file.
    """

    ttft_ms: float = 20.0
    tpot_ms: float = 2.0
    start_s: float = 0.0
    seconds: float = 1.0
    parallel: int = 0
    context: int = 0
    exit_at_start: int | None = None
    oom_log: bool = False
    log: str = ""
    never_ready: bool = False
    hang: bool = False
    hang_after_requests: int = 0
    die_after_requests: int = 0
    eat_memory_mb: int = 0
    eat_after_requests: int = 0
    fail_every: int = 0
    fail_status: int = 500
    short_answers: bool = False
    share_port: bool = False
    ignore_sigterm: bool = False
    once_file: str = ""


def read_behaviour(text: str, flags: Mapping[str, str]) -> Behaviour:
    """The behaviour that ``text`` (JSON; empty is all defaults) gives a server with ``flags``.

    Beside the fields of ``Behaviour`` the object may have ``rules``: a list of objects that each
    have fields too, and ``when``: flag → value, all of which must hold. Rules apply in their
    order, later ones win.

    Raises:
        ValueError: not a JSON object, or a name that no field has.
    """
    try:
        document = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise ValueError(f"{VARIABLE} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{VARIABLE} must be a JSON object, not {text!r}")
    rules = document.pop("rules", [])
    behaviour = _with(Behaviour(), document)
    for rule in rules:
        when = {flag_name(name): str(value) for name, value in rule.get("when", {}).items()}
        if all(flags.get(name) == value for name, value in when.items()) and _first(rule):
            behaviour = _with(behaviour, {k: v for k, v in rule.items() if k != "when"})
    return behaviour


def _with(behaviour: Behaviour, changes: Mapping[str, Any]) -> Behaviour:
    known = {field.name for field in fields(Behaviour)}
    if unknown := sorted(set(changes) - known):
        raise ValueError(f"{VARIABLE}: no such behaviour: {', '.join(unknown)}")
    return replace(behaviour, **changes)


def _first(rule: Mapping[str, Any]) -> bool:
    """True unless another start has used the rule up."""
    if not rule.get("once_file"):
        return True
    try:
        Path(rule["once_file"]).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
