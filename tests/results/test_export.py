"""A trial's manifests: everything that was measured is in them, and nothing breaks out of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from tests.results.docker_samples import SETTINGS, a_docker_task, a_docker_trial
from tests.results.samples import a_document

from airtune.engines import get_engine
from airtune.errors import TaskError
from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.templates import as_json
from airtune.records import ParamValue, Verdict
from airtune.results.document import ResultsDocument
from airtune.results.export import (
    export,
    export_deployment,
    export_inference_service,
    exports,
    recommended,
)
from airtune.results.export_form import FILES, usual_form
from airtune.results.export_template import comment, render
from airtune.results.export_trial import dns_name
from airtune.results.trial_result import trial_result
from airtune.results.write import write_results
from airtune.settings import Settings
from airtune.study.servers import Servers, model_path
from airtune.study.spaces import search_of
from airtune.task import Task

PARAMETERS: dict[str, ParamValue] = {"tp-size": 2, "mem-frac": 0.85}
SEARCHED = {"parameters": {"tp-size": [1, 2], "mem-frac": [0.8, 0.85]}}
HOSTILE = 'x"\ny: {{ 7 * 7 }} - #\u2028$ \x85{% raw %}\U0001f600'


def a_task(launcher: str = "kubernetes", **fields: Any) -> Task:
    """A task of SGLang that searches two parameters."""
    return a_docker_task(**({"deployment_mode": launcher} | SEARCHED | fields))


def argv_of(task: Task, parameters: Mapping[str, ParamValue] = PARAMETERS) -> tuple[str, ...]:
    """The command line that the launcher starts for a configuration."""
    engine = get_engine(task.engine)
    servers = Servers(task, engine, search_of(task, engine).fixed, model_path(task, SETTINGS))
    return servers.server(parameters).at_port(8000)


def deployed(task: Task, **trial: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Deployment and Service of a trial, parsed."""
    known = {"argv": trial.get("argv") or argv_of(task), "parameters": PARAMETERS} | trial
    text = export_deployment(a_docker_trial(**known), task, SETTINGS)
    deployment, service = yaml.safe_load_all(text)
    return deployment, service


def container(task: Task, **trial: Any) -> dict[str, Any]:
    found: dict[str, Any] = deployed(task, **trial)[0]["spec"]["template"]["spec"]["containers"][0]
    return found


def pod(task: Task, **trial: Any) -> dict[str, Any]:
    found: dict[str, Any] = deployed(task, **trial)[0]["spec"]["template"]["spec"]
    return found


def service_of_ome(task: Task, **trial: Any) -> dict[str, Any]:
    known = {"argv": trial.get("argv") or argv_of(task), "parameters": PARAMETERS} | trial
    text = export_inference_service(a_docker_trial(**known), task, SETTINGS)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


# Deployment and Service


@pytest.mark.parametrize("launcher", ["kubernetes", "docker"])
@pytest.mark.parametrize("engine", ["sglang", "vllm"])
def test_the_deployment_starts_the_whole_command_line_of_the_trial(
    launcher: str, engine: str
) -> None:
    task = a_task(launcher, engine=engine)
    found = container(task)
    assert tuple(found["command"]) == get_engine(engine).program
    assert (*found["command"], *found["args"]) == argv_of(task)


@pytest.mark.parametrize("before", [(), ("llama-server",), ("/app/llama-server", "serve")])
def test_llama_cpp_keeps_the_entrypoint_of_its_image(before: tuple[str, ...]) -> None:
    task = a_task(
        engine="llama_cpp",
        model={"name": "x", "in_image": "/models/x.gguf"},
        parameters={"parallel": [2, 4]},
    )
    args = argv_of(task, {"parallel": 4})[1:]
    found = container(task, argv=(*before, *args))
    assert "command" not in found
    assert tuple(found["args"]) == args
    assert "--parallel" in args


def test_the_service_finds_the_pods_of_the_deployment() -> None:
    deployment, service = deployed(a_task())
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    assert service["metadata"]["name"] == deployment["metadata"]["name"] == "smol"
    (port,) = service["spec"]["ports"]
    (inside,) = container(a_task())["ports"]
    assert (port["port"], port["targetPort"]) == (inside["containerPort"], inside["name"])
    assert container(a_task())["readinessProbe"]["httpGet"] == {"path": "/health", "port": "http"}


