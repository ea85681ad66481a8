"""What a task asks of OME beside the pods."""

from typing import Literal

from pydantic import Field, JsonValue

from airtune.task.base import TaskModel
from airtune.task.kubernetes import Claim

Spec = dict[str, JsonValue]


class OmeOptions(TaskModel):
    """InferenceServices, and what they refer to."""

    model_kind: Literal["ClusterBaseModel", "BaseModel"] = Field(
        "ClusterBaseModel", description="Kind of the model that model.name names."
    )
    runtime_kind: Literal["ClusterServingRuntime", "ServingRuntime"] = Field(
        "ClusterServingRuntime", description="Kind of the runtime that base_runtime names."
    )
    model_spec: Spec | None = Field(
        None,
        description="Spec of the model, made where no model of that name is there and removed "
        "after the run; left out: it has to be there.",
        examples=[{"modelFormat": {"name": "safetensors", "version": "1.0.0"}}],
    )
    runtime_spec: Spec | None = Field(
        None,
        description="The same for the runtime.",
        examples=[{"supportedModelFormats": []}],
    )
    output_claim: Claim | None = Field(
        None,
        description="Where a BenchmarkJob writes its results; needed with benchmark.client "
        "benchmark_job.",
        examples=[{"claim": "benchmark-results"}],
    )
