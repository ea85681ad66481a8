"""What a run in a cluster was measured with."""

from tests.results.cluster_samples import DIGEST, IDENTITY, SETTINGS, a_cluster_task

from airtune.results.document import Provenance
from airtune.results.provenance import provenance


def test_version_node_product_and_image_are_those_of_the_deciding_trial() -> None:
    found = provenance(a_cluster_task(), SETTINGS, identity=IDENTITY)
    assert found["kubernetes"] == "v1.34.4"
    assert found["hardware"] == {"node": "node7", "gpu_product": "H100", "namespace": "team"}
    assert (found["image"], found["image_digest"]) == ("lmsysorg/sglang:latest", DIGEST)
    assert found["client"] == "airtune/genai-bench:0.0.5"
    assert found["model"]["root"] == "/mnt/data/models"
    assert Provenance.model_validate(found).kubernetes == "v1.34.4"


def test_a_trial_that_never_ran_is_told_by_its_task() -> None:
    task = a_cluster_task(kubernetes={"gpu_product": "L4", "model_claim": {"claim": "models"}})
    found = provenance(task, SETTINGS)
    assert found["kubernetes"] is None
    assert found["hardware"]["gpu_product"] == "L4"
    assert found["image"] == "lmsysorg/sglang:latest"
    assert found["model"] == {"name": "llama", "claim": "models"}


def test_in_ome_runtime_and_model_are_objects() -> None:
    found = provenance(a_cluster_task("ome"), SETTINGS)
    assert found["runtime"] == {"name": "llama-sglang", "kind": "ClusterServingRuntime"}
    assert found["model"] == {"name": "llama", "kind": "ClusterBaseModel"}
    assert found["image"] is None
    Provenance.model_validate(found)