def test_nothing_in_it_lets_airtune_or_kubernetes_remove_it() -> None:
    for found in (*deployed(a_task()), service_of_ome(a_task(base_runtime="srt-x"))):
        told = str(found)
        assert not any(key in told for key in (names.INSTALLATION, names.RUN, names.ROLE))
        assert "ownerReferences" not in told
        assert "activeDeadlineSeconds" not in told


def test_the_pods_wishes_are_those_of_the_task() -> None:
    toleration = {"key": "nvidia.com/gpu", "operator": "Exists"}
    wishes = {
        "node_selector": {"pool": "gpu"},
        "tolerations": [toleration],
        "requests": {"cpu": "8"},
        "limits": {"memory": "64Gi"},
        "image_pull_secrets": ["registry"],
        "image_pull_policy": "Always",
    }
    found = pod(a_task(kubernetes=wishes), identity={"gpu_product": "NVIDIA-H100"})
    assert found["nodeSelector"] == {"pool": "gpu", "nvidia.com/gpu.product": "NVIDIA-H100"}
    assert found["tolerations"] == [toleration]
    assert found["imagePullSecrets"] == [{"name": "registry"}]
    (inner,) = found["containers"]
    assert inner["imagePullPolicy"] == "Always"
    assert inner["resources"] == {
        "requests": {"cpu": "8"},
        "limits": {"memory": "64Gi", "nvidia.com/gpu": "2"},
    }


@pytest.mark.parametrize(
    ("launcher", "fields", "devices", "gpus"),
    [
        ("kubernetes", {}, ("kubernetes/device0", "kubernetes/device3"), "2"),
        ("kubernetes", {"kubernetes": {"gpus": 4}}, ("kubernetes/device0",), "4"),
        ("kubernetes", {"kubernetes": {"gpus": 0}}, ("kubernetes/device0",), None),
        ("docker", {}, ("far/gpu0", "far/gpu1"), "2"),
        ("docker", {}, ("fake0",), None),
        ("docker", {"kubernetes": {"gpu_resource": "amd.com/gpu"}}, ("gpu3",), "1"),
    ],
)
def test_it_asks_for_the_gpus_that_the_trial_had(
    launcher: str, fields: dict[str, Any], devices: tuple[str, ...], gpus: str | None
) -> None:
    task = a_task(launcher, **fields)
    found = pod(task, devices=devices)
    limits = found["containers"][0]["resources"].get("limits", {})
    assert limits.get(task.kubernetes.gpu_resource) == gpus
    shared = [volume for volume in found.get("volumes", ()) if volume["name"] == "shm"]
    memory = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}}
    assert shared == ([memory] if gpus else [])


def test_llama_cpp_gets_no_gpu_unless_the_task_says_so() -> None:
    model = {"name": "x", "in_image": "/models/x.gguf"}
    fields = {"engine": "llama_cpp", "model": model, "parameters": {"parallel": [2]}}
    held = {"devices": ("kubernetes/device0",), "argv": ("--model", "x")}
    assert container(a_task(**fields), **held)["resources"] == {}
    asked = container(a_task(**fields, kubernetes={"gpus": 1}), **held)["resources"]
    assert asked == {"limits": {"nvidia.com/gpu": "1"}}


def test_a_memory_limit_of_docker_stays_one() -> None:
    found = container(a_task("docker", container={"memory": "64g"}), devices=("fake0",))
    assert found["resources"] == {"limits": {"memory": "64Gi"}}


