"""``airtune export``: manifests of a stored run."""

import pytest
import yaml
from tests.cli.conftest import Command
from tests.results.docker_samples import a_docker_task

from airtune.records import Distribution, Measurement, Role, TrialState
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.study.store import Store

RUN = "autotune_docker/manual__1"
ARGV = ("python3", "-m", "sglang.launch_server", "--model-path", "/model", "--port", "8000")


@pytest.fixture
def store(home: object, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A run of Docker mode: the baseline, a better trial, and one that has not been measured."""
    monkeypatch.setenv("AIRTUNE_DEVICES", "gpu0")
    settings = Settings.load()
    task = a_docker_task(parameters={"chunked-prefill-size": [2048, 4096]})
    plan = make_plan(task, settings)
    items = [{"trial": t.model_dump(mode="json"), "reused": None} for t in plan.trials]
    with Store.open(settings.store_url) as opened:
        opened.open_run(
            RUN, plan.study, task.task_name, "docker", task.model_dump(mode="json"), items
        )
        for slot, planned in enumerate(plan.trials):
            claim = opened.claim(RUN, slot, "deploy", 0)
            opened.begin_trial(
                RUN,
                slot,
                claim.attempt,
                role=Role(planned.role),
                label=planned.label,
                parameters=planned.parameters,
                plan_key=planned.plan_key,
            )
            if slot == 2:
                break
            for index, point in enumerate(task.load_points):
                times = _same(100.0 / (slot + 1))
                measured = Measurement(
                    scenario=point.scenario,
                    concurrency=point.concurrency,
                    seconds=10,
                    requests=100,
                    completed=100,
                    error_rate=0,
                    e2e_latency_ms=times,
                    ttft_ms=times,
                    tpot_ms=times,
                    output_tokens_per_s=10.0,
                )
                opened.record_measurement(RUN, slot, claim.attempt, index, measured)
            opened.record_trial(
                RUN,
                slot,
                claim.attempt,
                state=TrialState.SUCCEEDED,
                devices=("gpu0",),
                argv=(*ARGV, *planned.server.own),
            )
    return settings


def _same(value: float) -> Distribution:
    return Distribution(mean=value, p50=value, p90=value, p95=value, p99=value)


def _args(text: str) -> list[str]:
    deployment, _ = yaml.safe_load_all(text)
    found: list[str] = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return found


def test_export_prints_what_the_verdict_recommends(airtune: Command, store: Settings) -> None:
    ended = airtune("export", "smol")
    assert (ended.code, ended.err) == (0, "")
    assert _args(ended.out)[-2:] == ["--chunked-prefill-size", "2048"]


def test_export_prints_any_trial_of_the_study(airtune: Command, store: Settings) -> None:
    assert "--chunked-prefill-size" not in _args(airtune("export", "smol", "--trial", 1).out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "has no run in the store"),
        (["smol", "--trial", "99"], "is no trial of this study"),
        (["smol", "--trial", "3"], "never started a server"),
        (["smol", "--as", "inference-service"], "names no serving runtime of OME"),
        (["smol", "--as", "helm"], "helm"),
    ],
)
def test_export_says_why_it_cannot(
    airtune: Command, store: Settings, words: list[str], said: str
) -> None:
    ended = airtune("export", *words)
    assert ended.code == 2
    assert said in ended.err
    assert ended.out == ""


def test_a_run_without_a_feasible_trial_has_no_export(airtune: Command, store: Settings) -> None:
    with Store.open(store.store_url) as opened:
        for slot in range(2):
            claim = opened.claim(RUN, slot, "deploy", 1)
            opened.begin_trial(
                RUN,
                slot,
                claim.attempt,
                role=Role.SEARCH,
                label="x",
                parameters={},
                plan_key="x",
            )
    ended = airtune("export", "smol")
    assert ended.code == 2
    assert "has no feasible trial" in ended.err
