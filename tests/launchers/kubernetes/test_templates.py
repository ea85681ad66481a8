"""Templates: sandboxed, strict, and no value can become anything but itself."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from airtune.errors import TaskError
from airtune.launchers.kubernetes.templates import render, users_template
from airtune.settings import Settings

HEAD = "apiVersion: v1\nkind: Pod\n"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(max_size=20), inside),
    max_leaves=10,
).filter(lambda value: "inf" not in repr(value))


@settings_of_hypothesis(max_examples=60)
@given(JSON)
def test_every_json_value_survives_as_itself(value):
    (one,) = render("t", {"value": value}, f"{HEAD}spec: {{{{ value }}}}\n")
    assert one["spec"] == value
    assert type(one["spec"]) is type(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{% if %}", "line 1"),
        ("\n\na: {{ nix }}", "line 3: 'nix' is undefined"),
        ("a: {{ known.nix }}", "has no attribute 'nix'"),
        (HEAD + 'a: "{{ known }}"', "without quotes"),
        (HEAD + "a: [", "no YAML"),
        ("a: {{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ known.__class__.__mro__ }}", "unsafe"),
        ("{% include '/etc/passwd' %}", "does not render"),
        ("{{ range(10 ** 9) }}", "Range too big"),
        ("- a\n- b", "no Kubernetes object"),
        ("kind: Pod", "apiVersion and kind"),
        (HEAD + "a: 2020-01-01", "Quote it"),
        (HEAD + "1: a", "no text"),
    ],
)
def test_what_is_wrong_with_a_template_is_told_with_its_name(text, told):
    with pytest.raises(TaskError, match=r"mine\.j2") as error:
        render("mine.j2", {"known": "x"}, text)
    assert told in str(error.value)


def test_a_template_cannot_change_what_it_was_given():
    values = {"args": ["--a"]}
    with pytest.raises(TaskError, match="unsafe"):
        render("t", values, "{% set _ = args.append('--b') %}")
    assert values == {"args": ["--a"]}


def test_a_file_of_several_objects_gives_them_in_order():
    found = render("t", {}, "apiVersion: v1\nkind: A\n---\n---\napiVersion: v1\nkind: B\n")
    assert [one["kind"] for one in found] == ["A", "B"]


@pytest.fixture
def folder(settings) -> Path:
    made = Path(settings.cluster.template_dir)
    made.mkdir()
    return made


def test_a_users_template_is_a_file_of_the_folder(settings, folder):
    (folder / "mine.yaml.j2").write_text("text")
    assert users_template("mine.yaml.j2", settings) == "text"


def test_a_template_that_is_not_there_is_answered_with_those_that_are(settings, folder):
    (folder / "other.j2").write_text("")
    with pytest.raises(TaskError, match=r"There are: other\.j2"):
        users_template("mine.j2", settings)


def test_a_link_out_of_the_folder_is_not_followed(settings, folder, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (folder / "mine.j2").symlink_to(tmp_path / "secret")
    with pytest.raises(TaskError, match="leads out of"):
        users_template("mine.j2", settings)


def test_without_a_folder_a_task_can_name_no_template(tmp_path):
    settings = Settings.load({"AIRTUNE_HOME": str(tmp_path)})
    with pytest.raises(TaskError, match="AIRTUNE_TEMPLATE_DIR"):
        users_template("mine.j2", settings)
