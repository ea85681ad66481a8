import os
import subprocess
import sys
import time

import pytest
from sqlalchemy import text, update

from airtune.errors import SettingsError
from airtune.study import tables
from airtune.study.database import Database
from airtune.study.store import Store


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("no url", "is no database URL. Write for example"),
        ("mysql://host/db", "mysql is not supported; use sqlite or postgresql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:////proc/none/airtune.db", "cannot be made"),
        ("postgresql://user:secret@127.0.0.1:1/db", "cannot be opened .*Is the server up"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_way_out(url, told):
    with pytest.raises(SettingsError, match=f"(?s)AIRTUNE_STORE_URL.*{told}") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no database, but long enough to look like one" * 100)
    with pytest.raises(SettingsError, match="cannot be opened"):
        Database(f"sqlite:///{tmp_path}/notes.txt")


def test_tables_of_a_newer_version_are_refused(store_url):
    database = Database(store_url)
    with database.write() as connection:
        connection.execute(update(tables.schema).values(version=99))
    database.close()
    with pytest.raises(SettingsError, match="tables of version 99, this airtune needs 2"):
        Database(store_url)


def test_many_processes_may_make_the_tables_at_once(store_url, at_once):
    def open_and_use(number):
        with Store.open(store_url) as store:
            return store.open_run(f"dag/{number}", "demo-1", "demo", "local", {}, []).run

    assert at_once(open_and_use, range(6)) == [f"dag/{number}" for number in range(6)]


def test_an_error_undoes_the_whole_transaction(store_url):
    database = Database(store_url)
    counter = {"task_name": "demo", "last": 1}

    def fail_after_writing():
        with database.write() as connection:
            database.ensure(connection, tables.counters, counter)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_writing()
    with database.write() as connection:
        assert database.ensure(connection, tables.counters, counter)
        assert not database.ensure(connection, tables.counters, counter)
    database.close()


def test_a_killed_writer_leaves_nothing_and_blocks_nobody(store_url):
    store = Store.open(store_url)
    script = (
        "import os, signal, sys; from airtune.study.database import Database\n"
        "from airtune.study import tables\n"
        "database = Database(sys.argv[1])\n"
        "with database.exclusive('test'), database.write() as connection:\n"
        "    database.ensure(connection, tables.counters, {'task_name': 'demo', 'last': 7})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", script, store_url], check=False)
    assert died.returncode == -9
    with store.database.exclusive("test"), store.database.write() as connection:
        assert connection.execute(tables.counters.select()).all() == []
    store.close()


def test_a_forked_child_has_a_connection_of_its_own(store_url, at_once):
    with Store.open(store_url) as store:
        store.open_run("dag/one", "demo-1", "demo", "local", {}, [])

        def use(slot):
            return [store.claim("dag/one", slot, "deploy", 0).attempt for _ in range(10)]

        assert at_once(use, [0, 1, 2]) == [list(range(1, 11))] * 3
        assert use(0) == list(range(11, 21)), "and the parent's still works"


def test_readers_are_not_blocked_by_a_writer(store_url):
    with Store.open(store_url) as store:
        store.open_run("dag/one", "demo-1", "demo", "local", {}, [])
        with store.database.write() as connection:
            connection.execute(update(tables.runs).values(study="demo-2"))
            assert store.run("dag/one").study == "demo-1"
        assert store.run("dag/one").study == "demo-2"


def test_sqlite_is_in_wal_mode_and_waits_for_locks(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/airtune.db")
    with database.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() == 30_000
    database.close()


def test_without_a_clock_of_its_own_the_store_knows_the_time(store_url):
    database = Database(store_url)
    with database.read() as connection:
        assert abs(database.now(connection) - time.time()) < 5
    database.close()


def test_a_task_process_that_opens_the_store_loads_no_more_than_it_needs():
    script = "import sys, airtune.study.store, airtune.study.reap; print(' '.join(sys.modules))"
    words = [sys.executable, "-c", script]
    environment = {"PATH": os.environ["PATH"]}
    loaded = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    heavy = {"optuna", "pandas", "airflow", "sqlalchemy.orm", "psycopg", "numpy"}
    assert not heavy.intersection(loaded.stdout.split())
