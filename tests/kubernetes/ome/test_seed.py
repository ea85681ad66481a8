"""What the seed promises of its OME world, one test a promise: those that need a cluster.

The CRDs are OME's own; the controller is the project's stand-in. Promises that need no cluster are
in ``tests/project/test_seed_ome.py``.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.kubernetes.ome.services import a_benchmark, a_service
from tests.launchers.docker.orders import READY, values_after
from tests.launchers.ome.orders import order

from airtune.launchers.kubernetes import exec as remote
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.launcher import ClusterLauncher
from airtune.launchers.launcher import Order
from airtune.launchers.ome import checks
from airtune.launchers.ome.installed import ome_path
from airtune.launchers.ome.shared import release
from airtune.launchers.opening import opened
from airtune.settings import Settings
from airtune.task import load_task
from airtune.task.model import Model
from airtune.task.ome import OmeOptions
from airtune.testing.kubernetes_control import wait_until
from airtune.testing.ome_api import namespaced
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_resources import FAKE_IMAGE, MODEL, SERVED, SGLANG, a_model, a_runtime

pytestmark = [pytest.mark.kubernetes, pytest.mark.ome]

RUN = "autotune_ome/seed"
READY_S = 90.0
SPACE = {"tp-size": 2, "mem-frac": 0.85, "schedule-policy": "lpm"}
FAST = {"ttft_ms": 1, "tpot_ms": 0}


@dataclass(frozen=True)
class World:
    """The OME launcher and what it works in."""

    ome: Ome
    launcher: ClusterLauncher
    namespace: str
    folder: Path

    def order(self, configuration: Json | None = None, **changes: Any) -> Order:
        made = order(configuration, model_name=SERVED, kubernetes={"gpus": 0})
        env = {"FAKE_ENGINE": json.dumps(FAST)}
        known = {
            "run": RUN,
            "server": made.server.model_copy(update={"env": env}),
            "model": Model(name=MODEL, namespace=self.namespace),
            "readiness": READY.model_copy(update={"model_name": SERVED}),
            "log": self.folder / "exp7" / "server.log",
            "runtime": SGLANG,
        }
        return replace(made, **(known | changes))

    def pods(self) -> list[Json]:
        return self.ome.api.items(namespaced("/api/v1", "pods", self.namespace))


@pytest.fixture
def world(ome: Ome, ome_namespace: str, tmp_path: Path) -> Iterator[World]:
    settings = Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": f"seed-{secrets.token_hex(3)}",
            "AIRTUNE_KUBECONFIG": str(ome.kubeconfig),
            "AIRTUNE_KUBERNETES_REACH": "forward",
        }
    )
    with opened("ome", settings, namespace=ome_namespace) as launcher:
        assert isinstance(launcher, ClusterLauncher)
        yield World(ome, launcher, ome_namespace, tmp_path)
        launcher.remove(RUN, 2, 99)


def test_every_parameter_is_in_the_command_line_of_the_server_behind_it(world: World) -> None:
    endpoint = world.launcher.ensure(world.order(SPACE), READY_S)
    handle = Handle.of(endpoint)
    stored = world.ome.api.get(ome_path("InferenceService", world.namespace, handle.name))
    (pod,) = world.pods()
    read = ["cat", "/proc/1/cmdline"]
    told = remote.run(
        world.launcher.api, world.namespace, pod["metadata"]["name"], handle.container, read
    )
    running = told.decode().rstrip("\0").split("\0")
    for words in (stored["spec"]["engine"]["runner"]["args"], running):
        assert values_after(words, "--tp-size") == "2"
        assert values_after(words, "--mem-fraction-static") == "0.85"
        assert values_after(words, "--schedule-policy") == "lpm"
    assert tuple(running) == world.launcher.argv(endpoint)


def test_readiness_is_the_ready_condition_and_an_answer_of_the_server(world: World) -> None:
    endpoint = world.launcher.ensure(world.order(), READY_S)
    stored = world.ome.api.get(
        ome_path("InferenceService", world.namespace, Handle.of(endpoint).name)
    )
    conditions = {one["type"]: one["status"] for one in stored["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    assert world.launcher.responds(endpoint)


def test_the_direct_cli_reaches_the_service_through_a_port_forward(world: World) -> None:
    endpoint = world.launcher.ensure(world.order(), READY_S)
    url = world.launcher.url(endpoint)
    assert url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{url}/v1/models", trust_env=False).status_code == 200


def test_the_server_is_deleted_and_nothing_foreign_is(world: World) -> None:
    api = world.ome.api
    foreign = a_service(world.namespace, "foreign")
    api.apply(ome_path("InferenceService", world.namespace, "foreign"), foreign)
    world.launcher.ensure(world.order(SPACE), READY_S)
    assert world.launcher.remove(RUN, 2, 3) == 1
    left = api.items(ome_path("InferenceService", world.namespace))
    assert [one["metadata"]["name"] for one in left] == ["foreign"]
    labels = [one["metadata"]["labels"]["ome.io/inferenceservice"] for one in world.pods()]
    assert set(labels) <= {"foreign"}
    assert (world.folder / "exp7" / "server.log").read_text()


def test_label_values_are_strings_that_the_api_server_takes(world: World) -> None:
    endpoint = world.launcher.ensure(world.order(trial_id=12), READY_S)
    (pod,) = world.pods()
    for made in (
        world.ome.api.get(ome_path("InferenceService", world.namespace, Handle.of(endpoint).name)),
        pod,
    ):
        labels = made["metadata"]["labels"]
        assert (labels["airtune/slot"], labels["airtune/trial"]) == ("2", "12")


def test_variables_of_kubernetes_are_expanded_in_the_pod_and_not_before(world: World) -> None:
    made = world.order({"log-level": "$(LEVEL)"})
    env = made.server.env | {"LEVEL": "it's {7} $x"}
    wanted = replace(made, server=made.server.model_copy(update={"env": env}))
    endpoint = world.launcher.ensure(wanted, READY_S)
    stored = world.ome.api.get(
        ome_path("InferenceService", world.namespace, Handle.of(endpoint).name)
    )
    args = stored["spec"]["engine"]["runner"]["args"]
    assert values_after(args, "--log-level") == "$(LEVEL)"
    assert values_after(args, "--model-path") == "$(MODEL_PATH)"
    assert values_after(world.launcher.argv(endpoint), "--log-level") == "it's {7} $x"


def test_models_and_runtimes_of_the_task_are_made_and_removed_again(world: World) -> None:
    """The predecessor never removed them."""
    api, name = world.ome.api, f"seed-{secrets.token_hex(3)}"
    specs = OmeOptions(
        model_spec=a_model(name, f"{world.ome.folder.path}/model")["spec"],
        runtime_spec=_a_runtime(name),
    )
    wanted = world.order(
        SPACE, model=Model(name=name, namespace=world.namespace), runtime=name, ome=specs
    )
    world.launcher.prepare(wanted)
    for kind in ("ClusterBaseModel", "ClusterServingRuntime"):
        assert api.find(ome_path(kind, name=name))
    world.launcher.ensure(wanted, READY_S)
    world.launcher.remove(RUN, 2, 99)
    release(api, world.launcher._settings.installation, RUN)
    for kind in ("ClusterBaseModel", "ClusterServingRuntime"):
        wait_until(lambda kind=kind: not api.find(ome_path(kind, name=name)), 30, kind)
    assert api.find(ome_path("ClusterServingRuntime", name=SGLANG)), "it was there before"


def _a_runtime(name: str) -> Json:
    words = ["--host", "0.0.0.0", "--port", "8080", "--model-path", "$(MODEL_PATH)"]
    command = ["python3", "-m", "sglang.launch_server"]
    made = a_runtime(name, image=FAKE_IMAGE, command=command, args=words)
    spec: Json = made["spec"]
    return spec


def test_the_crds_are_checked(world: World) -> None:
    """They are there; so what is missing are the model and the runtime alone."""
    root = Path(__file__).resolve().parents[3]
    task = load_task(root / "examples" / "simple_task.json")
    # The example's own may be there, for another test.
    model = task.model.model_copy(update={"name": "airtune-test-absent"})
    task = task.model_copy(update={"model": model, "base_runtime": "airtune-test-absent-sglang"})
    found = checks.problems(world.launcher.api, task, world.launcher._settings)
    assert {problem.path for problem in found} == {"model.name", "base_runtime"}


def test_a_benchmark_jobs_results_are_on_its_output_storage(world: World) -> None:
    api, namespace = world.ome.api, world.namespace
    claim = world.ome.results_claim(namespace)
    api.apply(ome_path("InferenceService", namespace, "engine"), a_service(namespace))
    job = ome_path("BenchmarkJob", namespace, "bench")
    api.apply(job, a_benchmark(namespace, claim), fieldValidation="Strict")
    states = {"Completed", "completed"}
    wait_until(lambda: api.get(job).get("status", {}).get("state") in states, 150, "BenchmarkJob")
    assert [name for name in world.ome.files(namespace, claim) if name.endswith(".json")]
