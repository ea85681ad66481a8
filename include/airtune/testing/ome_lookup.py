"""Models and runtimes by name: of the namespace first, then of the cluster, kind or not."""

from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_api import OME, OmeApi, namespaced
from airtune.testing.ome_matching import why_not
from airtune.testing.ome_merge import Json


class Refused(Exception):
    """An InferenceService cannot be served as it is.

    Attributes:
        reason: of the Event that tells it.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def find_model(api: OmeApi, name: str, namespace: str) -> Json | None:
    """A BaseModel or ClusterBaseModel."""
    own = api.find(namespaced(OME, "basemodels", namespace, name))
    return own or api.find(f"{OME}/clusterbasemodels/{name}")


def model_of(api: OmeApi, service: Mapping[str, Any]) -> Json:
    """The model of an InferenceService.

    Raises:
        Refused: none is named, or there is none.
    """
    name = (service["spec"].get("model") or {}).get("name", "")
    model = find_model(api, name, service["metadata"]["namespace"]) if name else None
    if model is None:
        raise Refused("ModelReconcileError", f"no BaseModel or ClusterBaseModel {name!r}")
    if model["spec"].get("disabled"):
        raise Refused("ModelReconcileError", f"model {name} is disabled")
    return model


def runtime_of(api: OmeApi, service: Mapping[str, Any], model: Mapping[str, Any]) -> Json:
    """The runtime of an InferenceService.

    Raises:
        Refused: there is none of the name, or it cannot serve the model, or none is named: the
            stand-in chooses none by itself, as OME would.
    """
    name = (service["spec"].get("runtime") or {}).get("name", "")
    if not name:
        raise Refused("RuntimeSelectionError", "no runtime is named: the stand-in chooses none")
    own = api.find(namespaced(OME, "servingruntimes", service["metadata"]["namespace"], name))
    runtime = own or api.find(f"{OME}/clusterservingruntimes/{name}")
    said = f"runtime {name} cannot serve model {model['metadata']['name']}"
    if runtime is None:
        raise Refused("RuntimeValidationError", f"{said}: there is no such runtime")
    if reason := why_not(runtime["spec"], model["spec"]):
        raise Refused("RuntimeValidationError", f"{said}: {reason}")
    return runtime
