"""Plans and plan keys of tasks for Kubernetes and OME."""

from pathlib import Path
from typing import Any

import pytest
from tests.study.plan_samples import a_task, some_settings

from airtune.errors import TaskError
from airtune.launchers.ome.runtime import Runner
from airtune.settings import Settings
from airtune.study.identity import device_pool
from airtune.study.plan import Plan, make_plan
from airtune.study.servers import Runtime, model_path
from airtune.task import Task

HOME = Path("/srv/tune")
HERE = some_settings(HOME)


def in_kubernetes(**changes: Any) -> Task:
    return a_task(**{"deployment_mode": "kubernetes"} | changes)


def in_ome(**changes: Any) -> Task:
    return a_task(**{"deployment_mode": "ome", "base_runtime": "llama-sglang"} | changes)


def with_pods(**options: Any) -> Task:
    return in_kubernetes(kubernetes=options)


def keys(task: Task, settings: Settings = HERE, **more: Any) -> list[str]:
    return [trial.plan_key for trial in make_plan(task, settings, **more).trials]


def planned(task: Task, **more: Any) -> Plan:
    return make_plan(task, HERE, **more)


def test_a_trial_of_ome_carries_what_the_task_asks_for_and_not_what_airtune_sets() -> None:
    trials = planned(in_ome(engine_args={"context-length": 4096})).trials
    assert trials[0].server.own == ("--context-length", "4096")
    assert trials[1].server.own == (
        *("--context-length", "4096", "--mem-fraction-static", "0.8", "--tp-size", "1"),
    )
    for trial in trials:
        assert trial.server.arguments[-len(trial.server.own) :] == trial.server.own
        assert "--host" not in trial.server.own
        assert "--model-path" not in trial.server.own


def test_the_baseline_of_ome_is_the_runtime_as_it_is() -> None:
    baseline = planned(in_ome()).trials[0].server
    assert baseline.own == ()


def test_an_engines_default_need_not_be_the_runtimes() -> None:
    """tp 1 is SGLang's default: in OME the runtime may say 4."""
    space = {"parameters": {"tp_size": [1]}}
    with pytest.raises(TaskError):
        planned(in_kubernetes(**space))
    (_, trial) = planned(in_ome(**space)).trials
    assert trial.server.own == ("--tp-size", "1")
    assert trial.aliases == ()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({}, "/model"),
        ({"model": {"name": "x", "root": "/data"}}, "/model"),
        ({"model": {"name": "x", "in_image": "/models/x"}}, "/models/x"),
        ({"model": {"id_or_path": "org/llama"}}, "org/llama"),
        ({"kubernetes": {"model_claim": {"claim": "models"}}}, "/model"),
    ],
)
def test_a_pod_finds_the_model_where_it_is_mounted(changes: dict[str, Any], path: str) -> None:
    assert model_path(in_kubernetes(**changes), HERE) == path


@pytest.mark.parametrize(
    ("pods", "path"),
    [
        ({}, "/model/x.gguf"),
        ({"model_claim": {"claim": "models"}}, "/model/tiny/x.gguf"),
        ({"model_claim": {"claim": "models", "sub_path": "a/y.gguf"}}, "/model/y.gguf"),
    ],
)
def test_a_file_is_mounted_itself_from_a_host_and_in_its_folder_from_a_claim(
    pods: dict[str, Any], path: str
) -> None:
    task = in_kubernetes(
        base_runtime="llama.cpp",
        model={"name": "tiny/x.gguf"},
        parameters={"parallel": [1, 2]},
        kubernetes=pods,
    )
    assert model_path(task, HERE) == path


def test_gpus_of_the_task_are_those_of_every_trial() -> None:
    assert {t.server.devices for t in planned(with_pods(gpus=4)).trials} == {4}
    assert {t.server.devices for t in planned(with_pods(gpus=0)).trials} == {1}
    assert [t.server.devices for t in planned(with_pods()).trials] == [1, 1, 2, 1, 2]


def test_a_configuration_that_needs_more_gpus_than_there_are_is_left_out_and_told() -> None:
    plan = planned(with_pods(gpus=1))
    assert all("--tp-size" not in t.server.normal for t in plan.trials)
    assert any("It needs 2 GPUs, and kubernetes.gpus is 1." in note for note in plan.notes)


def test_a_runtime_says_how_many_gpus_a_trial_has_that_does_not_say_so_itself() -> None:
    words = Runner(args=("--tp", "8"))
    trials = planned(in_ome(), runtime=Runtime(words, devices=8)).trials
    assert [trial.server.devices for trial in trials] == [8, 1, 2, 1, 2]


def test_a_runtimes_own_number_stays_where_the_arguments_change_nothing_of_it() -> None:
    """One that loads over two GPUs without a flag for it."""
    task = in_ome(parameters={"mem_frac": [0.8]})
    trials = planned(task, runtime=Runtime(Runner(args=("--pp", "3")), devices=4)).trials
    assert [trial.server.devices for trial in trials] == [4, 4]
    wider = in_ome(parameters={"tp_size": [2]})
    trials = planned(wider, runtime=Runtime(Runner(args=("--pp", "3")), devices=3)).trials
    assert [trial.server.devices for trial in trials] == [3, 6]


