"""What a run has found, compared with the study's verdict before it: for events and receivers."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from airtune.records import ParamValue, Verdict
from airtune.results.write import latest_file
from airtune.settings import Settings
from airtune.study.store import Store

Kind = Literal["winner", "keep_baseline", "nothing_feasible"]


@dataclass(frozen=True)
class Announcement:
    """The outcome of a run in short; no secrets.

    Attributes:
        task_name, study, run: whose it is.
        kind: a winner, the baseline is kept, or nothing is feasible.
        changed: the study's verdict before it had another kind or another winning configuration,
            or there was none.
        winner: the winning configuration; None without a winner.
        gain_pct: of the winner over the baseline, per cent; None where there is none to show.
        statement: the verdict in words.
        results: the results file.
    """

    task_name: str
    study: str
    run: str
    kind: Kind
    changed: bool
    winner: dict[str, ParamValue] | None
    gain_pct: float | None
    statement: str
    results: str

    def event(self) -> dict[str, Any]:
        """As the extra of an asset event."""
        return {
            "study": self.study,
            "run": self.run,
            "kind": self.kind,
            "changed": self.changed,
            "winner": self.winner,
            "gain_pct": self.gain_pct,
            "statement": self.statement,
            "results": self.results,
        }


def announcement(store: Store, settings: Settings, run: str) -> Announcement:
    """What there is to say of a concluded run.

    Raises:
        LookupError: the run is not in the store, or has no verdict.
    """
    row = store.run(run)
    if row.verdict is None:
        raise LookupError(f"Run {run} has no verdict.")
    known = {t.trial_id: dict(t.parameters) for t in store.trials(study=row.study)}
    before = store.judged_run(row.study, before=run)
    winner, gain = _winner(row.verdict, known), row.verdict.gain
    return Announcement(
        task_name=row.task_name,
        study=row.study,
        run=run,
        kind=kind_of(row.verdict),
        changed=_differs(row.verdict, before.verdict if before else None, known),
        winner=winner,
        gain_pct=gain.pct if gain is not None and winner is not None else None,
        statement=row.verdict.statement,
        results=str(latest_file(row.task_name, settings)),
    )


def kind_of(verdict: Verdict) -> Kind:
    """What sort of answer it is."""
    if verdict.best is None:
        return "nothing_feasible"
    return "keep_baseline" if verdict.winner is None else "winner"


def _differs(now: Verdict, before: Verdict | None, known: dict[int, dict[str, ParamValue]]) -> bool:
    if before is None or kind_of(now) != kind_of(before):
        return True
    # By configuration: the same one gets a new trial id whenever it is measured anew.
    return _form(_winner(now, known)) != _form(_winner(before, known))


def _winner(
    verdict: Verdict, known: dict[int, dict[str, ParamValue]]
) -> dict[str, ParamValue] | None:
    return None if verdict.winner is None else known.get(verdict.winner)


def _form(parameters: dict[str, ParamValue] | None) -> str:
    return json.dumps(parameters, sort_keys=True)
