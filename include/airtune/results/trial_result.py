"""One trial, or one slot of the plan without a trial, as the results file shows it."""

from collections.abc import Mapping
from typing import Protocol

from airtune.records import Failure, ParamValue, PhaseSeconds, Role, Trial, TrialState
from airtune.results.document import FailureResult, TrialResult

_LOG_TAIL = 4000
"""Characters of a log that the results file repeats; the whole log is among ``files``."""


class Planned(Protocol):
    """What is needed of a planned trial; its index in the plan is its slot."""

    @property
    def role(self) -> Role:
        """Why it was to be run."""
        ...

    @property
    def label(self) -> str:
        """Its configuration in short."""
        ...

    @property
    def parameters(self) -> Mapping[str, ParamValue]:
        """What the task searches."""
        ...

    @property
    def plan_key(self) -> str:
        """Equal for configurations that come to one server."""
        ...


def missing(slot: int, plan: Planned, run: str) -> TrialResult:
    """A slot of the plan for which the store has no trial."""
    return TrialResult(
        trial_id=None,
        slot=slot,
        role=plan.role,
        label=plan.label,
        parameters=dict(plan.parameters),
        effective=None,
        same_as=None,
        state=TrialState.MISSING,
        failure=None,
        score=None,
        gain_pct=None,
        load_points=(),
        seconds=PhaseSeconds(),
        argv=(),
        devices=(),
        files={},
        run_id=run,
        measured_at=None,
    )


def trial_result(
    trial: Trial,
    run: str,
    *,
    same_as: int | None,
    gain_pct: float | None,
    launch_command: str | None,
) -> TrialResult:
    """A judged trial; ``run`` is the run that the document is about."""
    return TrialResult(
        trial_id=None if trial.state is TrialState.MISSING else trial.trial_id,
        slot=trial.slot if trial.run == run else None,
        role=trial.role,
        label=trial.label,
        parameters=trial.parameters,
        effective=trial.effective,
        same_as=same_as,
        state=trial.state,
        failure=_failure(trial.failure),
        score=trial.score,
        gain_pct=gain_pct,
        load_points=trial.load_points,
        seconds=trial.seconds,
        argv=trial.argv,
        launch_command=launch_command,
        identity=trial.identity,
        devices=trial.devices,
        files=trial.files,
        run_id=trial.run,
        measured_at=trial.measured_at,
    )


def _failure(failure: Failure | None) -> FailureResult | None:
    if failure is None:
        return None
    return FailureResult(
        failure_class=failure.failure_class,
        reason=failure.reason,
        log_tail=failure.log_tail[-_LOG_TAIL:],
    )
