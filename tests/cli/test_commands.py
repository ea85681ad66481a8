import json
from pathlib import Path

import pytest
from tests.cli.conftest import EXAMPLES, Command
from tests.cli.fake_airflow import FakeAirflow, TaskKey

VERDICT = {
    "verdict": {"statement": "parallel=2 wins.", "best": 2, "gain": {"pct": 12.0}},
    "unit": "tokens/s",
    "launch_command": "llama-server --parallel 2",
    "results": "results/x_results.json",
    "reused": 0,
    "measured": 2,
    "table": [],
}
PLAN = [
    {"run": "r", "study": "s", "slot": 0, "label": "baseline"},
    {"run": "r", "study": "s", "slot": 1, "label": "parallel=2"},
]
SCORE = {"trial_id": 2, "state": "succeeded", "score": 50.0, "raw": 50.0, "unit": "tokens/s"}


@pytest.fixture
def tuning(airflow: FakeAirflow, monkeypatch: pytest.MonkeyPatch) -> FakeAirflow:
    """A run of two trials, the first of which fails, and a login in the environment."""
    monkeypatch.setenv("AIRTUNE_API_USER", "admin")
    monkeypatch.setenv("AIRTUNE_API_PASSWORD", "right")
    begun: dict[TaskKey, str | None] = {("plan", -1): "success", ("reduce", -1): None}
    over: dict[TaskKey, str | None] = begun | {
        ("slot.deploy", 0): "failed",
        ("slot.benchmark", 0): "upstream_failed",
        ("slot.teardown", 0): "success",
        ("slot.deploy", 1): "success",
        ("slot.benchmark", 1): "success",
        ("slot.teardown", 1): "success",
        ("reduce", -1): "success",
    }
    airflow.moments = [begun, over]
    airflow.xcoms = {
        ("plan", -1): PLAN,
        ("slot.benchmark", 1): SCORE,
        ("reduce", -1): VERDICT,
    }
    return airflow


def write(folder: Path, **changes: object) -> Path:
    """The example with some fields changed."""
    data = json.loads((EXAMPLES / "local_smollm2.json").read_text()) | changes
    path = folder / "task.json"
    path.write_text(json.dumps(data))
    return path


def test_validate_says_what_was_understood(airtune: Command, local_task: Path) -> None:
    ended = airtune("validate", local_task)
    assert ended.code == 0
    assert "valid (local, llama_cpp, 7 trials)" in ended.out
    assert "Looks for the most output tokens per second" in ended.out


def test_validate_looks_at_every_file_and_ends_with_2(
    airtune: Command, local_task: Path, tmp_path: Path
) -> None:
    bad = write(tmp_path, paramters={})
    ended = airtune("validate", bad, local_task)
    assert ended.code == 2
    assert "paramters" in ended.err
    assert "Did you mean" in ended.err
    assert f"{local_task}: valid" in ended.out


def test_validate_refuses_an_empty_space(airtune: Command, tmp_path: Path) -> None:
    ended = airtune("validate", write(tmp_path, parameter_constraints=["parallel > 100"]))
    assert ended.code == 2
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", ["docker_task.json", "simple_task.json", "docker_vllm.yaml"])
def test_every_example_is_valid(airtune: Command, name: str) -> None:
    assert airtune("validate", EXAMPLES / name).code == 0


def test_plan_shows_command_lines_load_points_and_time(airtune: Command, local_task: Path) -> None:
    ended = airtune("plan", local_task)
    assert ended.code == 0
    assert "--parallel 4" in ended.out
    assert "airtune.launchers.local.llama_server" in ended.out
    assert "load points: D(32,24)@4" in ended.out
    assert "estimated time: about" in ended.out


def test_plan_as_json_has_each_trials_argv(airtune: Command) -> None:
    ended = airtune("plan", EXAMPLES / "docker_task.json", "--json")
    plan = json.loads(ended.out)
    assert plan["trials"][0]["role"] == "baseline"
    assert plan["trials"][1]["argv"][:3] == ["python3", "-m", "sglang.launch_server"]
    assert plan["load_points"] == ["D(100,100)@1", "D(100,100)@4"]
    assert plan["estimate"]["total_s"] > 0


