"""The small JSON that ``plan`` hands to each mapped slot."""

from airtune.records.base import Record


class SlotSpec(Record):
    """Ids and a label, nothing secret and not the task itself (that is in the store).

    Attributes:
        run: ``<dag_id>/<run_id>``, unique in one Airflow installation.
        study: the study's id.
        slot: mapped index, ≥ 0.
        label: what the Airflow UI shows for the index.
    """

    run: str
    study: str
    slot: int
    label: str
