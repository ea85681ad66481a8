import pytest

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.quota import capacity_of_refusal, over_quota
from airtune.launchers.probe import Pending
from airtune.records import Failure, FailureClass

# As an API server of v1.34.4 wrote them.
FULL = (
    'pods "b" is forbidden: exceeded quota: team, requested: '
    "limits.memory=1536Mi,requests.cpu=600m, used: limits.memory=1Gi,requests.cpu=600m, limited: "
    "limits.memory=2Gi,requests.cpu=1"
)
TOO_MUCH = (
    'pods "c" is forbidden: exceeded quota: team, requested: requests.cpu=6, used: '
    "requests.cpu=600m, limited: requests.cpu=1"
)
TOO_MANY_GPUS = (
    'pods "d" is forbidden: exceeded quota: team, requested: requests.nvidia.com/gpu=4, used: '
    "requests.nvidia.com/gpu=0, limited: requests.nvidia.com/gpu=2"
)
UNSAID = (
    'pods "e" is forbidden: failed quota: team: must specify limits.memory for: server; '
    "requests.cpu for: server"
)
EVENT = f"(combined from similar events): Error creating: {TOO_MUCH}"


def _refused(text: str) -> ApiRefused:
    return ApiRefused(403, "Forbidden", text)


def test_a_quota_that_is_used_up_is_waited_for() -> None:
    found = capacity_of_refusal(_refused(FULL), "models")
    assert isinstance(found, Pending)
    for words in ("models", "quota team", "limits.memory 1536Mi", "600m of 1 requests.cpu in use"):
        assert words in found.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TOO_MUCH, ["requests.cpu 6", "the limit is requests.cpu 1", "have the quota raised"]),
        (TOO_MANY_GPUS, ["requests.nvidia.com/gpu 4", "limit is requests.nvidia.com/gpu 2"]),
        (UNSAID, ["must specify limits.memory for: server", "kubernetes.limits"]),
        (EVENT, ["requests.cpu 6"]),
    ],
)
def test_a_quota_that_can_never_hold_it_is_the_tasks_fault(text: str, words: list[str]) -> None:
    found = capacity_of_refusal(_refused(text), "models")
    assert isinstance(found, Failure)
    assert found.failure_class is FailureClass.INVALID_CONFIG
    for one in (*words, "models"):
        assert one in found.reason


def test_an_event_says_the_same_as_a_refusal() -> None:
    assert over_quota(EVENT) == over_quota(_refused(TOO_MUCH))
    verdict, _ = over_quota(f"Error creating: {FULL}") or ("", "")
    assert verdict == "wait"


@pytest.mark.parametrize(
    "text",
    [
        'pods "x" is forbidden: User "someone" cannot create resource "pods" in API group ""',
        'admission webhook "x" denied the request: no',
        "",
    ],
)
def test_other_refusals_are_not_about_capacity(text: str) -> None:
    assert capacity_of_refusal(_refused(text), "models") is None


def test_amounts_in_an_unknown_form_are_waited_for() -> None:
    text = TOO_MUCH.replace("requests.cpu=6", "requests.cpu=6?")
    assert isinstance(capacity_of_refusal(_refused(text), "models"), Pending)
