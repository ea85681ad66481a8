"""The tables of the study store: all names start with ``airtune_``, times are UTC epoch seconds.

Optuna keeps its own tables in the same database; ``airtune.study.mirror`` writes those.
"""

from sqlalchemy import (
    JSON,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 2
"""Of this layout; kept in ``airtune_schema`` and compared whenever a store is opened.

``airtune.study.migration`` brings the tables of older versions to this one.
"""

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _json(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


schema = Table(
    "airtune_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

runs = Table(
    "airtune_runs",
    metadata,
    Column("run", Text, primary_key=True),
    _text("study"),
    _text("task_name"),
    _text("launcher"),
    _json("task"),
    _json("plan"),
    Column("opened_at", Double, nullable=False),
    Column("finished_at", Double),
    _json("verdict", nullable=True),
    Index("airtune_runs_by_study", "study"),
    Index("airtune_runs_by_task", "task_name"),
)

slots = Table(
    "airtune_slots",
    metadata,
    _text("run"),
    _number("slot"),
    _number("generation"),
    _number("attempt"),
    PrimaryKeyConstraint("run", "slot"),
)

clears = Table(
    "airtune_clears",
    metadata,
    _text("run"),
    _number("slot"),
    _text("task"),
    _number("clears"),
    PrimaryKeyConstraint("run", "slot", "task"),
)

counters = Table(
    "airtune_counters",
    metadata,
    Column("task_name", Text, primary_key=True),
    _number("last"),
)

trials = Table(
    "airtune_trials",
    metadata,
    _text("task_name"),
    _number("trial_id"),
    _text("study"),
    _text("run"),
    _number("slot"),
    _number("generation"),
    _text("role"),
    _text("label"),
    _json("parameters"),
    _text("plan_key"),
    _text("state"),
    _json("failure", nullable=True),
    _json("score", nullable=True),
    _json("argv"),
    _json("effective", nullable=True),
    _json("devices"),
    _json("files"),
    # With a default of the server's, for it is added to tables that have rows.
    Column("identity", JSON(none_as_null=True), nullable=False, server_default="{}"),
    Column("measured_at", Double),
    PrimaryKeyConstraint("task_name", "trial_id"),
    # One trial a generation: a second begin of the same one cannot make a second trial.
    UniqueConstraint("run", "slot", "generation"),
    Index("airtune_trials_by_key", "study", "plan_key"),
)

measurements = Table(
    "airtune_measurements",
    metadata,
    _text("run"),
    _number("slot"),
    _number("generation"),
    _number("point"),
    _json("measurement"),
    PrimaryKeyConstraint("run", "slot", "generation", "point"),
)

failures = Table(
    "airtune_failures",
    metadata,
    _text("run"),
    _number("slot"),
    _number("generation"),
    _number("attempt"),
    _text("failure_class"),
    PrimaryKeyConstraint("run", "slot", "generation", "attempt"),
)

seconds = Table(
    "airtune_seconds",
    metadata,
    _text("run"),
    _number("slot"),
    _number("generation"),
    _text("phase"),
    Column("seconds", Double, nullable=False),
    PrimaryKeyConstraint("run", "slot", "generation", "phase"),
)

leases = Table(
    "airtune_leases",
    metadata,
    # The key is what makes a lease exclusive: no second row for a device can exist.
    Column("device", Text, primary_key=True),
    _text("run"),
    _number("slot"),
    _number("generation"),
    _number("attempt"),
    Index("airtune_leases_by_slot", "run", "slot"),
)

tickets = Table(
    "airtune_tickets",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _text("run"),
    _number("slot"),
    _number("need"),
    _json("pool"),
    Column("polled_at", Double, nullable=False),
    UniqueConstraint("run", "slot"),
)
