"""Tasks and trials of Kubernetes and OME mode."""

from typing import Any

from tests.scoring.samples import a_task, a_trial, both

from airtune.records import ParamValue, Trial
from airtune.settings import Settings
from airtune.task import Task

SETTINGS = Settings.load({"AIRTUNE_HOME": "/srv/tune", "AIRTUNE_KUBECONFIG": "/etc/lab config"})
DIGEST = "sha256:" + "1" * 64
IDENTITY: dict[str, ParamValue] = {
    "image": "lmsysorg/sglang:latest",
    "image_digest": DIGEST,
    "kubernetes_version": "v1.34.4",
    "node": "node7",
    "gpu_product": "H100",
}
ARGV = ("python3", "-m", "sglang.launch_server", "--model-path", "/model", "--port", "8000")


def a_cluster_task(launcher: str = "kubernetes", **fields: Any) -> Task:
    """An SGLang task in a cluster, with top-level ``fields``."""
    data: dict[str, Any] = {
        "deployment_mode": launcher,
        "engine": "sglang",
        "model": {"name": "llama", "namespace": "team"},
    }
    if launcher == "ome":
        data["base_runtime"] = "llama-sglang"
    return a_task(**(data | fields))


def a_cluster_trial(trial_id: int = 3, **fields: Any) -> Trial:
    """A measured trial on one GPU."""
    known: dict[str, Any] = {
        "argv": ARGV,
        "devices": ("kubernetes/device0",),
        "identity": IDENTITY,
    }
    return a_trial(trial_id, *both(), **(known | fields))
