"""Writes the ``.env`` of ``docker-compose.yaml``: random secrets, and what this host offers."""

import grp
import os
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from airtune.records import parse_devices
from airtune.stack.affinity import cores_left
from airtune.stack.identity import write_private

IMAGE_USER = 50000
"""User id in the image; taken where the stack's owner is root, whom no service should run as."""

_SOCKET = "/var/run/docker.sock"
_EMPTY = re.compile(r"([A-Z_]+)=")


def write_dotenv(path: Path, example: Path, values: Mapping[str, str]) -> bool:
    """Write ``path``, mode 0600: the example with its empty variables filled in.

    Returns:
        False if ``path`` is there already: it is never changed, as the volumes know its secrets.

    Raises:
        ValueError: one of ``values`` has no empty line in the example.
    """
    if path.exists():
        return False
    left = dict(values)
    lines = []
    for line in example.read_text().splitlines():
        match = _EMPTY.fullmatch(line)
        lines.append(line + left.pop(match[1], "") if match else line)
    if left:
        raise ValueError(f"{example} has no empty line for {', '.join(left)}")
    write_private(path, "\n".join(lines) + "\n")
    return True


def random_secrets() -> dict[str, str]:
    """A fresh value for each secret of the stack."""
    return {
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "BROKER_PASSWORD": secrets.token_hex(24),
        "AIRFLOW_FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW_SECRET_KEY": secrets.token_hex(32),
        "AIRTUNE_ADMIN_PASSWORD": secrets.token_urlsafe(24),
        "AIRTUNE_INSTALLATION": secrets.token_hex(4),
    }


def host_values(cpu_devices: str, gpus: int, environ: Mapping[str, str]) -> dict[str, str]:
    """What ``.env`` says about this host.

    Args:
        cpu_devices: the devices where there is no GPU, as ``AIRTUNE_DEVICES`` writes them.
        gpus: GPUs of this host, ≥ 0.
        environ: ``DOCKER_HOST`` of it names the engine's socket.
    """
    url = environ.get("DOCKER_HOST", "")
    socket = Path(url.removeprefix("unix://") if url.startswith("unix://") else _SOCKET)
    devices = _gpu_devices(gpus) or cpu_devices
    on_cpus = any(device.kind == "cpu" for device in parse_devices(devices))
    return {
        "AIRTUNE_DEVICES": devices,
        # Off the cores that trials hold; on a host with GPUs the services may run anywhere.
        "AIRTUNE_STACK_CPUS": (
            ",".join(map(str, cores_left(parse_devices(devices)))) if on_cpus else ""
        ),
        "AIRTUNE_UID": str(os.getuid() or IMAGE_USER),
        "DOCKER_SOCKET": str(socket),
        "DOCKER_GID": socket_group(socket),
    }


def socket_group(socket: Path) -> str:
    """Id of the group that may use the engine's socket; empty if this host has no engine."""
    try:
        return str(socket.stat().st_gid)
    except OSError:
        pass
    try:
        return str(grp.getgrnam("docker").gr_gid)
    except KeyError:
        return ""


def make_folders(root: Path, names: tuple[str, ...]) -> None:
    """Make the folders that the containers share with the host; a root's are open to group 0."""
    for name in names:
        folder = root / name
        folder.mkdir(exist_ok=True)
        if os.getuid() == 0:
            folder.chmod(folder.stat().st_mode | 0o070)


def _gpu_devices(count: int) -> str:
    return "" if count == 0 else "gpu0" if count == 1 else f"gpu0..{count - 1}"
