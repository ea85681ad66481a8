"""Whether client and server share what they run on."""

import socket

import pytest

from airtune.launchers.kubernetes.api import ApiRefused, Json
from airtune.launchers.kubernetes.isolation import isolated, on_this_host
from airtune.testing.fake_cluster import FakeCluster

WHOLE = {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}


def _pod(container: str, node: str, resources: Json | None = None, qos: str = "Guaranteed") -> Json:
    containers = [{"name": container, "resources": resources or {}}, {"name": "beside"}]
    return {"spec": {"nodeName": node, "containers": containers}, "status": {"qosClass": qos}}


def _said(server: Json, client: Json) -> str | None:
    return isolated(server, "server", client, "client")


def test_two_nodes_are_two_hosts() -> None:
    assert _said(_pod("server", "a"), _pod("client", "b")) is None


def test_one_node_is_shared_unless_both_have_whole_cores_of_their_own() -> None:
    own, loose = _pod("server", "a", WHOLE), _pod("client", "a", qos="BestEffort")
    assert _said(own, _pod("client", "a", WHOLE)) is None
    said = _said(own, loose)
    assert said
    assert "the client without" in said
    assert "kubernetes.client" in said
    said = _said(_pod("server", "a"), loose)
    assert said
    assert "the server and the client" in said


@pytest.mark.parametrize(
    ("cpu", "qos"), [("1500m", "Guaranteed"), ("2", "Burstable"), ("0", "Guaranteed")]
)
def test_parts_of_cores_and_cores_that_others_may_use_are_shared(cpu: str, qos: str) -> None:
    client = _pod("client", "a", {"limits": {"cpu": cpu}}, qos)
    assert _said(_pod("server", "a", WHOLE), client)


def _cluster(*addresses: str) -> FakeCluster:
    cluster = FakeCluster()
    told = [{"type": "InternalIP", "address": address} for address in addresses]
    cluster.add("/api/v1/nodes", {"metadata": {"name": "a"}, "status": {"addresses": told}})
    return cluster


def test_a_client_of_this_host_shares_the_node_that_is_this_host() -> None:
    for address in ("127.0.0.1", socket.gethostname()):
        said = on_this_host(_cluster("203.0.113.7", address), _pod("server", "a"))
        assert said
        assert "own node a" in said


def test_another_host_or_an_unknown_one_is_not_flagged() -> None:
    assert on_this_host(_cluster("203.0.113.7", "gpu7"), _pod("server", "a")) is None
    assert on_this_host(_cluster("127.0.0.1"), _pod("server", "")) is None
    cluster = _cluster("127.0.0.1")
    cluster.refuse = lambda method, path, body: ApiRefused(403, "Forbidden", "no nodes for you")
    assert on_this_host(cluster, _pod("server", "a")) is None
