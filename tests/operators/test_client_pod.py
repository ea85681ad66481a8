"""genai-bench in a pod, as the benchmark's port wants it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.benchmark.samples import a_task, some_settings
from tests.launchers.kubernetes.client_cluster import ClientCluster, a_client_cluster, through
from tests.launchers.kubernetes.client_orders import RUN

from airtune.benchmark.output import ClientOutput
from airtune.benchmark.runner import Ended, Ending
from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.client_call import ClientCall, ClientEnd
from airtune.launchers.kubernetes.client_pod import POINT
from airtune.launchers.kubernetes.handle import Handle
from airtune.operators.client_pod import PodRunner
from airtune.records import Endpoint, FailureClass, ValidityFlag
from airtune.task.kubernetes import KubernetesOptions

Site = tuple[ClientCluster, Handle]


@pytest.fixture
def site() -> Iterator[Site]:
    with a_client_cluster() as site:
        yield site


def _runner(site: Site, folder: Path, **more: Any) -> PodRunner:
    cluster, server = site
    endpoint = Endpoint(
        base_url=server.inside_url,
        model_name="m",
        trial_id=12,
        handle=server.model_dump(mode="json"),
    )
    fields: dict[str, Any] = {
        "where": "the cluster",
        "options": KubernetesOptions(),
        "run_key": RUN,
        "slot": 4,
        "attempt": 3,
        "pending_limit_s": 10.0,
        "through": through,
        "environ": {},
    }
    return PodRunner(cluster, endpoint, some_settings(folder), **(fields | more))  # type: ignore[arg-type]


def _measured(runner: PodRunner, folder: Path, complete: bool = False, **env: str) -> Ending:
    (folder / "log").mkdir()
    around = runner.surroundings(runner.endpoint, a_task(), folder)
    with ClientOutput(folder / "client.log", lambda line: None) as output:
        return runner.run(
            ["genai-bench"], env=env, around=around, output=output, limit_s=5,
            complete=lambda: complete,
        )  # fmt: skip


def test_the_client_sees_the_server_as_the_cluster_does(site: Site, tmp_path: Path) -> None:
    runner = _runner(site, tmp_path)
    around = runner.surroundings(runner.endpoint, a_task(), tmp_path)
    assert around.base_url == site[1].inside_url
    assert around.folder == POINT
    assert around.own == tmp_path


def test_the_hubs_token_does_not_stand_in_the_manifest(site: Site, tmp_path: Path) -> None:
    calls: list[ClientCall] = []

    def keep(call: ClientCall) -> None:
        calls.append(call)
        call.end = ClientEnd("ended", 0, 1.0)

    _measured(_runner(site, tmp_path, through=keep), tmp_path, HF_TOKEN="hf_secret", A="b")
    assert "hf_secret" not in str(calls[0].manifest)
    assert calls[0].order.hub_token == "hf_secret"
    assert calls[0].order.env == {"A": "b"}
    assert calls[0].order.trial_id == 12


@pytest.mark.parametrize(
    ("why", "complete", "how"),
    [
        ("ended", False, Ended.BY_ITSELF),
        ("ended", True, Ended.RESULT_COMPLETE),
        ("complete", True, Ended.RESULT_COMPLETE),
        ("limit", False, Ended.LIMIT),
        ("stopped", False, Ended.SERVER_GONE),
        ("fenced_off", False, Ended.FENCED_OFF),
    ],
)
def test_each_end_of_a_call_is_one_of_the_ports(
    site: Site, tmp_path: Path, why: Any, complete: bool, how: Ended
) -> None:
    def end(call: ClientCall) -> None:
        call.end = ClientEnd(why, 7 if why == "ended" else None, 1.5)

    ending = _measured(_runner(site, tmp_path, through=end), tmp_path, complete)
    assert (ending.how, ending.seconds) == (how, 1.5)
    assert ending.exit_code == (7 if how is Ended.BY_ITSELF else None)


def test_what_the_api_server_refuses_is_the_trials_failure(site: Site, tmp_path: Path) -> None:
    def refuse(call: ClientCall) -> None:
        raise ApiRefused(0, "Unreachable", "connection refused")

    with pytest.raises(TrialFailed, match="connection refused") as caught:
        _measured(_runner(site, tmp_path, through=refuse), tmp_path)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_client_on_the_servers_node_makes_the_figures_doubtful(
    site: Site, tmp_path: Path
) -> None:
    cluster, server = site
    path = paths.pods("n", server.name)
    cluster.change(path, metadata=cluster.get(path)["metadata"] | {"labels": {"app": "x"}})

    def on(node: str) -> Any:
        def end(call: ClientCall) -> None:
            call.pod = call.manifest
            call.pod["spec"]["nodeName"] = node
            call.end = ClientEnd("complete", None, 1.0)

        return end

    containers = [{"name": "server"}]
    cluster.change(path, spec={"nodeName": "a", "containers": containers})
    for node, flags in (("a", {ValidityFlag.SHARED_HOST}), ("b", set())):
        runner = _runner(site, tmp_path, through=on(node))
        (tmp_path / node).mkdir()
        _measured(runner, tmp_path / node)
        assert set(runner.doubts()) == flags
