"""Plan asks the cluster before anything is started, and tells all that it finds."""

from pathlib import Path
from typing import Any

import pytest

from airtune.errors import Problem, TaskError, TrialFailed
from airtune.launchers.kubernetes.api import ApiRefused
from airtune.operators.ome_runtime import runtime_of
from airtune.operators.preflight_kubernetes import check_cluster, resolve
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.task import Task, read_task
from airtune.testing.fake_cluster import FakeCluster
from airtune.testing.fake_task import fake_task

GPU = "nvidia.com/gpu"
PRODUCT = "nvidia.com/gpu.product"
OME = "/apis/ome.io/v1beta1"
MODEL = {
    "modelFormat": {"name": "safetensors", "version": "1.0.0"},
    "modelFramework": {"name": "transformers", "version": "4.36.2"},
}
RUNTIME = {
    "supportedModelFormats": [MODEL],
    "engineConfig": {
        "runner": {
            "name": "ome-container",
            "image": "sglang",
            "command": ["python3", "-m", "sglang.launch_server"],
            "args": ["--tp", "4"],
            "ports": [{"containerPort": 8080}],
            "resources": {"limits": {GPU: "4"}},
        }
    },
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "tok").mkdir()
    return tmp_path


def settings_of(home: Path, **environ: str) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(home), **environ})


def a_task(**changes: Any) -> Task:
    data = fake_task("t", parameters={"random_seed": [1]}, deployment_mode="kubernetes")
    data["benchmark"] |= {"model_tokenizer": "tok"} | changes.pop("benchmark", {})
    data["kubernetes"] = {"gpus": 0}
    return read_task(data | changes)


def in_ome(**changes: Any) -> Task:
    return a_task(
        **{"deployment_mode": "ome", "base_runtime": "rt-sglang", "model": {"name": "m"}} | changes
    )


def a_node(name: str, product: str = "", gpus: int = 0, **more: str) -> dict[str, Any]:
    labels = ({PRODUCT: product} if product else {}) | more
    allocatable = {"cpu": "4", "memory": "8Gi", "pods": "110"} | ({GPU: str(gpus)} if gpus else {})
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"allocatable": allocatable},
    }


def a_cluster(*nodes: dict[str, Any], ome: bool = False) -> FakeCluster:
    cluster = FakeCluster("default", ome=ome)
    for node in nodes or (a_node("node1"),):
        cluster.add("/api/v1/nodes", node)
    return cluster


def an_ome(*nodes: dict[str, Any]) -> FakeCluster:
    cluster = a_cluster(*(nodes or (a_node("node1", gpus=8),)), ome=True)
    cluster.add(f"{OME}/clusterbasemodels", {"metadata": {"name": "m"}, "spec": MODEL})
    cluster.add(
        f"{OME}/clusterservingruntimes", {"metadata": {"name": "rt-sglang"}, "spec": RUNTIME}
    )
    return cluster


def problems(task: Task, cluster: FakeCluster, settings: Settings) -> list[Problem]:
    plan = make_plan(task, settings, runtime=runtime_of(task, cluster))
    before = dict(cluster.objects)
    try:
        check_cluster(task, plan, settings, cluster)
    except TaskError as error:
        return list(error.problems)
    finally:
        assert cluster.objects == before, "nothing is made"
    return []


def only(task: Task, cluster: FakeCluster, settings: Settings) -> Problem:
    (problem,) = problems(task, cluster, settings)
    return problem


def test_a_task_that_fits_is_let_through(home: Path) -> None:
    cluster = a_cluster()
    assert problems(a_task(), cluster, settings_of(home)) == []
    posted = [(path, body["kind"]) for method, path, body in cluster.calls if method == "POST"]
    assert ("/api/v1/namespaces/default/pods", "Pod") in posted
    assert ("/api/v1/namespaces/default/services", "Service") in posted


def test_all_that_is_wrong_is_told_at_once(home: Path) -> None:
    task = a_task(
        model={"name": "m", "root": "/elsewhere"},
        kubernetes={"gpus": 0, "limits": {"cpu": "64"}, "image_pull_secrets": ["registry"]},
        benchmark={"model_tokenizer": "no/such/folder"},
    )
    paths = [one.path for one in problems(task, a_cluster(), settings_of(home))]
    assert paths == [
        "model.root",
        "benchmark.model_tokenizer",
        "kubernetes.image_pull_secrets[0]",
        "kubernetes",
    ]


