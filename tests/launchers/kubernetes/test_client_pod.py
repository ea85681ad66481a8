"""The manifest of the client's pod."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.launchers.kubernetes.client_orders import SERVER, an_order

from airtune.launchers.kubernetes.client_pod import ClientPodOrder, client_pod, helper_resources
from airtune.task.kubernetes import ClientPod

RESERVED = {"cpu": "2", "memory": "2Gi"}
_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")


def _expanded(word: str) -> str:
    """As a kubelet puts in variables: two dollars are one, ``$(NAME)`` is NAME's value."""
    return _REFERENCE.sub(lambda match: "$" if match[1] == "$" else "VALUE", word)


@given(st.lists(st.text(alphabet="a$() "), min_size=1), st.text(alphabet="a$() "))
def test_the_client_gets_its_words_as_they_are(words: list[str], value: str) -> None:
    (container,) = client_pod(an_order(argv=tuple(words), env={"X": value}))["spec"]["containers"]
    assert [_expanded(word) for word in container["command"]] == words
    assert "args" not in container
    assert _expanded(container["env"][0]["value"]) == value


def test_it_goes_when_its_server_goes() -> None:
    (owner,) = client_pod(an_order())["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "v1", "kind": "Pod", "name": SERVER.name, "uid": "u-1"}
    of_ome = SERVER.model_copy(update={"launcher": "ome"})
    (owner,) = client_pod(an_order(server=of_ome))["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"]) == ("ome.io/v1beta1", "InferenceService")


def test_it_is_found_by_text_labels_and_has_a_short_name() -> None:
    metadata = client_pod(an_order())["metadata"]
    assert len(metadata["name"]) <= 56
    assert metadata["namespace"] == "models"
    assert metadata["labels"]["airtune/role"] == "client"
    assert metadata["labels"]["airtune/attempt"] == "3"
    assert all(isinstance(value, str) for value in metadata["labels"].values())


def test_the_hubs_token_is_a_file_or_a_secret_and_never_in_the_manifest() -> None:
    by_file = client_pod(an_order(hub_token="hf_secret"))
    assert "hf_secret" not in json.dumps(by_file)
    names = [one["name"] for one in by_file["spec"]["containers"][0]["env"]]
    assert names == ["ENABLE_UI", "HF_TOKEN_PATH"]
    options = {"hf_token_secret": {"name": "hub", "key": "token"}}
    by_secret = client_pod(an_order(hub_token="hf_secret", options=options))
    assert "hf_secret" not in json.dumps(by_secret)
    assert by_secret["spec"]["containers"][0]["env"][-1] == {
        "name": "HF_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}},
    }
    assert "hf_secret" not in repr(an_order(hub_token="hf_secret"))


def test_what_the_task_asks_of_the_clients_pod_is_in_it() -> None:
    client = {
        "node_selector": {"pool": "client"},
        "tolerations": [{"key": "x", "operator": "Exists"}],
        "requests": {"cpu": "1"},
        "limits": {"memory": "2Gi"},
    }
    options = {"client": client, "image_pull_secrets": ["registry"], "image_pull_policy": "Always"}
    spec = client_pod(an_order(options=options))["spec"]
    assert spec["nodeSelector"] == {"pool": "client"}
    assert spec["tolerations"] == [{"key": "x", "operator": "Exists"}]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    (container,) = spec["containers"]
    assert container["resources"] == {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi"}}
    assert container["imagePullPolicy"] == "Always"
    assert spec["activeDeadlineSeconds"] == 900


@pytest.mark.parametrize("field", ["nodeSelector", "tolerations", "imagePullSecrets"])
def test_what_the_task_does_not_ask_for_is_not_in_it(field: str) -> None:
    assert field not in client_pod(an_order())["spec"]


def test_a_pod_of_reserved_cores_reserves_for_every_container() -> None:
    reserved = ClientPod.model_validate({"requests": RESERVED, "limits": RESERVED})
    resources = helper_resources(reserved)
    assert resources["requests"] == resources["limits"]
    for fields in ({}, {"requests": RESERVED}, {"limits": {"cpu": "2"}}):
        assert "limits" not in helper_resources(ClientPod.model_validate(fields))
    more = {"requests": {"cpu": "1"}, "limits": RESERVED}
    assert "limits" not in helper_resources(ClientPod.model_validate(more))


def test_nothing_in_it_has_rights_over_the_node_or_the_cluster() -> None:
    order: ClientPodOrder = an_order()
    spec = client_pod(order)["spec"]
    assert spec["automountServiceAccountToken"] is False
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert "privileged" not in container["securityContext"]
