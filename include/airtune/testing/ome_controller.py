"""A stand-in for OME's controller, for tests: ``python -m airtune.testing.ome_controller -h``.

It is the project's own and far from complete: engines of one pod, BenchmarkJobs that write to a
PVC, some admission checks, the model agent's node labels. What it does it does as OME 0.1.5 was
seen to do it, its traps included. OME's CRDs have to be installed, and OME must not run.
"""

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.testing.kubernetes_network import seen_from
from airtune.testing.ome_api import connected
from airtune.testing.ome_asked import admission
from airtune.testing.ome_attention import RETRY_PAUSES_S
from airtune.testing.ome_benchmark_pod import BenchmarkPod
from airtune.testing.ome_loop import LOG, Controller
from airtune.testing.ome_model_agent import ModelAgent
from airtune.testing.ome_webhook import LABEL

STARTED = "the stand-in controller works"
"""Line of the log once everything is in place."""

_POLL_S = 0.25
_AGENT_S = 1.0


def main(words: Sequence[str] | None = None) -> int:
    """Work until a signal ends the process; returns 1 if the webhook cannot be reached."""
    options = _options(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    api = connected(options.kubeconfig)
    controller = Controller(
        api,
        prefix=options.namespace_prefix,
        pauses=options.retry_pauses,
        requeue_s=options.requeue,
        pods=BenchmarkPod(options.benchmark_image),
    )
    seen = options.webhook_address or seen_from(api.client.configuration.host)
    address = "" if options.no_webhook else seen
    agent = ModelAgent(api, frozenset(options.node))
    try:
        with admission(api, options.namespace_prefix, address):
            LOG.info(STARTED)
            _work(controller, agent, ended)
    except ConnectionError as error:
        LOG.error("%s", error)
        return 1
    finally:
        agent.leave()
        api.close()
    return 0


def _work(controller: Controller, agent: ModelAgent, ended: threading.Event) -> None:
    agent_at = 0.0
    while not ended.is_set():
        try:
            if time.monotonic() >= agent_at:
                agent.look()
                agent_at = time.monotonic() + _AGENT_S
            controller.look()
        except ApiRefused as refused:
            LOG.warning("the API server: %s", refused)
            ended.wait(1.0)
        ended.wait(_POLL_S)


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ome_controller", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="of an administrator")
    parser.add_argument(
        "--namespace-prefix",
        default="",
        help=f"look only at namespaces that begin so, and admit where the label {LABEL} says it",
    )
    parser.add_argument(
        "--retry-pauses",
        type=lambda text: tuple(float(one) for one in text.split(",")),
        default=RETRY_PAUSES_S,
        help="seconds between looks at an InferenceService that cannot be served: 15,60,…",
    )
    parser.add_argument(
        "--requeue",
        type=float,
        default=60.0,
        help="seconds until a BenchmarkJob whose InferenceService was not ready is looked at again",
    )
    parser.add_argument("--benchmark-image", default=BenchmarkPod.image, help="without podOverride")
    parser.add_argument(
        "--node", action="append", default=[], help="node that has all models; default: every node"
    )
    parser.add_argument(
        "--webhook-address",
        default="",
        help="IP address that the API server reaches; default: this machine's on the way to it",
    )
    parser.add_argument("--no-webhook", action="store_true", help="admit everything")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
