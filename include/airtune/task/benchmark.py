"""The traffic that every configuration is measured with."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, field_validator, model_validator

from airtune.records import LoadPoint
from airtune.task.base import TaskModel
from airtune.task.fault import fault
from airtune.task.hints import choose
from airtune.task.requests import RequestParams
from airtune.task.text import Line


def _scenario(text: str) -> str:
    from airtune.records.scenario import Scenario

    try:
        scenario = Scenario.parse(text)
    except ValueError as error:
        raise fault("is refused:", str(error)) from None
    if scenario.longest_input is None or scenario.longest_output is None:
        raise fault(
            "is a scenario whose request length is not known, so readiness cannot be checked.",
            "Write for example D(100,100), N(480,240)/(300,150) or U(50,100)/(200,250).",
        )
    return text


ScenarioText = Annotated[str, AfterValidator(_scenario)]


class Benchmark(TaskModel):
    """What genai-bench sends: load points are scenarios × concurrencies."""

    task: Literal["text-to-text"] = Field("text-to-text", description="genai-bench's task.")
    model_name: Line = Field(
        description="Model name served and sent in requests; left out: model.name.",
        examples=["llama-3-2-1b-instruct"],
    )
    model_tokenizer: Line = Field(
        description="Hugging Face id, or folder (relative to AIRTUNE_HOME); left out: "
        "model.id_or_path, if that is a hub id.",
        examples=["meta-llama/Llama-3.2-1B-Instruct"],
    )
    traffic_scenarios: list[ScenarioText] = Field(
        min_length=1,
        description="D(input,output), N(mean,deviation)/(mean,deviation), U(low,high)/(low,high): "
        "tokens of prompt and answer.",
        examples=[["D(100,100)"]],
    )
    num_concurrency: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(
        min_length=1,
        description="Closed-loop users (no think time), one load point each.",
        examples=[[1, 4]],
    )
    max_time_per_iteration: int = Field(
        10, ge=1, description="Whole minutes for one load point.", examples=[10]
    )
    max_requests_per_iteration: int = Field(
        100, ge=1, description="Requests for one load point.", examples=[50]
    )
    additional_params: RequestParams = Field(
        default_factory=dict[str, JsonValue],
        description="Request parameters, sent with their types.",
        examples=[{"temperature": 0.0}],
    )
    client: Literal["cli", "container", "benchmark_job"] | None = Field(
        None,
        description="Where genai-bench runs: on the worker (cli), in a container or pod beside "
        "the server (container), or as OME's BenchmarkJob (benchmark_job). Left out: cli in "
        "Docker mode, container on another host's engine, in Kubernetes and in OME.",
        examples=["container"],
    )
    max_error_rate: float = Field(
        0.01, ge=0, le=1, description="Share of failed requests that a load point may have."
    )
    weights: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict,
        description="Weights of load points in the score, by scenario@concurrency; 1 if left out.",
        examples=[{"D(100,100)@4": 2.0}],
    )

    @field_validator("traffic_scenarios", "num_concurrency")
    @classmethod
    def _distinct(cls, values: list[str | int]) -> list[str | int]:
        for index, value in enumerate(values):
            if value in values[:index]:
                raise fault("stands there twice.", "Remove one of them.", index)
        return values

    @model_validator(mode="after")
    def _consistent(self) -> "Benchmark":
        known = [point.key for point in self.load_points]
        for key in self.weights:
            if key not in known:
                raise fault("is no load point of this task.", choose(key, known), "weights", key)
        most = max(self.num_concurrency)
        if self.max_requests_per_iteration < most:
            raise fault(
                f"is less than the highest concurrency ({most}), which would never be reached.",
                f"Write at least {most}; 20 × concurrency gives figures that can be trusted.",
                "max_requests_per_iteration",
            )
        return self

    @property
    def load_points(self) -> tuple[LoadPoint, ...]:
        """Scenarios × concurrencies, in the order of the file."""
        return tuple(
            LoadPoint(scenario=scenario, concurrency=concurrency)
            for scenario in self.traffic_scenarios
            for concurrency in self.num_concurrency
        )
