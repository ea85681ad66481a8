"""What a task asks of the pods its servers and clients run in."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from airtune.task.base import TaskModel
from airtune.task.fault import fault
from airtune.task.text import InsideName, Line

_QUANTITY = r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?"
_MEANT = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([kmgt])i?b?", re.IGNORECASE)
_TEMPLATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def _object_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise fault(
            "is no name of a Kubernetes object.",
            "Write lower case letters, digits and dashes, for example my-models.",
        )
    return text


def _label_key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise fault(
            "is no key of a label or resource: letters, digits, dashes, underscores and dots, "
            "with or without a domain and a slash before them.",
            'Write for example "nvidia.com/gpu".',
        )
    return text


def _label_text(text: str) -> str:
    if not _LABEL_VALUE.fullmatch(text):
        raise fault(
            "is no label's value: at most 63 letters, digits, dashes, underscores and dots.",
            "Write what the node's label says (kubectl get nodes --show-labels).",
        )
    return text


def _quantity(text: str) -> str:
    if not re.fullmatch(_QUANTITY, text):
        meant = _MEANT.fullmatch(text.strip())
        example = f'"{meant[1]}{meant[2].upper()}i"' if meant else '"2" or "64Gi"'
        raise fault(
            "is no quantity: a number, and a unit (m, k, M, G, T, Ki, Mi, Gi or Ti) or none.",
            f"Write for example {example}.",
        )
    return text


def _template_name(text: str) -> str:
    if not _TEMPLATE.fullmatch(text):
        name = text.rpartition("/")[2]
        raise fault(
            "is no file name: templates are files of the folder AIRTUNE_TEMPLATE_DIR itself, with "
            "letters, digits, dots, dashes and underscores in their names.",
            f'Write "{name if _TEMPLATE.fullmatch(name) else "engine_pod.yaml.j2"}".',
        )
    return text


ObjectName = Annotated[str, AfterValidator(_object_name)]
LabelKey = Annotated[str, AfterValidator(_label_key)]
LabelValue = Annotated[str, AfterValidator(_label_text)]
Quantity = Annotated[
    str, AfterValidator(_quantity), Field(json_schema_extra={"pattern": rf"^{_QUANTITY}$"})
]
TemplateName = Annotated[str, AfterValidator(_template_name)]
Resources = dict[LabelKey, Quantity]
NodeSelector = dict[LabelKey, LabelValue]


class Toleration(TaskModel):
    """A taint of nodes that pods may run on all the same."""

    key: LabelKey | None = Field(None, description="Left out: every key (with Exists).")
    operator: Literal["Equal", "Exists"] = Field("Equal", description="How value is compared.")
    value: LabelValue | None = Field(None, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Left out: every effect."
    )


class Claim(TaskModel):
    """A PersistentVolumeClaim of the task's namespace."""

    claim: ObjectName = Field(description="Its name.", examples=["models"])
    sub_path: InsideName | None = Field(
        None, description="Folder inside of it.", examples=["llama-3-2-1b-instruct"]
    )


class SecretKey(TaskModel):
    """A key of a Secret of the task's namespace; its value never reaches airtune."""

    name: ObjectName = Field(description="Name of the Secret.", examples=["hf-token"])
    key: LabelKey = Field("token", description="Key in it.", examples=["token"])


class ClientPod(TaskModel):
    """The pod of genai-bench, where benchmark.client is container."""

    node_selector: NodeSelector = Field(
        default_factory=dict,
        description="Labels of its node; another node than the server's keeps figures clean.",
        examples=[{"airtune/role": "client"}],
    )
    tolerations: list[Toleration] = Field(default_factory=list, description="As of the server.")
    requests: Resources = Field(
        default_factory=dict, description="What it reserves.", examples=[{"cpu": "1"}]
    )
    limits: Resources = Field(
        default_factory=dict,
        description="What it may use; whole cpus equal to requests are reserved cores.",
        examples=[{"cpu": "1", "memory": "2Gi"}],
    )


class KubernetesOptions(TaskModel):
    """Pods of Kubernetes and OME mode."""

    kubeconfig: Line | None = Field(
        None,
        description="Kubeconfig file of the workers, one of those that AIRTUNE_KUBECONFIGS "
        "allows; left out: the installation's own access.",
        examples=["/etc/airtune/lab.kubeconfig"],
    )
    template: TemplateName | None = Field(
        None,
        description="Template of the server's objects, a file of AIRTUNE_TEMPLATE_DIR; left "
        "out: airtune's own.",
        examples=["engine_pod.yaml.j2"],
    )
    gpu_resource: LabelKey = Field(
        "nvidia.com/gpu",
        description="Resource that stands for one GPU; as many as the engine needs are asked "
        "for. llama.cpp gets none unless gpus says so.",
        examples=["nvidia.com/gpu"],
    )
    gpus: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="GPUs of one server; left out: what the engine's parallelism needs, none "
        "for llama.cpp.",
        examples=[0],
    )
    gpu_product_label: LabelKey = Field(
        "nvidia.com/gpu.product",
        description="Node label that names the GPU's product.",
        examples=["nvidia.com/gpu.product"],
    )
    gpu_product: LabelValue | None = Field(
        None,
        description="Product that all trials run on; left out: the only one there is.",
        examples=["NVIDIA-H100-80GB-HBM3"],
    )
    node_selector: NodeSelector = Field(
        default_factory=dict, description="Labels of the server's node.", examples=[{"pool": "gpu"}]
    )
    tolerations: list[Toleration] = Field(
        default_factory=list,
        description="Taints that the server's pod tolerates.",
        examples=[[{"key": "nvidia.com/gpu", "operator": "Exists"}]],
    )
    requests: Resources = Field(
        default_factory=dict,
        description="What the server reserves beside GPUs.",
        examples=[{"cpu": "8", "memory": "64Gi"}],
    )
    limits: Resources = Field(
        default_factory=dict,
        description="What the server may use beside GPUs.",
        examples=[{"memory": "64Gi"}],
    )
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = Field(
        "IfNotPresent", description="When images are pulled."
    )
    image_pull_secrets: list[ObjectName] = Field(
        default_factory=list, description="Secrets for the registry.", examples=[["registry"]]
    )
    model_claim: Claim | None = Field(
        None,
        description="Where the model lies, mounted at /model; left out: a folder of the node "
        "under the model root, the image (model.in_image), or the hub (model.id_or_path).",
        examples=[{"claim": "models", "sub_path": "llama-3-2-1b-instruct"}],
    )
    hub_cache_claim: Claim | None = Field(
        None,
        description="Cache of models fetched from the hub; left out: the pod's own disk.",
        examples=[{"claim": "hub-cache"}],
    )
    hf_token_secret: SecretKey | None = Field(
        None,
        description="Token for gated models and tokenizers of the hub.",
        examples=[{"name": "hf-token", "key": "token"}],
    )
    client: ClientPod = Field(default_factory=ClientPod, description="The client's pod.")

    @model_validator(mode="after")
    def _gpus_once(self) -> "KubernetesOptions":
        for field in ("requests", "limits"):
            if self.gpu_resource in getattr(self, field):
                raise fault(
                    "asks for GPUs, which airtune asks for itself.",
                    'Remove it; write "gpus" where the engine needs another number.',
                    field,
                    self.gpu_resource,
                )
        return self
