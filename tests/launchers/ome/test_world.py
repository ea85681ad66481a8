from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.launchers.ome.orders import (
    ARGS,
    LAUNCH,
    SETTINGS,
    cluster,
    handle,
    order,
    runtime_spec,
)

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.spec import with_spec
from airtune.launchers.ome.installed import ome_path
from airtune.launchers.ome.world import OmeWorld
from airtune.launchers.probe import Pending
from airtune.records import Failure, FailureClass
from airtune.testing.fake_cluster import FakeCluster

WORLD = OmeWorld(SETTINGS)
EVENTS = "/api/v1/namespaces/tuner/events"
KEPT = [word for word in ARGS if word not in {"--tp-size", "1"}]


def _service(api: FakeCluster, **asked: Any) -> Json:
    (made,) = WORLD.objects(api, order(**asked))
    return made


def _runner(api: FakeCluster | None = None, **asked: Any) -> Json:
    runner: Json = _service(api or cluster(), **asked)["spec"]["engine"]["runner"]
    return runner


def _started(api: FakeCluster, status: Json | None = None, **asked: Any) -> Json:
    asked_for = _service(api, **asked)
    asked_for["metadata"]["uid"] = str(uuid4())
    made = api.post(WORLD.owner_path("tuner"), asked_for)
    api.change(WORLD.owner_path("tuner", made["metadata"]["name"]), status=status or {})
    return made


def _told(api: FakeCluster, service: Json, reason: str, message: str, **more: Any) -> None:
    about = {"uid": service["metadata"]["uid"], "name": service["metadata"]["name"]}
    event = {"metadata": {"name": reason.lower()}, "involvedObject": about, "type": "Warning"}
    api.add(EVENTS, event | {"reason": reason, "message": message} | more)


def _look(api: FakeCluster, service: Json) -> Failure | Pending | None:
    return OmeWorld(SETTINGS).look(api, handle(service))


def test_every_argument_is_in_the_runners_args_in_the_place_of_the_runtimes() -> None:
    runner = _runner(configuration={"tp_size": 2, "mem_frac": 0.8, "enable_metrics": True})
    words = ["--enable-metrics", "--mem-fraction-static", "0.8", "--tp-size", "2"]
    assert runner["args"] == [*KEPT, *words]
    assert "command" not in runner


def test_the_baseline_is_the_runtime_unmodified() -> None:
    assert _runner() == {"name": "ome-container"}


def test_model_and_runtime_are_named_by_kind() -> None:
    api = cluster()
    local = {"model_kind": "BaseModel", "runtime_kind": "ServingRuntime"}
    path = ome_path("ServingRuntime", "tuner")
    api.add(path, {"metadata": {"name": "llama-rt"}, "spec": runtime_spec()})
    spec = _service(api, ome=local)["spec"]
    assert spec["model"] == {"name": "llama", "kind": "BaseModel", "apiGroup": "ome.io"}
    assert spec["runtime"] == {"name": "llama-rt", "kind": "ServingRuntime", "apiGroup": "ome.io"}
    assert (spec["engine"]["minReplicas"], spec["engine"]["maxReplicas"]) == (1, 1)


def test_another_split_of_the_model_asks_for_other_gpus_as_request_and_limit() -> None:
    asked = {"gpu_resource": "example.com/gpu", "limits": {"memory": "8Gi"}}
    runner = _runner(configuration={"tp_size": 2}, kubernetes=asked)
    assert runner["resources"] == {
        "requests": {"example.com/gpu": "2"},
        "limits": {"memory": "8Gi", "example.com/gpu": "2"},
    }


def test_variables_of_kubernetes_survive_as_they_are_written() -> None:
    runner = _runner(configuration={"chat_template": "$(HOME)/a \"b\" $x #c: 'd'"})
    assert runner["args"][-1] == "$(HOME)/a \"b\" $x #c: 'd'"
    assert "$(MODEL_PATH)" in runner["args"]


def test_label_values_are_texts_and_ids_are_in_annotations() -> None:
    metadata = _service(cluster())["metadata"]
    assert {type(value) for value in metadata["labels"].values()} == {str}
    assert metadata["labels"]["airtune/slot"] == "2"
    assert metadata["annotations"]["airtune/run-id"] == "autotune_ome/run-1"
    assert len(metadata["name"]) <= 56


def test_a_later_attempt_asks_for_the_very_same_server() -> None:
    api = cluster()
    specs = {
        with_spec(WORLD.objects(api, one))[0]["metadata"]["annotations"]["airtune/spec"]
        for one in (order(), order(attempt=9))
    }
    assert len(specs) == 1


def test_tolerations_of_the_runtime_are_kept_beside_the_tasks() -> None:
    spec = runtime_spec()
    spec["engineConfig"]["tolerations"] = [{"key": "a", "operator": "Exists"}]
    asked = {"tolerations": [{"key": "b", "operator": "Exists"}]}
    engine = _service(cluster(spec), kubernetes=asked)["spec"]["engine"]
    assert [one["key"] for one in engine["tolerations"]] == ["a", "b"]


