from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.testing.docker_daemon import Place, dockerd_words
from airtune.testing.docker_disposable import Disposable
from airtune.testing.docker_network import POOLS, free_pool, links, rules

PLACE = Place.below(Path("/home/somebody/.cache/airtune-test"))
_MOST_SOCKET_CHARACTERS = 107
_MOST_INTERFACE_CHARACTERS = 15


def test_an_engine_shares_nothing_with_one_of_the_user() -> None:
    words = dockerd_words(Path("/usr/sbin/dockerd"), PLACE, POOLS[0])
    options = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    own = ("host", "data-root", "exec-root", "pidfile", "config-file", "containerd-namespace")
    for name in own:
        assert PLACE.name in options[name] or str(PLACE.cache) in options[name]
    assert options["bridge"] == PLACE.name
    assert options["iptables"] == options["ip6tables"] == "false"
    assert options["default-address-pool"] == "base=10.213.0.0/16,size=24"


def test_an_engine_ends_with_the_process_that_started_it() -> None:
    words = dockerd_words(Path("/usr/sbin/dockerd"), PLACE, POOLS[0])
    assert words[:4] == ["setpriv", "--pdeathsig", "TERM", "/usr/sbin/dockerd"]


@given(st.text("abc/", max_size=300))
def test_however_deep_the_cache_is_names_are_short_enough(folder: str) -> None:
    place = Place.below(Path("/" + folder))
    socket = place.execution / "containerd" / "containerd-debug.sock"
    assert len(str(socket)) <= _MOST_SOCKET_CHARACTERS
    assert len(place.name) <= _MOST_INTERFACE_CHARACTERS


def test_another_cache_is_another_engine() -> None:
    assert Place.below(Path("/a")).name != Place.below(Path("/b")).name


@given(st.lists(st.sampled_from(POOLS[1:])), st.booleans())
def test_the_range_of_addresses_is_one_that_nothing_uses(
    used: list[IPv4Network], first_too: bool
) -> None:
    networks = [*used, POOLS[0]] if first_too else used
    lines = [f"{network[300]}/26 dev tun0 proto static" for network in networks]
    lines += ["default via 192.0.2.1 dev eth0", "local 127.0.0.1 dev lo", "unreachable 192.0.2.9"]
    if set(networks) == set(POOLS):
        with pytest.raises(RuntimeError, match="No range of addresses is free"):
            free_pool("\n".join(lines))
    else:
        assert free_pool("\n".join(lines)) not in networks


def test_links_are_known_by_their_address() -> None:
    shown = (
        "1: lo    inet 127.0.0.1/8 scope host lo\n"
        "7: br-1    inet 10.213.4.1/24 brd 10.213.4.255 scope global br-1\n"
        "8: br-2    inet 10.214.4.1/24 brd 10.214.4.255 scope global br-2\n"
    )
    assert links(shown, {"10.213.0.0/16"}) == ["br-1"]
    assert links(shown, set()) == []


def test_every_firewall_rule_can_be_found_again_and_touches_own_addresses_only() -> None:
    for rule in rules(POOLS[0], PLACE.name):
        assert rule[rule.index("--comment") + 1] == PLACE.name
        assert str(POOLS[0]) in rule


def test_an_engine_of_the_user_is_never_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRTUNE_TEST_DOCKER_HOST", "unix:///var/run/docker.sock")
    monkeypatch.delenv("AIRTUNE_TEST_DOCKER_DISPOSABLE", raising=False)
    with pytest.raises(RuntimeError, match="restart the engine"):
        Disposable.of_environment()
