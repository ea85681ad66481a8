"""The stack's one-time steps before Airflow starts: databases, tables, login; safe to repeat.

``python -m airtune.stack.compose.prepare``
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from airtune.errors import AirtuneError, SettingsError
from airtune.settings import Settings
from airtune.stack.identity import write_private
from airtune.study.store import Store

ADMIN = "admin"
"""The login that ``AIRTUNE_ADMIN_PASSWORD`` belongs to."""

_MAINTENANCE = "postgres"
"""A database that every PostgreSQL server has."""

_FORM = "write postgresql+psycopg://user:password@host/name."


def unwritable(folders: Iterable[Path]) -> Iterator[str]:
    """A sentence for each folder in which this user cannot write."""
    for folder in folders:
        if not os.access(folder, os.W_OK | os.X_OK):
            yield (
                f"{folder} is not writable for user {os.geteuid()} of group {os.getegid()}: "
                "give the folder on the host to AIRTUNE_UID of .env, or to its group 0 with g+w."
            )


def create_database(url: str) -> bool:
    """Make the PostgreSQL database that ``url`` names; False if it is there.

    Raises:
        SettingsError: ``url`` is not one of PostgreSQL, or the server cannot be used.
    """
    import psycopg
    from psycopg.sql import SQL, Identifier
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        wanted = make_url(url)
    except ArgumentError:  # not shown: it may carry the password
        raise SettingsError(f"AIRTUNE_STORE_URL cannot be read: {_FORM}") from None
    if wanted.get_backend_name() != "postgresql" or not wanted.database:
        raise SettingsError(
            f"AIRTUNE_STORE_URL is {wanted}; several containers share the store: {_FORM}"
        )
    server = wanted.set(drivername="postgresql", database=_MAINTENANCE)
    address = server.render_as_string(hide_password=False)
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(known, [wanted.database]).fetchone():
                return False
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(wanted.database)))
    except psycopg.Error as error:
        raise SettingsError(f"AIRTUNE_STORE_URL: {server} cannot be used: {error}") from None
    return True


def write_login(path: Path, password: str) -> None:
    """Write Airflow's password file, readable by its owner only."""
    write_private(path, json.dumps({ADMIN: password}) + "\n")


def main() -> int:
    """0 if the services may start."""
    try:
        settings = Settings.load()
        logs = Path(os.environ["AIRFLOW__LOGGING__BASE_LOG_FOLDER"])
        folders = (settings.results_dir, settings.benchmark_dir, settings.home / "var", logs)
        if problems := list(unwritable(folders)):
            raise SettingsError("\n".join(problems))
        create_database(settings.store_url)
        Store.open(settings.store_url).close()
        login = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
        write_login(login, os.environ["AIRTUNE_ADMIN_PASSWORD"])
    except AirtuneError as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.run(["airflow", "db", "migrate"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
