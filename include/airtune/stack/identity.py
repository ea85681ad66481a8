"""What one Airflow folder keeps over restarts: login, keys and the port."""

import json
import os
import secrets
import socket
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, replace
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, repr=False)
class Identity:
    """Login, keys and port of one stack; has no ``repr`` of its own so that no log shows it.

    Attributes:
        user: the only login; it has the role ``admin``.
        password: generated once per folder.
        fernet_key: 32 bytes, URL-safe base64; encrypts connections in the database.
        jwt_secret: signs tokens of people and of task processes.
        session_secret: signs the UI's session cookie.
        port: where the API server listens on the loopback interface, 1–65535.
    """

    user: str
    password: str
    fernet_key: str
    jwt_secret: str
    session_secret: str
    port: int

    @property
    def url(self) -> str:
        """Base URL of UI and REST API, without a trailing slash."""
        return f"http://{LOOPBACK}:{self.port}"

    @classmethod
    def of(cls, folder: Path) -> "Identity":
        """The identity kept in ``folder``, made at the first call.

        The kept port is used again while it is free: bookmarks and watchers survive a restart.
        """
        path = folder / "identity.json"
        if not path.exists():
            made = _generate()
            write_private(path, json.dumps(asdict(made)))
            return made
        kept = cls(**json.loads(path.read_text()))
        return kept if _is_free(kept.port) else kept.at_another_port(folder)

    def at_another_port(self, folder: Path) -> "Identity":
        """The same login and keys at another free port; kept in ``folder``."""
        moved = replace(self, port=_free_port())
        write_private(folder / "identity.json", json.dumps(asdict(moved)))
        return moved

    def write_passwords(self, path: Path) -> None:
        """Write Airflow's password file, readable by its owner only.

        Airflow prints every password that it generates itself, so it is given one.
        """
        write_private(path, json.dumps({self.user: self.password}) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` at once or not at all, mode 0600 from the first byte."""
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _generate() -> Identity:
    return Identity(
        user="admin",
        password=secrets.token_urlsafe(12),
        fernet_key=urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        jwt_secret=secrets.token_hex(64),
        session_secret=secrets.token_hex(32),
        port=_free_port(),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # The server sets it too: a port in TIME_WAIT after a crash is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
