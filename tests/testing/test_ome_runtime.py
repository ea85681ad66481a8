"""The pod that the stand-in makes of an InferenceService and its runtime."""

import pytest

from airtune.testing.ome_resources import MODEL, a_model, a_runtime
from airtune.testing.ome_runtime import merged_engine, pod_spec

STORED = a_model(MODEL, "/models/x")


def _pod(runner=None, runtime=None, **engine):
    service = {"spec": {"engine": engine | ({"runner": runner} if runner else {})}}
    spec = runtime or a_runtime("r", command=["serve"], args=["--a", "1"])["spec"]
    return pod_spec(merged_engine(service, spec), service, spec, STORED)


def test_without_a_runner_the_pod_is_the_runtimes():
    (container,) = _pod()["containers"]

    assert (container["command"], container["args"]) == (["serve"], ["--a", "1"])
    assert container["image"] == "airtune-test/fake-sglang:latest"


def test_a_runners_args_replace_the_runtimes_behind_its_command():
    (container,) = _pod({"name": "ome-container", "args": ["--b", "2"]})["containers"]

    assert (container["command"], container["args"]) == (["serve"], ["--b", "2"])


def test_a_runner_of_another_name_renames_the_one_container():
    containers = _pod({"name": "mine", "args": []})["containers"]

    assert [(one["name"], one["image"]) for one in containers] == [
        ("mine", "airtune-test/fake-sglang:latest")
    ]


def test_a_runtime_with_a_container_beside_its_runner_gets_the_args_of_both():
    container = {"name": "ome-container", "image": "i", "args": ["--a"]}
    runtime = {"engineConfig": {"containers": [container]}}

    (both,) = _pod({"name": "ome-container", "args": ["--b"]}, runtime)["containers"]
    assert both["args"] == ["--a", "--b"]


def test_the_model_is_mounted_where_it_lies_and_named_in_the_environment():
    pod = _pod()

    (container,) = pod["containers"]
    assert {"name": "MODEL_PATH", "value": "/models/x"} in container["env"]
    assert container["volumeMounts"] == [
        {"name": MODEL, "mountPath": "/models/x", "readOnly": True}
    ]
    assert pod["volumes"] == [{"name": MODEL, "hostPath": {"path": "/models/x"}}]


def test_a_model_path_of_ones_own_is_kept():
    runner = {"name": "ome-container", "env": [{"name": "MODEL_PATH", "value": "/y"}]}

    (container,) = _pod(runner)["containers"]
    assert container["env"] == [{"name": "MODEL_PATH", "value": "/y"}]


def test_a_pod_runs_only_where_the_model_is():
    label = f"models.ome.io/clusterbasemodel.{MODEL}"

    assert _pod(nodeSelector={"pool": "a"})["nodeSelector"] == {label: "Ready", "pool": "a"}


def test_gpus_are_counted_for_the_engine_and_never_turned_into_flags():
    runner = {"name": "ome-container", "resources": {"limits": {"nvidia.com/gpu": "4"}}}

    (container,) = _pod(runner)["containers"]
    assert {"name": "PARALLELISM_SIZE", "value": "4"} in container["env"]
    assert container["args"] == ["--a", "1"]


def test_only_a_container_without_a_probe_gets_one():
    (container,) = _pod()["containers"]
    assert "httpGet" in container["readinessProbe"]
    bare = {"engineConfig": {"runner": {"name": "ome-container", "image": "i"}}}

    (container,) = _pod(runtime=bare)["containers"]
    assert container["readinessProbe"]["tcpSocket"] == {"port": 8080}


def test_fields_of_the_engine_that_no_pod_has_do_not_reach_it():
    pod = _pod(minReplicas=1, maxReplicas=1, labels={"a": "b"}, terminationGracePeriodSeconds=3)

    assert set(pod) == {"containers", "nodeSelector", "terminationGracePeriodSeconds", "volumes"}
    assert pod["terminationGracePeriodSeconds"] == 3


def test_without_an_engine_nothing_is_started():
    assert merged_engine({"spec": {}}, a_runtime("r")["spec"]) is None


def test_an_engine_without_any_container_is_refused():
    with pytest.raises(ValueError, match="no container"):
        _pod(runtime={"engineConfig": {}})
