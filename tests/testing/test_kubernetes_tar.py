import io
import json
import tarfile

import pytest
from airflow.providers.cncf.kubernetes.utils.xcom_sidecar import PodDefaults

from airtune.testing.kubernetes_containerd import full_name
from airtune.testing.kubernetes_images import FOR_TESTS
from airtune.testing.kubernetes_tar import SIDECAR, archive


def _members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        files = ((one.name, tar.extractfile(one)) for one in tar if one.isfile())
        return {name: stream.read() for name, stream in files if stream}


def test_an_archive_is_an_image_of_one_layer() -> None:
    data = archive(["a:1", "b/c:2"], {"bin/tool": b"x"}, {"bin/other": "tool"}, ["/bin/tool"])
    members = _members(data)
    (manifest,) = json.loads(members["manifest.json"])
    assert manifest["RepoTags"] == ["docker.io/library/a:1", "docker.io/b/c:2"]
    configuration = json.loads(members[manifest["Config"]])
    assert configuration["config"]["Entrypoint"] == ["/bin/tool"]
    with tarfile.open(fileobj=io.BytesIO(members[manifest["Layers"][0]])) as layer:
        assert layer.getmember("bin/tool").mode & 0o111
        assert layer.getmember("bin/other").linkname == "tool"
        assert layer.getnames().index("bin") < layer.getnames().index("bin/tool")


def test_equal_images_have_equal_bytes() -> None:
    one = archive(["a:1"], {"x": b"1", "y": b"2"}, {})
    assert one == archive(["a:1"], {"y": b"2", "x": b"1"}, {})
    assert one != archive(["a:1"], {"y": b"3", "x": b"1"}, {})


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("busybox:1", "docker.io/library/busybox:1"),
        ("airtune/llama-cpp:latest", "docker.io/airtune/llama-cpp:latest"),
        ("registry.k8s.io/pause:3", "registry.k8s.io/pause:3"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
    ],
)
def test_names_are_completed_as_containerd_does(short: str, full: str) -> None:
    assert full_name(short) == full


def test_the_side_car_is_the_one_of_the_provider() -> None:
    assert PodDefaults.SIDECAR_CONTAINER.image == SIDECAR


def test_images_for_tests_have_versions() -> None:
    assert all(":" in name for name in FOR_TESTS)
