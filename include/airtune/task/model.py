"""Which model is served."""

from typing import Any

from pydantic import Field, model_validator

from airtune.task.base import TaskModel
from airtune.task.text import InsideName, Line


class Model(TaskModel):
    """The model, by whichever of its names the launcher needs."""

    name: InsideName = Field(
        description="Docker, Kubernetes: folder under the model root or in the PVC, mounted as "
        "/model. OME: name of the (Cluster)BaseModel. Local: a name for people. Taken from "
        "id_or_path or path where it is left out.",
        examples=["llama-3-2-1b-instruct"],
    )
    namespace: Line = Field(
        "default",
        description="Kubernetes namespace; a label in Docker.",
        examples=["autotuner"],
    )
    path: Line | None = Field(
        None,
        description="Local: file or folder of the model on this host; relative to AIRTUNE_HOME.",
        examples=["var/models/SmolLM2-135M-Instruct.Q4_1.gguf"],
    )
    id_or_path: InsideName | None = Field(
        None,
        description="Hub id (with a slash), or folder under the model path.",
        examples=["meta-llama/Llama-3.2-1B-Instruct"],
    )

    root: Line | None = Field(
        None,
        description="Docker, Kubernetes: folder of the engine's host, or of the nodes, in which "
        "the model's folder is; left out: AIRTUNE_MODEL_ROOT, /mnt/data/models.",
        examples=["/mnt/data/models"],
    )
    in_image: Line | None = Field(
        None,
        description="Docker, Kubernetes: path of the model inside the engine's image; nothing is "
        "mounted then.",
        examples=["/models/SmolLM2-135M-Instruct.Q4_1.gguf"],
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and "name" not in data:
            source = data.get("id_or_path") or data.get("path")
            if isinstance(source, str) and source.strip("/"):
                return data | {"name": source.rstrip("/").rpartition("/")[2]}
        return data

    @property
    def hub_id(self) -> str | None:
        """The model's id on the hub, None where it is a folder or file."""
        return self.id_or_path if self.id_or_path and "/" in self.id_or_path else None