@pytest.mark.parametrize(
    ("fields", "volume", "mount"),
    [
        (
            {"model": {"name": "llama"}},
            {"hostPath": {"path": "/mnt/data/models/llama", "type": "Directory"}},
            {"mountPath": "/model", "readOnly": True},
        ),
        (
            {"model": {"name": "x", "id_or_path": "m.gguf", "root": "/data/"}},
            {"hostPath": {"path": "/data/m.gguf", "type": "File"}},
            {"mountPath": "/model/m.gguf", "readOnly": True},
        ),
        (
            {"kubernetes": {"model_claim": {"claim": "models", "sub_path": "llama"}}},
            {"persistentVolumeClaim": {"claimName": "models", "readOnly": True}},
            {"mountPath": "/model", "readOnly": True, "subPath": "llama"},
        ),
        (
            {"model": {"id_or_path": "org/llama"}},
            {"emptyDir": {}},
            {"mountPath": "/root/.cache/huggingface"},
        ),
        (
            {
                "model": {"id_or_path": "org/llama"},
                "kubernetes": {"hub_cache_claim": {"claim": "hub"}},
            },
            {"persistentVolumeClaim": {"claimName": "hub", "readOnly": False}},
            {"mountPath": "/root/.cache/huggingface"},
        ),
    ],
    ids=["folder", "file", "claim", "hub", "hub cache"],
)
def test_the_model_is_where_the_task_says(
    fields: dict[str, Any], volume: dict[str, Any], mount: dict[str, Any]
) -> None:
    found = pod(a_task(**fields), devices=(), argv=argv_of(a_task()))
    (there,) = found["volumes"]
    (inside,) = found["containers"][0]["volumeMounts"]
    assert there.pop("name") == inside.pop("name")
    assert (there, inside) == (volume, mount)


def test_a_model_of_the_image_needs_no_mount() -> None:
    found = pod(a_task(model={"name": "x", "in_image": "/models/x"}), devices=())
    assert "volumes" not in found
    assert "volumeMounts" not in found["containers"][0]


