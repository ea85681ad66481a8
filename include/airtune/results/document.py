"""The results file as a typed document; units are in the names, no NaN, no Infinity."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from airtune.records import (
    FailureClass,
    Gain,
    Measurement,
    ParamValue,
    PhaseSeconds,
    Record,
    Role,
    Score,
    TrialState,
    Verdict,
)

SCHEMA_VERSION: Literal[1] = 1
"""Grows when a reader of the older version would misread the file."""


class ObjectiveResult(Record):
    """What was optimised."""

    name: str = Field(description="A named objective, or custom.")
    metric: str = Field(description="Field of a load point, with its unit in the name.")
    statistic: str = Field(description="mean or a percentile over the requests of a load point.")
    direction: Literal["minimize", "maximize"] = Field(description="Which way is better.")
    unit: str = Field(description="Unit of score.raw, for example tokens/s per device.")


class FailureResult(Record):
    """Why a trial has no score."""

    model_config = ConfigDict(populate_by_name=True)

    failure_class: FailureClass = Field(alias="class", description="Class of the failure.")
    reason: str = Field(description="One sentence: what happened and the fix.")
    log_tail: str = Field("", description="End of the server's or client's log.")


class TrialResult(Record):
    """One trial, or a slot of the plan that has none (state missing)."""

    trial_id: int | None = Field(description="Number of the trial; null for a missing one.")
    slot: int | None = Field(description="Slot in this run; null for a trial of an earlier run.")
    role: Role = Field(description="Why the trial was run.")
    label: str = Field(description="The configuration in short.")
    parameters: dict[str, ParamValue] = Field(description="What the task searches.")
    effective: dict[str, ParamValue] | None = Field(
        description="Settings read back from the running server; null if not read."
    )
    same_as: int | None = Field(
        description="Older trial with equal effective settings: both are one configuration."
    )
    state: TrialState = Field(description="What became of the trial.")
    failure: FailureResult | None = Field(description="Null for a trial with a score.")
    score: Score | None = Field(description="Null unless the trial succeeded.")
    gain_pct: float | None = Field(
        description="Gain over the baseline on the raw metric, per cent; > 0 is better."
    )
    load_points: tuple[Measurement, ...] = Field(description="What the client saw.")
    seconds: PhaseSeconds = Field(description="Wall-clock seconds by phase.")
    argv: tuple[str, ...] = Field(description="The started server's command line.")
    launch_command: str | None = Field(
        None, description="Starts the server by hand, quoted for a shell; null if it never started."
    )
    identity: dict[str, ParamValue] = Field(
        {},
        description="What it really ran on, found at the start: image_digest, host, in a cluster "
        "node and gpu_product …",
    )
    devices: tuple[str, ...] = Field(description="Devices held.")
    files: dict[str, str] = Field(description="Role → path of what the trial left.")
    run_id: str = Field(description="Run in which the trial was measured.")
    measured_at: datetime | None = Field(description="When it was measured.")


class WinnerResult(Record):
    """The answer, ready to be used."""

    trial_id: int = Field(description="The winning trial.")
    parameters: dict[str, ParamValue] = Field(description="Its configuration.")
    score: Score = Field(description="Its figure under the objective.")
    gain: Gain | None = Field(description="Over the baseline; null where that has no figure.")
    launch_command: str = Field(description="Starts the server, quoted for a shell.")


class Provenance(Record):
    """What the figures were made with; null where it is not known."""

    # A launcher may know more than these; nothing that it says is dropped.
    model_config = ConfigDict(extra="allow")

    airtune: str = Field(description="Version.")
    airflow: str | None = Field(None, description="Version.")
    genai_bench: str | None = Field(None, description="Version.")
    engine: dict[str, JsonValue] = Field({}, description="Name and versions.")
    image: str | None = Field(None, description="Container image reference.")
    image_digest: str | None = Field(
        None, description="Digest of the image of the winner, else of the baseline."
    )
    docker: str | None = Field(None, description="Version of the Docker Engine.")
    kubernetes: str | None = Field(None, description="Version of the API server.")
    runtime: dict[str, JsonValue] = Field({}, description="OME's serving runtime.")
    client_way: str | None = Field(None, description="How genai-bench ran in a cluster.")
    client: str | None = Field(None, description="Client's image, where it ran in a container.")
    model: dict[str, JsonValue] = Field({}, description="Identity of the model.")
    hardware: dict[str, JsonValue] = Field({}, description="Processor, memory, devices.")


class RunSeconds(PhaseSeconds):
    """Totals by phase over the trials that ran in this run, and the run as a whole."""

    run: float | None = Field(None, description="Wall-clock seconds from start to reduce.")


class ResultsDocument(Record):
    """The results of one run of one task."""

    schema_version: Literal[1] = SCHEMA_VERSION
    task_name: str = Field(description="Name in the task file.")
    study: str = Field(description="Study that the trials belong to.")
    run_id: str = Field(description="<dag_id>/<run_id> of the run.")
    written_at: datetime = Field(description="When this file was made.")
    objective: ObjectiveResult = Field(description="What was optimised.")
    load: Literal["closed loop: concurrency users without think time"] = Field(
        "closed loop: concurrency users without think time", description="Kind of load."
    )
    verdict: Verdict = Field(description="The answer and the evidence.")
    baseline: int | None = Field(description="Trial id of the baseline.")
    winner: WinnerResult | None = Field(description="Null when nothing beats the baseline.")
    trials: tuple[TrialResult, ...] = Field(description="In the plan's order, older runs last.")
    seconds: RunSeconds = Field(description="Where the time went.")
    provenance: Provenance = Field(description="Versions and hardware.")
