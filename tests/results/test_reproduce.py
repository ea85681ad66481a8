import os
import subprocess
import sys
from pathlib import Path

from tests.results.samples import SETTINGS, TASK
from tests.scoring.samples import a_task, a_trial, both

from airtune.results.launch_command import launch_command
from airtune.results.reproduce import reproduce_script

SERVER = """\
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler)
open(os.environ["SEEN"], "w").write(repr(sys.argv[1:]))
server.serve_forever()
"""


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_launch_command_survives_a_shell() -> None:
    argv = ("printf", "%s\\n", "a b", "$HOME", "it's", '{"x": 1}')
    assert _run(launch_command(argv)).stdout.splitlines() == list(argv[2:])


def test_the_port_can_be_chosen() -> None:
    assert launch_command(("serve", "--port", "41234"), port=80) == "serve --port 80"
    assert launch_command(("serve", "--port", "{port}")) == "serve --port 8000"
    assert launch_command(("serve", "--port", "41234")) == "serve --port 41234"


def test_secrets_are_named_and_never_written() -> None:
    command = launch_command(("serve", "--api-key", "hunter2"), {"HF_TOKEN": "hf_x", "A": "b c"})
    assert (
        command == 'A=\'b c\' HF_TOKEN="${HF_TOKEN:?}" serve --api-key "${AIRTUNE_API_KEY:-no-key}"'
    )
    assert "hunter2" not in launch_command(("serve", "--api-key=hunter2"))


def test_the_script_starts_the_server_waits_and_runs_the_client(tmp_path: Path) -> None:
    server, seen = tmp_path / "server.py", tmp_path / "seen"
    server.write_text(SERVER)
    argv = (sys.executable, str(server), "--port", str(_free_port()), "--note", "a b")
    old = str(tmp_path / "the trial's own folder")
    client = ("echo", "client", "--api-key", "secret", "--experiment-base-dir", old)
    script = reproduce_script(a_trial(1, *both(), argv=argv), TASK, [client], SETTINGS)
    result = _run(script, SEEN=str(seen), TMPDIR=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert seen.read_text() == repr(list(argv[2:]))
    assert f"client --api-key no-key --experiment-base-dir {tmp_path}/airtune-" in result.stdout
    assert old not in script


def test_the_script_ends_when_the_server_does() -> None:
    argv = (sys.executable, "-c", "raise SystemExit(3)", "--port", str(_free_port()))
    result = _run(
        reproduce_script(a_trial(1, *both(), argv=argv), TASK, [("echo", "client")], SETTINGS)
    )
    assert result.returncode == 1
    assert "the server ended before it was ready" in result.stderr
    assert "client\n" not in result.stdout


def test_a_trial_that_never_started_says_so() -> None:
    result = _run(reproduce_script(a_trial(1, argv=()), TASK, [], SETTINGS))
    assert result.returncode == 1
    assert "never started a server" in result.stderr


def test_a_parameter_cannot_break_out_of_the_comment() -> None:
    trial = a_trial(1, argv=(), parameters={"name": "x\necho pwned"})
    assert "pwned" not in _run(reproduce_script(trial, a_task(), [], SETTINGS)).stdout