def test_the_hubs_token_is_named_and_never_written() -> None:
    model, token = {"id_or_path": "org/llama"}, {"name": "hf", "key": "token"}
    env = container(a_task(model=model, kubernetes={"hf_token_secret": token}))["env"]
    (named,) = [variable for variable in env if variable["name"] == "HF_TOKEN"]
    assert named == {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": token}}
    text = export_deployment(a_docker_trial(), a_task(model=model), SETTINGS)
    assert "name its Secret in kubernetes.hf_token_secret" in text


@pytest.mark.parametrize(
    ("launcher", "word", "written"),
    [
        ("docker", "$(A) $x $$", "$$(A) $$x $$$$"),
        # The launcher has put the variables in their places: what looks like one is text …
        ("kubernetes", "$(A) $x $$", "$$(A) $$x $$$$"),
        # … but for a variable whose value is a Secret's.
        ("kubernetes", "$(HF_TOKEN)", "$(HF_TOKEN)"),
    ],
)
def test_no_word_is_expanded_that_the_trial_had_as_it_is(
    launcher: str, word: str, written: str
) -> None:
    found = container(a_task(launcher, env={"A": "b"}), argv=(*argv_of(a_task()), word))
    assert found["args"][-1] == written


def test_variables_are_expanded_as_they_were_in_the_trial() -> None:
    for launcher, written in (("kubernetes", "$(B)"), ("docker", "$$(B)")):
        assert container(a_task(launcher, env={"A": "$(B)"}))["env"][0]["value"] == written


# InferenceService


def test_the_runner_of_an_ome_trial_gets_its_args_without_the_runtimes_command() -> None:
    task = a_task("ome", base_runtime="srt-llama")
    command = ["python3", "-m", "sglang.launch_server", "--port=8080"]
    args = ["--model-path", "$(MODEL_PATH)", "--tp-size", "2", "--mem-fraction-static", "0.85"]
    ran = {"argv": (*command, *args), "identity": {"runtime_command": command}}
    found = service_of_ome(task, **ran)["spec"]
    assert found["engine"]["runner"]["args"] == args
    assert found["engine"]["runner"]["name"] == "ome-container"
    assert found["model"] == {"name": "llama", "kind": "ClusterBaseModel"}
    assert found["runtime"] == {"name": "srt-llama", "kind": "ClusterServingRuntime"}
    both = {part: {"nvidia.com/gpu": "2"} for part in ("requests", "limits")}
    assert found["engine"]["runner"]["resources"] == both, "as a runtime's own request may be one"


def test_without_the_runtimes_command_all_after_the_program_is_taken() -> None:
    task = a_task("ome", base_runtime="srt-llama")
    argv = ("/bin/init", "python3", "-m", "sglang.launch_server", "--port=8080", "--tp-size", "2")
    found = service_of_ome(task, argv=argv)["spec"]["engine"]["runner"]
    assert found["args"] == ["--port=8080", "--tp-size", "2"]


def test_the_baseline_of_ome_is_the_runtime_as_it_is() -> None:
    found = service_of_ome(a_task("ome", base_runtime="srt-llama"), parameters={})
    assert "runner" not in found["spec"]["engine"]


def test_the_baseline_of_ome_has_the_environment_and_the_token_that_it_ran_with() -> None:
    token = {"name": "hf", "key": "token"}
    wishes = {"hf_token_secret": token, "gpus": 0}
    task = a_task("ome", base_runtime="srt-llama", env={"A": "b"}, kubernetes=wishes)
    runner = service_of_ome(task, parameters={})["spec"]["engine"]["runner"]
    assert runner["env"] == [
        {"name": "A", "value": "b"},
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": token}},
    ]
    none = {part: {"nvidia.com/gpu": "0"} for part in ("requests", "limits")}
    assert runner["resources"] == none, "the task took the runtime's GPUs away"
    assert "args" not in runner


def test_gpus_of_the_runtime_stand_where_no_flag_splits_the_server() -> None:
    task = a_task("ome", base_runtime="srt-x", parameters={"mem-frac": [0.8]})
    ran: dict[str, Any] = {
        "parameters": {"mem-frac": 0.8},
        "argv": ("--mem-fraction-static", "0.8"),
    }
    assert "resources" not in service_of_ome(task, **ran)["spec"]["engine"]["runner"]


@pytest.mark.parametrize("launcher", ["kubernetes", "docker"])
def test_a_trial_of_another_world_needs_a_runtimes_name(launcher: str) -> None:
    for runtime in (None, "sglang", "SGLang"):
        with pytest.raises(TaskError, match="names no serving runtime of OME"):
            service_of_ome(a_task(launcher, base_runtime=runtime))
    task = a_task(launcher, base_runtime="srt-llama", ome={"runtime_kind": "ServingRuntime"})
    found = service_of_ome(task)["spec"]
    assert found["engine"]["runner"]["args"] == [
        *("--mem-fraction-static", "0.85", "--tp-size", "2")
    ]
    assert found["runtime"]["kind"] == "ServingRuntime"
    assert found["engine"]["runner"]["image"] == "lmsysorg/sglang:latest"


def test_words_that_ome_would_take_for_its_templates_are_refused() -> None:
    task = a_task(base_runtime="srt-llama")
    with pytest.raises(TaskError, match="a template of its own"):
        service_of_ome(task, argv=(*argv_of(task), "{{ .Name }}"))


def test_an_ome_trial_becomes_no_deployment_that_would_lack_its_model() -> None:
    with pytest.raises(TaskError, match="Export it as an inference-service"):
        deployed(a_task("ome", base_runtime="srt-x"))


def test_what_a_template_of_the_task_adds_is_said_to_be_missing() -> None:
    task = a_task(base_runtime="srt-x", kubernetes={"template": "mine.yaml.j2"})
    trial = a_docker_trial(argv=argv_of(task))
    for text in (
        export_deployment(trial, task, SETTINGS),
        export_inference_service(trial, task, SETTINGS),
    ):
        assert "# What the task's own template mine.yaml.j2 adds is not in it.\n" in text


# Values, whatever they are


@given(value=st.text() | st.dictionaries(st.text(max_size=60), st.lists(st.text() | st.integers())))
def test_any_value_is_the_same_after_yaml(value: object) -> None:
    assert yaml.safe_load(as_json(value)) == value


@given(words=st.lists(st.text(), min_size=1, max_size=4))
def test_any_argument_stays_one_argument(words: list[str]) -> None:
    argv = (*get_engine("sglang").program, *words)
    assert [word.replace("$$", "$") for word in container(a_task(), argv=argv)["args"]] == words


@given(text=st.text())
def test_a_comment_stays_on_its_line(text: str) -> None:
    shown = comment(text)
    assert len(f"# {shown}".splitlines()) == 1
    assert yaml.safe_load(f"# {shown}\na: 1") == {"a": 1}


def test_hostile_values_are_only_values() -> None:
    task = a_task(env={"A": "{{ 7 * 7 }}", "B": "1"})
    known = {"parameters": {"x": HOSTILE}, "argv": (*argv_of(task), HOSTILE)}
    deployment, service = deployed(task, **known)
    inner = deployment["spec"]["template"]["spec"]["containers"][0]
    assert inner["args"][-1] == HOSTILE.replace("$", "$$")
    assert inner["env"][0] == {"name": "A", "value": "{{ 7 * 7 }}"}
    assert set(deployment) == {"apiVersion", "kind", "metadata", "spec"} == set(service)


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("smol", "smol"),
        ("My_Task.2", "my-task-2"),
        ("9b", "llm-9b"),
        ("-", "llm"),
        ("x" * 80, "x" * 50),
        ("a" * 49 + "-b", "a" * 49),
    ],
)
def test_names_are_those_of_kubernetes(given_name: str, name: str) -> None:
    assert dns_name(given_name) == name


