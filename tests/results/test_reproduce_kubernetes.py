"""A trial of a cluster by hand; programs are stand-ins that write their words."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.results.cluster_samples import DIGEST, SETTINGS, a_cluster_task, a_cluster_trial

from airtune.results.reproduce import reproduce_script
from airtune.results.reproduce_kubernetes import name_by_hand
from airtune.results.start_command import start_command
from airtune.settings import Settings

CLIENT = (
    *("env", "NO_PROXY=airtune-x.team.svc", "genai-bench", "--api-base"),
    *("http://airtune-x.team.svc:8000", "--api-key", "hunter2", "--experiment-base-dir", "/old"),
)
KUBECTL = """\
#!/bin/sh
echo "kubectl $*" >> "$SEEN"
case "$*" in
    *jsonpath*) echo 8080;;
    *"get --ignore-not-found"*) printf '%s' "$THERE";;
    *" wait "*) exit "$UNREADY";;
    *port-forward*) exec sleep 60;;
esac
"""
STAND_IN = '#!/bin/sh\necho "$(basename "$0") $*" >> "$SEEN"\n'


def script(launcher: str = "kubernetes", **fields: Any) -> str:
    return reproduce_script(
        a_cluster_trial(), a_cluster_task(launcher, **fields), (CLIENT,), SETTINGS
    )


def run(
    text: str, folder: Path, *, there: str = "", unready: int = 0
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    for name, content in (("kubectl", KUBECTL), ("curl", STAND_IN), ("genai-bench", STAND_IN)):
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    (folder / "reproduce.sh").write_text(text)
    environ = os.environ | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SEEN": str(folder / "seen"),
        "TMPDIR": str(folder),
        "AIRTUNE_SERVER_PORT": "9123",
        "THERE": there,
        "UNREADY": str(unready),
    }
    result = subprocess.run(
        ["sh", str(folder / "reproduce.sh")],
        env=environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return result, (folder / "seen").read_text().splitlines()


def test_the_script_creates_forwards_measures_and_deletes(tmp_path: Path) -> None:
    result, seen = run(script(), tmp_path)
    assert result.returncode == 0, result.stderr
    before = "kubectl --kubeconfig /etc/lab config --namespace team"
    manifests = tmp_path / "server.yaml"
    assert seen[1] == f"{before} create -f {manifests}"
    assert seen[2].startswith(f"{before} wait --for=condition=Ready --timeout=")
    assert seen[2].endswith("s pod/by-hand-smol-exp3")
    forward = f"{before} port-forward service/by-hand-smol-exp3 9123:8080"
    assert forward in seen
    (client,) = (line for line in seen if line.startswith("genai-bench"))
    assert "--api-base http://127.0.0.1:9123 --api-key no-key" in client
    assert f"--experiment-base-dir {tmp_path}/airtune-reproduce." in client
    delete = f"{before} delete --ignore-not-found --wait=false -f {manifests}"
    assert seen[-1] == delete


def test_no_proxy_stands_before_the_forwarded_port() -> None:
    assert "NO_PROXY=airtune-x.team.svc,127.0.0.1" in script()


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    result, seen = run(script(), tmp_path, there="pod/by-hand-smol-exp3")
    assert result.returncode == 1
    assert "delete them first" in result.stderr
    assert len(seen) == 1


def test_a_server_that_does_not_become_ready_is_described_and_deleted(tmp_path: Path) -> None:
    result, seen = run(script(), tmp_path, unready=1)
    assert result.returncode == 1
    assert "the server did not become ready" in result.stderr
    assert any("describe pod/by-hand-smol-exp3" in line for line in seen)
    assert " delete " in seen[-1]
    assert not any(line.startswith("genai-bench") for line in seen)


def test_in_ome_the_inference_service_is_waited_for(tmp_path: Path) -> None:
    _, seen = run(script("ome"), tmp_path)
    assert any(line.endswith("inferenceservice.ome.io/by-hand-smol-exp3") for line in seen)
    assert any("port-forward service/by-hand-smol-exp3-engine 9123:8080" in line for line in seen)


def test_image_and_digest_are_named_and_secrets_are_not() -> None:
    text = script()
    assert f"# Image: lmsysorg/sglang:latest ({DIGEST})" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("name", ["smol", "Smol_Test.v2", "x" * 100, "1"])
def test_names_by_hand_are_those_of_services(name: str) -> None:
    made = name_by_hand(a_cluster_task().model_copy(update={"task_name": name}), 12345)
    assert len(made) <= 56
    assert made.replace("-", "").isalnum()
    assert made == made.lower()
    assert made.startswith("by-hand-")


def test_the_launch_command_applies_what_was_stored() -> None:
    assert start_command(a_cluster_trial(), a_cluster_task(), SETTINGS) == (
        "kubectl --kubeconfig '/etc/lab config' --namespace team apply -f "
        "/srv/tune/benchmark_results/smol-exp3/server.yaml"
    )


@pytest.mark.parametrize(
    ("environ", "kubernetes", "words"),
    [
        ({}, {}, "kubectl --namespace team apply"),
        ({"AIRTUNE_KUBECONFIG": "/k"}, {}, "kubectl --kubeconfig /k --namespace team"),
        (
            {"AIRTUNE_KUBECONFIG": "/k", "AIRTUNE_KUBE_CONTEXT": "lab"},
            {},
            "kubectl --kubeconfig /k --context lab --namespace team",
        ),
        (
            {"AIRTUNE_KUBECONFIG": "/k", "AIRTUNE_KUBE_CONTEXT": "lab"},
            {"kubeconfig": "/other"},
            "kubectl --kubeconfig /other --namespace team",
        ),
        (
            {"AIRTUNE_KUBECONFIG": "/k", "AIRTUNE_KUBERNETES_CONN_ID": "lab"},
            {},
            "kubectl --namespace team apply",
        ),
    ],
)
def test_the_command_goes_to_the_cluster_of_the_trial(
    environ: dict[str, str], kubernetes: dict[str, str], words: str
) -> None:
    settings = Settings.load({"AIRTUNE_HOME": "/srv/tune", **environ})
    command = start_command(a_cluster_trial(), a_cluster_task(kubernetes=kubernetes), settings)
    assert command is not None
    assert command.startswith(words)
