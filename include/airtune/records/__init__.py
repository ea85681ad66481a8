"""Frozen records that cross every boundary of airtune; they import nothing else of the package."""

from airtune.records.base import ParamValue, Record
from airtune.records.endpoint import Endpoint
from airtune.records.failure import Failure, FailureClass
from airtune.records.lease import Device, Lease, parse_devices
from airtune.records.measurement import Distribution, LoadPoint, Measurement, ValidityFlag
from airtune.records.scenario import Scenario
from airtune.records.server import ServerSpec
from airtune.records.slot import SlotSpec
from airtune.records.state import Role, TrialState
from airtune.records.trial import PhaseSeconds, Score, Trial
from airtune.records.verdict import Gain, LoadPointGain, Verdict

__all__ = [
    "Device",
    "Distribution",
    "Endpoint",
    "Failure",
    "FailureClass",
    "Gain",
    "Lease",
    "LoadPoint",
    "LoadPointGain",
    "Measurement",
    "ParamValue",
    "PhaseSeconds",
    "Record",
    "Role",
    "Scenario",
    "Score",
    "ServerSpec",
    "SlotSpec",
    "Trial",
    "TrialState",
    "ValidityFlag",
    "Verdict",
    "parse_devices",
]
