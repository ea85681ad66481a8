"""The stand-in for OME's controller behaves, on a real API server, as OME was seen to behave."""

import json

import pytest
from tests.kubernetes.ome.services import (
    SERVED,
    a_service,
    conditions,
    eventually,
    never,
    pods,
    ready,
    service_path,
)

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.testing.ome_api import namespaced, path_of
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_resources import MODEL, SGLANG, SGLANG_COMMAND, a_model, a_runtime

pytestmark = [pytest.mark.kubernetes, pytest.mark.ome, pytest.mark.timeout(300)]

LAUNCH = ["python3", "-m", "sglang.launch_server"]
FOREGROUND = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}


def _events(ome: Ome, namespace: str, reason: str) -> list[str]:
    found = ome.api.items(namespaced("/api/v1", "events", namespace))
    return [one["message"] for one in found if one["reason"] == reason]


def test_the_runners_args_replace_the_runtimes_and_its_command_stays_before_them(
    ome: Ome, ome_namespace: str
) -> None:
    args = [*SERVED, "--served-model-name", "mine", "--mem-fraction-static", "0.8"]
    ome.make(a_service(ome_namespace, args=args))
    ready(ome, ome_namespace)

    (pod,) = pods(ome, ome_namespace)
    (container,) = pod["spec"]["containers"]
    assert (container["command"], container["args"]) == (LAUNCH, args)


def test_flags_in_a_runtimes_command_stay_so_that_a_flag_can_be_there_twice(
    ome: Ome, ome_namespace: str
) -> None:
    args = ["--mem-fraction-static", "0.7"]
    ome.make(a_service(ome_namespace, runtime=SGLANG_COMMAND, args=args))
    ready(ome, ome_namespace)

    (pod,) = pods(ome, ome_namespace)
    words = pod["spec"]["containers"][0]["command"] + pod["spec"]["containers"][0]["args"]
    assert words[-4:] == ["--mem-fraction-static", "0.9", "--mem-fraction-static", "0.7"]


def test_a_ready_service_has_pods_and_two_services_that_belong_to_it(
    ome: Ome, ome_namespace: str
) -> None:
    marks = {"labels": {"airtune/slot": "3"}, "annotations": {"airtune/run-id": "a/b c"}}
    ome.make(a_service(ome_namespace, **marks))
    service = ready(ome, ome_namespace)

    (pod,) = pods(ome, ome_namespace)
    env = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
    assert env["MODEL_PATH"] == f"{ome.folder.path}/model"
    assert json.loads(env["FAKE_ENGINE"])["tpot_ms"] == 0
    assert pod["metadata"]["labels"]["airtune/slot"] == "3"
    assert pod["metadata"]["annotations"]["airtune/run-id"] == "a/b c"
    assert pod["spec"]["nodeSelector"] == {f"models.ome.io/clusterbasemodel.{MODEL}": "Ready"}
    host = f"http://engine.{ome_namespace}.svc.cluster.local:8080"
    assert service["status"]["url"] == host
    assert {kind: one["status"] for kind, one in conditions(ome, ome_namespace).items()} == {
        "EngineReady": "True", "IngressReady": "True", "Ready": "True",
    }  # fmt: skip
    for name in ("engine", "engine-engine"):
        path = namespaced("/api/v1", "services", ome_namespace, name)
        made = ome.api.get(path)
        assert made["metadata"]["ownerReferences"][0]["uid"] == service["metadata"]["uid"]
        assert [(one["port"], one["targetPort"]) for one in made["spec"]["ports"]] == [(8080, 8080)]
        proxied = namespaced("/api/v1", "services", ome_namespace, f"{name}:8080")
        answer = eventually(lambda url=f"{proxied}/proxy/v1/models": _text(ome, url))
        assert "vllm-model" in answer


def _text(ome: Ome, path: str) -> str:
    try:
        return ome.api.text(path)
    except ApiRefused:  # the endpoints are there a moment after readiness
        return ""


@pytest.mark.parametrize(
    ("faulty", "reason"),
    [
        ({"behaviour": {"exit_at_start": 3}}, "CrashLoopBackOff"),
        ({"resources": {"limits": {"airtune.test/gpu": "9"}}}, "Unschedulable"),
    ],
    ids=["crash loop", "unschedulable"],
)
def test_a_faulty_pod_shows_in_the_conditions_only_as_initializing(
    ome: Ome, ome_namespace: str, faulty: dict, reason: str
) -> None:
    ome.make(a_service(ome_namespace, **faulty))

    eventually(lambda: reason in json.dumps([pod["status"] for pod in pods(ome, ome_namespace)]))
    seen = conditions(ome, ome_namespace)
    assert {kind: one["status"] for kind, one in seen.items()} == {
        "EngineReady": "False", "IngressReady": "True", "Ready": "False",
    }  # fmt: skip
    assert {seen[kind]["reason"] for kind in ("EngineReady", "Ready")} == {"Initializing"}
    assert reason not in json.dumps(seen)


