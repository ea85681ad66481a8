"""``airtune validate``: what can be known of a task without Airflow."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from airtune.cli.console import open_console
from airtune.errors import TaskError
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.task import load_task

BAD_INPUT = 2


def validate_files(files: Sequence[Path]) -> int:
    """Check every file, whatever is wrong with the others; returns 0, or 2 if one is wrong."""
    settings, console = Settings.load(), open_console()
    wrong = 0
    for file in files:
        try:
            for line in _understood(file, settings):
                console.print(line)
        except TaskError as error:
            wrong += 1
            print(error, file=sys.stderr)
    return BAD_INPUT if wrong else 0


def _understood(file: Path, settings: Settings) -> Iterator[str]:
    task = load_task(file)
    plan = make_plan(task, settings)  # an empty space or a flag that is refused shows here
    yield f"{file}: valid ({task.launcher}, {task.engine}, {len(plan.trials)} trials)"
    for sentence in [*task.sentences(), *plan.notes]:
        yield f"  {sentence}"
