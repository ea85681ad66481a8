"""A task's configurations as servers to start."""

from collections.abc import Mapping
from dataclasses import dataclass

from airtune.engines import Engine
from airtune.records import ParamValue, ServerSpec
from airtune.settings import Settings
from airtune.task import Task

CONTAINER_MODEL = "/model"
"""Where containers find the model."""


def model_path(task: Task, settings: Settings) -> str:
    """Where the server finds the model: a path of this host (local), or inside the container.

    Links are not followed: what lies behind them may have lost the name that tells its format.
    """
    if task.launcher == "local":
        model = task.model
        return str(settings.home / model.path) if model.path else model.id_or_path or model.name
    if task.launcher == "docker":
        return _in_container(task)
    return task.model.path or CONTAINER_MODEL


def _in_container(task: Task) -> str:
    """As the Docker launcher mounts it: a folder at ``/model``, a GGUF file inside of it."""
    model = task.model
    if model.in_image:
        return model.in_image
    if model.hub_id:
        return model.hub_id
    file = (model.id_or_path or model.name).rpartition("/")[2]
    return f"{CONTAINER_MODEL}/{file}" if file.lower().endswith(".gguf") else CONTAINER_MODEL


@dataclass(frozen=True)
class Servers:
    """Makes the server of each configuration of one task.

    Attributes:
        fixed: arguments that every server gets, under the engine's own names.
        path: where the server finds the model.
    """

    task: Task
    engine: Engine
    fixed: Mapping[str, ParamValue]
    path: str

    def server(self, configuration: Mapping[str, ParamValue]) -> ServerSpec:
        """The server of ``configuration``; its values win over the fixed ones, None unsets.

        Raises:
            ValueError: the engine's rules refuse it; the text says why and what to do.
        """
        task = self.task
        return self.engine.server(
            self.engine.merged(self.fixed, configuration),
            model_path=self.path,
            model_name=task.benchmark.model_name,
            # Containers are reached from outside, local servers from this host only.
            host="127.0.0.1" if task.launcher == "local" else "0.0.0.0",  # noqa: S104
            env=task.env,
            image=task.image,
            tag=task.image_tag,
        )
