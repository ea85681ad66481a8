"""The forms in which a trial is exported, and their files."""

from collections.abc import Mapping
from typing import Literal

from airtune.task import Task

Form = Literal["deployment", "inference-service"]

FILES: Mapping[Form, str] = {
    "deployment": "winner.deployment.yaml",
    "inference-service": "winner.inference_service.yaml",
}
"""Names of the exports in a run's folder."""


def usual_form(task: Task) -> Form:
    """The form that fits how the task's servers run."""
    return "inference-service" if task.launcher == "ome" else "deployment"
