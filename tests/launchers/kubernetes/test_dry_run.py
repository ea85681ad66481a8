"""What a cluster would refuse is told before anything is started."""

import pytest
from tests.launchers.kubernetes.cluster_orders import NAMESPACE, cluster_order

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.dry_run import problems
from airtune.launchers.kubernetes.pod_world import KubernetesWorld
from airtune.launchers.kubernetes.rights import RULES, rights, rules_of
from airtune.task.model import Model


@pytest.fixture
def found(cluster, settings):
    """The problems of an order."""
    return lambda order: problems(cluster, KubernetesWorld(settings).objects(cluster, order))


def test_a_good_order_has_no_problems_and_leaves_nothing(found, cluster, tmp_path):
    assert found(cluster_order(tmp_path)) == []
    assert cluster.all("pods") == []
    assert cluster.all("services") == []


def test_objects_are_asked_for_strictly(found, cluster, tmp_path, monkeypatch):
    asked, post = [], cluster.post

    def noting(path, body, **query):
        asked.append(query)
        return post(path, body, **query)

    monkeypatch.setattr(cluster, "post", noting)
    found(cluster_order(tmp_path))
    assert asked == [{"dryRun": "All", "fieldValidation": "Strict"}] * 2


def test_a_missing_namespace_is_one_problem(found, tmp_path):
    model = Model(name="m", in_image="/m", namespace="nix")
    (problem,) = found(cluster_order(tmp_path, model=model))
    assert problem.path == "model.namespace"
    assert "no namespace nix" in str(problem)


@pytest.mark.parametrize(
    ("message", "path", "told"),
    [
        ('admission webhook "w" denied the request: no', "kubernetes", "webhook w"),
        ('unknown field "spec.nix"', "kubernetes", "spec.nix"),
        (
            "exceeded quota: q, requested: pods=2, used: pods=0, limited: pods=1",
            "kubernetes.limits",
            "quota q can never",
        ),
        (
            'pods is forbidden: User "u" cannot create resource "pods" in API group "" in the '
            'namespace "tuning"',
            "model.namespace",
            'verbs: ["create"]',
        ),
    ],
)
def test_a_refusal_is_a_problem_of_its_field(found, cluster, tmp_path, message, path, told):
    status = 403 if "forbidden" in message or "quota" in message else 400
    cluster.refuse = lambda method, where, body: (
        ApiRefused(status, "Refused", message) if where.endswith("/pods") else None
    )
    (problem,) = found(cluster_order(tmp_path))
    assert problem.path == path
    assert told in str(problem)


def test_a_quota_that_is_full_now_is_no_problem(found, cluster, tmp_path):
    text = "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    cluster.refuse = lambda method, path, body: ApiRefused(403, "Forbidden", text)
    assert found(cluster_order(tmp_path)) == []


def test_every_missing_right_is_named_with_its_rule(cluster):
    assert rights(cluster, NAMESPACE, "kubernetes") == []
    cluster.forbidden |= {("create", "pods"), ("watch", "pods"), ("get", "pods/log")}
    first, second = rights(cluster, NAMESPACE, "kubernetes")
    assert "may not watch, create pods" in first.reason
    assert 'resources: ["pods"], verbs: ["watch", "create"]' in first.fix
    assert "pods/log" in second.reason


def test_what_only_some_runs_need_is_asked_for_only_then(cluster):
    cluster.forbidden |= {("get", "pods/exec"), ("list", "inferenceservices")}
    assert rights(cluster, NAMESPACE, "kubernetes") == []
    assert len(rights(cluster, NAMESPACE, "ome")) == 1
    assert len(rights(cluster, NAMESPACE, "kubernetes", {"servers", "container"})) == 1


def test_kubernetes_mode_needs_no_rights_of_ome():
    uses = {rule.use for rule in RULES}
    assert all(not rule.group for rule in rules_of("kubernetes", uses))
    assert set(rules_of("ome", uses)) == set(RULES)
