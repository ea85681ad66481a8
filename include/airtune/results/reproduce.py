"""A trial by hand: its server and its client as one shell script."""

import shlex
from collections.abc import Sequence
from itertools import pairwise

from airtune.records import Trial
from airtune.results.launch_command import launch_command, shell_words
from airtune.results.reproduce_docker import docker_steps
from airtune.results.reproduce_kubernetes import cluster_steps
from airtune.scoring.words import configuration
from airtune.settings import Settings
from airtune.task import Task

_HEAD = """\
#!/bin/sh
# exp{trial_id} of task {task_name} by hand: {configuration}
"""

_ABOUT = """\
# Starts the server, waits until it is healthy, runs the client at each load point, and stops the
# server. The paths are those of the host on which the trial ran.
set -eu

"""

_OUT = 'out=$(mktemp -d "${TMPDIR:-/tmp}/airtune-reproduce.XXXXXX")\necho "client output: $out"\n'
# The client must not write into the trial's own folder: old and new files would be mixed.
_NEW_FOLDER = {"--experiment-base-dir": '"$out"', "--log-dir": '"$out/log"'}

_WAIT = """\
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT INT TERM
until curl --noproxy '*' -fsS {health} >/dev/null 2>&1; do
    kill -0 "$server" || {{ echo "the server ended before it was ready" >&2; exit 1; }}
    sleep 1
done
"""


def reproduce_script(
    trial: Trial, task: Task, client_argvs: Sequence[Sequence[str]], settings: Settings
) -> str:
    """A POSIX shell script that starts the trial's server and runs its client commands.

    Args:
        trial: its ``argv`` is what was started; without one the script only says so.
        client_argvs: one command line a load point. Values of secret flags are not written: the
            script reads them from the environment.
    """
    head = _HEAD.format(
        trial_id=trial.trial_id,
        task_name=task.task_name,
        configuration=_comment(configuration(trial.parameters)),
    )
    if not trial.argv:
        return head + "echo 'this trial never started a server' >&2\nexit 1\n"
    if task.launcher == "docker":
        server, clients = docker_steps(trial, task, settings, client_argvs, _NEW_FOLDER)
    elif task.launcher in {"kubernetes", "ome"}:
        server, clients = cluster_steps(trial, task, settings, client_argvs, _NEW_FOLDER)
    else:
        server, clients = _process_steps(trial, task, client_argvs)
    return "\n".join([head + server, _OUT, *(f"{line}\n" for line in clients)])


def _process_steps(
    trial: Trial, task: Task, client_argvs: Sequence[Sequence[str]]
) -> tuple[str, list[str]]:
    health = shlex.quote(f"http://127.0.0.1:{_port(trial.argv)}/health")
    server = f"{launch_command(trial.argv, task.env)} &\n"
    clients = [" ".join(_client(argv, point)) for point, argv in enumerate(client_argvs)]
    return _ABOUT + server + _WAIT.format(health=health), clients


def _client(argv: Sequence[str], point: int) -> list[str]:
    return shell_words(argv, _NEW_FOLDER | {"--experiment-folder-name": f"point-{point}"})


def _port(argv: Sequence[str]) -> str:
    words = dict(pairwise(argv))
    given = words.get("--port", "")
    return given if given.isdigit() else "8000"


def _comment(text: str) -> str:
    return " ".join(text.split())
