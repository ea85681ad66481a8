from pathlib import Path
from typing import Any

import pytest
from tests.study.plan_samples import a_local_task, a_task, some_settings

from airtune.settings import Settings
from airtune.study.identity import client_identity, installed_version, study_id
from airtune.study.plan import make_plan
from airtune.task import Task

HOME = Path("/srv/tune")
BENCHMARK = a_task().benchmark.model_dump(mode="json")


def keys(task: Task, settings: Settings | None = None) -> list[str]:
    here = settings or some_settings(HOME, AIRTUNE_DEVICES="gpu0")
    return [trial.plan_key for trial in make_plan(task, here).trials]


def environment(folder: Path, *distributions: str) -> Path:
    """A virtual environment as far as versions are looked up in it; its python."""
    for name in distributions:
        (folder / "lib/python3.11/site-packages" / f"{name}.dist-info").mkdir(parents=True)
    return folder / "bin/python"


def test_a_study_is_named_after_the_task_with_eight_digits() -> None:
    name, _, digits = study_id(a_task()).rpartition("-")
    assert name == "sample"
    assert len(digits) == 8
    assert int(digits, 16) >= 0


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"max-num-seqs": [64]}},
        {"parameter_constraints": ["tp_size > 0"]},
        {"description": "another text"},
        {"engine_args": {"context-length": 4096}},
        {"rerun": True},
        {"optimization": {"seed": 5, "max_iterations": 3, "strategy": "random"}},
        {"optimization": {"min_gain_pct": 10}},
        {"timeouts": {"start_s": 50}},
    ],
)
def test_an_edited_space_continues_the_study(changes: dict[str, Any]) -> None:
    assert study_id(a_task(**changes)) == study_id(a_task())


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"name": "another"}},
        {"deployment_mode": "ome"},
        {"benchmark": BENCHMARK | {"num_concurrency": [1]}},
        {"benchmark": BENCHMARK | {"weights": {"D(100,100)@4": 2.0}}},
        {"optimization": {"objective": "minimize_ttft"}},
        {"optimization": {"scope": "total"}},
        {"slo": {"ttft": {"threshold": 1.0}}},
        {"constraints": {"error_rate": 0.5}},
    ],
)
def test_another_model_workload_objective_or_launcher_is_another_study(
    changes: dict[str, Any],
) -> None:
    assert study_id(a_task(**changes)) != study_id(a_task())


def test_the_key_of_a_configuration_does_not_depend_on_the_rest_of_the_space() -> None:
    narrow = make_plan(a_task(parameters={"mem_frac": [0.9]}), some_settings(HOME))
    wide = make_plan(a_task(parameters={"mem_frac": [0.8, 0.9]}), some_settings(HOME))
    assert narrow.trials[1].plan_key == wide.trials[2].plan_key


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"name": "another"}},
        {"image_tag": "v0.5.2"},
        {"env": {"OMP_NUM_THREADS": "2"}},
        {"engine_args": {"context-length": 4096}},
        {"benchmark": BENCHMARK | {"max_requests_per_iteration": 60}},
        {"benchmark": BENCHMARK | {"additional_params": {"temperature": 0.0}}},
        {"benchmark": BENCHMARK | {"model_tokenizer": "other/tokenizer"}},
    ],
)
def test_whatever_can_change_a_figure_changes_the_key(changes: dict[str, Any]) -> None:
    assert not set(keys(a_task(**changes))) & set(keys(a_task()))


@pytest.mark.parametrize(
    "changes",
    [
        {"task_name": "other"},
        {"optimization": {"objective": "maximize_throughput"}},
        {"benchmark": BENCHMARK | {"weights": {"D(100,100)@4": 2.0}}},
        {"slo": {"ttft": {"threshold": 1.0}}},
    ],
)
def test_what_cannot_change_a_figure_leaves_the_key(changes: dict[str, Any]) -> None:
    assert keys(a_task(**changes)) == keys(a_task())


def test_the_kind_of_device_and_not_the_number_on_the_host_is_in_the_key() -> None:
    one, two, cores = (
        keys(a_local_task(), some_settings(HOME, AIRTUNE_DEVICES=text))
        for text in ("cpu1", "cpu1,cpu2", "cpu2-5")
    )
    assert one == two
    assert not set(one) & set(cores)


def test_the_place_of_the_installation_is_not_in_the_key() -> None:
    assert keys(a_local_task(), some_settings(HOME)) == keys(
        a_local_task(), some_settings(Path("/opt/other"))
    )


def test_another_version_of_client_or_local_engine_changes_the_key(tmp_path: Path) -> None:
    found = []
    for client, engine in (("0.0.5", "1"), ("0.0.6", "1"), ("0.0.5", "2"), ("0.0.5", "2")):
        home = tmp_path / f"{client}-{engine}-{len(found)}"
        environment(home / ".venv-bench", f"genai_bench-{client}")
        environment(home / ".venv-engine", f"xllamacpp-{engine}")
        found.append(keys(a_local_task(), some_settings(home)))
    assert found[2] == found[3]
    assert len({tuple(one) for one in found}) == 3


def test_a_replaced_client_or_engine_is_never_taken_for_the_real_one() -> None:
    real = set(keys(a_local_task(), some_settings(HOME)))
    client = some_settings(HOME, AIRTUNE_BENCH_COMMAND='["python", "-m", "replay"]')
    engine = some_settings(HOME, AIRTUNE_ENGINE_COMMANDS='{"llama_cpp": ["fake"]}')
    assert not real & set(keys(a_local_task(), client))
    assert not real & set(keys(a_local_task(), engine))


def test_versions_are_read_from_the_environment_without_starting_it(tmp_path: Path) -> None:
    python = environment(tmp_path, "genai_bench-0.0.5", "genai_bench_extra-9")
    assert installed_version(python, "genai_bench") == "0.0.5"
    assert installed_version(python, "xllamacpp") is None


def test_the_client_is_named_with_its_version(tmp_path: Path) -> None:
    environment(tmp_path / ".venv-bench", "genai_bench-0.0.5")
    assert client_identity(some_settings(tmp_path)) == "genai-bench 0.0.5"
