"""The Docker Engines of an installation, as its environment names them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from airtune.errors import SettingsError
from airtune.records import Device, parse_devices
from airtune.settings.json_text import read_json

_HOST = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")


@dataclass(frozen=True)
class DockerHost:
    """One Docker Engine and its devices.

    Attributes:
        name: empty for the default one; else it stands before its devices' names and in the id of
            its DAG, ``autotune_docker__<name>``.
        url: ``unix://…`` or ``tcp://…``.
        devices: its pool.
        network: Docker network that the workers' containers share with the engines; empty: each
            slot gets a network of its own and the server's port is published.
        publish: address of the engine's host on which ports are published, never 0.0.0.0.
        tls_ca, tls_cert, tls_key: files for TLS; empty without.
        conn_id: Airflow connection for the image registry; empty without.
        queue: Airflow queue (Celery) whose workers take the tasks of its DAG; empty: the default.
    """

    name: str = ""
    url: str = "unix:///var/run/docker.sock"
    devices: tuple[Device, ...] = ()
    network: str = ""
    publish: str = "127.0.0.1"
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    conn_id: str = ""
    queue: str = ""

    @property
    def remote(self) -> bool:
        """True if the engine runs on another host than the worker."""
        return not self.url.startswith("unix://")


def read_docker_hosts(
    env: Mapping[str, str], devices: tuple[Device, ...]
) -> tuple[DockerHost, ...]:
    """The default engine with ``devices``, and those of ``AIRTUNE_DOCKER_HOSTS``.

    Raises:
        SettingsError: a variable cannot be read.
    """
    default = DockerHost(
        url=env.get("AIRTUNE_DOCKER_HOST") or env.get("DOCKER_HOST") or DockerHost.url,
        devices=devices,
        network=env.get("AIRTUNE_DOCKER_NETWORK") or "",
        conn_id=env.get("AIRTUNE_DOCKER_CONN_ID") or "",
    )
    return (default, *_remote_hosts("AIRTUNE_DOCKER_HOSTS", env.get("AIRTUNE_DOCKER_HOSTS")))


def _remote_hosts(name: str, text: str | None) -> Iterator[DockerHost]:
    value = read_json(name, text or "{}")
    example = '{"gpu7": {"url": "tcp://gpu7:2376", "publish": "10.0.0.7", "devices": "gpu0..7"}}'
    if not isinstance(value, dict):
        raise SettingsError(f"{name} must be a JSON object such as {example}.")
    known = {f.name for f in fields(DockerHost)} - {"name", "devices"}
    for host, given in value.items():
        if not _HOST.fullmatch(host):
            raise SettingsError(f"{name}: {host!r} must be letters, digits and _ (a DAG's id).")
        if not isinstance(given, dict) or not {"url", "devices"} <= set(given) <= known | {
            "devices"
        }:
            raise SettingsError(
                f"{name}[{host!r}] must name url and devices, and may name "
                f"{', '.join(sorted(known - {'url'}))}; for example {example}."
            )
        texts = {key: str(word) for key, word in given.items() if key != "devices"}
        if texts.get("publish") in {"0.0.0.0", "::", "*"}:  # noqa: S104 - it is refused
            raise SettingsError(f"{name}[{host!r}].publish: name one address, never all of them.")
        tls = [texts.get(key) for key in ("tls_ca", "tls_cert", "tls_key")]
        if any(tls) and not all(tls):
            raise SettingsError(
                f"{name}[{host!r}] must name all of tls_ca, tls_cert and tls_key, or none of them."
            )
        if texts.get("queue") and texts["url"].startswith("unix://"):
            # Clean-up runs on any worker: it would ask its own engine, and find nothing there.
            raise SettingsError(
                f"{name}[{host!r}]: with a queue of its own the host needs a tcp:// url, which "
                "every worker can reach."
            )
        try:
            pool = parse_devices(str(given["devices"]))
        except ValueError as error:
            raise SettingsError(f"{name}[{host!r}]: {error}") from None
        named = tuple(d.model_copy(update={"name": f"{host}/{d.name}"}) for d in pool)
        yield DockerHost(name=host, devices=named, **texts)
