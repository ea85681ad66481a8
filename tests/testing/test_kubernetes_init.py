"""The first process of the cluster, as an ordinary process with components that sleep."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from airtune.testing.kubernetes_control import Control, wait_until
from airtune.testing.kubernetes_init import Plan

PATIENCE_S = 20.0


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """Two components: one that sleeps, one that ends at once."""
    plan = Plan(
        control=str(tmp_path / "control"),
        logs=str(tmp_path),
        components={"sleeps": ["sleep", "600"], "ends": ["sh", "-c", "echo bye"]},
        environment={"PATH": "/usr/bin:/bin"},
        binds={},
        own=[],
    )
    plan.write(tmp_path / "plan.json")
    code = "import sys; from pathlib import Path; from airtune.testing.kubernetes_init import *; "
    code += "Init(Plan.read(Path(sys.argv[1]))).run()"
    words = [sys.executable, "-c", code, str(tmp_path / "plan.json")]
    with subprocess.Popen(words) as process:
        wait_until((tmp_path / "control").exists, PATIENCE_S, "the first process")
        yield Control(tmp_path / "control")
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()


def test_nothing_runs_before_it_is_wanted(control: Control) -> None:
    assert not control.runs("sleeps")
    assert control.ends() == {"sleeps": 0, "ends": 0}


def test_what_is_ended_stays_down_until_it_is_started(control: Control) -> None:
    control.start("sleeps")
    assert control.runs("sleeps")
    control.end("sleeps")
    assert not control.runs("sleeps")
    assert control.ends()["sleeps"] == 1
    control.start("sleeps")
    control.kill("sleeps")
    assert control.ends()["sleeps"] == 2


def test_what_ends_by_itself_is_started_again_and_says_so(control: Control, tmp_path: Path) -> None:
    control.start("ends")
    wait_until(lambda: control.ends()["ends"] >= 2, PATIENCE_S, "two ends")
    control.end("ends")
    assert (tmp_path / "ends.log").read_text().count("bye\n") == control.ends()["ends"]


def test_a_request_that_makes_no_sense_does_no_harm(control: Control) -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        control.start("nothing")
    control.start("sleeps")
    assert control.runs("sleeps")


def test_waiting_ends_with_what_was_waited_for() -> None:
    with pytest.raises(TimeoutError, match="in vain for nothing"):
        wait_until(lambda: False, 0.01, "nothing")
