"""The reference in docs/ names every field."""

import re
from pathlib import Path

from airtune.task.schema import export

PAGE = Path(__file__).resolve().parents[2] / "docs" / "task-file.md"


def test_every_field_is_in_the_reference():
    schema = export()
    fields = set(schema["properties"])
    for definition in schema["$defs"].values():
        fields |= set(definition.get("properties", {}))
    words = set(re.findall(r"\w+", PAGE.read_text()))

    assert fields - words == set()


def test_the_example_on_the_page_is_a_task():
    import json

    from airtune.task import read_task

    text = PAGE.read_text().partition("```json")[2].partition("```")[0]

    assert read_task(json.loads(text)).launcher == "docker"
