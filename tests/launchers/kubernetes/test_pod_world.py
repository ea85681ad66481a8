"""A server's pod and Service: every parameter arrives, and airtune's own part is its own."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.launchers.docker.orders import server
from tests.launchers.kubernetes.cluster_orders import NAMESPACE, cluster_order

from airtune.errors import TaskError
from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.pod_world import KubernetesWorld
from airtune.launchers.kubernetes.spec import with_spec
from airtune.task.kubernetes import Claim, KubernetesOptions, SecretKey, Toleration
from airtune.task.model import Model


@pytest.fixture
def made(settings, cluster, tmp_path):
    """Makes pod and Service of an order with changes: ``made(kubernetes=…)``."""

    def make(**changes):
        order = cluster_order(tmp_path, **changes)
        return with_spec(KubernetesWorld(settings).objects(cluster, order))

    return make


def _container(pod):
    (container,) = pod["spec"]["containers"]
    return container


def _folder(settings, name, text):
    folder = Path(settings.cluster.template_dir)
    folder.mkdir()
    (folder / name).write_text(text)
    return KubernetesOptions(gpus=0, template=name)


# The fixtures only make; nothing is left from one example to the next.
@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text()))
def test_any_text_arrives_in_args_unchanged(made, words):
    pod, _ = made(server=server(*words))
    assert _container(pod)["args"][8:] == words


def test_command_and_args_are_the_servers_with_the_port_in_place(made):
    pod, _ = made(server=server("--schedule", "$(POLICY)"))
    container = _container(pod)
    assert container["command"] == ["python3", "-m", "sglang.launch_server"]
    assert container["args"][-4:] == ["--port", "8000", "--schedule", "$(POLICY)"]


def test_llama_cpp_keeps_its_images_entrypoint(made):
    spec = server().model_copy(update={"engine": "llama_cpp"})
    pod, _ = made(server=spec)
    assert "command" not in _container(pod)


def test_argv_has_variables_in_place_as_the_kubelet_puts_them(made, settings, cluster):
    spec = server("$(A)-$$(A)-$(B)").model_copy(update={"env": {"A": "x"}})
    pod, _ = made(server=spec)
    assert KubernetesWorld(settings).argv(cluster, None, pod)[-1] == "x-$(A)-$(B)"


def test_pod_and_service_carry_labels_names_and_full_ids(made):
    pod, service = made(trial_id=7)
    for one in (pod, service):
        metadata = one["metadata"]
        assert metadata["name"] == names.object_name("ours", "dag/run", 0, "server")
        assert metadata["namespace"] == NAMESPACE
        assert metadata["labels"][names.TRIAL] == "7"
        assert all(isinstance(value, str) for value in metadata["labels"].values())
        assert metadata["annotations"][names.RUN_ID] == "dag/run"
    chosen = service["spec"]["selector"].items()
    assert chosen <= pod["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] == 8000


def test_the_pod_ends_by_itself_at_last_and_gives_nothing_away(made):
    pod, _ = made(capacity_limit_s=100, pull_limit_s=10, start_limit_s=1)
    assert pod["spec"]["activeDeadlineSeconds"] == 24 * 3600 + 111
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert _container(pod)["securityContext"] == {"allowPrivilegeEscalation": False}


def test_an_attempt_makes_no_other_server_and_any_parameter_does(made):
    def spec_of(**changes):
        return made(**changes)[0]["metadata"]["annotations"][names.SPEC]

    assert spec_of(attempt=1) == spec_of(attempt=2, trial_id=8, log=Path("/elsewhere"))
    assert spec_of() != spec_of(server=server("--more"))


def test_gpus_come_from_the_engine_and_pin_the_product(made):
    options = KubernetesOptions(gpu_resource="amd.com/gpu", gpu_product="MI300X")
    pod, _ = made(server=server().model_copy(update={"devices": 4}), kubernetes=options)
    assert _container(pod)["resources"]["limits"] == {"amd.com/gpu": "4"}
    assert pod["spec"]["nodeSelector"] == {"nvidia.com/gpu.product": "MI300X"}
    (shm,) = pod["spec"]["volumes"]
    assert shm["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Mi"}


def test_llama_cpp_has_no_gpus_unless_the_task_says_so(made):
    spec = server().model_copy(update={"engine": "llama_cpp"})
    pod, _ = made(server=spec, kubernetes=KubernetesOptions())
    assert _container(pod)["resources"]["limits"] == {}
    pod, _ = made(server=spec, kubernetes=KubernetesOptions(gpus=1))
    assert _container(pod)["resources"]["limits"] == {"nvidia.com/gpu": "1"}


@pytest.mark.parametrize(
    ("name", "path", "kind", "mounted"),
    [
        ("llama", "/srv/models/llama", "Directory", "/model"),
        ("a/b.gguf", "/srv/models/a/b.gguf", "File", "/model/b.gguf"),
    ],
)
def test_a_model_of_the_node_is_mounted_read_only(made, name, path, kind, mounted):
    pod, _ = made(model=Model(name=name, namespace=NAMESPACE))
    (volume,) = pod["spec"]["volumes"]
    assert volume["hostPath"] == {"path": path, "type": kind}
    (mount,) = _container(pod)["volumeMounts"]
    assert (mount["mountPath"], mount["readOnly"]) == (mounted, True)


def test_a_model_of_a_claim_is_mounted_read_only(made):
    options = KubernetesOptions(gpus=0, model_claim=Claim(claim="models", sub_path="llama"))
    pod, _ = made(model=Model(name="m", namespace=NAMESPACE), kubernetes=options)
    (volume,) = pod["spec"]["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}
    (mount,) = _container(pod)["volumeMounts"]
    assert (mount["mountPath"], mount["subPath"], mount["readOnly"]) == ("/model", "llama", True)


def test_a_hub_model_gets_a_cache_and_a_token_that_nobody_here_sees(made):
    options = KubernetesOptions(gpus=0, hf_token_secret=SecretKey(name="hf", key="t"))
    model = Model(name="m", id_or_path="org/model", namespace=NAMESPACE)
    pod, _ = made(model=model, kubernetes=options)
    env = {one["name"]: one for one in _container(pod)["env"]}
    assert env["HF_TOKEN"]["valueFrom"] == {"secretKeyRef": {"name": "hf", "key": "t"}}
    assert "HF_HUB_OFFLINE" not in env
    assert pod["spec"]["volumes"] == [{"name": "hub-cache", "emptyDir": {}}]


def test_tolerations_and_pull_secrets_are_passed_on(made):
    options = KubernetesOptions(
        gpus=0,
        tolerations=[Toleration(key="gpu", operator="Exists")],
        image_pull_secrets=["registry"],
        requests={"cpu": "1"},
    )
    pod, _ = made(kubernetes=options)
    assert pod["spec"]["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert _container(pod)["resources"]["requests"] == {"cpu": "1"}


HOSTILE = """
apiVersion: v1
kind: Pod
metadata:
  name: other
  namespace: kube-system
  generateName: x
  finalizers: [example.com/never]
  ownerReferences: [{uid: x}]
  labels: {airtune/slot: "9", mine: kept}
  annotations: {airtune/log: /etc/passwd, airtune/run-id: other}
