"""Plan refuses a tokenizer by the same rule by which the client finds it."""

from pathlib import Path

import pytest

from airtune.errors import Problem, TaskError
from airtune.operators.preflight import check_local
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.task import read_task
from airtune.testing.fake_task import fake_task


def _problems(home: Path, tokenizer: str) -> list[Problem]:
    data = fake_task("t", parameters={"random_seed": [1]})
    data["benchmark"]["model_tokenizer"] = tokenizer
    settings = Settings.load({"AIRTUNE_HOME": str(home), "AIRTUNE_ENGINE_COMMANDS": "{}"})
    task = read_task(data)
    with pytest.raises(TaskError) as caught:  # the engine's program is missing in any case
        check_local(task, make_plan(task, settings), settings)
    return [p for p in caught.value.problems if p.path == "benchmark.model_tokenizer"]


@pytest.mark.parametrize("tokenizer", ["tok", "deep/er/tok", "org/name", "gpt2"])
def test_a_folder_that_is_there_or_a_hub_id_is_let_through(tmp_path: Path, tokenizer: str) -> None:
    (tmp_path / "tok").mkdir()
    (tmp_path / "deep/er/tok").mkdir(parents=True)
    assert _problems(tmp_path, tokenizer) == []


@pytest.mark.parametrize("tokenizer", ["./tok", "deep/er/tok", "/no/where", "~/tok", "a b"])
def test_a_path_where_nothing_is_is_refused_with_the_place(tmp_path: Path, tokenizer: str) -> None:
    (problem,) = _problems(tmp_path, tokenizer)
    assert "there is no such folder (/" in problem.reason
    assert "make env" in problem.fix
