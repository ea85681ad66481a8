"""The status that the stand-in writes, from what a Deployment says."""

import pytest

from airtune.testing.ome_conditions import is_ready, status_of

SERVICE = {"metadata": {"name": "x", "namespace": "n"}, "spec": {}}


def _deployment(available, generation=1):
    condition = {
        "type": "Available",
        "status": available,
        "reason": "MinimumReplicas",
        "message": "said by the Deployment",
    }
    status = {"conditions": [condition], "observedGeneration": generation}
    return {"metadata": {"annotations": {}}, "status": status}


def _said(status):
    return {one["type"]: (one["status"], one.get("reason")) for one in status["conditions"]}


@pytest.mark.parametrize(
    "deployment", [{"metadata": {}}, _deployment("False"), _deployment("Unknown")]
)
def test_whatever_is_wrong_is_initializing(deployment):
    said = _said(status_of(SERVICE, deployment, 8080))

    assert said["EngineReady"] == ("False", "Initializing")
    assert said["Ready"] == ("False", "Initializing")
    assert said["IngressReady"][0] == "True"


def test_an_available_deployment_is_ready_under_its_own_generation():
    status = status_of(SERVICE, _deployment("True", generation=7), 8080)

    assert {kind: said[0] for kind, said in _said(status).items()} == {
        "EngineReady": "True", "IngressReady": "True", "Ready": "True",
    }  # fmt: skip
    assert status["observedGeneration"] == 7
    assert status["url"] == "http://x.n.svc.cluster.local:8080"
    assert is_ready(SERVICE | {"status": status})


def test_without_an_engine_readiness_stays_unknown():
    status = status_of(SERVICE, None, 8080)

    assert _said(status)["Ready"] == ("Unknown", None)
    assert not is_ready(SERVICE | {"status": status})


def test_a_condition_that_says_the_same_keeps_its_time():
    first = status_of(SERVICE, _deployment("False"), 8080)
    old = [one | {"lastTransitionTime": "2001-01-01T00:00:00Z"} for one in first["conditions"]]
    before = SERVICE | {"status": first | {"conditions": old}}

    assert status_of(before, _deployment("False"), 8080)["conditions"] == old
    again = status_of(before, _deployment("True"), 8080)["conditions"]
    times = {one["type"]: one["lastTransitionTime"] for one in again}
    assert times["IngressReady"] == "2001-01-01T00:00:00Z"
    assert times["EngineReady"] > "2001-01-01T00:00:00Z" < times["Ready"]
