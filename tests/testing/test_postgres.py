import os

import pytest
from sqlalchemy import create_engine, text

from airtune.testing.postgres import postgres_server, start

pytestmark = pytest.mark.postgres


def test_the_server_answers_with_its_password_only_and_leaves_nothing_behind():
    with postgres_server() as server:
        engine = create_engine(server.create_database("fresh"))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT current_database()")).scalar_one() == "fresh"
        engine.dispose()
        wrong = create_engine(server.url().replace(server.password, "wrong"))
        with pytest.raises(Exception, match="password authentication failed"):
            wrong.connect()
    assert not server.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.process.pid, 0)


def test_stopping_does_not_wait_for_clients():
    server = start()
    engine = create_engine(server.url())
    connection = engine.connect()
    server.stop()
    server.stop()
    assert server.process.returncode == 0
    connection.invalidate()
    engine.dispose()
