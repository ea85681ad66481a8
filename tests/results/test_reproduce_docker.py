import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.results.docker_samples import DIGEST, SETTINGS, a_docker_task, a_docker_trial

from airtune.records import Trial
from airtune.results.reproduce import reproduce_script

CLI = (
    *("env", "NO_PROXY=127.0.0.1", "genai-bench", "--api-base", "http://127.0.0.1:41234"),
    *("--api-key", "hunter2", "--experiment-base-dir", "/old"),
)
CONTAINER = (
    *("docker", "run", "--rm", "--network", "airtune-old", "--volume", "x", "--env"),
    *("NO_PROXY=localhost,airtune-old-server", "airtune/genai-bench", "benchmark"),
    *("--api-base", "http://airtune-old-server:8000"),
)


def script(trial: Trial | None = None, *clients: tuple[str, ...], **fields: Any) -> str:
    return reproduce_script(
        trial or a_docker_trial(), a_docker_task(**fields), clients or (CLI,), SETTINGS
    )


def _run(
    text: str, folder: Path, *, alive: str = "true", healthy_at: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run the script with stand-ins for docker, curl and genai-bench that write their words."""
    stand_in = '#!/bin/sh\necho "$(basename "$0") $*" >> "$SEEN"\n'
    programs = {
        "docker": stand_in + f'case "$*" in *inspect*) echo {alive};; esac\n',
        "curl": stand_in + f'[ "$(grep -c ^curl "$SEEN")" -ge {healthy_at} ]\n',
        "genai-bench": stand_in,
    }
    for name, content in programs.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    environ = os.environ | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SEEN": str(folder / "seen"),
        "TMPDIR": str(folder),
        "AIRTUNE_SERVER_PORT": "9123",
    }
    return subprocess.run(
        ["sh", "-c", text], env=environ, capture_output=True, text=True, timeout=20, check=False
    )


def test_the_script_starts_the_container_waits_runs_the_client_and_removes_it(
    tmp_path: Path,
) -> None:
    result = _run(script(), tmp_path, healthy_at=2)
    assert result.returncode == 0, result.stderr
    seen = (tmp_path / "seen").read_text().splitlines()
    name = seen[0].removeprefix("docker network create ")
    assert name.startswith("airtune-exp3-")
    assert f"--name {name} --gpus" in seen[1]
    assert f"--network {name} -p 127.0.0.1:9123:8000 -v /mnt/data/models/llama:/model:ro" in seen[1]
    assert seen[2].startswith("curl --noproxy * -fsS http://127.0.0.1:9123/health")
    (client,) = (line for line in seen if line.startswith("genai-bench"))
    assert "--api-base http://127.0.0.1:9123 --api-key no-key" in client
    assert f"--experiment-base-dir {tmp_path}/airtune-reproduce." in client
    assert seen[-2:] == [f"docker rm -f -v {name}", f"docker network rm {name}"]


def test_a_client_in_a_container_joins_the_servers_network(tmp_path: Path) -> None:
    assert _run(script(None, CONTAINER), tmp_path).returncode == 0
    seen = (tmp_path / "seen").read_text().splitlines()
    name = seen[0].removeprefix("docker network create ")
    (client,) = (line.split() for line in seen if line.startswith("docker run --rm"))
    assert client[4] == name
    folder, same = client[6].split(":")
    assert folder == same
    assert folder.startswith(f"{tmp_path}/airtune-reproduce.")
    assert client[8] == f"NO_PROXY=localhost,airtune-old-server,{name}"
    assert client[-2:] == ["--api-base", f"http://{name}:8000"]


def test_the_script_ends_and_cleans_up_when_the_server_does(tmp_path: Path) -> None:
    result = _run(script(), tmp_path, alive="false", healthy_at=99)
    assert result.returncode == 1
    assert "the server ended before it was ready" in result.stderr
    seen = (tmp_path / "seen").read_text()
    assert "docker logs airtune-exp3-" in seen
    assert "docker rm -f -v airtune-exp3-" in seen
    assert "genai-bench" not in seen


def test_image_and_digest_are_told() -> None:
    assert f"Image: lmsysorg/sglang:latest ({DIGEST})" in script()


def test_on_another_host_its_engine_and_its_address_are_used(tmp_path: Path) -> None:
    text = script(a_docker_trial(devices=("gpu7/gpu0",)))
    assert _run(text, tmp_path).returncode == 0
    seen = (tmp_path / "seen").read_text().splitlines()
    assert seen[0].startswith(
        "docker --host tcp://gpu7:2376 --tlsverify --tlscacert /tls/ca.pem --tlscert "
        "/tls/cert.pem --tlskey /tls/key.pem network create airtune-exp3-"
    )
    assert any("http://10.0.0.7:9123/health" in line for line in seen)


@pytest.mark.parametrize(
    "fields",
    [
        {"env": {"A": "it's; $(b) `c`"}},
        {"model": {"name": "a b'c"}},
        {"container": {"memory": "1g"}, "engine_args": {"x": 'a"b'}},
    ],
)
def test_a_shell_accepts_the_script_whatever_the_task_says(fields: dict[str, Any]) -> None:
    argv = ("python3", "-m", "x", "--chat-template", "a 'b' \"c\" $d\n")
    for clients in ((CLI,), (CONTAINER,)):
        text = script(a_docker_trial(argv=argv, parameters={"x": "a\necho b"}), *clients, **fields)
        checked = subprocess.run(["sh", "-n"], input=text, text=True, check=False)
        assert checked.returncode == 0


def test_a_trial_that_never_started_says_so() -> None:
    assert "never started a server" in script(a_docker_trial(argv=()))