def test_a_namespace_that_is_not_there_is_all_that_is_told_of_the_cluster(home: Path) -> None:
    task = a_task(model={"name": "m", "namespace": "team"})
    problem = only(task, a_cluster(), settings_of(home))
    assert problem.path == "model.namespace"
    assert "kubectl create namespace team" in problem.fix


def test_a_namespace_that_is_being_deleted_is_refused(home: Path) -> None:
    cluster = a_cluster()
    cluster.change("/api/v1/namespaces/default", status={"phase": "Terminating"})
    assert only(a_task(), cluster, settings_of(home)).reason == "is being deleted."


def test_a_missing_right_is_told_with_the_rule_and_not_twice(home: Path) -> None:
    cluster = a_cluster()
    cluster.forbidden = {("create", "pods")}
    problem = only(a_task(), cluster, settings_of(home))
    assert "may not create pods" in problem.reason
    assert '{apiGroups: [""], resources: ["pods"], verbs: ["create"]}' in problem.fix


def test_what_nobody_may_look_at_is_not_taken_for_missing(home: Path) -> None:
    cluster = a_cluster()
    cluster.forbidden = {
        ("list", "nodes"),
        ("get", "namespaces"),
        ("get", "secrets"),
        ("get", "persistentvolumeclaims"),
    }
    pods = {
        "gpus": 0,
        "image_pull_secrets": ["registry"],
        "model_claim": {"claim": "models"},
        "limits": {"cpu": "64"},
    }
    assert problems(a_task(kubernetes=pods), cluster, settings_of(home)) == []


@pytest.mark.parametrize(
    ("pods", "field"),
    [
        ({"model_claim": {"claim": "models"}}, "kubernetes.model_claim.claim"),
        ({"hf_token_secret": {"name": "token"}}, "kubernetes.hf_token_secret.name"),
        ({"image_pull_secrets": ["registry"]}, "kubernetes.image_pull_secrets[0]"),
    ],
)
def test_what_is_named_and_not_there_is_refused(
    home: Path, pods: dict[str, Any], field: str
) -> None:
    problem = only(a_task(kubernetes={"gpus": 0} | pods), a_cluster(), settings_of(home))
    assert problem.path == field
    assert problem.reason.endswith("of the namespace default.")


def test_a_secret_without_the_key_is_refused(home: Path) -> None:
    cluster = a_cluster()
    secret = {"metadata": {"name": "token"}, "data": {"hf": "c2VjcmV0"}}
    cluster.add("/api/v1/namespaces/default/secrets", secret)
    task = a_task(kubernetes={"gpus": 0, "hf_token_secret": {"name": "token"}})
    problem = only(task, cluster, settings_of(home))
    assert problem.reason == "has no key 'token'."
    assert problem.fix == "Write one of hf as its key."


def with_claim(phase: str, storage_class: str = "fast") -> FakeCluster:
    cluster = a_cluster()
    claim = {
        "metadata": {"name": "models"},
        "spec": {"storageClassName": storage_class},
        "status": {"phase": phase},
    }
    cluster.add("/api/v1/namespaces/default/persistentvolumeclaims", claim)
    return cluster


def test_a_claim_of_a_storage_class_that_is_not_there_is_refused(home: Path) -> None:
    task = a_task(kubernetes={"gpus": 0, "model_claim": {"claim": "models"}})
    problem = only(task, with_claim("Pending"), settings_of(home))
    assert problem.reason == "waits for a volume of the StorageClass fast, which is not there."
    assert problems(task, with_claim("Bound"), settings_of(home)) == []
    assert problems(task, with_claim("Pending", ""), settings_of(home)) == []
    assert only(task, with_claim("Lost"), settings_of(home)).reason == "has lost its volume."


def test_a_pod_that_no_node_could_ever_hold_is_refused(home: Path) -> None:
    task = a_task(kubernetes={"gpus": 2})
    problem = only(task, a_cluster(), settings_of(home))
    assert problem.reason == "The server's pod would wait for ever."
    assert "nvidia.com/gpu" in problem.fix


