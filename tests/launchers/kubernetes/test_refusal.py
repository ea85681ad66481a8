"""What the API server refuses is told by class, in its own words, with the fix."""

import pytest

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.refusal import failure_of, quota_of, reaching, rule_of
from airtune.records import FailureClass

RBAC = (
    'pods is forbidden: User "system:serviceaccount:a:b" cannot create resource "pods" in API '
    'group "" in the namespace "tuning"'
)
QUOTA = (
    'pods "x" is forbidden: exceeded quota: small, requested: limits.cpu=2,pods=1, '
    "used: limits.cpu=3,pods=1, limited: limits.cpu=4,pods=1"
)
CASES = [
    (0, "ConnectionError: refused", FailureClass.INFRASTRUCTURE, "AIRTUNE_KUBECONFIG"),
    (401, "Unauthorized", FailureClass.INFRASTRUCTURE, "Renew the token"),
    (403, RBAC, FailureClass.INFRASTRUCTURE, 'resources: ["pods"], verbs: ["create"]'),
    (403, QUOTA, FailureClass.INFRASTRUCTURE, "pods 1 of 1 used"),
    (
        400,
        'admission webhook "guard.example.com" denied the request: no tuning on Fridays',
        FailureClass.INVALID_CONFIG,
        "guard.example.com of here refuses it",
    ),
    (
        403,
        'pods "x" is forbidden: violates PodSecurity "restricted:latest": hostPath',
        FailureClass.INVALID_CONFIG,
        "policy",
    ),
    (
        422,
        "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request",
        FailureClass.INVALID_CONFIG,
        "policy",
    ),
    (
        403,
        'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
        FailureClass.INVALID_CONFIG,
        "maximum cpu usage",
    ),
    (
        403,
        "unable to create new content in namespace x because it is being terminated",
        FailureClass.INFRASTRUCTURE,
        "not ready",
    ),
    (404, 'namespaces "nix" not found', FailureClass.INVALID_CONFIG, "model.namespace"),
    (
        404,
        "the server could not find the requested resource",
        FailureClass.INVALID_CONFIG,
        "CRDs",
    ),
    (
        400,
        'Pod in version "v1" cannot be handled: unknown field "spec.nix"',
        FailureClass.INVALID_CONFIG,
        "spec.nix",
    ),
    (
        500,
        'failed calling webhook "guard.example.com": connection refused',
        FailureClass.INFRASTRUCTURE,
        "does not answer",
    ),
    (404, 'pods "airtune-x" not found', FailureClass.INFRASTRUCTURE, "is gone"),
    (404, 'inferenceservices.ome.io "x" not found', FailureClass.INFRASTRUCTURE, "is gone"),
    (503, "etcd is away", FailureClass.INFRASTRUCTURE, "HTTP 503"),
]


@pytest.mark.parametrize(("status", "message", "failure_class", "told"), CASES)
def test_a_refusal_has_its_class_and_says_what_to_do(status, message, failure_class, told):
    failure = failure_of(ApiRefused(status, "Reason", message), "here")
    assert failure.failure_class is failure_class
    assert told in failure.reason
    assert "here" in failure.reason


def test_a_quotas_figures_are_read():
    quota = quota_of(ApiRefused(403, "Forbidden", QUOTA))
    assert quota.name == "small"
    assert quota.requested == {"limits.cpu": "2", "pods": "1"}
    assert quota.used == {"limits.cpu": "3", "pods": "1"}
    assert quota.limited == {"limits.cpu": "4", "pods": "1"}
    assert quota_of(ApiRefused(403, "Forbidden", RBAC)) is None


def test_the_missing_rule_is_named_as_one_writes_it():
    rule = rule_of(ApiRefused(403, "Forbidden", RBAC))
    assert rule == '{apiGroups: [""], resources: ["pods"], verbs: ["create"]}'
    assert rule_of(ApiRefused(403, "Forbidden", QUOTA)) is None


def test_a_block_turns_refusals_into_failed_trials():
    with pytest.raises(TrialFailed, match="HTTP 503"), reaching("here"):
        raise ApiRefused(503, "Unavailable", "etcd is away")
