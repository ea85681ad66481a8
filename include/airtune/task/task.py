"""The task: what to serve, what to try, how to measure, what is better."""

from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field, field_validator, model_validator

from airtune.records import LoadPoint
from airtune.task.base import TaskModel
from airtune.task.benchmark import Benchmark
from airtune.task.constraints import Constraints
from airtune.task.container import ContainerOptions
from airtune.task.engine_config import EngineConfig
from airtune.task.environment import VariableName, VariableValue
from airtune.task.fault import fault
from airtune.task.kubernetes import KubernetesOptions
from airtune.task.longest import LongestRequest, longest_request
from airtune.task.model import Model
from airtune.task.names import EngineName, LauncherName, engine_name
from airtune.task.notify import Notification
from airtune.task.ome import OmeOptions
from airtune.task.optimization import Optimization
from airtune.task.parameters import Linked, Parameter
from airtune.task.schedule import ScheduleField
from airtune.task.slo import Slo
from airtune.task.text import FileName, Line
from airtune.task.timeouts import Timeouts
from airtune.task.values import EngineValue, ParameterName


class Task(TaskModel):
    """A whole task, checked. Made by ``read_task``; its JSON dump is a task file again."""

    task_name: FileName = Field(
        description="Unique name; names the result files.", examples=["docker-simple-tune"]
    )
    description: str | None = Field(None, description="For people.")
    launcher: LauncherName = Field(
        validation_alias=AliasChoices("deployment_mode", "launcher"),
        description="Where servers run. Left out: the DAG's; else docker where base_runtime is "
        "an engine, else ome.",
        examples=["docker"],
    )
    engine: Annotated[EngineName, BeforeValidator(engine_name)] = Field(
        description="Engine to tune: sglang, vllm or llama_cpp. May be left out where "
        "base_runtime is or contains its name.",
        examples=["sglang"],
    )
    model: Model = Field(
        description="The model to serve.", examples=[{"name": "llama-3-2-1b-instruct"}]
    )
    base_runtime: Line | None = Field(
        None,
        description="sglang or vllm; in OME the name of a (Cluster)ServingRuntime.",
        examples=["sglang"],
    )
    image: Line | None = Field(
        None, description="Container image without tag; left out: the engine's own."
    )
    image_tag: Line | None = Field(
        None,
        validation_alias=AliasChoices("runtime_image_tag", "image_tag"),
        description="Tag of the container image.",
        examples=["v0.5.2-cu126"],
    )
    engine_args: dict[ParameterName, EngineValue] = Field(
        default_factory=dict,
        description="Engine flags that are the same in every trial, the baseline included.",
        examples=[{"context-length": 8192}],
    )
    env: dict[VariableName, VariableValue] = Field(
        default_factory=dict,
        description="Environment of the server.",
        examples=[{"OMP_NUM_THREADS": "4"}],
    )
    parameters: dict[ParameterName, Parameter] = Field(
        default_factory=dict,
        description="Engine flags to search: a list, or a choice or range.",
        examples=[{"mem-fraction-static": [0.8, 0.9]}],
    )
    linked: list[Linked] = Field(
        default_factory=list,
        description="Engine flags that move together.",
        examples=[[{"parameters": ["tp-size", "dp-size"], "values": [[1, 4], [2, 2]]}]],
    )
    parameter_constraints: list[Line] = Field(
        default_factory=list,
        description="Expressions over parameters that every configuration must fulfil.",
        examples=[["tp_size * dp_size <= 8"]],
    )
    quant_config: EngineConfig = Field(
        default_factory=dict,
        description="Quantisation: fields, preset, or presets to compare.",
        examples=[{"presets": ["default", "kv-cache-fp8"]}],
    )
    parallel_config: EngineConfig = Field(
        default_factory=dict,
        description="Parallelism: fields, preset, or presets to compare.",
        examples=[{"tp": [1, 2]}],
    )
    optimization: Optimization = Field(
        description="Strategy and objective.", examples=[{"objective": "minimize_latency"}]
    )
    benchmark: Benchmark = Field(
        description="Traffic to measure with.",
        examples=[{"traffic_scenarios": ["D(100,100)"], "num_concurrency": [1, 4]}],
    )
    slo: Slo | None = Field(
        None,
        description="Limits in seconds with penalties.",
        examples=[{"ttft": {"threshold": 1.0}}],
    )
    constraints: Constraints = Field(
        default_factory=dict,
        description="Bounds on metrics; beyond one a trial is infeasible.",
        examples=[{"ttft_ms": {"p99": 500}, "error_rate": 0.01}],
    )
    baseline: dict[ParameterName, EngineValue] | None = Field(
        None,
        description="Flags of the baseline, for example a production command; left out: none "
        "of the searched flags is set.",
        examples=[{"tp-size": 2}],
    )
    container: ContainerOptions = Field(
        default_factory=ContainerOptions,
        description="The containers of Docker mode; in Kubernetes shm_size alone.",
        examples=[{"shm_size": "16g"}],
    )
    kubernetes: KubernetesOptions = Field(
        default_factory=KubernetesOptions,
        description="The pods of Kubernetes and OME mode.",
        examples=[{"node_selector": {"pool": "gpu"}}],
    )
    ome: OmeOptions = Field(
        default_factory=OmeOptions,
        description="What OME needs beside the pods.",
        examples=[{"output_claim": {"claim": "benchmark-results"}}],
    )
    timeouts: Timeouts = Field(
        default_factory=Timeouts, description="Limits by phase.", examples=[{"start_s": 600}]
    )
    rerun: bool = Field(False, description="Measure again what an earlier run has measured.")
    schedule: ScheduleField | None = Field(
        None,
        description="When a task file in AIRTUNE_SWEEP_DIR runs by itself: a cron expression or "
        "preset in UTC, or {cron, timezone}.",
        examples=["30 1 * * *", {"cron": "30 1 * * *", "timezone": "Europe/Berlin"}],
    )
    notify: list[Notification] = Field(
        default_factory=list,
        max_length=20,
        description="Who hears of the verdict of a scheduled task.",
        examples=[[{"webhook": {"connection": "team_webhook"}}]],
    )

    @field_validator("description")
    @classmethod
    def _short(cls, text: str | None) -> str | None:
        if text and len(text) > 5000:
            raise fault("is longer than 5000 characters.", "Shorten it.")
        return text

    @model_validator(mode="after")
    def _single(self) -> "Task":
        seen: dict[str, str] = {}
        places: list[tuple[str, tuple[str | int, ...]]] = [
            (name, ("parameters", name)) for name in self.parameters
        ]
        for index, group in enumerate(self.linked):
            places += [
                (name, ("linked", index, "parameters", position))
                for position, name in enumerate(group.parameters)
            ]
        for name, path in places:
            form = name.lower().replace("_", "-")
            if form in seen:
                raise fault(f"is searched twice (as {seen[form]}).", "Remove one of them.", *path)
            seen[form] = name
        return self

    @property
    def load_points(self) -> tuple[LoadPoint, ...]:
        """Scenarios × concurrencies, in the order of the file."""
        return self.benchmark.load_points

    def weight(self, point: LoadPoint) -> float:
        """Weight of a load point in the score, > 0."""
        return float(self.benchmark.weights.get(point.key, 1.0))

    def longest_request(self) -> LongestRequest:
        """What a server must be able to answer before it counts as ready."""
        return longest_request(self.benchmark.traffic_scenarios)

    def sentences(self) -> list[str]:
        """What was understood of objective, SLO and constraints, one sentence each."""
        from airtune.task.sentences import sentences

        return sentences(self)