def test_plan_shows_what_is_laid_over_omes_runtime(airtune: Command) -> None:
    ended = airtune("plan", EXAMPLES / "simple_task.json")
    assert "runtime llama-3-2-1b-instruct-sglang as it is" in ended.out
    assert "--mem-fraction-static 0.8 --tp-size 1" in ended.out
    assert "sglang.launch_server" not in ended.out
    plan = json.loads(airtune("plan", EXAMPLES / "simple_task.json", "--json").out)
    assert [trial["argv"] for trial in plan["trials"][:2]] == [
        [],
        ["--mem-fraction-static", "0.8", "--tp-size", "1"],
    ]


def test_run_sends_the_task_inline_and_tells_the_end(
    airtune: Command, tuning: FakeAirflow, local_task: Path
) -> None:
    ended = airtune("run", local_task, "--url", tuning.url)
    assert ended.err == ""
    assert ended.code == 0
    assert tuning.confs == [{"task": json.loads(local_task.read_text())}]
    for text in ("baseline: failed", "parallel=2: succeeded, 50.0 tokens/s", "parallel=2 wins."):
        assert text in ended.out
    assert "+12.0 %" in ended.out


def test_run_without_watching_returns_at_once(
    airtune: Command, tuning: FakeAirflow, local_task: Path
) -> None:
    ended = airtune("run", local_task, "--url", tuning.url, "--no-watch", "--rerun")
    assert ended.code == 0
    assert tuning.confs[0]["rerun"] is True
    assert f"{tuning.url}/dags/autotune_local/runs/" in ended.out


def test_a_failed_plan_is_told_in_its_own_words(
    airtune: Command, tuning: FakeAirflow, local_task: Path
) -> None:
    tuning.moments = [{("plan", -1): "failed", ("reduce", -1): "failed"}]
    tuning.end = "failed"
    tuning.errors = {
        ("plan", -1): "model.path: does not exist.",
        ("reduce", -1): "plan failed, so there is no verdict.",
    }
    ended = airtune("run", local_task, "--url", tuning.url)
    assert ended.code == 1
    assert "plan failed: model.path: does not exist." in ended.out


def test_a_run_marked_failed_by_hand_points_to_the_results(
    airtune: Command, tuning: FakeAirflow, local_task: Path
) -> None:
    tuning.moments[-1][("reduce", -1)] = "skipped"
    ended = airtune("run", local_task, "--url", tuning.url)
    assert ended.code == 1
    assert "airtune results" in ended.out


def test_run_refuses_a_bad_task_before_it_asks_airflow(
    airtune: Command, tuning: FakeAirflow, tmp_path: Path
) -> None:
    ended = airtune("run", write(tmp_path, engine="lama_cpp"), "--url", tuning.url)
    assert ended.code == 2
    assert "llama_cpp" in ended.err
    assert tuning.confs == []


def test_run_with_a_wrong_password_is_one_message(
    airtune: Command,
    tuning: FakeAirflow,
    local_task: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRTUNE_API_PASSWORD", "hunter2")
    ended = airtune("run", local_task, "--url", tuning.url)
    assert ended.code == 1
    assert "refuses the login of 'admin'" in ended.err
    assert "hunter2" not in ended.err + ended.out
    assert "Traceback" not in ended.err


def test_run_with_nobody_listening_says_how_to_start_airflow(
    airtune: Command, tuning: FakeAirflow, local_task: Path
) -> None:
    ended = airtune("run", local_task, "--url", "http://127.0.0.1:1")
    assert ended.code == 1
    assert "make airflow" in ended.err


def test_results_of_what_was_never_run_says_so(airtune: Command, local_task: Path) -> None:
    for what in ("never-run", local_task):
        ended = airtune("results", what)
        assert ended.code == 2
        assert "has no run in the store" in ended.err


def test_a_wrong_setting_is_bad_input(
    airtune: Command, local_task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRTUNE_DEVICES", "tpu0")
    ended = airtune("plan", local_task)
    assert ended.code == 2
    assert "AIRTUNE_DEVICES" in ended.err


@pytest.mark.parametrize("words", [["bogus"], ["run"], ["plan", "--jsno", "x.json"]])
def test_a_wrong_command_line_ends_with_2(airtune: Command, words: list[str]) -> None:
    ended = airtune(*words)
    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_version_is_printed(airtune: Command) -> None:
    assert airtune("--version").out.startswith("airtune ")
