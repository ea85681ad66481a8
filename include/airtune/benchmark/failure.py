"""Why a load point without a score has none, as a class that decides on the retry."""

import re

from airtune.records import Failure, FailureClass, Measurement, ValidityFlag

_OVERLOAD = {"408", "429", "503", "504"}
_BEYOND_CONTEXT = re.compile(
    r"context (size|length|window)|maximum context|max_model_len|prompt is too long"
    r"|longer than the model|too many tokens",
    re.IGNORECASE,
)


def failure_of(measurement: Measurement, client_log_tail: str = "") -> Failure | None:
    """The failure that ``measurement`` stands for; None if it can be scored.

    A server that died is not seen from here (the client only reports broken connections): look
    at the server first.
    """
    if measurement.scorable:
        return None
    for look in (_beyond_context, _overload):
        if found := look(measurement):
            failure_class, reason = found
            return Failure(failure_class=failure_class, reason=reason, log_tail=client_log_tail)
    notes = measurement.notes
    reason = notes.get(ValidityFlag.INCOMPLETE) or notes.get(ValidityFlag.WRONG_LENGTH) or ""
    return Failure(
        failure_class=FailureClass.BENCHMARK_ERROR,
        reason=f"{measurement.load_point.key}: {reason or 'it has no score.'}",
        log_tail=client_log_tail,
    )


def _beyond_context(measurement: Measurement) -> tuple[FailureClass, str] | None:
    message = measurement.error_messages.get("400", "")
    if not _BEYOND_CONTEXT.search(message):
        return None
    count, sent = measurement.errors.get("400", 0), measurement.requests
    return FailureClass.INVALID_CONFIG, (
        f"{measurement.load_point.key}: the server refused {count} of {sent} requests as beyond "
        f"its context: {message} Give each request more context or use a shorter scenario."
    )


def _overload(measurement: Measurement) -> tuple[FailureClass, str] | None:
    refused = sum(count for code, count in measurement.errors.items() if code in _OVERLOAD)
    if not refused or refused * 2 < sum(measurement.errors.values()):
        return None
    codes = ", ".join(sorted(set(measurement.errors) & _OVERLOAD))
    return FailureClass.OVERLOAD, (
        f"{measurement.load_point.key}: {refused} of {measurement.requests} requests were turned "
        f"away or timed out (HTTP {codes}): this configuration cannot carry the load."
    )
