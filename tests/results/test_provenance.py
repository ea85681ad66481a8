from pathlib import Path

from tests.results.docker_samples import ENVIRON, IDENTITY, a_docker_task

from airtune.results.document import Provenance
from airtune.results.provenance import provenance
from airtune.settings import Settings


def test_docker_tells_image_digest_engine_and_devices() -> None:
    found = Provenance.model_validate(
        provenance(a_docker_task(), Settings.load(ENVIRON), identity=IDENTITY)
    )
    assert found.image == "lmsysorg/sglang:latest"
    assert (found.image_digest, found.docker) == (IDENTITY["image_digest"], "20.10.24")
    assert found.model == {"name": "llama", "root": "/mnt/data/models"}
    assert found.hardware["devices"] == ["gpu0", "gpu1", "gpu2", "gpu3"]
    assert found.hardware["cores"]
    assert found.client is None
    assert "xllamacpp" not in found.engine


def test_of_another_host_only_its_devices_are_known() -> None:
    found = provenance(a_docker_task(), Settings.load(ENVIRON), host="gpu7")
    assert found["hardware"]["docker_host"] == "gpu7"
    assert found["hardware"]["devices"][0] == "gpu7/gpu0"
    assert "cpu" not in found["hardware"]
    assert found["client"] == "airtune/genai-bench:0.0.5", "its default is the container way"
    assert found["image_digest"] is None


def test_the_model_is_told_as_it_was_named() -> None:
    settings = Settings.load(ENVIRON)
    for model, told in (
        ({"name": "x", "in_image": "/m/x"}, {"name": "x", "in_image": "/m/x"}),
        ({"id_or_path": "org/x"}, {"name": "x", "hub_id": "org/x"}),
        ({"name": "x", "root": "/data"}, {"name": "x", "root": "/data"}),
    ):
        assert provenance(a_docker_task(model=model), settings)["model"] == told


def test_a_local_run_tells_the_file_and_this_host(tmp_path: Path) -> None:
    from tests.scoring.samples import a_task

    (tmp_path / "model.gguf").write_bytes(b"weights")
    settings = Settings.load({"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_DEVICES": "cpu1"})
    found = provenance(a_task(), settings)
    assert found["model"]["bytes"] == 7
    assert len(found["model"]["sha256"]) == 64
    assert found["hardware"]["devices"] == ["cpu1"]
    assert "image" not in found
