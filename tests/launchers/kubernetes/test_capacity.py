from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.launchers.kubernetes.recordings import recorded

from airtune.launchers.kubernetes.api import ApiRefused, Json
from airtune.launchers.kubernetes.capacity import misfit, never_fits, requests_of
from airtune.launchers.kubernetes.quantity import quantity
from airtune.testing.fake_cluster import FakeCluster

DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def _node(name: str = "node1", taints: Any = (), labels: Any = None, **allocatable: str) -> Json:
    have = {"cpu": "2", "memory": "24479296Ki", "pods": "100"} | allocatable
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": list(taints)},
        "status": {"allocatable": have},
    }


def _gpus(count: str, name: str = "node1", **more: Any) -> Json:
    node = _node(name, **more)
    node["status"]["allocatable"]["nvidia.com/gpu"] = count
    return node


def _pod(limits: Any = None, requests: Any = None, **spec: Any) -> Json:
    resources = {"limits": limits or {}, "requests": requests or {}}
    return {"spec": {"containers": [{"name": "server", "resources": resources}]} | spec}


@given(st.integers(0, 10**6), st.sampled_from(sorted(DECIMAL)))
def test_decimal_units_are_powers_of_ten(number: int, unit: str) -> None:
    assert quantity(f"{number}{unit}") == Fraction(number) * Fraction(10) ** DECIMAL[unit]


@given(st.integers(0, 10**6), st.sampled_from(sorted(BINARY)))
def test_binary_units_are_powers_of_two(number: int, unit: str) -> None:
    assert quantity(f"{number}{unit}") == number * 2 ** (10 * BINARY[unit])


@given(st.decimals(0, 10**6, places=3), st.integers(-6, 9), st.sampled_from("eE"))
def test_exponents_and_fractions_are_exact(number: Any, power: int, letter: str) -> None:
    assert quantity(f"{number}{letter}{power}") == Fraction(number) * Fraction(10) ** power


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_quantities_order_as_their_amounts_do(a: int, b: int) -> None:
    assert (quantity(f"{a}m") < quantity(f"{b}m")) == (a < b)
    assert quantity(f"{a}Mi") == quantity(f"{a * 1024}Ki")


@pytest.mark.parametrize("text", ["", "1x", "Gi", "1 Gi", "1e", "1ee3", "--1", "1Kii"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        quantity(text)


def test_limits_count_where_nothing_is_requested_and_containers_add_up() -> None:
    pod = _pod({"nvidia.com/gpu": "2", "memory": "4Gi"}, {"memory": "2Gi"})
    pod["spec"]["containers"].append({"name": "b", "resources": {"requests": {"cpu": "500m"}}})
    pod["spec"]["initContainers"] = [{"name": "i", "resources": {"requests": {"memory": "3Gi"}}}]
    assert requests_of(pod["spec"]) == {
        "nvidia.com/gpu": 2,
        "memory": 3 * 2**30,
        "cpu": Fraction(1, 2),
    }


@pytest.mark.parametrize(
    ("pod", "nodes", "words"),
    [
        (
            _pod(requests={"cpu": "64"}),
            [_node(), _node("big", cpu="32")],
            ["64 of cpu", "largest node (big) has 32", "kubernetes.requests"],
        ),
        (
            _pod({"nvidia.com/gpu": "4"}),
            [_gpus("2"), _node("cpu-only")],
            ["4 of nvidia.com/gpu", "(node1) has 2", "kubernetes.gpus"],
        ),
        (_pod({"memory": "64Gi"}), [_node()], ["64Gi of memory", "24479296Ki"]),
        (
            _pod({"nvidia.com/gpu": "1", "memory": "64Gi"}),
            [_gpus("2"), _node("fat", memory="128Gi")],
            ["none of 2 has all of nvidia.com/gpu 1, memory 64Gi at once"],
        ),
        (_pod(nodeSelector={"pool": "gpu"}), [_node()], ["pool=gpu", "node_selector"]),
        (
            _pod({"nvidia.com/gpu": "4"}, nodeSelector={"pool": "a"}),
            [_gpus("2", labels={"pool": "a"}), _gpus("8", "other")],
            ["(node1) has 2"],
        ),
        (
            _pod(),
            [_node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])],
            ["gpu=yes:NoSchedule", "kubernetes.tolerations"],
        ),
    ],
)
def test_what_no_node_can_ever_hold_is_said_with_amount_largest_node_and_fix(
    pod: Json, nodes: list[Json], words: list[str]
) -> None:
    why = misfit(pod, nodes)
    assert why is not None
    for one in words:
        assert one in why


@pytest.mark.parametrize(
    ("pod", "nodes"),
    [
        (_pod(requests={"cpu": "2"}), [_node()]),  # all of the node, however full it is
        (_pod({"nvidia.com/gpu": "2"}), [_node("a"), _gpus("2")]),
        (
            _pod(tolerations=[{"key": "gpu", "operator": "Exists"}]),
            [_node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])],
        ),
        (
            _pod(tolerations=[{"operator": "Exists"}]),
            [_node(taints=[{"key": "gpu", "effect": "NoExecute"}])],
        ),
        (
            _pod(tolerations=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]),
            [_node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])],
        ),
        (
            _pod(),
            [_node(taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}])],
        ),
        (_pod(), [_node(taints=[{"key": "gpu", "effect": "PreferNoSchedule"}])]),
    ],
)
def test_what_a_node_could_hold_is_waited_for(pod: Json, nodes: list[Json]) -> None:
    assert misfit(pod, nodes) is None


@given(st.integers(1, 16), st.lists(st.integers(0, 16), min_size=1, max_size=5))
def test_it_fits_exactly_if_one_node_has_as_many(wanted: int, have: list[int]) -> None:
    nodes = [_gpus(str(count), f"n{count}") for count in have]
    why = misfit(_pod({"nvidia.com/gpu": str(wanted)}), nodes)
    assert (why is None) == (max(have) >= wanted)
    if why is not None:
        assert f"(n{max(have)}) has {max(have)}" in why


def test_recorded_pods_against_the_node_they_met() -> None:
    cluster = FakeCluster()
    assert never_fits(cluster, recorded("unschedulable-cpu").pod) is None  # no nodes: who knows
    cluster.add("/api/v1/nodes", _node())
    for name, words in (
        ("unschedulable-cpu", "64 of cpu"),
        ("unschedulable-gpu", "1 of nvidia.com/gpu"),
        ("unschedulable-selector", "pool=gpu"),
    ):
        assert words in str(never_fits(cluster, recorded(name).pod))
    assert never_fits(cluster, recorded("running").pod) is None


def test_where_nodes_may_not_be_listed_nobody_knows() -> None:
    cluster = FakeCluster()
    cluster.forbidden.add(("list", "nodes"))
    assert never_fits(cluster, recorded("unschedulable-cpu").pod) is None
    cluster.refuse = lambda method, path, body: ApiRefused(0, "Unreachable", "refused")
    with pytest.raises(ApiRefused):
        never_fits(cluster, recorded("unschedulable-cpu").pod)


def test_a_model_that_is_still_being_fetched_to_a_node_is_no_reason_to_give_up() -> None:
    selector = {"models.ome.io/clusterbasemodel.llama": "Ready"}
    assert misfit(_pod(nodeSelector=selector), [_node()]) is None
    assert misfit(_pod(nodeSelector=selector | {"pool": "gpu"}), [_node()])
