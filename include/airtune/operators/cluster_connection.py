"""The cluster by an Airflow connection, for those who know no Airflow."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


def use_connections() -> None:
    """From now on ``AIRTUNE_KUBERNETES_CONN_ID`` works in this process."""
    from airtune.launchers.kubernetes import access

    access.by_connection = _by_connection


def _by_connection(conn_id: str) -> "ApiClient":
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    return KubernetesHook(conn_id=conn_id).get_conn()