def test_so_is_a_client_that_no_node_could_hold(home: Path) -> None:
    task = a_task(kubernetes={"gpus": 0, "client": {"node_selector": {"role": "client"}}})
    problem = only(task, a_cluster(), settings_of(home))
    assert (problem.path, problem.reason) == (
        "kubernetes.client",
        "The client's pod would wait for ever.",
    )


def test_a_webhook_that_refuses_the_pod_is_told(home: Path) -> None:
    cluster = a_cluster()

    def refuse(method: str, path: str, body: dict[str, Any]) -> ApiRefused | None:
        if method == "POST" and path.endswith("/pods"):
            text = 'admission webhook "no.example.org" denied the request: no such image'
            return ApiRefused(403, "Forbidden", text)
        return None

    cluster.refuse = refuse
    assert "no.example.org" in only(a_task(), cluster, settings_of(home)).reason


def test_a_cluster_that_does_not_answer_is_no_fault_of_the_task(home: Path) -> None:
    cluster = a_cluster()
    cluster.refuse = lambda method, path, body: ApiRefused(0, "", "connection refused")
    task, settings = a_task(), settings_of(home)
    with pytest.raises(TrialFailed, match="infrastructure"):
        check_cluster(task, make_plan(task, settings), settings, cluster)


def test_a_kubeconfig_is_one_that_the_settings_allow(home: Path) -> None:
    task = a_task(kubernetes={"gpus": 0, "kubeconfig": "/etc/lab"})
    problem = only(task, a_cluster(), settings_of(home))
    assert problem.fix == "Remove it, or have it added to AIRTUNE_KUBECONFIGS of the workers."
    allowed = settings_of(home, AIRTUNE_KUBECONFIGS="/etc/lab:/etc/x")
    assert problems(task, a_cluster(), allowed) == []
    other = settings_of(home, AIRTUNE_KUBECONFIGS="/etc/x")
    assert only(task, a_cluster(), other).fix.startswith("Write one of /etc/x;")


@pytest.mark.parametrize("root", ["/var/lib/kubelet", "/etc"])
def test_folders_of_the_nodes_system_are_never_mounted(home: Path, root: str) -> None:
    task = a_task(model={"name": "m", "root": root})
    allowed = settings_of(home, AIRTUNE_MODEL_ROOTS="/")
    assert only(task, a_cluster(), allowed).path == "model.root"


def test_a_template_needs_its_folder(home: Path) -> None:
    task = a_task(kubernetes={"gpus": 0, "template": "own.yaml.j2"})
    problem = only(task, a_cluster(), settings_of(home))
    assert problem.path == "kubernetes.template"
    assert "AIRTUNE_TEMPLATE_DIR" in str(problem)
    with_folder = settings_of(home, AIRTUNE_TEMPLATE_DIR=str(home))
    assert "own.yaml.j2" in str(only(task, a_cluster(), with_folder))


def test_the_client_on_the_worker_needs_its_program(home: Path) -> None:
    task = a_task(benchmark={"client": "cli"})
    assert only(task, a_cluster(), settings_of(home)).path == "benchmark"
    here = settings_of(home, AIRTUNE_BENCH_COMMAND='["python"]')
    assert problems(task, a_cluster(), here) == []


def test_more_gpus_than_airtune_may_use_are_refused(home: Path) -> None:
    task = a_task(kubernetes={"gpus": 4})
    few = settings_of(home, AIRTUNE_KUBERNETES_DEVICES="2")
    problem = only(task, a_cluster(a_node("big", gpus=8)), few)
    assert "needs 4 GPUs, and AIRTUNE_KUBERNETES_DEVICES lets airtune use 2" in problem.reason


def test_a_runtime_and_a_model_that_are_there_are_let_through(home: Path) -> None:
    assert problems(in_ome(kubernetes={}), an_ome(), settings_of(home)) == []


def test_without_ome_its_custom_resources_are_told(home: Path) -> None:
    found = problems(in_ome(), a_cluster(), settings_of(home))
    assert any("inferenceservices.ome.io" in one.reason for one in found)


def test_a_runtime_that_is_not_there_is_told_once(home: Path) -> None:
    task = in_ome(base_runtime="other-sglang")
    problem = only(task, an_ome(), settings_of(home))
    assert (problem.path, problem.value) == ("base_runtime", "other-sglang")


