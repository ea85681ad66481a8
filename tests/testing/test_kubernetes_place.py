from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.testing.kubernetes_disposable import Disposable
from airtune.testing.kubernetes_network import POOLS, seen_from
from airtune.testing.kubernetes_place import Addresses, Place

_MOST_SOCKET_CHARACTERS = 107
_MOST_INTERFACE_CHARACTERS = 15


@given(st.text("abc/", max_size=300))
def test_however_deep_the_cache_is_names_are_short_enough(folder: str) -> None:
    place = Place.below(Path("/" + folder))
    longest = place.state / "kubelet" / "device-plugins" / "kubelet.sock"
    assert len(str(longest)) <= _MOST_SOCKET_CHARACTERS
    assert len(place.name) <= _MOST_INTERFACE_CHARACTERS


def test_another_cache_is_another_cluster() -> None:
    first, second = Place.below(Path("/a")), Place.below(Path("/b"))
    assert first.name != second.name
    assert first.run != second.run


@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_every_address_of_a_cluster_is_its_own(pool: IPv4Network) -> None:
    addresses = Addresses(pool)
    parts = [addresses.host.network, addresses.pods, addresses.services]
    assert addresses.node in addresses.host.network
    assert addresses.node != addresses.host
    assert addresses.api in addresses.services
    assert addresses.dns in addresses.services
    for index, part in enumerate(parts):
        assert part.subnet_of(pool)
        assert not any(part.overlaps(other) for other in parts[index + 1 :])


def test_a_local_api_server_sees_this_host_at_the_loopback() -> None:
    assert seen_from("https://127.0.0.1:6443") == "127.0.0.1"


def test_a_cluster_of_the_user_is_never_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRTUNE_TEST_KUBECONFIG", "/home/somebody/.kube/config")
    monkeypatch.delenv("AIRTUNE_TEST_KUBERNETES_DISPOSABLE", raising=False)
    with pytest.raises(RuntimeError, match="restart the cluster"):
        Disposable.of_environment()
