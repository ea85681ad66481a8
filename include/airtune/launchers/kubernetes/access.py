"""Connecting to the cluster of this installation, or to another one that it allows a task."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import ClusterApi
from airtune.launchers.kubernetes.patience import PatientApi
from airtune.launchers.kubernetes.refusal import reaching as reaching
from airtune.records import Failure, FailureClass
from airtune.settings import Cluster, Settings

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

PATIENCE_S = 60.0
"""An outage of the API server that is ridden out."""

by_connection: "Callable[[str], ApiClient] | None" = None
"""Makes a client from an Airflow connection's id; operators set it, who alone know Airflow."""

TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where a pod finds the token of its service account."""


@contextmanager
def connect(
    settings: Settings, kubeconfig: str = "", *, patience_s: float = PATIENCE_S
) -> Iterator[ClusterApi]:
    """The API server, by a client that is closed at the end of the block; nothing is asked yet.

    Args:
        kubeconfig: the one that a task names, of those that the settings allow; empty: the
            installation's own access.
        patience_s: how long an API server that does not answer is asked again, ≥ 0.

    Raises:
        TrialFailed: ``invalid_config``: that kubeconfig is not allowed; ``infrastructure``: there
            is no usable access.
    """
    client = _client(settings.cluster, kubeconfig)
    try:
        yield PatientApi(client, patience_s)
    finally:
        client.rest_client.pool_manager.clear()
        client.close()


def in_cluster(token: Path = TOKEN) -> bool:
    """True in a pod with a service account, whose network knows Services by their names."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and token.is_file()


def place(settings: Settings, kubeconfig: str = "") -> str:
    """The cluster's name in texts for people."""
    cluster = settings.cluster
    named = kubeconfig or cluster.kubeconfig
    if cluster.conn_id and not kubeconfig:
        return f"the cluster of connection {cluster.conn_id}"
    return f"the cluster of {named}" if named else "the cluster"


def _client(cluster: Cluster, kubeconfig: str) -> Any:
    if kubeconfig and kubeconfig not in {*cluster.kubeconfigs, cluster.kubeconfig}:
        allowed = ", ".join(cluster.kubeconfigs) or "none"
        raise _failed(
            FailureClass.INVALID_CONFIG,
            f"kubernetes.kubeconfig {kubeconfig} is not one that AIRTUNE_KUBECONFIGS allows "
            f"({allowed}): name one of those, or have it added on the workers.",
        )
    if kubeconfig:
        # The context of the settings is one of the installation's own file.
        return _from_file(kubeconfig, "")
    if cluster.conn_id:
        return _from_connection(cluster.conn_id)
    if not cluster.kubeconfig and in_cluster():
        return _from_account()
    return _from_file(cluster.kubeconfig, cluster.context)


def _from_connection(conn_id: str) -> Any:
    if by_connection is None:
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"AIRTUNE_KUBERNETES_CONN_ID names the Airflow connection {conn_id}, which only "
            "Airflow's tasks can read: set AIRTUNE_KUBECONFIG for commands outside of Airflow.",
        )
    try:
        return by_connection(conn_id)
    except Exception as error:  # of the provider, of many kinds
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"The Airflow connection {conn_id} (AIRTUNE_KUBERNETES_CONN_ID) gives no access to a "
            f"cluster: {_said(error)}. Correct the connection.",
        ) from error


def _from_account() -> Any:
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"The pod's service account cannot be used: {_said(error)}. Give the pod one "
            "(automountServiceAccountToken), or set AIRTUNE_KUBECONFIG.",
        ) from error
    return client.ApiClient(configuration)


def _from_file(path: str, context: str) -> Any:
    from kubernetes import config

    where = path or "KUBECONFIG or ~/.kube/config"
    if path and not Path(path).is_file():
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"There is no kubeconfig {path} on this host: correct AIRTUNE_KUBECONFIG (or "
            "AIRTUNE_KUBECONFIGS), or put the file there on every worker.",
        )
    try:
        return config.new_client_from_config(path or None, context=context or None)
    # A file of anybody's making: the loader raises what its parts raise.
    except Exception as error:
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"The kubeconfig {where} cannot be used: {_said(error)}. Correct it, or set "
            "AIRTUNE_KUBECONFIG and AIRTUNE_KUBE_CONTEXT.",
        ) from error


def _said(error: Exception) -> str:
    # Only the first line: a YAML error repeats the file's text, which holds keys.
    lines = f"{type(error).__name__}: {error}".splitlines()
    return lines[0].rstrip(".")[:300]


def _failed(failure_class: FailureClass, reason: str) -> TrialFailed:
    return TrialFailed(Failure(failure_class=failure_class, reason=reason))
