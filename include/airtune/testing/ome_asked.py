"""The stand-in controller's webhook, registered and seen to be asked."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.testing.ome_admission import objection
from airtune.testing.ome_api import OME, OmeApi, namespaced
from airtune.testing.ome_webhook import LABEL, webhook

_ASKED_S = 15.0


@contextmanager
def admission(api: OmeApi, prefix: str, address: str) -> Iterator[None]:
    """The webhook while the block runs, which begins once the API server is seen to ask.

    Args:
        prefix: of the controller's namespaces, of which one has to be there.
        address: IP address of this machine that the API server reaches; empty: no webhook.

    Raises:
        ConnectionError: it never asks.
    """
    if not address:
        yield
        return
    with webhook(api, prefix, address, partial(objection, api)):
        _wait_until_asked(api, address, prefix)
        yield


def _somewhere(api: OmeApi, prefix: str) -> str:
    """A namespace that the webhook is asked for."""
    if not prefix:
        return "default"
    spaces = api.items("/api/v1/namespaces", labelSelector=f"{LABEL}={prefix}")
    staying = [one["metadata"] for one in spaces if "deletionTimestamp" not in one["metadata"]]
    return str(staying[0]["name"]) if staying else "default"


def _wait_until_asked(api: OmeApi, address: str, prefix: str) -> None:
    model = "no-such-model-of-the-stand-in"
    probe = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "stand-in-probe"},
        "spec": {"model": {"name": model}},
    }
    said = ""
    give_up_at = time.monotonic() + _ASKED_S
    while time.monotonic() < give_up_at:
        try:
            path = namespaced(OME, "inferenceservices", _somewhere(api, prefix))
            api.post(path, probe, dryRun="All")
        except ApiRefused as refused:
            said = refused.message
            if model in said:
                return
        time.sleep(0.2)
    raise ConnectionError(
        f"the API server does not reach the webhook at {address} ({said or 'it never asked'}): "
        "name an address of this machine that it reaches in --webhook-address, or --no-webhook"
    )
