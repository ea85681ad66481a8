"""What an engine's log says about how its server ended."""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from airtune.records import Failure, FailureClass

_SCANNED_CHARS = 400_000
_TAIL_CHARS = 4_000
_DETAIL_CHARS = 300
_ERROR_LINE = re.compile(r"error|exception|fatal|fail|refused|cannot", re.IGNORECASE)


@dataclass(frozen=True)
class LogRule:
    """One thing a log can say.

    Attributes:
        pattern: searched in the whole log; its group ``detail`` (if any) is quoted.
        failure_class: what it means.
        reason: one sentence with the fix; ``{detail}`` stands for what was quoted.
    """

    pattern: re.Pattern[str]
    failure_class: FailureClass
    reason: str

    def failure(self, log: str) -> Failure | None:
        """The failure that ``log`` shows by this rule; None when it does not."""
        match = self.pattern.search(log)
        if match is None:
            return None
        detail = match.groupdict().get("detail") or match[0]
        reason = self.reason.replace("{detail}", _short(detail))
        return Failure(failure_class=self.failure_class, reason=reason, log_tail=log[-_TAIL_CHARS:])


def rule(pattern: str, failure_class: FailureClass, reason: str) -> LogRule:
    """A ``LogRule`` whose pattern ignores case and takes ``^`` and ``$`` line by line."""
    return LogRule(re.compile(pattern, re.IGNORECASE | re.MULTILINE), failure_class, reason)


def classify(
    rules: Sequence[LogRule], log: str, exit_code: int | None, engine: str
) -> Failure | None:
    """The first rule that applies; else ``startup_crash`` for a server that ended.

    Args:
        rules: in order of precedence.
        log: the server's log, whole or its end; only the last 400,000 characters are read.
        exit_code: as ``subprocess`` gives it (negative: by that signal); None while it runs.
        engine: its name, for the text.

    Returns:
        None when no rule applies and the server still runs.
    """
    log = log[-_SCANNED_CHARS:]
    for each in rules:
        if failure := each.failure(log):
            return failure
    if exit_code is None:
        return None
    return Failure(
        failure_class=FailureClass.STARTUP_CRASH,
        reason=_how_it_ended(log, exit_code, engine),
        log_tail=log[-_TAIL_CHARS:],
    )


def _how_it_ended(log: str, exit_code: int, engine: str) -> str:
    killed = -exit_code if exit_code < 0 else exit_code - 128
    if killed == signal.SIGKILL:
        return (
            f"The {engine} server was killed (SIGKILL): by the kernel for lack of memory (dmesg "
            "tells) or by somebody. If it was memory, choose settings that need less of it."
        )
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.search(line)]
    said = (errors or lines or ["nothing in its log"])[-1]
    return f"The {engine} server ended with exit code {exit_code}: {_short(said)}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _DETAIL_CHARS else text[: _DETAIL_CHARS - 1] + "…"
