"""A Docker trial by hand: its container and its client as one shell script."""

import shlex
from collections.abc import Sequence

from airtune.benchmark.client import CONTAINER_WORDS
from airtune.engines import get_engine
from airtune.records import Trial
from airtune.results.docker_run import PORT_INSIDE, docker_run, host_of, image_of
from airtune.results.launch_command import LAUNCH_PORT, shell_words
from airtune.settings import DockerHost, Settings
from airtune.task import Task

_ABOUT = """\
# Starts the server's container, waits until it is healthy, runs the client at each load point, and
# removes the container. Image: {image}{digest}
# AIRTUNE_SERVER_PORT: where the server is published. The paths are those of the worker.
set -eu
port=${{AIRTUNE_SERVER_PORT:-{port}}}
name=airtune-exp{trial_id}-$$
"""

_SERVER = """\
end() {{
    docker rm -f -v "$name" >/dev/null 2>&1 || true
    docker network rm "$name" >/dev/null 2>&1 || true
}}
trap end EXIT
trap 'exit 130' INT TERM
docker network create "$name" >/dev/null
{run} >/dev/null
until curl --noproxy '*' -fsS "http://{address}:$port{health}" >/dev/null 2>&1; do
    if [ "$(docker inspect -f '{{{{.State.Running}}}}' "$name")" != true ]; then
        docker logs "$name" >&2
        echo "the server ended before it was ready" >&2
        exit 1
    fi
    sleep 1
done
"""


def docker_steps(
    trial: Trial,
    task: Task,
    settings: Settings,
    client_argvs: Sequence[Sequence[str]],
    folder: dict[str, str],
) -> tuple[str, list[str]]:
    """The script's first half, up to the healthy server, and its client commands.

    Args:
        client_argvs: one command line a load point: a program of this host, or ``docker run``.
        folder: flags of the client → shell text of the folders that it writes into.
    """
    host = host_of(trial, settings)
    digest = trial.identity.get("image_digest")
    about = _ABOUT.format(
        image=image_of(task),
        digest=f" ({digest})" if digest else "",
        port=LAUNCH_PORT,
        trial_id=trial.trial_id,
    )
    run = docker_run(trial, task, settings, name='"$name"', port='"$port"', network='"$name"')
    server = _SERVER.format(
        run=" ".join(run), address=host.publish, health=get_engine(task.engine).health_path
    )
    clients = [
        " ".join(_client(argv, point, host, folder)) for point, argv in enumerate(client_argvs)
    ]
    return about + _engine(host) + server, clients


def _client(argv: Sequence[str], point: int, host: DockerHost, folder: dict[str, str]) -> list[str]:
    given = folder | {"--experiment-folder-name": f"point-{point}"}
    if argv[0] != "docker":
        return shell_words(argv, given | {"--api-base": f'"http://{host.publish}:$port"'})
    given |= CONTAINER_WORDS
    given |= {"--network": '"$name"', "--api-base": f'"http://$name:{PORT_INSIDE}"'}
    # The server has another name than the trial's had, and no proxy may stand before it either.
    return [
        f'{quoted}",$name"' if word.startswith("NO_PROXY=") else quoted
        for word, quoted in zip(argv, shell_words(argv, given), strict=True)
    ]


def _engine(host: DockerHost) -> str:
    """Makes ``docker`` mean the engine that the trial ran on; nothing for the usual one."""
    if host.url == DockerHost.url:
        return ""
    tls = [
        word
        for flag, file in (
            ("--tlscacert", host.tls_ca),
            ("--tlscert", host.tls_cert),
            ("--tlskey", host.tls_key),
        )
        if file
        for word in (flag, file)
    ]
    words = ["command", "docker", "--host", host.url, *(["--tlsverify", *tls] if tls else [])]
    return f'docker() {{ {shlex.join(words)} "$@"; }}\n'