def test_the_pool_is_the_clusters() -> None:
    assert device_pool(in_kubernetes(), HERE) == HERE.cluster.pool
    few = some_settings(HOME, AIRTUNE_KUBERNETES_DEVICES="1")
    notes = make_plan(in_ome(), few).notes
    assert any("AIRTUNE_KUBERNETES_DEVICES lets airtune use 1 at once" in note for note in notes)


@pytest.mark.parametrize(
    "pods",
    [
        {"gpus": 2},
        {"gpu_product": "L4"},
        {"gpu_resource": "amd.com/gpu"},
        {"gpu_product_label": "gpu"},
        {"node_selector": {"pool": "gpu"}},
        {"tolerations": [{"key": "gpu", "operator": "Exists"}]},
        {"requests": {"cpu": "1"}},
        {"limits": {"cpu": "1"}},
        {"model_claim": {"claim": "models"}},
        {"kubeconfig": "/etc/other"},
        {"client": {"node_selector": {"pool": "cpu"}}},
        {"client": {"limits": {"cpu": "1"}}},
    ],
)
@pytest.mark.parametrize("task", [in_kubernetes, in_ome])
def test_where_and_how_pods_run_changes_the_key(task: Any, pods: dict[str, Any]) -> None:
    if task is in_ome and "model_claim" in pods:
        pods = {"gpus": 3}  # claims are not for OME
    space = {"parameters": {"mem_frac": [0.8, 0.9]}}
    assert not set(keys(task(**space, kubernetes=pods))) & set(keys(task(**space)))


@pytest.mark.parametrize(
    "pods",
    [
        {"image_pull_policy": "Always"},
        {"image_pull_secrets": ["registry"]},
        {"hf_token_secret": {"name": "token"}},
    ],
)
def test_how_images_come_there_does_not(pods: dict[str, Any]) -> None:
    assert keys(with_pods(**pods)) == keys(with_pods())


def test_the_order_of_tolerations_does_not() -> None:
    taints = [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}]
    assert keys(with_pods(tolerations=taints)) == keys(with_pods(tolerations=taints[::-1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"name": "llama-3-2-1b-instruct", "namespace": "other"}},
        {"container": {"shm_size": "1g"}},
    ],
)
def test_the_namespace_and_shared_memory_change_the_key(changes: dict[str, Any]) -> None:
    assert not set(keys(in_kubernetes(**changes))) & set(keys(in_kubernetes()))


def test_ways_of_the_client_are_never_mixed() -> None:
    def key(way: str | None, **environ: str) -> str:
        benchmark = a_task().benchmark.model_dump(mode="json") | {"client": way}
        task = in_ome(benchmark=benchmark, ome={"output_claim": {"claim": "results"}})
        return keys(task, some_settings(HOME, **environ))[0]

    assert key(None) == key("container")
    assert len({key("cli"), key("container"), key("benchmark_job")}) == 3
    other = {"AIRTUNE_CLIENT_IMAGE": "my/bench:1"}
    assert key("cli") == key("cli", **other)
    assert key("container") != key("container", **other)
    assert key("cli") != key("cli", AIRTUNE_KUBERNETES_REACH="direct")


def test_another_cluster_changes_the_key() -> None:
    found = [
        keys(in_kubernetes(), some_settings(HOME, **environ))[0]
        for environ in (
            {},
            {"AIRTUNE_KUBECONFIG": "/etc/lab"},
            {"AIRTUNE_KUBECONFIG": "/etc/lab", "AIRTUNE_KUBE_CONTEXT": "b"},
            {"AIRTUNE_KUBERNETES_CONN_ID": "lab"},
        )
    ]
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"base_runtime": "other-sglang"},
        {"ome": {"runtime_kind": "ServingRuntime"}},
        {"ome": {"model_kind": "BaseModel"}},
        {"ome": {"runtime_spec": {"containers": []}}},
    ],
)
def test_the_runtime_is_in_the_key(changes: dict[str, Any]) -> None:
    assert not set(keys(in_ome(**changes))) & set(keys(in_ome()))


def test_an_edited_runtime_changes_the_key() -> None:
    first, second, again = (keys(in_ome(), runtime=Runtime(Runner(), revision=r)) for r in "aba")
    assert first == again
    assert not set(first) & set(second)


def test_the_content_of_a_template_is_in_the_key(tmp_path: Path) -> None:
    here = some_settings(HOME, AIRTUNE_TEMPLATE_DIR=str(tmp_path))
    task = with_pods(template="own.yaml.j2")
    found = [keys(with_pods(), here)]
    for text in ("", "a", "b"):
        (tmp_path / "own.yaml.j2").write_text(text)
        found.append(keys(task, here))
    assert len({tuple(one) for one in found}) == 4


def test_what_only_another_way_of_the_client_uses_is_told() -> None:
    benchmark = a_task().benchmark.model_dump(mode="json") | {"client": "cli"}
    task = in_ome(
        benchmark=benchmark,
        ome={"output_claim": {"claim": "results"}},
        kubernetes={"client": {"limits": {"cpu": "1"}}},
    )
    notes = planned(task).notes
    assert any(note.startswith("kubernetes.client is not used") for note in notes)
    assert any(note.startswith("ome.output_claim is not used") for note in notes)
    assert not any("is not used" in note for note in planned(in_ome()).notes)
