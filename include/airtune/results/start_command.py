"""How a trial's server is started by hand, whatever its launcher."""

from airtune.records import Trial
from airtune.results.docker_run import docker_run
from airtune.results.launch_command import LAUNCH_PORT, launch_command
from airtune.results.reproduce_kubernetes import apply_command
from airtune.settings import Settings
from airtune.task import Task


def start_command(trial: Trial, task: Task, settings: Settings) -> str | None:
    """One line for a POSIX shell, for the host on which the trial ran; None: it never started.

    Secrets are named, never written. The server listens at port 8000; in a cluster at the port of
    its Service.
    """
    if not trial.argv:
        return None
    if task.launcher == "docker":
        name = f"{task.task_name}-exp{trial.trial_id}"
        return " ".join(docker_run(trial, task, settings, name=name, port=str(LAUNCH_PORT)))
    if task.launcher in {"kubernetes", "ome"}:
        return apply_command(trial, task, settings)
    return launch_command(trial.argv, task.env, port=LAUNCH_PORT)
