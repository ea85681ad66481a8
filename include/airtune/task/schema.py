"""The task file's JSON Schema: what a file may say, short forms and other spellings included."""

import json
from pathlib import Path
from typing import Any

from airtune.task.names import ENGINE_SPELLINGS
from airtune.task.task import Task

FILE = Path("docs/reference/task.schema.json")
"""Where the exported schema lies, relative to the project."""

_OTHER_NAMES = {"deployment_mode": "launcher", "runtime_image_tag": "image_tag"}
_FILLED_IN = {
    "Task": {"deployment_mode", "engine"},
    "Model": {"name"},
    "Benchmark": {"model_name", "model_tokenizer"},
}
"""Required fields of the model that ``read_task`` can fill in, so that a file may lack them."""


def export() -> dict[str, Any]:
    """The schema, JSON Schema 2020-12."""
    schema = Task.model_json_schema(by_alias=True, mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "airtune task"
    for name, filled in _FILLED_IN.items():
        part = schema if name == "Task" else schema["$defs"][name]
        part["required"] = [key for key in part["required"] if key not in filled]
    properties = schema["properties"]
    for first, other in _OTHER_NAMES.items():
        properties[other] = properties[first] | {"description": f"The same as {first}."}
    properties["engine"]["enum"] = [*properties["engine"]["enum"], *ENGINE_SPELLINGS]
    return schema


def text() -> str:
    """The exported file's text."""
    return json.dumps(export(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
