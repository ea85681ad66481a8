"""Task files as text: JSON and YAML, and what is refused before anything is built from it."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.errors import TaskError
from airtune.task import load_task, load_task_data
from airtune.task.document import parse_json
from airtune.task.yaml_text import parse_yaml

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def test_the_same_task_reads_the_same_as_json_and_yaml(make, tmp_path):
    as_json, as_yaml = tmp_path / "t.json", tmp_path / "t.yaml"
    as_json.write_text(json.dumps(make({})))
    as_yaml.write_text(
        json.dumps(make({}), indent=1).replace('"deployment_mode"', "deployment_mode")
    )

    assert load_task(as_json) == load_task(as_yaml)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: on\nb: no\nc: true\nd: null\ne:\n", dict(a="on", b="no", c=True, d=None, e=None)),
        ("a: 1\nb: 1.5\nc: 1e-3\nd: '1'\ne: -3\n", dict(a=1, b=1.5, c=0.001, d="1", e=-3)),
        ("a: 1:30\nb: 2024-01-01\nc: 0x10\n", dict(a="1:30", b="2024-01-01", c="0x10")),
        ("a: [1, {b: c}]\nd:\n  - D(1,2)\n", dict(a=[1, {"b": "c"}], d=["D(1,2)"])),
        ("a: |\n  two\n  lines\n", dict(a="two\nlines\n")),
        ("1: a\n", {"1": "a"}),
        ("", None),
    ],
)
def test_yaml_means_what_it_looks_like(text, data):
    assert parse_yaml(text, "t.yaml") == data


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        (BOMB, "line 1, column 4", "is an anchor or alias"),
        ("a: &x 1\n", "line 1, column 4", "is an anchor or alias"),
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1", "= 'a': is a key that stands twice"),
        ("a: !!python/object/apply:os.system [x]\n", "line 1, column 4", "is a tag"),
        ("a: !!str 1\n", "line 1, column 4", "is a tag"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1", "begins a second document"),
        ("? [a]\n: 1\n", "line 1, column 3", "has a key that is no text"),
        ("a: [1\nb: 2\n", "line 2", "is no YAML"),
        ("a: 1e999\n", "line 1, column 4", "is too large"),
        ("a: \x01\n", "file", "is no YAML"),
        ("[" * 5000, "line 1, column 33", "is nested more than 32 deep"),
    ],
)
def test_yaml_that_could_mislead_is_refused(text, where, why):
    with pytest.raises(TaskError) as caught:
        parse_yaml(text, "t.yaml")

    assert where in str(caught.value)
    assert why in str(caught.value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="ascii", min_codepoint=32)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text(st.characters(codec="ascii", min_codepoint=32)), inner, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_json_is_read_as_yaml_with_the_same_result(data):
    text = json.dumps(data)

    assert parse_yaml(text, "t.yaml") == parse_json(text, "t.json")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 2}', "= 'a': is a key that stands twice"),
        ('{"a": {"b": 1, "b": 2}}', "= 'b': is a key that stands twice"),
        ('{"a": NaN}', "= 'NaN': is no JSON value"),
        ('{"a": -Infinity}', "= '-Infinity': is no JSON value"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6"),
        ("[" * 200_000, "is nested too deeply"),
        ("", "is no JSON"),
        (f'{{"a": {"9" * 5000}}}', "is no JSON"),
    ],
)
def test_json_that_could_mislead_is_refused(text, why):
    with pytest.raises(TaskError) as caught:
        parse_json(text, "t.json")

    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.toml", b"", "is neither JSON nor YAML by its name"),
        ("t.json", b'{"a": "' + b"x" * 1_000_000 + b'"}', "is larger than 1 MB"),
        ("t.json", b'{"a": "\xff"}', "is no UTF-8 text"),
        ("t.json", b"[]", "holds no object"),
        ("t.yaml", b"", "holds no object"),
    ],
)
def test_file_that_is_no_task_is_refused(tmp_path, name, content, why):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(TaskError) as caught:
        load_task_data(path)

    assert str(path) in str(caught.value)
    assert why in str(caught.value)


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "t.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')

    assert load_task_data(path) == {"a": 1}


def test_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / "docker_task.json").write_text("{}")

    with pytest.raises(TaskError, match=r"Did you mean docker_task\.json\?"):
        load_task(tmp_path / "docker_taks.json")


def test_a_folder_and_a_pipe_are_no_task_files(tmp_path):
    import os

    folder, pipe = tmp_path / "f.json", tmp_path / "p.json"
    folder.mkdir()
    os.mkfifo(pipe)

    for path in (folder, pipe):
        with pytest.raises(TaskError, match=r"is no regular file|cannot be read"):
            load_task(path)


def test_a_megabyte_of_yaml_is_read_in_time():
    text = "a:\n" + "- [1, 2.5, text, true]\n" * 40_000
    began = time.monotonic()

    data = parse_yaml(text, "t.yaml")

    assert len(data["a"]) == 40_000
    assert time.monotonic() - began < 20


def test_errors_of_a_file_name_the_file(make, tmp_path):
    path: Path = tmp_path / "t.json"
    path.write_text(json.dumps(make({"nonsense": 1})))

    with pytest.raises(TaskError) as caught:
        load_task(path)

    assert str(caught.value).startswith(f"{path}: 1 problem\n  - nonsense = 1: ")
