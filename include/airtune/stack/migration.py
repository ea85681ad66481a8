"""Whether Airflow's database is known to be at the installed version's schema."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from airtune.stack.environment import StackOptions, database_url


def is_migrated(folder: Path, options: StackOptions) -> bool:
    """True if this version has already run on this very database: 3 s saved at each start."""
    try:
        marked = (folder / "migrated.txt").read_text()
    except FileNotFoundError:
        return False
    # A deleted SQLite file must be made again; a PostgreSQL database is not looked into.
    lost = options.database_url is None and not (folder / "airflow.db").exists()
    return marked == _mark(folder, options) and not lost


def mark_migrated(folder: Path, options: StackOptions) -> None:
    """Remember that the database is at the installed version's schema."""
    (folder / "migrated.txt").write_text(_mark(folder, options))


def _mark(folder: Path, options: StackOptions) -> str:
    # Hashed: the URL may carry a password.
    digest = hashlib.sha256(database_url(folder, options).encode()).hexdigest()[:16]
    return f"{version('apache-airflow')} {digest}\n"
