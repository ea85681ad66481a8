"""Which planned trials a run measures, and which it takes from the study."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airtune.errors import StudyBusyError
from airtune.records import Role, Trial
from airtune.settings import Settings
from airtune.study.removal import remove_slot
from airtune.study.store import Store

if TYPE_CHECKING:
    from airtune.study.plan import Plan, PlannedTrial
    from airtune.study.runs import RunRow
    from airtune.task import Task


def planned_items(
    store: Store,
    task: "Task",
    plan: "Plan",
    reusable: Callable[[Trial], bool] = lambda trial: True,
    *,
    nightly: bool = False,
) -> list[dict[str, Any]]:
    """The plan as stored: first what is measured, in slot order, then what is re-used.

    Search trials with a result are re-used. If anything is new the baseline is measured again,
    so that both are of one run. If nothing is new and the last verdict was about the same task,
    nothing is measured at all and reduce repeats that verdict.

    Args:
        reusable: whether an earlier trial ran on what would run now.
        nightly: measure the baseline in any case, and as a finalist the configuration that the
            study's last verdict found best.

    Returns:
        ``{"trial": PlannedTrial, "reused": trial id or None}`` as JSON, one a trial.
    """
    known = {} if task.rerun else _known(store, task, plan, reusable)
    trials = plan.trials
    if nightly:
        best = _last_best(store, plan.study)
        if known.pop(best, None) is not None:
            trials = tuple(_finalist(t) if t.plan_key == best else t for t in trials)
    elif not task.rerun and all(t.plan_key in known for t in trials if t.role is Role.SEARCH):
        known |= _baseline_of_same_task(store, task, plan)
    items = [
        {
            "trial": trial.model_dump(mode="json"),
            "reused": known.get(_key(trial.role, trial.plan_key)),
        }
        for trial in trials
    ]
    return sorted(items, key=lambda item: item["reused"] is not None)


def _last_best(store: Store, study: str) -> str:
    """Plan key of what the study's last verdict found best; empty where nothing was."""
    last = store.judged_run(study)
    best = last.verdict.best if last is not None and last.verdict is not None else None
    if best is None:
        return ""
    return next((t.plan_key for t in store.trials(study=study) if t.trial_id == best), "")


def _finalist(trial: "PlannedTrial") -> "PlannedTrial":
    return trial.model_copy(update={"role": Role.FINALIST})


def _key(role: Role, plan_key: str) -> str:
    """A baseline is never taken for a search trial, nor the other way round."""
    return "baseline" if role is Role.BASELINE else plan_key


def _known(
    store: Store, task: "Task", plan: "Plan", reusable: Callable[[Trial], bool]
) -> dict[str, int]:
    from airtune.scoring.judge import reusable_under

    keys = [trial.plan_key for trial in plan.trials if trial.role is Role.SEARCH]
    found = store.reusable(plan.study, keys)
    return {
        key: trial.trial_id
        for key, trial in found.items()
        if reusable_under(trial, task) and reusable(trial)
    }


def _baseline_of_same_task(store: Store, task: "Task", plan: "Plan") -> dict[str, int]:
    """Baseline trial of the study's last verdict, if that answered the very same question."""
    last = store.judged_run(plan.study)
    if last is None or last.verdict is None or last.verdict.baseline is None:
        return {}
    planned = {item["trial"]["plan_key"] for item in last.plan}
    same = planned == {trial.plan_key for trial in plan.trials}
    return {"baseline": last.verdict.baseline} if same and _same_question(task, last.task) else {}


def _same_question(task: "Task", stored: Mapping[str, Any]) -> bool:
    from airtune.task import Task

    ignored = {"description", "rerun", "timeouts", "schedule", "notify"}
    try:
        # An older airtune stored it without the fields that have come since.
        then = Task.model_validate(stored)
    except ValueError:
        return False
    return task.model_dump(exclude=ignored) == then.model_dump(exclude=ignored)


def refuse_busy(store: Store, settings: Settings, study: str) -> None:
    """Close what dead runs of the study left; refuse while another one goes on.

    Raises:
        StudyBusyError: names the other run and what to do.
    """
    from airtune.operators.owner import run_state

    for other in store.unfinished_runs(study):
        state = run_state(other.run)
        if state != "dead":
            doubt = "" if state == "alive" else " (Airflow could not say whether it still runs)"
            raise StudyBusyError(
                f"Study {study} is in the unfinished run {other.run}{doubt}. Wait for it or mark "
                "it failed; `airtune reap --force` takes it from a run that is surely gone."
            )
        _close(store, settings, other)


def _close(store: Store, settings: Settings, dead: "RunRow") -> None:
    for slot in range(len(dead.plan)):
        attempt = store.current(dead.run, slot).attempt
        remove_slot(store, settings, dead.run, slot, attempt)
        store.release(dead.run, slot)
    store.finish_run(dead.run, None)