def test_a_runtime_whose_gpus_no_node_has_is_refused(home: Path) -> None:
    cluster = an_ome(a_node("small", gpus=2))
    problem = only(in_ome(kubernetes={}), cluster, settings_of(home))
    assert problem.reason == "The server's pod would wait for ever."


def test_model_and_runtime_that_airtune_is_to_make_are_tried_and_not_made(home: Path) -> None:
    cluster = a_cluster(a_node("node1", gpus=8), ome=True)

    def refuse(method: str, path: str, body: dict[str, Any]) -> ApiRefused | None:
        if method == "POST" and path.endswith("/inferenceservices"):
            text = 'admission webhook "isvc.ome.io" denied the request: no model m'
            return ApiRefused(403, "Forbidden", text)
        return None

    cluster.refuse = refuse
    brought = {"model_spec": MODEL, "runtime_spec": RUNTIME}
    assert problems(in_ome(kubernetes={}, ome=brought), cluster, settings_of(home)) == []
    tried = {body["kind"] for method, _, body in cluster.calls if method == "POST"}
    assert {"ClusterBaseModel", "ClusterServingRuntime", "InferenceService"} <= tried


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"volumes": [{"hostPath": {"path": "/etc"}}]}, "volumes[0].hostPath.path"),
        (
            {"runner": {"securityContext": {"privileged": True}}},
            "runner.securityContext.privileged",
        ),
        ({"hostNetwork": True}, "hostNetwork"),
        ({"runner": {"ports": [{"hostPort": 22}]}}, "runner.ports[0].hostPort"),
        (
            {"runner": {"securityContext": {"procMount": "Unmasked"}}},
            "runner.securityContext.procMount",
        ),
        (
            {"runner": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}},
            "runner.securityContext.seccompProfile",
        ),
        ({"serviceAccountName": "admin"}, "serviceAccountName"),
        (
            {"runner": {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}},
            "runner.securityContext.capabilities.add",
        ),
    ],
)
def test_a_spec_of_a_task_may_not_reach_for_the_node(
    home: Path, spec: dict[str, Any], path: str
) -> None:
    runtime = RUNTIME | {"engineConfig": RUNTIME["engineConfig"] | spec}
    runtime["engineConfig"]["runner"] = RUNTIME["engineConfig"]["runner"] | spec.get("runner", {})
    task = in_ome(kubernetes={}, ome={"runtime_spec": runtime})
    problem = only(task, an_ome(), settings_of(home))
    assert problem.path == f"ome.runtime_spec.engineConfig.{path}"


@pytest.mark.parametrize(
    ("storage", "field"),
    [
        ({"path": "/etc"}, "path"),
        ({"storageUri": "local:///etc/kubernetes"}, "storageUri"),
    ],
)
def test_a_model_of_a_task_lies_below_a_model_root(
    home: Path, storage: dict[str, Any], field: str
) -> None:
    task = in_ome(kubernetes={}, ome={"model_spec": MODEL | {"storage": storage}})
    problem = only(task, an_ome(), settings_of(home))
    assert problem.path == f"ome.model_spec.storage.{field}"
    inside = {"path": "/mnt/data/models/x", "storageUri": "hf://org/x"}
    task = in_ome(kubernetes={}, ome={"model_spec": MODEL | {"storage": inside}})
    assert problems(task, an_ome(), settings_of(home)) == []


def pinned(task: Task, *nodes: dict[str, Any]) -> str | None:
    return resolve(task, a_cluster(*nodes)).kubernetes.gpu_product


def test_the_only_product_is_pinned() -> None:
    task = a_task(kubernetes={})
    assert pinned(task, a_node("a", "H100", 8), a_node("b", "H100", 8), a_node("c")) == "H100"


def test_several_products_are_refused_and_listed() -> None:
    nodes = (a_node("a", "H100", 8), a_node("b", "L4", 1), a_node("c", "L4", 1))
    with pytest.raises(TaskError) as caught:
        pinned(a_task(kubernetes={}), *nodes)
    (problem,) = caught.value.problems
    assert "L4 (2 nodes), H100 (1 nodes)" in problem.reason
    assert problem.fix == 'Write for example "gpu_product": "L4".'


