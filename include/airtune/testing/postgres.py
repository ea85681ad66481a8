"""A private PostgreSQL server for tests: own folder, own user, loopback only, ended by its pid."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_USER = "postgres"
_START_S = 30.0
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class PostgresServer:
    """A running server.

    Attributes:
        folder: holds its data, socket and log; removed by ``stop``.
        port: on 127.0.0.1.
        password: of the superuser ``postgres``, made at random.
    """

    folder: Path
    port: int
    password: str
    process: "subprocess.Popen[bytes]"

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://{_USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URL. ``name``: letters, digits, underscore."""
        import psycopg
        from psycopg.sql import SQL, Identifier

        plain = self.url().replace("+psycopg", "")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return self.url(name)

    def stop(self) -> None:
        """End the server, clients or not, and remove its folder. Idempotent."""
        for number, patience_s in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            if self.process.poll() is None:
                self.process.send_signal(number)
                try:
                    self.process.wait(patience_s)
                except subprocess.TimeoutExpired:
                    continue
        shutil.rmtree(self.folder, ignore_errors=True)


def find_binaries() -> Path | None:
    """Folder with ``initdb`` and ``postgres``: the newest of Debian's, or one on PATH."""
    found = [folder / "bin" for folder in _DEBIAN.glob("*") if (folder / "bin/initdb").exists()]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def provision() -> Path:
    """``find_binaries``, after installing Debian's package if there are none (as root).

    The cluster that Debian makes and starts with the package is dropped again.

    Raises:
        RuntimeError: the package cannot be installed here.
    """
    binaries = find_binaries()
    if binaries is not None:
        return binaries
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        for words in (["update", "-q"], ["install", "-y", "-q", "postgresql"]):
            subprocess.run(["apt-get", *words], env=environment, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"cannot install PostgreSQL by apt-get: {error}") from error
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("Debian's package postgresql has no initdb")
    subprocess.run(["pg_dropcluster", "--stop", binaries.parent.name, "main"], check=False)
    return binaries


def start() -> PostgresServer:
    """Start a server with an empty data folder; it ends with this process at the latest.

    Raises:
        RuntimeError: no PostgreSQL is installed, or it does not start (with the end of its log).
    """
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError(
            "No PostgreSQL server is installed: apt-get install postgresql, or PROVISION=1, "
            "or name a running one in AIRTUNE_TEST_POSTGRES_URL."
        )
    folder = Path(tempfile.mkdtemp(prefix="airtune-postgres-"))
    try:
        return _start(binaries, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """``start``, and ``stop`` at the end."""
    server = start()
    try:
        yield server
    finally:
        server.stop()


def _start(binaries: Path, folder: Path) -> PostgresServer:
    password = secrets.token_urlsafe(12)
    secret = folder / "password"
    secret.write_text(password)
    # As root the server refuses to run: it gets Debian's user. Otherwise it is ours.
    user = _USER if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)
        shutil.chown(secret, user, user)
    initdb = [f"{binaries}/initdb", "-D", f"{folder}/data", "-U", _USER, "-E", "UTF8"]
    initdb += ["--locale=C.UTF-8", "--no-sync", "--auth=scram-sha-256", f"--pwfile={secret}"]
    made = subprocess.run(
        initdb, user=user, group=user, cwd=folder, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise RuntimeError(f"initdb: {made.stderr or made.stdout}")
    for _ in range(3):  # the free port may be taken by another before the server binds it
        port = _free_port()
        process = _spawn(binaries, folder, port, user)
        server = PostgresServer(folder, port, password, process)
        if _answers(server):
            return server
        server.process.kill()
        server.process.wait()
    raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")


def _spawn(binaries: Path, folder: Path, port: int, user: str | None) -> "subprocess.Popen[bytes]":
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "max_connections": "200",
    }
    words = [f"{binaries}/postgres", "-D", f"{folder}/data", "-p", str(port)]
    words += [f"--{name}={value}" for name, value in settings.items()]
    if shutil.which("setpriv"):  # SIGINT, a fast shutdown, should the tests be killed
        words = ["setpriv", "--pdeathsig", "INT", *words]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            words,
            user=user,
            group=user,
            cwd=folder,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )


def _answers(server: PostgresServer) -> bool:
    import psycopg

    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            psycopg.connect(server.url().replace("+psycopg", ""), connect_timeout=2).close()
            return True
        except psycopg.OperationalError:
            time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
