"""A configuration deployed once and measured at all its load points."""

from datetime import datetime

from airtune.records.base import ParamValue, Record
from airtune.records.failure import Failure
from airtune.records.measurement import Measurement
from airtune.records.state import Role, TrialState


class PhaseSeconds(Record):
    """Wall-clock seconds of each phase of one trial."""

    lease_wait: float = 0.0
    start: float = 0.0
    warm_up: float = 0.0
    benchmark: float = 0.0
    teardown: float = 0.0


class Score(Record):
    """A trial's figure under the task's objective.

    Attributes:
        raw: the objective's metric, combined over load points; unit as the objective says.
        penalty: Σ of the SLO penalties, ≥ 0.
        score: what ranking uses: raw × (1 + penalty) when minimising, raw ÷ (1 + penalty) when
            maximising.
        per_load_point: raw figure of each load point by its key.
    """

    raw: float
    penalty: float
    score: float
    per_load_point: dict[str, float] = {}


class Trial(Record):
    """One trial as the store keeps it and the results file shows it.

    Attributes:
        trial_id: number of the trial, unique for one task name (``exp{id}``).
        parameters: the configuration: only what the task searches.
        argv: the started server's whole command line.
        effective: settings read back from the running server; None if not read.
        devices: names of the devices held, for example ``("gpu0",)``.
        identity: what it really ran on, found at deploy (``image_digest``, ``first_of_digest`` …).
        files: role → path of what the trial left (server log, client files).
    """

    trial_id: int
    study: str
    run: str
    slot: int
    role: Role
    label: str
    parameters: dict[str, ParamValue]
    plan_key: str
    state: TrialState
    failure: Failure | None = None
    score: Score | None = None
    load_points: tuple[Measurement, ...] = ()
    seconds: PhaseSeconds = PhaseSeconds()
    argv: tuple[str, ...] = ()
    effective: dict[str, ParamValue] | None = None
    devices: tuple[str, ...] = ()
    files: dict[str, str] = {}
    identity: dict[str, ParamValue] = {}
    measured_at: datetime | None = None
