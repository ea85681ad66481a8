"""The model hub's token, from an Airflow connection."""

from airtune.settings import Settings


def hub_token(settings: Settings) -> str | None:
    """Password of the connection ``AIRTUNE_HF_CONN_ID``; None where none is named or it is empty.

    Airflow masks it in the task's log. Ask for it only where something comes from the hub.

    Raises:
        AirflowNotFoundException: there is no such connection.
    """
    if not settings.hf_conn_id:
        return None
    from airflow.sdk import Connection

    password = Connection.get(settings.hf_conn_id).password
    return str(password) if password else None
