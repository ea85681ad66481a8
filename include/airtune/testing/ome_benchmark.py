"""One look at a BenchmarkJob: a Job that runs genai-bench, and a status that says little."""

import datetime
from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_api import OME, OmeApi, namespaced
from airtune.testing.ome_benchmark_args import output_of
from airtune.testing.ome_benchmark_pod import BenchmarkPod, benchmark_container, benchmark_pod
from airtune.testing.ome_conditions import is_ready
from airtune.testing.ome_lookup import Refused, model_of
from airtune.testing.ome_merge import Json
from airtune.testing.ome_names import owned_by


def reconcile(api: OmeApi, job: Mapping[str, Any], pods: BenchmarkPod) -> bool:
    """Start the Job of ``job``, or bring its state over.

    Returns:
        False if its InferenceService is not ready yet: a later look is needed.

    Raises:
        Refused: it can never run as it is; nothing tells it but the controller's log.
        ApiRefused: the API server refused something.
    """
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    started = api.find(namespaced("/apis/batch/v1", "jobs", namespace, name))
    _write_status(api, job, started)
    if started is not None:
        return True
    service = _service_of(api, job)
    if service is not None and not is_ready(service):
        return False
    api.post(namespaced("/apis/batch/v1", "jobs", namespace), job_of(api, job, service, pods))
    return True


def job_of(
    api: OmeApi, job: Mapping[str, Any], service: Mapping[str, Any] | None, pods: BenchmarkPod
) -> Json:
    """The Job of a BenchmarkJob. Raises: see ``reconcile``."""
    model = None if service is None else model_of(api, service)
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    claim, _ = output_of(job)
    if api.find(namespaced("/api/v1", "persistentvolumeclaims", namespace, claim)) is None:
        raise Refused("NoClaim", f"there is no PersistentVolumeClaim {claim}")
    container = benchmark_container(job, service, model, pods)
    metadata = {"labels": {"benchmark": name}, "annotations": {"logging-forward": "true"}}
    spec = {
        "backoffLimit": 0,
        "template": {"metadata": metadata, "spec": benchmark_pod(job, container, model)},
    }
    whole = metadata | {
        "name": name,
        "namespace": namespace,
        "ownerReferences": owned_by(job),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": whole, "spec": spec}


def _service_of(api: OmeApi, job: Mapping[str, Any]) -> Json | None:
    reference = job["spec"]["endpoint"].get("inferenceService")
    if reference is None:
        return None
    path = namespaced(OME, "inferenceservices", reference["namespace"], reference["name"])
    service = api.find(path)
    if service is None:
        raise Refused("NoInferenceService", f"there is no InferenceService {reference['name']}")
    return service


def _write_status(api: OmeApi, job: Mapping[str, Any], started: Mapping[str, Any] | None) -> None:
    state, ended, failure = _state(started)
    if (job.get("status") or {}).get("state") == state:
        return
    status: Json = {"state": state, "lastReconcileTime": _now(), "failureMessage": failure or None}
    if started and "startTime" in started.get("status", {}):
        status["startTime"] = started["status"]["startTime"]
    status["completionTime"] = ended
    path = namespaced(OME, "benchmarkjobs", job["metadata"]["namespace"], job["metadata"]["name"])
    api.patch(f"{path}/status", {"status": status})


def _state(started: Mapping[str, Any] | None) -> tuple[str, str | None, str]:
    """State, end and failure: ``Completed`` says that genai-bench ended with 0, and no more."""
    if started is None:
        return "Pending", None, ""
    for one in started.get("status", {}).get("conditions") or []:
        if one["status"] == "True" and one["type"] == "Failed":
            return "Failed", one["lastTransitionTime"], one.get("message", "")
        if one["status"] == "True" and one["type"] == "Complete":
            return "Completed", one["lastTransitionTime"], ""
    return "Running", None, ""


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