def test_the_start_is_probed_often_by_the_runtimes_own_probe() -> None:
    get = {"path": "/health_generate", "port": 8080}
    slow = {"httpGet": get, "periodSeconds": 60, "timeoutSeconds": 200}
    probe = _runner(cluster(runtime_spec(readinessProbe=slow)))["startupProbe"]
    assert probe["httpGet"] == get
    assert (probe["periodSeconds"], probe["timeoutSeconds"]) == (2, 200)
    assert probe["failureThreshold"] * probe["periodSeconds"] > order().start_limit_s
    merged = _runner(cluster(runtime_spec(startupProbe=slow, readinessProbe=slow)))["startupProbe"]
    assert "httpGet" not in merged  # the runtime's own stays


def test_a_server_that_benchmark_jobs_may_measure_tells_them_their_backend() -> None:
    job = {"output_claim": {"claim": "results"}}
    assert _runner(ome=job)["env"] == [{"name": "PROTOCOL_VERSION", "value": "sglang"}]
    other = _runner(ome=job, engine="vllm", model_name="llama")["env"]
    assert other == [{"name": "PROTOCOL_VERSION", "value": "vllm"}]


def test_a_token_is_named_and_never_written() -> None:
    env = _runner(kubernetes={"hf_token_secret": {"name": "hub", "key": "t"}})["env"]
    source = {"secretKeyRef": {"name": "hub", "key": "t"}}
    assert env == [{"name": "HF_TOKEN", "valueFrom": source}]


@pytest.mark.parametrize(
    ("runtime", "asked", "words"),
    [
        (runtime_spec(command=["bash", "-c"], args=["serve"]), {"tp_size": 2}, "shell script"),
        (runtime_spec(), {"chat_template": "{{ x }}"}, "template of its own"),
        (runtime_spec(args=[*ARGS, "--pp-size", "3"]), {"dp_size": 2}, ""),
    ],
)
def test_arguments_that_the_engine_would_not_see_are_refused(
    runtime: Json, asked: dict[str, Any], words: str
) -> None:
    api = cluster(runtime)
    if not words:
        assert _runner(api, configuration=asked)["resources"]["limits"]["nvidia.com/gpu"] == "6"
        return
    with pytest.raises(TrialFailed, match=words) as caught:
        _service(api, configuration=asked)
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG


def test_a_runtime_that_the_run_brings_is_known_before_it_is_made() -> None:
    runner = _runner(
        cluster(runtime={}), configuration={"tp_size": 2}, ome={"runtime_spec": runtime_spec()}
    )
    assert runner["args"][-2:] == ["--tp-size", "2"]


def test_a_runtime_removed_after_plan_is_named() -> None:
    with pytest.raises(TrialFailed, match="no ClusterServingRuntime llama-rt") as caught:
        _service(cluster(runtime={}))
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG


def test_a_template_of_the_user_must_keep_the_arguments(tmp_path: Path) -> None:
    own = (Path("include/templates/ome") / "inference_service.yaml.j2").read_text()
    (tmp_path / "mine.j2").write_text(own.replace("minReplicas: 1", "minReplicas: 2"))
    (tmp_path / "lost.j2").write_text(own.replace("args:", "command:"))
    there = replace(SETTINGS, cluster=replace(SETTINGS.cluster, template_dir=str(tmp_path)))
    world, asked = OmeWorld(there), {"tp_size": 2}
    named = order(asked, kubernetes={"template": "mine.j2"})
    assert world.objects(cluster(), named)[0]["spec"]["engine"]["minReplicas"] == 2
    with pytest.raises(TrialFailed, match=r"lost\.j2"):
        world.objects(cluster(), order(asked, kubernetes={"template": "lost.j2"}))


def test_pods_and_service_are_found_by_omes_own_names() -> None:
    made = _service(cluster(runtime_spec(ports=[{"containerPort": 9000}])))
    name = made["metadata"]["name"]
    assert WORLD.pods(made) == f"ome.io/inferenceservice={name},component=engine"
    assert WORLD.service(made) == (f"{name}-engine", 9000)


def test_ready_is_what_ome_calls_ready() -> None:
    api = cluster()
    service = _started(api, {"conditions": [{"type": "Ready", "status": "True"}]})
    assert _look(api, service) is None


def test_a_service_on_its_way_says_what_is_missing() -> None:
    api = cluster()
    states = [
        {"type": "EngineReady", "status": "False", "reason": "Initializing"},
        {"type": "IngressReady", "status": "True"},
    ]
    found = _look(api, _started(api, {"conditions": states}))
    assert isinstance(found, Pending)
    assert "EngineReady Initializing" in found.reason
    assert "IngressReady" not in found.reason


def test_a_refusal_of_ome_is_noticed_by_its_event() -> None:
    api = cluster()
    service = _started(api)
    _told(api, service, "RuntimeValidationError", "Runtime llama-rt does not support model llama")
    found = _look(api, service)
    assert isinstance(found, Failure)
    assert found.failure_class is FailureClass.INVALID_CONFIG
    assert "llama-rt does not support model llama" in found.reason


