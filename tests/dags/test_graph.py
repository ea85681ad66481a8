"""The graph of the ``autotune_*`` DAGs: order, rules and priorities."""

from pathlib import Path

import pytest
from airflow.sdk import DAG, TriggerRule

from airtune.operators.deploy import Deploy
from airtune.operators.graph import LauncherTasks, autotune
from airtune.operators.teardown import Teardown


@pytest.fixture(scope="module")
def dag() -> DAG:
    return autotune(LauncherTasks("local", Deploy, Teardown, "as a process", "local_smollm2.json"))


def test_a_slot_deploys_then_benchmarks_then_tears_down(dag: DAG) -> None:
    assert dag.get_task("slot.deploy").downstream_task_ids == {"slot.benchmark"}
    assert dag.get_task("slot.benchmark").downstream_task_ids >= {"slot.teardown"}


def test_deploy_is_no_setup_so_its_failure_does_not_keep_teardown_from_running(dag: DAG) -> None:
    assert not dag.get_task("slot.deploy").is_setup
    assert dag.get_task("slot.teardown").is_teardown


def test_reduce_waits_for_teardown_and_runs_whatever_became_of_the_slots(dag: DAG) -> None:
    reduce = dag.get_task("reduce")
    assert "slot.teardown" in reduce.upstream_task_ids
    assert reduce.trigger_rule == TriggerRule.ALL_DONE


def test_what_has_begun_is_finished_before_more_is_begun(dag: DAG) -> None:
    weights = [dag.get_task(f"slot.{name}") for name in ("teardown", "benchmark", "deploy")]
    assert [task.priority_weight for task in weights] == sorted(
        (task.priority_weight for task in weights), reverse=True
    )
    assert {str(task.weight_rule).rpartition(".")[2] for task in weights} != {"downstream"}


def test_there_is_no_dagrun_timeout_because_it_would_skip_teardowns(dag: DAG) -> None:
    assert dag.dagrun_timeout is None


def test_the_manual_names_every_key_of_the_conf(dag: DAG) -> None:
    assert dag.doc_md is not None
    for key in dag.params:
        assert f"`{key}`" in dag.doc_md


@pytest.mark.parametrize(
    ("launcher", "keys"),
    [
        ("local", set()),
        ("docker/gpu7", {"model_path", "client"}),
        ("kubernetes", {"model_path", "namespace", "kubeconfig", "client"}),
        ("ome", {"namespace", "kubeconfig", "client"}),
    ],
)
def test_each_launcher_has_the_overrides_that_mean_something_there(
    launcher: str, keys: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = '{"gpu7": {"url": "tcp://gpu7:2376", "devices": "gpu0"}}'
    monkeypatch.setenv("AIRTUNE_DOCKER_HOSTS", hosts)
    dag = autotune(LauncherTasks(launcher, Deploy, Teardown, "somewhere", "x.json"))
    common = {"task", "task_file", "max_iterations", "timeout_per_iteration", "rerun"}
    assert set(dag.params) - common == keys
    assert dag.doc_md is not None
    assert all(f"`{key}`" in dag.doc_md for key in keys)


def test_the_dag_file_is_a_few_lines() -> None:
    path = Path(__file__).resolve().parents[2] / "dags" / "autotune_local.py"
    assert len(path.read_text().splitlines()) < 25
