"""What nodes tell of their images."""

from typing import Any

import pytest

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.node_images import digests_on_nodes

ENGINE = ["docker.io/lmsys/sglang@sha256:aa", "docker.io/lmsys/sglang:v1"]
LOCAL = ["docker.io/airtune/llama-cpp:latest"]


class _Api:
    def __init__(self, *nodes: list[list[str]]) -> None:
        self.nodes = nodes

    def get(self, path: str, **query: str) -> dict[str, Any]:
        assert path == "/api/v1/nodes"
        return {
            "items": [
                {"status": {"images": [{"names": names} for names in images]}}
                for images in self.nodes
            ]
        }


class _Forbidden(_Api):
    def get(self, path: str, **query: str) -> dict[str, Any]:
        raise ApiRefused(403, "Forbidden", "no")


def _digests(api: Any, reference: str) -> set[str]:
    return set(digests_on_nodes(api, reference))


def test_a_tag_has_the_digest_that_a_node_has_under_it() -> None:
    assert _digests(_Api([ENGINE, LOCAL]), "lmsys/sglang:v1") == {"sha256:aa"}


def test_two_nodes_may_have_two_images_under_one_tag() -> None:
    newer = ["docker.io/lmsys/sglang@sha256:bb", "docker.io/lmsys/sglang:v1"]
    assert _digests(_Api([ENGINE], [newer]), "lmsys/sglang:v1") == {"sha256:aa", "sha256:bb"}


@pytest.mark.parametrize("reference", ["airtune/llama-cpp:latest", "lmsys/sglang:v2"])
def test_an_image_of_no_registry_or_one_that_no_node_has_tells_nothing(reference: str) -> None:
    assert _digests(_Api([ENGINE, LOCAL]), reference) == set()


def test_who_may_not_list_nodes_learns_nothing() -> None:
    assert _digests(_Forbidden(), "lmsys/sglang:v1") == set()
