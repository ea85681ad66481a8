"""The exported JSON Schema says what read_task reads."""

import json
from pathlib import Path

import jsonschema
import pytest

from airtune.task import load_task, load_task_data, read_task
from airtune.task.schema import FILE, export, text

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.is_file())


def _fields(node, path=""):
    if isinstance(node, dict):
        for name, field in node.get("properties", {}).items():
            if isinstance(field, dict):
                yield f"{path}.{name}", field
        for key, value in node.items():
            yield from _fields(value, f"{path}/{key}")


def test_exported_file_is_current():
    assert (ROOT / FILE).read_text() == text(), "run: python -m airtune.task.schema"


def test_schema_is_valid_json_schema():
    jsonschema.Draft202012Validator.check_schema(export())


def test_every_field_is_described():
    nameless = ("/properties", "constraints")
    undescribed = [
        path
        for path, field in _fields(export())
        if "description" not in field and not any(part in path for part in nameless)
    ]

    assert undescribed == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_fit_the_schema_before_and_after_reading(path):
    validator = jsonschema.Draft202012Validator(export())

    assert list(validator.iter_errors(load_task_data(path))) == []
    assert list(validator.iter_errors(load_task(path).model_dump(mode="json"))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters/x": [1, 2]},
        {"parameters/x": {"type": "integer", "low": 1, "high": 2}},
        {"constraints": {"ttft_ms": {"p99": 5}, "e2e_latency_ms": 3}},
        {"optimization/objective": {"metric": "ttft_ms", "direction": "minimize"}},
        {"runtime_image_tag": "v1"},
    ],
)
def test_what_is_read_fits_the_schema(make, changes):
    data = make(changes)
    read_task(data)

    assert list(jsonschema.Draft202012Validator(export()).iter_errors(data)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"nonsense": 1},
        {"benchmark/num_concurrency": ["1"]},
        {"optimization/strategy": "bayesian"},
        {"slo": {"ttft": {}}},
        {"constraints": {"ttft": 1}},
    ],
)
def test_what_is_refused_by_its_form_does_not_fit_the_schema(make, changes):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(export()).validate(make(changes))


def test_schema_is_plain_json():
    assert json.loads(text()) == export()
