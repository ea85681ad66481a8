"""Images in the private cluster: imported from a Docker Engine, for there is no registry.

``python -m airtune.testing.kubernetes_images [NAME…]`` builds and imports them into the cluster
that the environment names.
"""

import hashlib
import sys
from collections.abc import Sequence

from airtune.testing.docker_images import build, connected
from airtune.testing.kubernetes_containerd import Containerd, full_name
from airtune.testing.kubernetes_disposable import Disposable
from airtune.testing.kubernetes_tar import own_images

FOR_TESTS = (
    "airtune/llama-cpp:latest",
    "airtune/genai-bench:0.0.5",
    "airtune-test/fake-sglang:latest",
)
"""What tests expect to be there, beside ``kubernetes_tar.own_images``."""


def load(
    containerd: Containerd, names: Sequence[str] = FOR_TESTS, *, host: str | None = None
) -> list[str]:
    """Build images and import those that have changed; returns the names of the imported ones.

    Args:
        names: as in ``docker_images.build``.
        host: the Docker Engine's URL; None is ``AIRTUNE_TEST_DOCKER_HOST``.

    Raises:
        RuntimeError: no engine is named, a build failed, or an import did.
    """
    tags = [build(name, host=host) for name in names]
    there, imported = containerd.images(), []
    with connected(host) as client:
        for tag in tags:
            content = client.inspect_image(tag)["Id"].partition(":")[2]
            if there.get(full_name(tag)) != content:
                containerd.load([tag], content, client.get_image(tag))
                imported.append(tag)
    return imported


def load_own(containerd: Containerd) -> None:
    """Import what the cluster itself needs, where it has changed. Raises RuntimeError."""
    there = containerd.images()
    for names, archive in own_images():
        content = hashlib.sha256(archive).hexdigest()
        if any(there.get(full_name(name)) != content for name in names):
            containerd.load(names, content, [archive])


def main(names: list[str]) -> int:
    """Import the images named, or all that tests expect; 1 if that failed."""
    try:
        cluster = Disposable.of_environment()
        imported = load(cluster.containerd, names or FOR_TESTS)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print("imported:", ", ".join(imported) or "nothing, all are there")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
