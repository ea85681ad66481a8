from pathlib import Path

from tests.results.docker_samples import ARGV, ENVIRON, IDENTITY, a_docker_task
from tests.scoring.samples import both

from airtune.records import ParamValue, Role, TrialState
from airtune.results.conclusion import document_of
from airtune.results.document import ResultsDocument
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.study.store import Store


def _concluded(folder: Path, *identities: dict[str, ParamValue]) -> ResultsDocument:
    """The document of a run on ``gpu7``: the baseline, then trials that are ever faster."""
    settings = Settings.load(ENVIRON)
    task = a_docker_task(parameters={"chunked-prefill-size": [64, 128]})
    plan = make_plan(task, settings, host="gpu7")
    with Store.open(f"sqlite:///{folder}/store.db") as store:
        items = [{"trial": t.model_dump(mode="json"), "reused": None} for t in plan.trials]
        run = "autotune_docker__gpu7/one"
        dump = task.model_dump(mode="json")
        store.open_run(run, plan.study, task.task_name, "docker/gpu7", dump, items)
        for slot, (trial, identity) in enumerate(zip(plan.trials, identities, strict=True)):
            attempt = store.claim(run, slot, "deploy", 0).attempt
            what = {"label": trial.label, "parameters": trial.parameters}
            store.begin_trial(
                *(run, slot, attempt), role=Role(trial.role), plan_key=trial.plan_key, **what
            )
            for index, point in enumerate(both(latency=1000 / (slot + 1))):
                store.record_measurement(run, slot, attempt, index, point)
            store.record_trial(
                *(run, slot, attempt),
                state=TrialState.SUCCEEDED,
                argv=ARGV,
                devices=("gpu7/gpu3",),
                identity=identity,
            )
        return document_of(store, store.run(run), settings)


def test_a_docker_run_is_told_with_the_winners_image_and_its_own_host(tmp_path: Path) -> None:
    old, new = ({**IDENTITY, "image_digest": f"sha256:{n}"} for n in (1, 2))
    document = _concluded(tmp_path, old, old, new)
    assert document.verdict.winner == 3
    assert document.provenance.image_digest == "sha256:2"
    assert document.provenance.docker == "20.10.24"
    assert document.provenance.hardware["docker_host"] == "gpu7"
    assert document.winner is not None
    assert "-p 10.0.0.7:8000:8000" in document.winner.launch_command
    assert [trial.identity["image_digest"] for trial in document.trials] == [
        "sha256:1",
        "sha256:1",
        "sha256:2",
    ]


def test_without_the_winners_identity_the_baselines_is_told(tmp_path: Path) -> None:
    document = _concluded(tmp_path, IDENTITY, {"image_digest": "sha256:9"}, {})
    assert document.provenance.image_digest == IDENTITY["image_digest"]


def test_where_nothing_was_found_nothing_is_told(tmp_path: Path) -> None:
    assert _concluded(tmp_path, {}, {}, {}).provenance.image_digest is None
