"""Fields that one launcher has and another has not: refused with what to write, never ignored."""

from typing import Any

import pytest

from airtune.task import read_task

RUNTIME = {"deployment_mode": "ome", "base_runtime": "llama-sglang"}
KUBERNETES = {"deployment_mode": "kubernetes"}
GGUF = {"base_runtime": "llama.cpp", "parameters": {"parallel": [1, 2]}}
CLAIM = {"claim": "models", "sub_path": "llama"}


@pytest.mark.parametrize("launcher", ["local", "endpoint"])
@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("model/root", "/data", "Docker and Kubernetes"),
        ("model/in_image", "/models/x", "Docker and Kubernetes"),
        ("container", {"memory": "8g"}, "Docker and Kubernetes"),
        ("benchmark/client", "cli", "Docker, Kubernetes and OME"),
        ("kubernetes", {"gpus": 1}, "Kubernetes and OME"),
        ("ome", {"model_kind": "BaseModel"}, "OME"),
    ],
)
def test_fields_of_containers_and_pods_are_refused_where_processes_run(
    refusal, launcher, field, value, where
):
    (problem,) = refusal({"deployment_mode": launcher, field: value})

    assert problem.path == field.replace("/", ".")
    assert problem.reason == f"is for {where}, and this task is for {launcher}."
    assert problem.fix.startswith("Remove it")


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "pods in Docker": (
        {"kubernetes": {"gpus": 1}},
        "kubernetes",
        "= {'gpus': 1}: is for Kubernetes and OME, and this task is for docker. Remove it, or "
        'write "deployment_mode": "kubernetes".',
    ),
    "OME in Docker": (
        {"ome": {"runtime_kind": "ServingRuntime"}},
        "ome",
        'is for OME, and this task is for docker. Remove it, or write "deployment_mode": "ome".',
    ),
    "OME in Kubernetes": (
        KUBERNETES | {"ome": {"output_claim": {"claim": "results"}}},
        "ome",
        "is for OME, and this task is for kubernetes.",
    ),
    "a BenchmarkJob in Kubernetes": (
        KUBERNETES | {"benchmark/client": "benchmark_job"},
        "benchmark.client",
        'is OME\'s, and this task is for kubernetes. Write "container" or "cli"',
    ),
    "a BenchmarkJob in Docker": (
        {"benchmark/client": "benchmark_job"},
        "benchmark.client",
        "is OME's, and this task is for docker.",
    ),
    "a path of this host in Kubernetes": (
        KUBERNETES | {"model/path": "/data/llama"},
        "model.path",
        'Kubernetes mounts a folder of the nodes. Write "root": "/data" and "name": '
        '"llama" for what lies under the model root, or "in_image" for a path inside the image, '
        'or "kubernetes": {"model_claim": …} for a PVC.',
    ),
    "a PVC beside the image": (
        KUBERNETES | {"model/in_image": "/models/x", "kubernetes": {"model_claim": CLAIM}},
        "kubernetes.model_claim",
        "has no use beside in_image",
    ),
    "a PVC beside the hub": (
        KUBERNETES | {"model/id_or_path": "org/llama", "kubernetes": {"model_claim": CLAIM}},
        "kubernetes.model_claim",
        "has no use: 'org/llama' is fetched from the hub. Remove it, or write the folder in it as",
    ),
    "a PVC beside the host": (
        KUBERNETES | {"model/root": "/data", "kubernetes": {"model_claim": CLAIM}},
        "model.root",
        "has no use beside kubernetes.model_claim, where the model lies.",
    ),
    "a folder of a PVC for llama.cpp": (
        KUBERNETES | GGUF | {"kubernetes": {"model_claim": CLAIM}},
        "model.name",
        "for a file in the PVC (below sub_path)",
    ),
    "Docker's limit of memory": (
        KUBERNETES | {"container": {"memory": "64g"}},
        "container.memory",
        'Write it as "kubernetes": {"limits": {"memory": "64Gi"}}.',
    ),
    "Docker's IPC": (
        KUBERNETES | {"container": {"ipc": "host"}},
        "container.ipc",
        "pods have no such option. Remove it; a pod's containers share memory by /dev/shm",
    ),
    "Docker's ulimits": (
        KUBERNETES | {"container": {"ulimits": {"memlock": -1}}},
        "container.ulimits",
        "limits of a pod's processes are set on its node",
    ),
    "a namespace that is none": (
        KUBERNETES | {"model/namespace": "Team_A"},
        "model.namespace",
        "is no name of a namespace",
    ),
    "a product without GPUs": (
        KUBERNETES | {"kubernetes": {"gpus": 0, "gpu_product": "L4"}},
        "kubernetes.gpu_product",
        "has no use: the server asks for no GPU.",
    ),
    "a product for llama.cpp": (
        KUBERNETES | GGUF | {"model/name": "x.gguf", "kubernetes": {"gpu_product": "L4"}},
        "kubernetes.gpu_product",
        'Remove it, or write how many in "gpus".',
    ),
    "the product as a node's label": (
        KUBERNETES | {"kubernetes": {"node_selector": {"nvidia.com/gpu.product": "L4"}}},
        "kubernetes.node_selector.nvidia.com/gpu.product",
        'Write "gpu_product": "L4" instead.',
    ),
    "a request above its limit": (
        KUBERNETES | {"kubernetes": {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}},
        "kubernetes.requests.cpu",
        "is more than the limit 1500m. Lower it, or raise the limit.",
    ),
    "a client's request above its limit": (
        KUBERNETES
        | {"kubernetes": {"client": {"requests": {"memory": "2Gi"}, "limits": {"memory": "2G"}}}},
        "kubernetes.client.requests.memory",
        "is more than the limit 2G.",
    ),
    "thousandths of a byte": (
        KUBERNETES | {"kubernetes": {"limits": {"memory": "512m"}}},
        "kubernetes.limits.memory",
        'is in thousandths of a byte. Write "512Mi" for so many megabytes.',
    ),
    "a unit that Kubernetes does not know": (
        KUBERNETES | {"kubernetes": {"limits": {"memory": "64GB"}}},
        "kubernetes.limits.memory",
        "= '64GB': is no quantity: a number, and a unit (m, k, M, G, T, Ki, Mi, Gi or Ti) or "
        'none. Write for example "64Gi".',
    ),
    "a quantity that is none": (
        KUBERNETES | {"kubernetes": {"client": {"requests": {"cpu": "two"}}}},
        "kubernetes.client.requests.cpu",
        'Write for example "2" or "64Gi".',
    ),
    "a template elsewhere": (
        KUBERNETES | {"kubernetes": {"template": "../mine/pod.yaml.j2"}},
        "kubernetes.template",
        "templates are files of the folder AIRTUNE_TEMPLATE_DIR itself",
    ),
    "a key that is no label's": (
        KUBERNETES | {"kubernetes": {"node_selector": {"gpu pool": "a"}}},
        "kubernetes.node_selector.gpu pool",
        "is no key of a label or resource: letters, digits, dashes, underscores and dots",
    ),
    "a value that is no label's": (
        KUBERNETES | {"kubernetes": {"gpu_product": "NVIDIA H100"}},
        "kubernetes.gpu_product",
        "Write what the node's label says (kubectl get nodes --show-labels).",
    ),
    "GPUs as a resource": (
        KUBERNETES | {"kubernetes": {"limits": {"nvidia.com/gpu": "1"}}},
        "kubernetes.limits.nvidia.com/gpu",
        "asks for GPUs, which airtune asks for itself.",
    ),
    "a toleration with a value too many": (
        KUBERNETES
        | {"kubernetes": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}},
        "kubernetes.tolerations[0].value",
        "has no use with the operator Exists.",
    ),
    "a toleration without a key": (
        KUBERNETES | {"kubernetes": {"tolerations": [{"value": "b"}]}},
        "kubernetes.tolerations[0].key",
        'Write the taint\'s key, or "operator": "Exists"',
    ),
    "the token in another variable": (
        KUBERNETES | {"env": {"SEEN": "$(HF_TOKEN)"}},
        "env",
        "would write a secret into the server's log.",
    ),
    "a hub cache without a hub model": (
        KUBERNETES | {"kubernetes": {"hub_cache_claim": {"claim": "cache"}}},
        "kubernetes.hub_cache_claim",
        "has no use: the model is not fetched from the hub.",
    ),
    "no runtime": (
        RUNTIME | {"base_runtime": None, "engine": "sglang"},
        "base_runtime",
        "is missing: in OME it names the ClusterServingRuntime to tune.",
    ),
    "a runtime that is no object's name": (
        RUNTIME | {"base_runtime": "Llama SGLang"},
        "base_runtime",
        "is no name of a ClusterServingRuntime.",
    ),
    "a model that is no object's name": (
        RUNTIME | {"model/name": "Llama/3"},
        "model.name",
        "is no name of a ClusterBaseModel.",
    ),
    "an image in OME": (
        RUNTIME | {"image": "sglang"},
        "image",
        "has no use in OME: the image is the serving runtime's.",
    ),
    "a tag in OME": (
        RUNTIME | {"runtime_image_tag": "v1"},
        "runtime_image_tag",
        "Remove it and name a runtime with that image in base_runtime",
    ),
    "a model root in OME": (
        RUNTIME | {"model/root": "/data"},
        "model.root",
        "has no use in OME, where the model is a (Cluster)BaseModel.",
    ),
    "a path in OME": (RUNTIME | {"model/path": "/data/x"}, "model.path", "has no use in OME"),
    "a model in the image in OME": (
        RUNTIME | {"model/in_image": "/x"},
        "model.in_image",
        "has no use in OME",
    ),
    "a hub id in OME": (
        RUNTIME | {"model/id_or_path": "org/llama"},
        "model.id_or_path",
        'write the name of that object as "name"',
    ),
    "a container in OME": (
        RUNTIME | {"container": {"shm_size": "1g"}},
        "container",
        "has no use in OME, where the runtime says what its pods get.",
    ),
    "a PVC in OME": (
        RUNTIME | {"kubernetes": {"model_claim": CLAIM}},
        "kubernetes.model_claim",
        'by ome.model_spec: {"storage": {"storageUri": "pvc://models/llama"}}.',
    ),
    "a whole object as a spec": (
        RUNTIME | {"ome": {"runtime_spec": {"apiVersion": "ome.io/v1beta1", "spec": {}}}},
        "ome.runtime_spec",
        "are keys of a whole object, and only its spec is meant. Write what stands below spec",
    ),
    "OME's braces in an argument": (
        RUNTIME | {"engine_args": {"chat-template": "{{ x }}"}},
        "engine_args.chat-template",
        "has {{ in it, which OME takes for a template of its own. Write the value without",
    ),
    "OME's braces in a variable": (
        RUNTIME | {"env": {"GREETING": "{{ name }}"}},
        "env.GREETING",
        "has {{ in it",
    ),
    "OME's braces among the values": (
        RUNTIME | {"parameters": {"chat-template": ["a", "{{b}}"]}},
        "parameters.chat-template.values[1]",
        "has {{ in it",
    ),
    "a BenchmarkJob without a place for its results": (
        RUNTIME | {"benchmark/client": "benchmark_job", "benchmark/additional_params": {}},
        "ome.output_claim",
        "is missing: a BenchmarkJob writes its results to a PVC of the namespace.",
    ),
    "parameters that a BenchmarkJob loses": (
        RUNTIME
        | {"benchmark/client": "benchmark_job", "ome": {"output_claim": {"claim": "results"}}},
        "benchmark.additional_params",
        "cannot be kept: OME never passes a BenchmarkJob's additionalRequestParams on",
    ),
}