def test_only_nodes_that_the_task_allows_count() -> None:
    nodes = (a_node("a", "H100", 8, pool="big"), a_node("b", "L4", 1))
    task = a_task(kubernetes={"node_selector": {"pool": "big"}})
    assert pinned(task, *nodes) == "H100"


def test_what_the_task_names_stays() -> None:
    task = a_task(kubernetes={"gpu_product": "L4"})
    assert pinned(task, a_node("a", "H100", 8), a_node("b", "L4", 1)) == "L4"


def test_without_gpus_nothing_is_pinned_nor_asked() -> None:
    cluster = a_cluster(a_node("a", "H100", 8), a_node("b", "L4", 1))
    assert resolve(a_task(), cluster) == a_task()
    assert not any(path == "/api/v1/nodes" for _, path, _ in cluster.calls)


def test_nodes_without_the_label_are_told() -> None:
    said: list[str] = []
    task = a_task(kubernetes={})
    assert resolve(task, a_cluster(a_node("a", gpus=8)), said.append) == task
    assert "has the label nvidia.com/gpu.product" in said[0]


def test_nodes_that_may_not_be_looked_at_are_told() -> None:
    said: list[str] = []
    cluster = a_cluster(a_node("a", "H100", 8))
    cluster.forbidden = {("list", "nodes")}
    assert resolve(a_task(kubernetes={}), cluster, said.append) == a_task(kubernetes={})
    assert "may not be looked at" in said[0]


def test_in_ome_nodes_that_may_not_be_looked_at_are_no_reason_to_refuse(home: Path) -> None:
    cluster = an_ome(a_node("node1", gpus=8))
    cluster.forbidden = {("list", "nodes"), ("get", "nodes")}
    assert resolve(in_ome(kubernetes={}), cluster).kubernetes.gpu_product is None
    assert problems(in_ome(kubernetes={}), cluster, settings_of(home)) == []


def test_in_ome_the_runtime_says_whether_gpus_are_asked_for() -> None:
    nodes = (a_node("a", "H100", 8), a_node("b", "L4", 1))
    with pytest.raises(TaskError):
        resolve(in_ome(kubernetes={}), an_ome(*nodes))
    cluster = an_ome(*nodes)
    runner = RUNTIME["engineConfig"]["runner"] | {"resources": {}}
    path = f"{OME}/clusterservingruntimes/rt-sglang"
    cluster.change(path, spec=RUNTIME | {"engineConfig": {"runner": runner}})
    assert resolve(in_ome(kubernetes={}), cluster).kubernetes.gpu_product is None


def test_a_runtime_is_known_by_its_gpus_its_words_and_its_spec() -> None:
    cluster = an_ome()
    first = runtime_of(in_ome(), cluster)
    assert first is not None
    assert (first.devices, first.runner.args) == (4, ("--tp", "4"))
    cluster.change(f"{OME}/clusterservingruntimes/rt-sglang", spec=RUNTIME | {"disabled": False})
    second = runtime_of(in_ome(), cluster)
    assert second is not None
    assert first.revision != second.revision


def test_a_runtime_that_stands_in_the_way_of_the_tasks_own_is_known_by_its_own_spec() -> None:
    task = in_ome(ome={"runtime_spec": RUNTIME})
    cluster = an_ome()
    ours = runtime_of(task, cluster)
    cluster.change(f"{OME}/clusterservingruntimes/rt-sglang", spec=RUNTIME | {"disabled": False})
    added = runtime_of(task, cluster)
    assert added == ours, "the schema adds to what we have made"
    other = RUNTIME | {"supportedModelFormats": []}
    cluster.change(f"{OME}/clusterservingruntimes/rt-sglang", spec=other)
    theirs = runtime_of(task, cluster)
    assert theirs is not None
    assert ours is not None
    assert theirs.revision != ours.revision


def test_a_runtime_that_airtune_makes_is_known_before_it_is_there() -> None:
    task = in_ome(ome={"runtime_spec": RUNTIME})
    before = runtime_of(task, a_cluster(ome=True))
    assert before is not None
    assert before == runtime_of(task, an_ome()), "it is the same trial once it is there"
    assert runtime_of(in_ome(), a_cluster(ome=True)) is None
    assert runtime_of(a_task(), a_cluster()) is None
