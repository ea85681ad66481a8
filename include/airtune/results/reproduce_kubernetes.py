"""A trial of a cluster by hand: its objects, a port-forward and its client as one shell script."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from airtune.engines import get_engine
from airtune.records import Trial
from airtune.results.launch_command import LAUNCH_PORT, shell_words
from airtune.settings import Settings
from airtune.task import Task

MANIFESTS = "server.yaml"
"""File in the trial's folder with the server's objects, to be applied by hand."""

_ABOUT = """\
# Creates the server's objects ({manifests} beside this script), waits until the server is healthy,
# forwards a port to it, runs the client here at each load point, and deletes the objects.{image}
# AIRTUNE_SERVER_PORT: the port on this host. The paths are those of the worker.
set -eu
port=${{AIRTUNE_SERVER_PORT:-{port}}}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
forward=
kubectl() {{ command kubectl {access} "$@"; }}
"""

_SERVER = """\
end() {{
    [ -z "$forward" ] || kill "$forward" 2>/dev/null || true
    kubectl delete --ignore-not-found --wait=false -f "$here/{manifests}" >/dev/null || true
}}
if [ -n "$(kubectl get --ignore-not-found --output=name -f "$here/{manifests}")" ]; then
    echo "the objects of {manifests} are there already: delete them first" >&2
    exit 1
fi
trap end EXIT
trap 'exit 130' INT TERM
kubectl create -f "$here/{manifests}"
if ! kubectl wait --for=condition=Ready --timeout={limit_s}s {owner}; then
    kubectl describe {owner} >&2
    kubectl logs --tail=50 --selector={pods} >&2 || true
    echo "the server did not become ready" >&2
    exit 1
fi
inside=$(kubectl get service {service} -o 'jsonpath={{.spec.ports[0].port}}')
# By exec, so that it is kubectl itself that is ended.
(exec kubectl {access} port-forward service/{service} "$port:$inside" >/dev/null) &
forward=$!
until curl --noproxy '*' -fsS "http://127.0.0.1:$port{health}" >/dev/null 2>&1; do
    kill -0 "$forward" || {{ echo "the server ended before it was healthy" >&2; exit 1; }}
    sleep 1
done
"""


def cluster_steps(
    trial: Trial,
    task: Task,
    settings: Settings,
    client_argvs: Sequence[Sequence[str]],
    folder: dict[str, str],
) -> tuple[str, list[str]]:
    """The script's first half, up to the healthy server, and its client commands.

    Args:
        client_argvs: one command line of this host a load point.
        folder: flags of the client → shell text of the folders that it writes into.
    """
    image, digest = trial.identity.get("image"), trial.identity.get("image_digest")
    about = _ABOUT.format(
        manifests=MANIFESTS,
        image=f"\n# Image: {image or 'of the runtime'} ({digest})" if digest else "",
        port=LAUNCH_PORT,
        access=shlex.join(access_words(task, settings)),
    )
    name = name_by_hand(task, trial.trial_id)
    ome = task.launcher == "ome"
    limits = task.timeouts
    server = _SERVER.format(
        manifests=MANIFESTS,
        access=shlex.join(access_words(task, settings)),
        owner=f"inferenceservice.ome.io/{name}" if ome else f"pod/{name}",
        pods=f"ome.io/inferenceservice={name}" if ome else f"app.kubernetes.io/name={name}",
        service=f"{name}-engine" if ome else name,
        limit_s=int(limits.capacity_s + limits.pull_s + limits.start_s),
        health=get_engine(task.engine).health_path,
    )
    clients = [" ".join(_client(argv, point, folder)) for point, argv in enumerate(client_argvs)]
    return about + server, clients


def apply_command(trial: Trial, task: Task, settings: Settings) -> str:
    """One line that starts the trial's server in the cluster it ran in, and leaves it there."""
    folder = Path(settings.benchmark_dir) / f"{task.task_name}-exp{trial.trial_id}"
    words = ["kubectl", *access_words(task, settings), "apply", "-f", str(folder / MANIFESTS)]
    return shlex.join(words)


def access_words(task: Task, settings: Settings) -> list[str]:
    """How ``kubectl`` reaches the cluster; by the caller's own kubeconfig where there is no file.

    Access by a connection or a service account is not a person's.
    """
    cluster, named = settings.cluster, task.kubernetes.kubeconfig
    words = []
    if named or (cluster.kubeconfig and not cluster.conn_id):
        words += ["--kubeconfig", named or cluster.kubeconfig]
    if cluster.context and not named:
        words += ["--context", cluster.context]
    return [*words, "--namespace", task.model.namespace]


def name_by_hand(task: Task, trial_id: int) -> str:
    """Name of the objects, not that of any run; OME takes 56 characters at most."""
    stem = re.sub(r"[^a-z0-9]+", "-", task.task_name.lower()).strip("-")[:36].strip("-")
    return f"by-hand-{stem}-exp{trial_id}"


def _client(argv: Sequence[str], point: int, folder: dict[str, str]) -> list[str]:
    given = folder | {
        "--experiment-folder-name": f"point-{point}",
        "--api-base": '"http://127.0.0.1:$port"',
    }
    # No proxy may stand before the forwarded port either.
    return [
        f"{quoted},127.0.0.1" if word.startswith("NO_PROXY=") else quoted
        for word, quoted in zip(argv, shell_words(argv, given), strict=True)
    ]