@pytest.mark.parametrize(("changes", "path", "text"), REFUSED.values(), ids=REFUSED)
def test_problem_names_path_and_fix(refusal, changes, path, text):
    problems = refusal(changes)

    assert [problem.path for problem in problems] == [path], problems
    assert text in str(problems[0])
    assert problems[0].reason.endswith((".", ":"))
    assert problems[0].fix


ACCEPTED: dict[str, dict[str, Any]] = {
    "a folder of the nodes": KUBERNETES | {"model/root": "/data"},
    "a model in the image": KUBERNETES | {"model/in_image": "/models/x"},
    "the hub with a token and a cache": KUBERNETES
    | {
        "model/id_or_path": "org/llama",
        "kubernetes": {
            "hub_cache_claim": {"claim": "cache"},
            "hf_token_secret": {"name": "hf-token"},
        },
    },
    "a PVC": KUBERNETES | {"kubernetes": {"model_claim": CLAIM}},
    "a file of a PVC": KUBERNETES
    | GGUF
    | {"model/name": "tiny/x.gguf", "kubernetes": {"model_claim": {"claim": "models"}}},
    "a file as the sub_path of a PVC": KUBERNETES
    | GGUF
    | {"kubernetes": {"model_claim": {"claim": "models", "sub_path": "tiny/x.gguf"}}},
    "shared memory": KUBERNETES | {"container": {"shm_size": "1g"}},
    "equal requests and limits": KUBERNETES
    | {"kubernetes": {"requests": {"cpu": "1"}, "limits": {"cpu": "1000m"}}},
    "a runtime": RUNTIME,
    "the successor's name of a model": RUNTIME | {"model": {"id_or_path": "llama-3-2-1b-instruct"}},
    "a BenchmarkJob": RUNTIME
    | {
        "benchmark/client": "benchmark_job",
        "benchmark/additional_params": {},
        "ome": {"output_claim": {"claim": "results"}},
    },
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
def test_what_a_cluster_has_is_read(make, changes):
    task = read_task(make(changes))

    assert read_task(task.model_dump(mode="json")) == task


@pytest.mark.parametrize("way", ["cli", "container"])
@pytest.mark.parametrize("mode", [KUBERNETES, RUNTIME])
def test_both_worlds_have_the_direct_way_and_the_pod(make, mode, way):
    assert read_task(make(mode | {"benchmark/client": way})).benchmark.client == way
