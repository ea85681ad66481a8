"""OME's merge of a runtime with an InferenceService."""

from hypothesis import given
from hypothesis import strategies as st

from airtune.testing.ome_merge import merged

NAMES = st.text(alphabet="abc", min_size=1, max_size=2)
ENV = st.lists(NAMES, unique=True, max_size=4)


def test_args_and_command_are_replaced_whole():
    below = {"args": ["--a", "1", "--b"], "command": ["python3", "-m", "x"]}

    assert merged(below, {"args": ["--a", "2"]}) == below | {"args": ["--a", "2"]}


def test_maps_are_merged_and_what_is_not_named_stays():
    below = {"resources": {"requests": {"cpu": "4"}, "limits": {"nvidia.com/gpu": "1"}}}
    over = {"resources": {"limits": {"nvidia.com/gpu": "2"}}}

    both = merged(below, over)["resources"]
    assert both == {"requests": {"cpu": "4"}, "limits": {"nvidia.com/gpu": "2"}}


def test_tolerations_are_replaced_whole():
    below = {"tolerations": [{"key": "a"}, {"key": "b"}]}

    assert merged(below, {"tolerations": [{"key": "c"}]}) == {"tolerations": [{"key": "c"}]}


def test_a_volume_of_the_same_name_is_replaced_and_not_mixed():
    below = {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]}
    over = {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}

    both = merged(below, over)["volumes"]
    assert both == [{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w", "emptyDir": {}}]


@given(ENV, ENV)
def test_environment_is_merged_by_name(below, above):
    both = merged(
        {"env": [{"name": name, "value": "below"} for name in below]},
        {"env": [{"name": name, "value": "above"} for name in above]},
    )["env"]

    assert {one["name"]: one["value"] for one in both} == (
        dict.fromkeys(below, "below") | dict.fromkeys(above, "above")
    )
    assert [one["name"] for one in both][: len(below)] == below


@given(st.dictionaries(NAMES, st.integers() | st.lists(st.integers())))
def test_nothing_over_something_changes_nothing(document):
    assert merged(document, {}) == document
    assert merged({}, document) == document
