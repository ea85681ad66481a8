"""What a server in a cluster really runs on."""

from contextlib import suppress

from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.pods import PodState
from airtune.records import ParamValue
from airtune.records.base import Scalar


def identity_of(api: Api, handle: Handle, pod: Json) -> dict[str, ParamValue]:
    """Node, GPU product, image and digest, version of Kubernetes, pod and its start.

    What may not be read is left out, and ``not_known`` says what and why.

    Raises:
        ApiRefused: the API server does not answer.
    """
    state = PodState.of(pod, handle.container)
    found: dict[str, ParamValue] = {
        "image": state.image,
        "image_digest": _digest(pod, handle.container),
        "host": state.node,
        "node": state.node,
        "pod": state.name,
        "pod_uid": state.uid,
        "kubernetes_version": api.get("/version")["gitVersion"],
    }
    if handle.launcher == "ome":
        # The runtime's own words in the command line; the args are the InferenceService's.
        found["runtime_command"] = _command(pod, handle.container)
    if state.started_at is not None:
        found["container_started_at"] = state.started_at
    try:
        labels = api.get(f"/api/v1/nodes/{state.node}")["metadata"].get("labels") or {}
    except ApiRefused as error:
        if error.status not in {401, 403, 404}:
            raise
        found["not_known"] = f"GPU product: node {state.node} cannot be read ({error.reason})."
    else:
        with suppress(KeyError):
            found["gpu_product"] = labels[handle.gpu_label]
    return found


def _command(pod: Json, container: str) -> list[Scalar]:
    commands = [one.get("command") for one in pod["spec"]["containers"] if one["name"] == container]
    return [str(word) for words in commands for word in words or ()]


def _digest(pod: Json, container: str) -> str:
    """``sha256:…`` of the image that runs; the whole id where the runtime has another form."""
    told = (pod.get("status") or {}).get("containerStatuses") or ()
    image_id = next((str(one.get("imageID", "")) for one in told if one["name"] == container), "")
    return image_id.rpartition("@")[2] or image_id