@pytest.mark.parametrize(
    ("reason", "message", "more"),
    [
        ("RuntimeValidationError", "runtime llama-rt not found in namespace tuner", {}),
        ("ModelReconcileError", "No BaseModel or ClusterBaseModel with the name: llama", {}),
        ("MergeSpecsError", "Operation cannot be fulfilled: the object has been modified", {}),
        ("InternalError", "something", {}),
        ("RuntimeValidationError", "of old", {"lastTimestamp": "2020-01-01T00:00:00Z"}),
        ("RuntimeValidationError", "not wrong", {"type": "Normal"}),
    ],
)
def test_events_that_pass_or_are_of_old_do_not_count(
    reason: str, message: str, more: dict[str, str]
) -> None:
    api = cluster()
    service = _started(api)
    _told(api, service, reason, message, **more)
    assert isinstance(_look(api, service), Pending)


@pytest.mark.parametrize(
    ("kind", "name"), [("ClusterBaseModel", "llama"), ("ClusterServingRuntime", "llama-rt")]
)
def test_model_or_runtime_removed_meanwhile_is_noticed_at_once(kind: str, name: str) -> None:
    api = cluster()
    service = _started(api)
    api.end(ome_path(kind, "", name))
    found = _look(api, service)
    assert isinstance(found, Failure)
    assert found.failure_class is FailureClass.INVALID_CONFIG
    assert f"{kind} {name}" in found.reason


def test_a_service_that_somebody_removes_is_no_fault_of_the_trial() -> None:
    api = cluster()
    service = _started(api)
    path = WORLD.owner_path("tuner", service["metadata"]["name"])
    api.change(path, metadata=service["metadata"] | {"deletionTimestamp": "2030-01-01T00:00:00Z"})
    going = _look(api, service)
    api.end(path)
    gone = _look(api, service)
    for found in (going, gone):
        assert isinstance(found, Failure)
        assert found.failure_class is FailureClass.INFRASTRUCTURE


def test_definitions_removed_after_plan_are_named_with_the_guide() -> None:
    api = cluster()
    service = _started(api)
    api.kinds = {key: kind for key, kind in api.kinds.items() if kind[0] != "InferenceService"}
    found = _look(api, service)
    assert isinstance(found, Failure)
    assert "inferenceservices.ome.io" in found.reason
    assert "docs/ome-installation.md" in found.reason
    with pytest.raises(TrialFailed, match=r"inferenceservices\.ome\.io"):
        WORLD.prepare(api, order())


def test_a_server_that_is_started_again_after_the_definitions_have_gone_fails_by_their_name() -> (
    None
):
    api = cluster()
    api.kinds = {key: kind for key, kind in api.kinds.items() if kind[0] != "InferenceService"}
    with pytest.raises(TrialFailed, match=r"inferenceservices\.ome\.io") as caught:
        WORLD.objects(api, order())
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG


def test_a_definition_that_is_being_deleted_is_missing_already() -> None:
    class Leaving(FakeCluster):
        """As the API server does it: nothing can be created any more."""

        def get(self, path: str, **query: str) -> Json:
            found = super().get(path, **query)
            for one in found.get("resources", ()) if path == "/apis/ome.io/v1beta1" else ():
                one["verbs"] = [verb for verb in one["verbs"] if verb != "create"]
            return found

    with pytest.raises(TrialFailed, match=r"inferenceservices\.ome\.io"):
        WORLD.prepare(Leaving("tuner", ome=True), order())


def _pod(service: Json, args: list[str]) -> Json:
    env = [{"name": "MODEL_PATH", "value": "/models/llama"}, {"name": "T", "valueFrom": {}}]
    container = {"name": "ome-container", "command": LAUNCH, "args": args, "env": env}
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "side"}, container]}}


def test_the_command_line_is_the_pods_own_with_variables_in_place() -> None:
    api = cluster()
    service = _started(api, configuration={"tp_size": 2})
    pod = _pod(service, service["spec"]["engine"]["runner"]["args"])
    words = WORLD.argv(api, handle(service), pod)
    assert words[:5] == (*LAUNCH, "--model-path", "/models/llama")
    assert words[-2:] == ("--tp-size", "2")


def test_a_variable_that_is_made_of_another_is_in_place_too() -> None:
    api = cluster()
    service = _started(api, configuration={"chat_template": "$(TEMPLATE)"})
    pod = _pod(service, service["spec"]["engine"]["runner"]["args"])
    template = {"name": "TEMPLATE", "value": "$(MODEL_PATH)/chat.jinja"}
    pod["spec"]["containers"][1]["env"].append(template)
    assert WORLD.argv(api, handle(service), pod)[-1] == "/models/llama/chat.jinja"


def test_arguments_that_ome_has_changed_are_no_trial_of_this_configuration() -> None:
    api = cluster()
    service = _started(api, configuration={"tp_size": 2})
    with pytest.raises(TrialFailed, match="instead of") as caught:
        WORLD.argv(api, handle(service), _pod(service, [*KEPT, "--tp-size", "4"]))
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG
