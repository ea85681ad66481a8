"""The file for starting a server by hand is for people: a run never fails for it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airtune.launchers.kubernetes.handle import Handle
from airtune.operators.manifests import write_manifests
from airtune.records import Endpoint
from airtune.settings import Settings


def a_slot(launcher: str, home: Path) -> tuple[Any, list[str]]:
    said: list[str] = []
    settings = Settings.load(
        {"AIRTUNE_HOME": str(home), "AIRTUNE_KUBECONFIG": str(home / "no.kubeconfig")}
    )
    task = SimpleNamespace(launcher=launcher, task_name="t")
    return SimpleNamespace(task=task, settings=settings, say=said.append), said


def an_endpoint() -> Endpoint:
    handle = Handle(
        launcher="kubernetes",
        namespace="default",
        name="airtune-1",
        uid="1",
        pods="x",
        service="airtune-1",
        port=8000,
        container="server",
        engine="sglang",
        health_path="/health",
        log="server.log",
    )
    return Endpoint(
        base_url=handle.inside_url, model_name="m", trial_id=1, handle=handle.model_dump()
    )


def test_a_cluster_that_cannot_be_reached_is_said_and_no_failure(tmp_path: Path) -> None:
    slot, said = a_slot("kubernetes", tmp_path)
    write_manifests(slot, an_endpoint(), 1, tmp_path)
    assert said[0].startswith("server.yaml is not written: infrastructure")
    assert not (tmp_path / "server.yaml").exists()


def test_other_launchers_have_no_manifests(tmp_path: Path) -> None:
    slot, said = a_slot("docker", tmp_path)
    write_manifests(slot, an_endpoint(), 1, tmp_path)
    assert (said, list(tmp_path.iterdir())) == ([], [])
