"""Files into and out of a client's pod, without a volume that this host shares with it."""

import io
import tempfile
from pathlib import Path

from airtune.errors import TrialFailed
from airtune.launchers.folders import MOST_FETCHED, pack, too_large, unpack
from airtune.launchers.kubernetes import exec
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.client_pod import (
    COMPLETE,
    FILES,
    SIDE_CAR,
    TOKEN_FILE,
    ClientPodOrder,
)
from airtune.records import Failure, FailureClass

_PUT_LIMIT_S = 300.0
_FETCH_LIMIT_S = 120.0
_NOT_FOUND = 404


def put_files(api: ClusterApi, order: ClientPodOrder) -> None:
    """Give the waiting init container what the client needs; it ends, and the client starts.

    Raises:
        ApiRefused: the API server refused, or did not answer.
        TrialFailed: ``infrastructure``: it could not be unpacked there.
    """
    with tempfile.TemporaryDirectory(prefix="airtune-client-") as folder:
        folders = dict(order.put)
        if order.hub_token is not None:
            token = Path(folder) / TOKEN_FILE.name
            token.touch(mode=0o600)
            token.write_text(order.hub_token)
            folders[TOKEN_FILE.parent] = Path(folder)
        archive = io.BytesIO()
        pack(folders, archive, parents=False)
    where = (api, order.namespace, order.name, FILES)
    unpack_argv = ["tar", "-x", "-p", "-f", "-", "-C", "/"]
    try:
        exec.run(*where, unpack_argv, archive.getvalue(), limit_s=_PUT_LIMIT_S)
    except exec.ExecFailed as error:
        raise TrialFailed(
            Failure(
                failure_class=FailureClass.INFRASTRUCTURE,
                reason=f"The client's files could not be unpacked in {order.helper_image}: "
                f"{error}. AIRTUNE_XCOM_IMAGE must name an image with sh and tar.",
            )
        ) from error
    try:
        exec.run(*where, ["touch", str(COMPLETE)])
    except exec.ExecFailed:
        return  # it may have ended before it could say so: how it is will be seen
    except ApiRefused as error:
        if error.status == 0:
            raise


def fetch_files(api: ClusterApi, order: ClientPodOrder) -> bool:
    """Copy what the client has left so far over what is in ``order.into``.

    A client that runs may be writing: then the newest file may be cut off, or False.

    Returns:
        False if there is nothing yet, it changed while it was read, or the pod has gone.

    Raises:
        ApiRefused: the API server refused, or did not answer.
        TrialFailed: ``benchmark_error``: it is too large.
    """
    argv = ["tar", "-c", "-f", "-", "-C", str(order.fetch.parent), order.fetch.name]
    where = (api, order.namespace, order.name, SIDE_CAR)
    try:
        archive = exec.run(*where, argv, limit_s=_FETCH_LIMIT_S, most=MOST_FETCHED)
    except exec.TooMuch as error:
        raise TrialFailed(too_large(order.fetch)) from error
    except exec.ExecFailed as error:
        archive = error.output  # tar ends so when a file has changed
    except ApiRefused as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return bool(archive) and unpack(io.BytesIO(archive), order.into)
