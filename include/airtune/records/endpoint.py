"""A running server, as the benchmark sees it."""

from airtune.records.base import ParamValue, Record


class Endpoint(Record):
    """Where a trial's server answers.

    Attributes:
        base_url: without ``/v1`` and without a trailing slash.
        model_name: to be sent in requests.
        trial_id: the trial it serves; -1 for a server that airtune did not start.
        handle: launcher's own, versioned by its key ``v``; opaque to all others.
    """

    base_url: str
    model_name: str
    trial_id: int
    handle: dict[str, ParamValue] = {}
