"""The manifests of examples/ome fit OME's real definitions, and serve what the examples ask for."""

from pathlib import Path

import pytest
from tests.kubernetes.ome.services import a_service, ready

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.task import load_task
from airtune.testing.ome_api import path_of
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_resources import examples, examples_without_gpu

pytestmark = [pytest.mark.kubernetes, pytest.mark.ome]

TASKS = Path(__file__).resolve().parents[3] / "examples"
MANIFESTS = [pytest.param(one, id=f"{one['kind']} {one['metadata']['name']}") for one in examples()]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_an_example_is_accepted_by_a_strict_dry_run(
    ome: Ome, ome_namespace: str, manifest: dict
) -> None:
    metadata = dict(manifest["metadata"])
    if "namespace" in metadata:
        metadata["namespace"] = ome_namespace
    placed = manifest | {"metadata": metadata}

    kept = ome.api.apply(path_of(placed), placed, dryRun="All", fieldValidation="Strict")
    assert kept["metadata"]["name"] == metadata["name"]


def test_a_strict_dry_run_refuses_what_the_definitions_do_not_know(ome: Ome) -> None:
    model = next(one for one in examples() if one["kind"] == "ClusterBaseModel")
    wrong = model | {"spec": model["spec"] | {"modelFormatt": {"name": "x"}}}

    with pytest.raises(ApiRefused, match="modelFormatt"):
        ome.api.apply(path_of(wrong), wrong, dryRun="All", fieldValidation="Strict")


@pytest.mark.parametrize("name", ["simple_task.json", "ome_sglang_slo.yaml"])
def test_the_examples_model_and_runtime_serve_what_the_task_names(
    ome: Ome, ome_namespace: str, name: str
) -> None:
    task = load_task(TASKS / name)
    wanted = {task.model.name, task.base_runtime}
    made = [
        one for one in examples_without_gpu(ome.folder.path) if one["metadata"]["name"] in wanted
    ]
    assert len(made) == 2
    for one in made:
        ome.make(one)
    ome.make(a_service(ome_namespace, model=task.model.name, runtime=task.base_runtime))

    service = ready(ome, ome_namespace)
    served = next(one for one in made if one["kind"] == "ClusterServingRuntime")
    args = served["spec"]["engineConfig"]["runner"]["args"]
    assert f"--served-model-name={task.benchmark.model_name}" in args
    assert service["spec"]["runtime"]["name"] == task.base_runtime
