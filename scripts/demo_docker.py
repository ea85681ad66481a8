"""``make demo-docker``: build the demo's image, then run the demo on a Docker Engine.

The engine is the user's (``AIRTUNE_DOCKER_HOST``, ``DOCKER_HOST``, the default socket). With
``PROVISION=1`` (root on Debian) it is one of the demo's own, started before and stopped after.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from airtune.cli import demo
from airtune.settings import Settings
from airtune.stack.handle import running_stack
from airtune.testing.docker_base import PUBLIC
from airtune.testing.docker_engine import docker_engine
from airtune.testing.docker_images import build_timed
from airtune.testing.docker_install import provision

IMAGE = "airtune/llama-cpp"


def main() -> int:
    """Exit code of the demo; 1 if it could not begin."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    private = os.environ.get("PROVISION") == "1"
    try:
        with _own_engine() if private else _users_engine() as host:
            _prepare(host, on=None if private else PUBLIC)
            return demo.main("docker")
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; all that was started has been stopped.", file=sys.stderr)
        return 130


@contextmanager
def _own_engine() -> Iterator[str]:
    settings = Settings.load()
    if running_stack(settings.home / "var" / "airflow"):
        raise RuntimeError(
            "An Airflow of airtune's runs here already and does not know the engine that this "
            "demo starts: stop it first, or run the demo without PROVISION=1."
        )
    if os.environ.pop("KEEP", None) == "1":
        print("KEEP=1 has no effect: the engine is stopped at the end, so Airflow is, too.")
    print("Docker:", provision(), flush=True)
    with docker_engine() as engine:
        os.environ["AIRTUNE_DOCKER_HOST"] = engine.url
        yield engine.url


@contextmanager
def _users_engine() -> Iterator[str]:
    yield Settings.load().docker_host().url


def _prepare(host: str, on: str | None) -> None:
    from docker.errors import DockerException

    print(f"Building {IMAGE} on {host} …", flush=True)
    try:
        built = build_timed(IMAGE, host=host, on=on)
    except DockerException as error:
        raise RuntimeError(
            f"No use of the Docker Engine at {host}: {error}\nName another one in "
            "AIRTUNE_DOCKER_HOST, or PROVISION=1 make demo-docker (root on Debian) starts one."
        ) from error
    print(f"{built.tag}: {'built' if built.fresh else 'is there'} ({built.seconds:.0f} s)")


if __name__ == "__main__":
    sys.exit(main())