def test_a_template_that_names_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("deployment.yaml.j2", {})


# What is exported


def a_concluded_run(task: Task, **verdict: Any) -> ResultsDocument:
    """Baseline 2 and winner 3, both on Kubernetes."""
    document = a_document()
    trials = [
        trial_result(
            a_docker_trial(number, argv=argv_of(task)),
            document.run_id,
            same_as=None,
            gain_pct=None,
            launch_command=None,
        )
        for number in (2, 3)
    ]
    said = {"statement": "x", "winner": 3, "best": 3, "baseline": 2} | verdict
    return document.model_copy(update={"trials": tuple(trials), "verdict": Verdict(**said)})


@pytest.mark.parametrize(
    ("verdict", "trial"),
    [
        ({}, 3),
        ({"winner": None}, 2),
        ({"winner": None, "best": None}, None),
        ({"winner": 9, "best": 9}, None),
    ],
    ids=["winner", "baseline is kept", "nothing feasible", "trial not there"],
)
def test_what_the_verdict_recommends_is_exported(
    verdict: dict[str, Any], trial: int | None
) -> None:
    task = a_task(base_runtime="srt-llama")
    document = a_concluded_run(task, **verdict)
    best = recommended(document)
    assert (best.trial_id if best else None) == trial
    found = exports(document, task, SETTINGS)
    assert set(found) == (set(FILES.values()) if trial else set())
    for text in found.values():
        (first, *_) = yaml.safe_load_all(text)
        assert first["metadata"]["annotations"]["airtune-export/trial"] == str(trial)


def test_only_forms_that_can_be_had_are_exported() -> None:
    task = a_task("docker")
    assert set(exports(a_concluded_run(task), task, SETTINGS)) == {FILES["deployment"]}
    ome = a_task("ome", base_runtime="srt-x")
    assert set(exports(a_concluded_run(ome), ome, SETTINGS)) == {FILES["inference-service"]}
    assert (usual_form(task), usual_form(ome)) == ("deployment", "inference-service")


def test_a_local_trial_and_one_without_a_server_have_no_export() -> None:
    local = a_docker_task(
        deployment_mode="local", engine="llama_cpp", model={"name": "x", "path": "x.gguf"}
    )
    assert exports(a_concluded_run(a_task()), local, SETTINGS) == {}
    with pytest.raises(TaskError, match="ran without an image"):
        export(a_docker_trial(), local, SETTINGS, "deployment")
    with pytest.raises(TaskError, match="never started a server"):
        export(a_docker_trial(argv=()), a_task(), SETTINGS, "deployment")


def test_exports_lie_beside_the_results_and_old_ones_go(tmp_path: Path) -> None:
    settings = Settings.load({"AIRTUNE_HOME": str(tmp_path)})
    document = a_document()
    first = {name: "a: 1\n" for name in FILES.values()}
    files = write_results(document, settings, first)
    folder = files["results"].parent
    assert {name: files[name].read_text() for name in first} == first
    write_results(document, settings, {FILES["deployment"]: "a: 2\n"})
    assert (folder / FILES["deployment"]).read_text() == "a: 2\n"
    assert not (folder / FILES["inference-service"]).exists()
