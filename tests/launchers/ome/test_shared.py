from typing import Any

import pytest
from tests.launchers.ome.orders import MODEL_SPEC, cluster, order, runtime_spec

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.api import ApiRefused, Json
from airtune.launchers.ome.installed import ome_path
from airtune.launchers.ome.shared import ensure_shared, release, users
from airtune.records import FailureClass
from airtune.testing.fake_cluster import FakeCluster

MODEL, RUNTIME = ome_path("ClusterBaseModel"), ome_path("ClusterServingRuntime")
SPECS = {"model_spec": MODEL_SPEC, "runtime_spec": runtime_spec()}


def _ensure(api: FakeCluster, run: str = "dag/one", **specs: Any) -> None:
    ensure_shared(api, order(run=run, ome=specs), "tests")


def _there(api: FakeCluster) -> list[str]:
    return [one["kind"] for one in (*api.all("clusterbasemodels"), *_runtimes(api))]


def _runtimes(api: FakeCluster) -> list[Json]:
    return api.all("clusterservingruntimes")


@pytest.fixture
def empty() -> FakeCluster:
    api = cluster()
    api.end(f"{MODEL}/llama")
    api.end(f"{RUNTIME}/llama-rt")
    return api


def test_the_model_is_made_before_the_runtime_and_both_are_labelled(empty: FakeCluster) -> None:
    _ensure(empty, **SPECS)
    made = [body for method, _, body in empty.calls if method == "POST"]
    assert [one["kind"] for one in made] == ["ClusterBaseModel", "ClusterServingRuntime"]
    used = {"airtune/used-by-" + names.run_hash("dag/one"): "1", "airtune/installation": "tests"}
    assert [one["metadata"]["labels"] for one in made] == [
        used | {"airtune/role": "model"},
        used | {"airtune/role": "runtime"},
    ]
    assert made[1]["spec"] == runtime_spec()


def test_what_was_there_is_used_and_never_labelled_or_removed() -> None:
    api = cluster()
    _ensure(api, **SPECS)
    assert release(api, "tests", "dag/one") == 0
    assert [method for method, _, _ in api.calls if method != "GET"] == []
    assert len(_there(api)) == 2


def test_the_last_run_that_uses_it_removes_it(empty: FakeCluster) -> None:
    _ensure(empty, "dag/one", **SPECS)
    _ensure(empty, "dag/two", **SPECS)
    _ensure(empty, "dag/two", **SPECS)
    assert users(empty, "tests") == {names.run_hash("dag/one"), names.run_hash("dag/two")}
    assert release(empty, "tests", "dag/one") == 0
    assert release(empty, "tests", "dag/one") == 0
    assert len(_there(empty)) == 2
    assert release(empty, "tests", "dag/two") == 2
    assert _there(empty) == []
    assert release(empty, "tests", "dag/two") == 0


def test_what_an_inference_service_refers_to_stays_until_that_is_gone(
    empty: FakeCluster,
) -> None:
    """Without its model OME's webhook refuses every change to it, its deletion included."""
    _ensure(empty, **SPECS)
    services = ome_path("InferenceService", "tuner")
    refers = {"model": {"name": "llama", "kind": "ClusterBaseModel"}}
    empty.add(services, {"metadata": {"name": "left"}, "spec": refers})
    with pytest.raises(TrialFailed, match=r"InferenceService tuner/left refers to it") as caught:
        release(empty, "tests", "dag/one", "tuner")
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE
    assert users(empty, "tests") == {names.run_hash("dag/one")}, "the reaper tries again"
    _ensure(empty, "dag/two", **SPECS)
    assert release(empty, "tests", "dag/one", "tuner") == 0, "the other run has it"
    empty.end(f"{services}/left")
    assert release(empty, "tests", "dag/two", "tuner") == 2


def test_another_installations_are_left_alone(empty: FakeCluster) -> None:
    ensure_shared(empty, order(run="dag/one", ome=SPECS), "others")
    assert release(empty, "tests", "dag/one") == 0
    _ensure(empty, **SPECS)
    assert release(empty, "tests", "dag/one") == 0
    assert len(_there(empty)) == 2


def test_a_run_that_joins_while_another_leaves_keeps_it(empty: FakeCluster) -> None:
    _ensure(empty, "dag/one", **SPECS)

    def join(method: str, path: str, body: Any) -> ApiRefused | None:
        if method == "DELETE" and path.startswith(RUNTIME):
            empty.refuse = lambda *_: None
            _ensure(empty, "dag/two", **SPECS)
        return None

    empty.refuse = join
    assert release(empty, "tests", "dag/one") == 0
    assert users(empty, "tests") == {names.run_hash("dag/two")}
    assert len(_there(empty)) == 2


def test_a_race_for_making_it_has_one_maker_and_two_users(empty: FakeCluster) -> None:
    def first(method: str, path: str, body: Any) -> ApiRefused | None:
        if method == "POST" and path == MODEL:
            empty.refuse = lambda *_: None
            _ensure(empty, "dag/other", **SPECS)
        return None

    empty.refuse = first
    _ensure(empty, "dag/one", **SPECS)
    assert users(empty, "tests") == {names.run_hash("dag/one"), names.run_hash("dag/other")}
    assert len(_there(empty)) == 2


def test_additions_of_the_schema_are_no_other_spec(empty: FakeCluster) -> None:
    _ensure(empty, **SPECS)
    empty.change(f"{MODEL}/llama", spec=MODEL_SPEC | {"vendor": "meta"})
    _ensure(empty, "dag/two", **SPECS)
    assert len(users(empty, "tests")) == 2


def test_another_spec_under_the_same_name_is_refused_while_somebody_uses_it(
    empty: FakeCluster,
) -> None:
    _ensure(empty, **SPECS)
    other = SPECS | {"runtime_spec": runtime_spec(image="another")}
    with pytest.raises(TrialFailed, match="with another spec") as caught:
        _ensure(empty, "dag/two", **other)
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG
    assert "ClusterServingRuntime llama-rt" in caught.value.failure.reason


@pytest.mark.parametrize(
    ("given", "missing"),
    [({}, "no ClusterBaseModel llama"), ({"model_spec": MODEL_SPEC}, "no ClusterServingRuntime")],
)
def test_what_is_neither_there_nor_given_is_named(
    empty: FakeCluster, given: dict[str, Any], missing: str
) -> None:
    with pytest.raises(TrialFailed, match=missing) as caught:
        _ensure(empty, **given)
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG


def test_what_is_on_its_way_out_is_waited_for(empty: FakeCluster) -> None:
    going = {"name": "llama", "deletionTimestamp": "2030-01-01T00:00:00Z"}
    empty.add(MODEL, {"metadata": going, "spec": MODEL_SPEC})

    def gone_at_the_second_look(method: str, path: str, body: Any) -> None:
        if len(empty.calls) == 2:
            empty.end(f"{MODEL}/llama")

    empty.refuse = gone_at_the_second_look
    _ensure(empty, **SPECS)
    assert len(_there(empty)) == 2


def test_a_cluster_without_ome_has_nothing_to_release() -> None:
    assert release(FakeCluster("tuner"), "tests", "dag/one") == 0


def test_a_forbidden_list_is_not_taken_for_nothing(empty: FakeCluster) -> None:
    empty.forbidden.add(("list", "clusterbasemodels"))
    with pytest.raises(ApiRefused):
        release(empty, "tests", "dag/one")
