"""Which image a reference means on a real engine."""

from collections.abc import Callable, Iterator

import pytest
from docker import APIClient

from airtune.launchers.docker.connect import connect
from airtune.launchers.docker.image import digest_there
from airtune.settings import DockerHost

pytestmark = pytest.mark.docker

IMAGE = "airtune-test/fake-sglang"


@pytest.fixture(scope="module")
def client(docker_host: str, images: Callable[[str], str]) -> Iterator[APIClient]:
    images(IMAGE)
    with connect(DockerHost(url=docker_host)) as connected:
        yield connected


def test_a_reference_means_the_same_with_and_without_tag_and_registry(client: APIClient) -> None:
    there = digest_there(client, f"{IMAGE}:latest")
    assert there is not None
    assert digest_there(client, IMAGE) == there
    assert digest_there(client, f"docker.io/{IMAGE}:latest") == there


def test_another_tag_of_the_name_is_no_answer(client: APIClient) -> None:
    assert digest_there(client, "airtune-test/base:bookworm") is not None
    assert digest_there(client, "airtune-test/base") is None  # that would be :latest
