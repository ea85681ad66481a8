"""Tuning InferenceServices under Airflow; OME's controller is the project's stand-in."""

from pathlib import Path

import pytest
from tests.airflow.kubernetes.conftest import ClusterSite, ome_task

from airtune.launchers.kubernetes.names import ROLE
from airtune.records import FailureClass, TrialState
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_resources import SGLANG, a_runtime

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.kubernetes,
    pytest.mark.ome,
    pytest.mark.timeout(1200),
]

WAYS = ("cli", "container", "benchmark_job")
BEST = {"when": {"mem-fraction-static": 0.8}, "ttft_ms": 10, "tpot_ms": 1}
RUNTIME = "airtune-test-vanishing"
OWN_RUNTIME = "airtune-test-made"


@pytest.fixture(scope="module")
def runs(ome_site: ClusterSite, ome: Ome) -> ClusterSite:
    """A run for each way of the client, and one of each fault, all at once."""
    values = {"mem_frac": [0.8], "schedule_policy": ["fcfs"]}
    tasks = {
        f"o-{way}": ome_task(ome_site, f"o-{way}", client=way, parameters=values, rules=[BEST])
        for way in WAYS
    }
    crash = {"when": {"mem-fraction-static": 0.7}, "exit_at_start": 3}
    tasks["o-crash"] = ome_task(
        ome_site, "o-crash", client="cli", parameters={"mem_frac": [0.8, 0.7]}, rules=[BEST, crash]
    )
    spec = a_runtime(OWN_RUNTIME, command=_of(SGLANG, "command"), args=_of(SGLANG, "args"))["spec"]
    tasks["o-made"] = ome_task(
        ome_site,
        "o-made",
        client="cli",
        parameters={"mem_frac": [0.8]},
        rules=[BEST],
        base_runtime=OWN_RUNTIME,
        ome={"runtime_spec": spec},
    )
    for run, task in tasks.items():
        ome_site.api.trigger({"task": task}, run)
    for run in tasks:
        ome_site.api.wait(run, timeout_s=1000)
    return ome_site


def _of(runtime: str, field: str) -> list[str]:
    from airtune.testing.ome_resources import ready_made

    (found,) = [one for one in ready_made("/nowhere") if one["metadata"]["name"] == runtime]
    words: list[str] = found["spec"]["engineConfig"]["runner"][field]
    return words


def _lowest(site: ClusterSite, run: str) -> str:
    """The trial that was measured as the fastest.

    Which one that is, the many real clients at once decide: they share two cores.
    """
    scores = {trial.label: trial.score.score for trial in site.site.trials(run) if trial.score}
    return min(scores, key=lambda label: float(scores[label]))


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_the_client_ends_with_a_verdict(runs: ClusterSite, way: str) -> None:
    run = f"o-{way}"
    assert runs.api.run_state(run) == "success", [t.failure for t in runs.site.trials(run)]
    assert runs.api.result(run)["best"] == _lowest(runs, run)
    for trial in runs.site.trials(run):
        assert trial.state is TrialState.SUCCEEDED
        (point,) = trial.load_points
        assert point.completed >= 20
        assert Path(str(point.raw_file)).exists()


@pytest.mark.parametrize("way", WAYS)
def test_every_parameter_is_in_the_command_line_of_the_pod_behind(
    runs: ClusterSite, way: str
) -> None:
    trial = runs.site.trial(f"o-{way}", mem_frac=0.8, schedule_policy="fcfs")
    words = list(trial.argv)
    assert words[: len(_of(SGLANG, "command"))] == _of(SGLANG, "command")
    assert words[words.index("--mem-fraction-static") + 1] == "0.8"
    assert words[words.index("--schedule-policy") + 1] == "fcfs"
    assert words.count("--mem-fraction-static") == 1, "the runtime's own value is replaced"


def test_the_baseline_is_the_runtime_unmodified(runs: ClusterSite) -> None:
    words = list(runs.site.trial("o-cli").argv)
    assert words[words.index("--mem-fraction-static") + 1] == "0.9"
    assert "--schedule-policy" not in words


def test_a_crash_loop_behind_ome_is_a_crash(runs: ClusterSite) -> None:
    trial = runs.site.trial("o-crash", mem_frac=0.7)
    assert trial.failure.failure_class is FailureClass.STARTUP_CRASH, trial.failure.reason
    assert runs.site.trial("o-crash", mem_frac=0.8).state is TrialState.SUCCEEDED
    assert runs.api.result("o-crash")["best"] == _lowest(runs, "o-crash")


def test_a_runtime_that_airtune_made_is_removed_again(runs: ClusterSite, ome: Ome) -> None:
    assert runs.api.run_state("o-made") == "success", [
        t.failure for t in runs.site.trials("o-made")
    ]
    path = f"/apis/ome.io/v1beta1/clusterservingruntimes/{OWN_RUNTIME}"
    assert ome.api.find(path) is None


@pytest.mark.parametrize("run", [*(f"o-{way}" for way in WAYS), "o-crash", "o-made"])
def test_nothing_is_left(runs: ClusterSite, run: str) -> None:
    assert runs.left_of(run) == []


@pytest.fixture(scope="module")
def vanished(runs: ClusterSite, ome: Ome) -> ClusterSite:
    """A run whose runtime is removed while its first servers are measured."""
    runtime = a_runtime(RUNTIME, command=_of(SGLANG, "command"), args=_of(SGLANG, "args"))
    ome.make(runtime)
    task = ome_task(
        runs,
        "o-vanished",
        client="cli",
        parameters={"random_seed": [1, 2, 3, 4, 5, 6]},
        rules=[{"seconds": 5.0}],
        base_runtime=RUNTIME,
    )
    runs.api.trigger({"task": task}, "o-vanished")
    runs.api.until(lambda: _measured(runs), 300, "the first trial to be measured")
    ome.api.remove(f"/apis/ome.io/v1beta1/clusterservingruntimes/{RUNTIME}")
    runs.api.wait("o-vanished", timeout_s=600)
    return runs


def _measured(site: ClusterSite) -> bool:
    return any(t.state is TrialState.SUCCEEDED for t in site.site.trials("o-vanished"))


def test_a_runtime_that_is_removed_after_plan_fails_the_rest_by_its_name(
    vanished: ClusterSite,
) -> None:
    failures = [t.failure for t in vanished.site.trials("o-vanished") if t.failure]
    assert failures
    for failure in failures:
        assert failure.failure_class is FailureClass.INVALID_CONFIG, failure.reason
        assert RUNTIME in failure.reason
    assert vanished.left_of("o-vanished") == []


def test_the_servers_objects_say_whose_they_are(vanished: ClusterSite, ome: Ome) -> None:
    """Labels are there before anything else is: a task of one slot, looked at while it runs."""
    task = ome_task(
        vanished,
        "o-labels",
        client="cli",
        parameters={"random_seed": [1]},
        rules=[{"seconds": 5.0}],
    )
    vanished.api.trigger({"task": task}, "o-labels")
    found = vanished.api.until(
        lambda: vanished.found("inferenceservices", "o-labels"), 200, "an InferenceService"
    )
    assert found[0]["metadata"]["labels"][ROLE] == "server"
    assert all(isinstance(v, str) for v in found[0]["metadata"]["labels"].values())
    vanished.api.wait("o-labels", timeout_s=300)
    assert vanished.left_of("o-labels") == []