spec:
  restartPolicy: Always
  activeDeadlineSeconds: 999999999
  containers:
    - {name: server, image: {{ image }}, command: {{ command }}, args: {{ args }}}
    - {name: side, image: busybox}
"""


def test_a_template_of_the_users_cannot_take_over_what_is_airtunes(made, settings, tmp_path):
    pod, service = made(kubernetes=_folder(settings, "mine.j2", HOSTILE))
    metadata = pod["metadata"]
    assert metadata["name"] == names.object_name("ours", "dag/run", 0, "server")
    assert metadata["namespace"] == NAMESPACE
    assert set(metadata) == {"name", "namespace", "labels", "annotations"}
    assert metadata["labels"]["mine"] == "kept"
    assert metadata["labels"][names.SLOT] == "0"
    assert metadata["annotations"][names.LOG].startswith(str(tmp_path))
    assert metadata["annotations"][names.RUN_ID] == "dag/run"
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["activeDeadlineSeconds"] < 999999999
    assert [one["name"] for one in pod["spec"]["containers"]] == ["server", "side"]
    assert service["kind"] == "Service"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("args: {{ args }}", "args: []"), "other args"),
        (("args: {{ args }}", "args: {{ args[:-1] }}"), "other args"),
        (("command: {{ command }}", "command: [sh]"), "other command"),
        (("name: server", "name: main"), "no container 'server'"),
        (("kind: Pod", "kind: Secret"), "kind Secret"),
    ],
)
def test_a_template_that_loses_a_parameter_is_refused(made, settings, change, told):
    options = _folder(settings, "mine.j2", HOSTILE.replace(*change))
    with pytest.raises(TaskError, match=told):
        made(kubernetes=options)


def test_a_template_with_two_pods_is_refused(made, settings):
    options = _folder(settings, "mine.j2", f"{HOSTILE}\n---\n{HOSTILE}")
    with pytest.raises(TaskError, match="2 objects of kind Pod"):
        made(kubernetes=options)
