"""``airtune plan``: the trials of a task with their command lines, before anything is started."""

import json
import shlex
from pathlib import Path
from typing import Any

from airtune.cli.console import open_console
from airtune.cli.duration import duration
from airtune.records import ServerSpec
from airtune.settings import Settings
from airtune.study.estimate import Estimate, estimate
from airtune.study.plan import Plan, make_plan
from airtune.task import Task, load_task


def show_plan(file: Path, *, as_json: bool) -> None:
    """Print the plan of a task file.

    Raises:
        TaskError: the task cannot be used.
    """
    settings = Settings.load()
    task = load_task(file)
    plan = make_plan(task, settings)
    expected = estimate(plan, task, settings)
    if as_json:
        print(json.dumps(_as_json(task, plan, expected, settings), indent=2, ensure_ascii=False))
        return
    _print(task, plan, expected, settings)


def command_line(task: Task, server: ServerSpec, settings: Settings) -> tuple[str, ...]:
    """What a trial starts: locally the host's own command for the engine, else the image's.

    In OME what is laid over the runtime's own command line, which only the cluster knows.
    """
    if task.launcher == "ome":
        return server.own
    program = server.program
    if task.launcher == "local":
        program = tuple(settings.engine_commands.get(server.engine, program))
    return program + server.arguments


def _as_json(task: Task, plan: Plan, expected: Estimate, settings: Settings) -> dict[str, Any]:
    trials = [
        trial.model_dump(mode="json")
        | {"argv": list(command_line(task, trial.server, settings)), "slot": slot}
        for slot, trial in enumerate(plan.trials)
    ]
    return {
        "task_name": task.task_name,
        "study": plan.study,
        "launcher": task.launcher,
        "engine": task.engine,
        "combinations": plan.combinations,
        "load_points": [point.key for point in task.load_points],
        "estimate": expected.model_dump(mode="json"),
        "notes": list(plan.notes),
        "trials": trials,
    }


def _print(task: Task, plan: Plan, expected: Estimate, settings: Settings) -> None:
    console = open_console()
    points = ", ".join(point.key for point in task.load_points)
    console.print(f"{task.task_name}: {len(plan.trials)} trials of {task.engine}, {task.launcher}")
    console.print(f"load points: {points}")
    for slot, trial in enumerate(plan.trials):
        server = trial.server
        devices = f"{server.devices} device{'s' if server.devices != 1 else ''}"
        console.print(f"\n{slot:>3}  {trial.label}  ({trial.role}, {devices})")
        if trial.aliases:
            console.print(f"     same command line as: {'; '.join(trial.aliases)}")
        if task.launcher == "ome":
            changed = bool(server.own or server.env)
            console.print(f"     runtime {task.base_runtime} {'with' if changed else 'as it is'}")
        elif task.launcher != "local":
            console.print(f"     image {server.image}")
        for name, value in server.env.items():
            console.print(f"     {name}={shlex.quote(value)}")
        if words := command_line(task, server, settings):
            console.print(f"     {shlex.join(words)}")
    console.print(
        f"\nestimated time: about {duration(expected.total_s)} "
        f"({expected.at_once} at once, up to {duration(expected.trial_s)} a trial)"
    )
    for note in plan.notes:
        console.print(f"note: {note}")
