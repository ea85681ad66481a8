"""A task's configurations as servers to start."""

from collections.abc import Mapping
from dataclasses import dataclass

from airtune.engines import Engine
from airtune.launchers.ome.arguments import devices_of, gpus_of
from airtune.launchers.ome.runtime import Runner
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
    return CONTAINER_MODEL if task.launcher == "ome" else _in_container(task)


def _in_container(task: Task) -> str:
    """As it is mounted: a folder at ``/model``, a GGUF file inside of it.

    Of a host only that file is mounted, of a PVC what the task's ``sub_path`` names.
    """
    model = task.model
    if model.in_image:
        return model.in_image
    if model.hub_id:
        return model.hub_id
    named = model.id_or_path or model.name
    claim = task.kubernetes.model_claim if task.launcher == "kubernetes" else None
    inside = (claim.sub_path or "") if claim else ""
    if inside.lower().endswith(".gguf"):
        return f"{CONTAINER_MODEL}/{inside.rpartition('/')[2]}"
    if not named.lower().endswith(".gguf"):
        return CONTAINER_MODEL
    return f"{CONTAINER_MODEL}/{named if claim else named.rpartition('/')[2]}"


@dataclass(frozen=True)
class Runtime:
    """What is known of OME's serving runtime before anything is started.

    Attributes:
        runner: its engine's container.
        devices: GPUs that the container asks for; None if it does not say.
        revision: changes with its spec.
    """

    runner: Runner
    devices: int | None = None
    revision: str = ""


@dataclass(frozen=True)
class Servers:
    """Makes the server of each configuration of one task.

    Attributes:
        fixed: arguments that every server gets, under the engine's own names.
        path: where the server finds the model.
        runtime: OME's; None where it is not known, and elsewhere.
    """

    task: Task
    engine: Engine
    fixed: Mapping[str, ParamValue]
    path: str
    runtime: Runtime | None = None

    def server(self, configuration: Mapping[str, ParamValue]) -> ServerSpec:
        """The server of ``configuration``; its values win over the fixed ones, None unsets.

        Raises:
            ValueError: the engine's rules refuse it; the text says why and what to do.
        """
        task = self.task
        server = self.engine.server(
            self.engine.merged(self.fixed, configuration),
            model_path=self.path,
            model_name=task.benchmark.model_name,
            # Containers are reached from outside, local servers from this host only.
            host="127.0.0.1" if task.launcher == "local" else "0.0.0.0",  # noqa: S104
            env=task.env,
            image=task.image,
            tag=task.image_tag,
        )
        return self._in_cluster(server) if task.launcher in {"kubernetes", "ome"} else server

    def _in_cluster(self, server: ServerSpec) -> ServerSpec:
        """With the GPUs that the task asks for; in OME a runtime stands below the arguments."""
        asked, need = self.task.kubernetes.gpus, self._need(server)
        if asked is not None:
            if 0 < asked < need:
                raise ValueError(
                    f"It needs {need} GPUs, and kubernetes.gpus is {asked}. Leave gpus out, or "
                    "exclude the configuration by a constraint."
                )
            need = max(asked, 1)
        # What is the engine's default need not be the runtime's.
        normal = server.arguments if self.task.launcher == "ome" else server.normal
        return server.model_copy(update={"devices": need, "normal": normal})

    def _need(self, server: ServerSpec) -> int:
        """Devices of one server; a runtime's own number where the arguments change none of it."""
        if self.runtime is None:
            return server.devices
        runner = self.runtime.runner
        need = devices_of(runner, self.engine, server.own)
        changed = gpus_of(runner, self.engine, server.own) is not None
        return need if changed else self.runtime.devices or need
