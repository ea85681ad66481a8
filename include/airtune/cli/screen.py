"""Progress and results as rich tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from airtune.cli.duration import duration
from airtune.cli.progress import Phase, RunProgress, SlotProgress
from airtune.scoring.words import number, percent

_MOST_ROWS = 40
"""Rows of the live table: more do not fit a screen."""


def live_table(run: RunProgress) -> RenderableType:
    """The live view: one row a trial, below it the best so far and the time left."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("trial", "left"), ("phase", "left"), ("seconds", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column(_score_title(run), justify="right")
    best = run.best
    for slot in _shown(run.slots):
        style = "green" if best and slot.slot == best.slot else _STYLES.get(slot.phase, "")
        table.add_row(*(Text(cell, style=style) for cell in _cells(slot)))
    return Group(table, Text(status_line(run), style="bold"))


def status_line(run: RunProgress) -> str:
    """``3 of 7 trials done; best so far 41.0 ms: parallel=2; about 1 min 20 s left``."""
    parts = [f"{run.done} of {len(run.slots)} trials done"]
    best = run.best
    if best is not None and best.score is not None:
        parts.append(f"best so far {number(best.score)} {best.unit}".rstrip() + f": {best.label}")
    if run.remaining_s is not None and run.done < len(run.slots):
        parts.append(f"about {duration(run.remaining_s)} left")
    return "; ".join(parts)


def slot_line(slot: SlotProgress) -> str:
    """One slot's change as a line, for logs: ``baseline: measuring (4 s)``."""
    word, seconds = _word(slot), f" ({slot.seconds:.0f} s)" if slot.seconds else ""
    score = f", {number(slot.score)} {slot.unit}".rstrip() if slot.score is not None else ""
    return f"{slot.label}: {word}{score}{seconds}"


def trial_table(rows: Sequence[Mapping[str, Any]], unit: str, best: int | None) -> Table:
    """The final table.

    Args:
        rows: with ``trial_id``, ``label``, ``state``, ``failure``, ``score``, ``gain_pct`` and
            ``seconds``, None where there is none; shown in the order given.
        best: trial id to mark.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("exp", justify="right")
    table.add_column("trial")
    table.add_column("state")
    for name in (f"score ({unit})", "gain", "seconds"):
        table.add_column(name, justify="right")
    for row in rows:
        style = "bold green" if best is not None and row["trial_id"] == best else ""
        table.add_row(*(Text(cell, style=style) for cell in _final_cells(row)))
    return table


def print_verdict(console: Console, result: Mapping[str, Any]) -> None:
    """The end of a run from what ``reduce`` returned: table, verdict, gain, command, files."""
    verdict = result["verdict"]
    best = verdict.get("best")
    console.print(trial_table(result.get("table") or [], result.get("unit") or "", best))
    console.print()
    console.print(Text(verdict["statement"], style="bold"))
    if gain := verdict.get("gain"):
        provisional = ", provisional: one deploy each" if verdict.get("provisional") else ""
        # The best trial may be no winner: then its gain is too small to change anything for it.
        console.print(f"gain over the baseline: {percent(gain['pct'])}{provisional}")
    if result.get("reused"):
        console.print(
            f"{result['reused']} trials re-used from earlier runs, {result['measured']} measured"
        )
    if result.get("launch_command"):
        console.print("launch command of the best:", Text(f"  {result['launch_command']}"))
    if result.get("results"):
        console.print(f"results: {result['results']}")


_STYLES = {Phase.WAITING: "dim", Phase.STARTING: "cyan", Phase.MEASURING: "cyan"}


def _score_title(run: RunProgress) -> str:
    unit = next((slot.unit for slot in run.slots if slot.unit), "")
    return f"score ({unit})" if unit else "score"


def _cells(slot: SlotProgress) -> tuple[str, str, str, str]:
    seconds = "" if slot.seconds is None else f"{slot.seconds:.0f}"
    score = "" if slot.score is None else number(slot.score)
    return slot.label, _word(slot), seconds, score


def _word(slot: SlotProgress) -> str:
    return slot.outcome if slot.outcome and slot.phase is Phase.DONE else slot.phase.value


def _shown(slots: Sequence[SlotProgress]) -> Sequence[SlotProgress]:
    """What moves stays in sight: the rows around the first trial that is not over."""
    if len(slots) <= _MOST_ROWS:
        return slots
    current = next((slot.slot for slot in slots if slot.phase is not Phase.DONE), len(slots))
    first = min(max(0, current - _MOST_ROWS // 2), len(slots) - _MOST_ROWS)
    return slots[first : first + _MOST_ROWS]


def _final_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    trial, failure, seconds = row.get("trial_id"), row.get("failure"), row.get("seconds")
    score, gain = row.get("score"), row.get("gain_pct")
    return (
        "" if trial is None else str(trial),
        str(row["label"]),
        f"{row['state']} ({failure})" if failure else str(row["state"]),
        "" if score is None else number(score),
        "" if gain is None else percent(gain),
        "" if seconds is None else f"{seconds:.0f}",
    )
