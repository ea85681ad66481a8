"""Which image the cluster's nodes have under a tag now, as far as they tell."""

from airtune.launchers.kubernetes.api import Api, ApiRefused

_HUB = "docker.io/"


def digests_on_nodes(api: Api, reference: str) -> frozenset[str]:
    """Digests (``sha256:…``) that nodes have under ``reference``; empty where none tells one.

    A node tells of its 50 largest images, and whoever may not list nodes learns nothing.

    Raises:
        ApiRefused: the API server does not answer.
    """
    try:
        nodes = api.get("/api/v1/nodes")["items"]
    except ApiRefused as error:
        if error.status not in {401, 403}:
            raise
        return frozenset()
    wanted = {reference, f"{_HUB}{reference}", f"{_HUB}library/{reference}"}
    return frozenset(
        name.rpartition("@")[2]
        for node in nodes
        for image in node["status"].get("images") or ()
        if wanted.intersection(image.get("names") or ())
        for name in image["names"]
        if "@" in name
    )