def test_after_an_edit_a_service_stays_ready_on_its_old_configuration(
    ome: Ome, ome_namespace: str
) -> None:
    ome.make(a_service(ome_namespace))
    before = ready(ome, ome_namespace)
    edited = a_service(ome_namespace, behaviour={"never_ready": True})
    ome.api.patch(service_path(ome_namespace), {"spec": edited["spec"]})

    eventually(lambda: len(pods(ome, ome_namespace)) == 2)
    never(lambda: conditions(ome, ome_namespace)["Ready"]["status"] != "True", 2)
    path = namespaced("/apis/apps/v1", "deployments", ome_namespace, "engine-engine")
    after = ome.api.get(service_path(ome_namespace))
    assert after["metadata"]["generation"] > before["metadata"]["generation"]
    assert after["status"]["observedGeneration"] == ome.api.get(path)["metadata"]["generation"]
    old = [pod for pod in pods(ome, ome_namespace) if "never_ready" not in json.dumps(pod["spec"])]
    assert len(old) == 1


def test_a_runtime_made_too_late_is_not_noticed_before_the_pause_is_over(
    ome: Ome, ome_namespace: str
) -> None:
    name = f"{ome_namespace}-late"
    ome.make(a_service(ome_namespace, runtime=name))
    told = eventually(lambda: _events(ome, ome_namespace, "RuntimeValidationError"))
    assert name in told[0]
    assert conditions(ome, ome_namespace) == {}
    ome.make(a_runtime(name, command=LAUNCH, args=[*SERVED]))

    never(lambda: pods(ome, ome_namespace), 1.5)
    ready(ome, ome_namespace)


def test_a_runtime_that_cannot_serve_the_model_is_told_by_an_event_only(
    ome: Ome, ome_namespace: str
) -> None:
    name = f"{ome_namespace}-other"
    ome.make(a_runtime(name, form="gguf", command=LAUNCH, args=[*SERVED]))
    ome.make(a_service(ome_namespace, runtime=name))

    told = eventually(lambda: _events(ome, ome_namespace, "RuntimeValidationError"))
    assert "gguf" in told[0]
    assert conditions(ome, ome_namespace) == {}
    never(lambda: pods(ome, ome_namespace), 1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"model": "nobody-knows-it"}, "nobody-knows-it"), ({"name": "1st"}, "must match")],
    ids=["unknown model", "bad name"],
)
def test_admission_refuses(ome: Ome, ome_namespace: str, changes: dict, text: str) -> None:
    with pytest.raises(ApiRefused, match=text) as refused:
        ome.make(a_service(ome_namespace, **changes))

    assert refused.value.status == 403
    assert "denied the request" in refused.value.message


def test_a_deleted_service_leaves_nothing(ome: Ome, ome_namespace: str) -> None:
    ome.make(a_service(ome_namespace))
    ready(ome, ome_namespace)
    ome.api.delete(service_path(ome_namespace), FOREGROUND)

    eventually(lambda: ome.api.find(service_path(ome_namespace)) is None)
    assert pods(ome, ome_namespace) == []
    kinds = [("/apis/apps/v1", "deployments"), ("/apis/apps/v1", "replicasets")]
    for group, kind in [*kinds, ("/api/v1", "services")]:
        assert ome.api.items(namespaced(group, kind, ome_namespace)) == []


def test_without_the_controller_nothing_is_deleted(ome: Ome, ome_namespace: str) -> None:
    ome.make(a_service(ome_namespace))
    ready(ome, ome_namespace)
    ome.controller.stop()
    try:
        ome.api.delete(service_path(ome_namespace), FOREGROUND)
        never(lambda: ome.api.find(service_path(ome_namespace)) is None, 2)
    finally:
        ome.controller.start()

    eventually(lambda: ome.api.find(service_path(ome_namespace)) is None)


def test_a_service_whose_model_is_gone_cannot_be_deleted_until_the_model_is_back(
    ome: Ome, ome_namespace: str
) -> None:
    model = a_model(f"{ome_namespace}-model", f"{ome.folder.path}/model")
    ome.make(model)
    ome.make(a_service(ome_namespace, model=model["metadata"]["name"]))
    ready(ome, ome_namespace)
    ome.api.delete(path_of(model))
    ome.api.delete(service_path(ome_namespace), FOREGROUND)

    never(lambda: ome.api.find(service_path(ome_namespace)) is None, 3)
    ome.api.apply(path_of(model), model)
    eventually(lambda: ome.api.find(service_path(ome_namespace)) is None)


def test_while_the_controller_is_dead_its_webhook_lets_nothing_be_made(
    ome: Ome, ome_namespace: str
) -> None:
    ome.controller.kill()
    try:
        with pytest.raises(ApiRefused, match="failed calling webhook") as refused:
            ome.make(a_service(ome_namespace))
    finally:
        ome.controller.start()

    assert refused.value.status == 500
    ome.make(a_service(ome_namespace, runtime=SGLANG))
    ready(ome, ome_namespace)
