"""The model hub's token, from an Airflow connection."""

from airtune.errors import TrialFailed
from airtune.records import Failure, FailureClass
from airtune.settings import Settings


def hub_token(settings: Settings) -> str | None:
    """Password of the connection ``AIRTUNE_HF_CONN_ID``; None where none is named or it is empty.

    Airflow masks it in the task's log. Ask for it only where something comes from the hub.

    Raises:
        TrialFailed: ``image``: there is no such connection.
    """
    if not settings.hf_conn_id:
        return None
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        password = Connection.get(settings.hf_conn_id).password
    except AirflowNotFoundException as error:
        raise no_connection("AIRTUNE_HF_CONN_ID", error) from error
    return str(password) if password else None


def no_connection(setting: str, error: Exception) -> TrialFailed:
    """The failure for an Airflow connection that ``setting`` names and that is not there."""
    reason = f"{setting} names an Airflow connection that cannot be used: {error} Correct either."
    return TrialFailed(Failure(failure_class=FailureClass.IMAGE, reason=reason))
