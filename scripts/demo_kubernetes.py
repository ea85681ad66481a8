"""``make demo-kubernetes``: run the demo in a Kubernetes cluster.

The cluster is the user's (``AIRTUNE_KUBECONFIG``, ``AIRTUNE_TEST_KUBECONFIG`` or ``KUBECONFIG``),
whose nodes have the images already. With ``PROVISION=1`` (root on Debian) it is one of the demo's
own, with the images in it, started before and stopped after.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from airtune.cli import demo
from airtune.settings import Settings
from airtune.stack.handle import running_stack
from airtune.testing.kubernetes_disposable import KUBECONFIG
from airtune.testing.provision import private_cluster, private_engine, wanted

IMAGES = ("airtune/llama-cpp:latest", "airtune/genai-bench:0.0.5")
USUAL = ("AIRTUNE_KUBECONFIG", KUBECONFIG, "KUBECONFIG")
"""Environment variables that may name the user's cluster; the first that does counts."""


def main() -> int:
    """Exit code of the demo; 1 if it could not begin."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    os.environ.setdefault("AIRTUNE_KUBERNETES_DEVICES", "1")
    try:
        with _own_cluster() if wanted() else _users_cluster() as kubeconfig:
            os.environ["AIRTUNE_KUBECONFIG"] = kubeconfig
            return demo.main("kubernetes")
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; all that was started has been stopped.", file=sys.stderr)
        return 130


@contextmanager
def _own_cluster() -> Iterator[str]:
    if running_stack(Settings.load().home / "var" / "airflow"):
        raise RuntimeError(
            "An Airflow of airtune's runs here already and does not know the cluster that this "
            "demo starts: stop it first, or run the demo without PROVISION=1."
        )
    if os.environ.pop("KEEP", None) == "1":
        print("KEEP=1 has no effect: the cluster is stopped at the end, so Airflow is, too.")
    with ExitStack() as stack:
        with private_engine():  # only to build the images
            cluster = stack.enter_context(private_cluster(IMAGES))
        yield str(cluster.place.kubeconfig)


@contextmanager
def _users_cluster() -> Iterator[str]:
    named = next((os.environ[name] for name in USUAL if os.environ.get(name)), "")
    if not named:
        raise RuntimeError(
            f"No Kubernetes cluster is named: set one of {', '.join(USUAL)} to the path of a "
            "kubeconfig, or PROVISION=1 make demo-kubernetes (root on Debian) starts a cluster."
        )
    path = Path(named.partition(os.pathsep)[0]).expanduser().absolute()
    if not path.is_file():
        raise RuntimeError(f"There is no kubeconfig {path}: correct the variable that names it.")
    print(f"Cluster of {path}; its nodes need the images {', '.join(IMAGES)}.", flush=True)
    yield str(path)


if __name__ == "__main__":
    sys.exit(main())
