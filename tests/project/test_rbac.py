"""The RBAC manifest gives what the launchers need, and nothing beyond it."""

from collections.abc import Iterator

import pytest

from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.rights import RULES, Rule
from airtune.testing.kubernetes_rights import NAMESPACE, manifests

Right = tuple[bool, str, str, str]
"""Of the cluster, group, resource, verb."""


def given(*, ome: bool = True) -> set[Right]:
    """What the roles of the manifest allow."""
    return {
        (manifest["kind"] == "ClusterRole", group, resource, verb)
        for manifest in manifests(NAMESPACE, ome=ome)
        for rule in manifest.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def needed(rules: tuple[Rule, ...]) -> set[Right]:
    return {(rule.cluster, rule.group, rule.resource, v) for rule in rules for v in rule.verbs}


@pytest.mark.parametrize("ome", [True, False])
def test_the_manifest_has_exactly_the_rights_of_the_table(ome: bool) -> None:
    assert given(ome=ome) == needed(tuple(rule for rule in RULES if ome or not rule.ome))


def test_there_is_no_right_for_everything_and_none_to_read_secrets() -> None:
    for _, group, resource, verb in given():
        assert "*" not in {group, resource, verb}
        assert resource != "secrets"


def bindings() -> Iterator[Json]:
    yield from (one for one in manifests("elsewhere") if "roleRef" in one)


def test_every_role_is_bound_to_the_account_of_the_namespace() -> None:
    roles = {
        (one["kind"], one["metadata"]["name"]) for one in manifests("elsewhere") if "rules" in one
    }
    assert {(one["roleRef"]["kind"], one["roleRef"]["name"]) for one in bindings()} == roles
    account = {"kind": "ServiceAccount", "name": "airtune", "namespace": "elsewhere"}
    assert all(one["subjects"] == [account] for one in bindings())


def test_what_can_be_left_out_are_objects_of_their_own() -> None:
    parts = {
        (one["metadata"]["labels"]["app.kubernetes.io/component"], one["kind"])
        for one in manifests(NAMESPACE)
    }
    assert {("ome-shared", "ClusterRole"), ("nodes", "ClusterRole")} <= parts
