"""The stand-in controller's webhook, registered and seen to be asked."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.testing.ome_admission import objection
from airtune.testing.ome_api import OME, OmeApi, namespaced
from airtune.testing.ome_webhook import webhook, webhook_name

_ASKED_S = 15.0


@contextmanager
def admission(api: OmeApi, prefix: str, address: str) -> Iterator[None]:
    """The webhook while the block runs, which begins once the API server is seen to ask.

    Args:
        prefix: of the controller's namespaces.
        address: IP address of this machine that the API server reaches; empty: no webhook.

    Raises:
        ConnectionError: it never asks.
    """
    if not address:
        yield
        return
    with webhook(api, webhook_name(prefix), address, partial(objection, api)):
        _wait_until_asked(api, address)
        yield


def _wait_until_asked(api: OmeApi, address: str) -> None:
    model = "no-such-model-of-the-stand-in"
    probe = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "stand-in-probe"},
        "spec": {"model": {"name": model}},
    }
    path, said = namespaced(OME, "inferenceservices", "default"), ""
    give_up_at = time.monotonic() + _ASKED_S
    while time.monotonic() < give_up_at:
        try:
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
