import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.fake_airflow import FakeAirflow, serving

from airtune.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Ended:
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AIRTUNE_HOME of the test's own; no login in the environment."""
    for name in ("AIRTUNE_API_TOKEN", "AIRTUNE_API_USER", "AIRTUNE_API_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRTUNE_HOME", str(tmp_path))
    monkeypatch.setenv("AIRTUNE_DEVICES", "cpu1")
    (tmp_path / "var").mkdir()
    return tmp_path


@pytest.fixture
def airtune(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs a command line as the console script does."""

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["airtune", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        captured = capsys.readouterr()
        return Ended(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    with serving(FakeAirflow()) as fake:
        yield fake


@pytest.fixture
def local_task(tmp_path: Path) -> Path:
    """A task file of seven trials that looks for throughput at four users."""
    task = json.loads((EXAMPLES / "local_smollm2.json").read_text())
    task["optimization"]["objective"] = "maximize_throughput"
    task["benchmark"]["num_concurrency"] = [4]
    path = tmp_path / "local_task.json"
    path.write_text(json.dumps(task))
    return path
