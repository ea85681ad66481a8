"""The provider's operator around one call of the client."""

from types import SimpleNamespace
from typing import Any

import pytest
import requests
from airflow.sdk.bases.operator import ExecutorSafeguard
from tests.launchers.docker.client_engine import IMAGE, ClientEngine

from airtune.errors import TrialFailed
from airtune.launchers.docker.client import ClientEnd
from airtune.operators.benchmark_docker import BenchmarkDocker
from airtune.operators.slot_task import Killed
from airtune.records import FailureClass

SLOT = SimpleNamespace(task=SimpleNamespace(timeouts=SimpleNamespace(pull_s=1.0)))


class OneCall(BenchmarkDocker):
    """Its ``execute`` makes one call through the provider, as a load point does."""

    engine_in_memory: ClientEngine
    client_image = IMAGE

    @property
    def cli(self) -> Any:
        return self.engine_in_memory

    def execute(self, context: Any) -> Any:  # type: ignore[override]
        self._context, self.image = context, self.client_image
        return self._through_provider(SLOT, lambda: ClientEnd("complete", None, 3.0))  # type: ignore[arg-type]


class Images(dict[str, Any]):
    """The engine's images, listed as the provider asks for them: by the short form of a name."""

    def __call__(self, name: str) -> list[Any]:
        return [self[name]] if name in self and not name.startswith("docker.io/") else []


@pytest.fixture
def operator() -> OneCall:
    operator = OneCall(task_id="benchmark", spec={"label": "x"}, allow_nested_operators=False)
    operator.engine_in_memory = ClientEngine(lambda engine, container: None)
    operator.engine_in_memory.images = Images(operator.engine_in_memory.images)
    return operator


def _run(operator: BenchmarkDocker) -> Any:
    """As Airflow's task runner calls it: without the sentinel the operator refuses."""
    sentinel = {f"{type(operator).__name__}__sentinel": ExecutorSafeguard.sentinel_value}
    return operator.execute({}, **sentinel)  # type: ignore[call-arg]


def test_a_load_point_goes_through_the_providers_path_and_its_safeguard(operator: OneCall) -> None:
    with pytest.raises(RuntimeError, match="outside of the Task Runner"):
        operator.execute({})
    assert _run(operator) == ClientEnd("complete", None, 3.0)


def test_an_image_that_cannot_be_had_is_a_failed_trial_with_the_fix(operator: OneCall) -> None:
    operator.engine_in_memory.images.clear()
    operator.engine_in_memory.pull_events = [{"error": "manifest unknown"}]
    with pytest.raises(TrialFailed, match=r"manifest unknown.*AIRTUNE_CLIENT_IMAGE"):
        _run(operator)


def test_an_image_that_is_there_is_not_pulled_under_another_form_of_its_name(
    operator: OneCall,
) -> None:
    there: dict[str, Any] = operator.engine_in_memory.images
    there[f"docker.io/{IMAGE}"] = there[IMAGE] | {"RepoTags": [IMAGE]}
    operator.engine_in_memory.pull_events = [AssertionError("it was pulled")]
    operator.client_image = f"docker.io/{IMAGE}"
    assert _run(operator).why == "complete"


def test_an_engine_that_goes_away_between_load_points_is_infrastructure(operator: OneCall) -> None:
    operator.engine_in_memory.refusals["inspect_image"] = requests.ConnectionError("reset by peer")
    with pytest.raises(TrialFailed, match="reset by peer") as caught:
        _run(operator)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_only_the_slot_is_mapped_and_a_kill_unwinds_the_task() -> None:
    operator = BenchmarkDocker(task_id="benchmark", spec={"label": "x"})
    assert tuple(operator.template_fields) == ("spec",)
    assert (operator.mount_tmp_dir, operator.auto_remove) == (False, "never")
    with pytest.raises(Killed):
        operator.on_kill()
