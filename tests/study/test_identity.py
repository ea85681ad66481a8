from pathlib import Path
from typing import Any

import pytest
from tests.study.plan_samples import a_local_task, a_task, some_settings

from airtune.errors import SettingsError
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


def test_ids_of_earlier_versions_stay() -> None:
    """Made by the version before Docker mode; its studies go on."""
    assert study_id(a_local_task()) == "sample-a452c66c"
    assert study_id(a_task()) == "sample-bb7109f5"
    assert keys(a_local_task()) == ["ff4d8a01750e65e9", "8cc821d63a8ec014", "62abcffc218637ec"]


@pytest.mark.parametrize("client", ["cli", "container"])
def test_the_clients_way_keeps_the_study(client: str) -> None:
    """Its trials are told apart by their keys."""
    assert study_id(a_task(benchmark=BENCHMARK | {"client": client})) == study_id(a_task())


@pytest.mark.parametrize("model", [{"root": "/data"}, {"in_image": "/models/x"}])
def test_where_the_model_lies_makes_another_study(model: dict[str, str]) -> None:
    task = a_task(model={"name": "llama-3-2-1b-instruct"} | model)
    assert study_id(task) != study_id(a_task())
    assert not set(keys(task)) & set(keys(a_task()))


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


@pytest.mark.parametrize("container", [{"memory": "8g"}, {"shm_size": "1g"}, {"ipc": "host"}])
def test_limits_of_the_container_change_the_key_and_not_the_study(container: Any) -> None:
    task = a_task(container=container)
    assert not set(keys(task)) & set(keys(a_task()))
    assert study_id(task) == study_id(a_task())


def with_client(client: str | None) -> Task:
    return a_task(benchmark=BENCHMARK | {"client": client})


REMOTE = '{"gpu7": {"url": "tcp://gpu7:2376", "devices": "gpu0"}}'


def test_the_client_that_runs_and_not_how_it_was_asked_for_is_in_the_key() -> None:
    here = some_settings(HOME, AIRTUNE_DEVICES="gpu0", AIRTUNE_DOCKER_HOSTS=REMOTE)

    def at(host: str, client: str | None) -> str:
        return make_plan(with_client(client), here, host=host).trials[0].plan_key

    assert at("", None) == at("", "cli") != at("", "container")
    assert at("gpu7", None) == at("gpu7", "container") != at("gpu7", "cli")
    assert at("", "container") != at("gpu7", "container"), "their GPUs may differ"


def test_another_image_of_the_client_changes_the_key_of_its_containers_only() -> None:
    other = some_settings(HOME, AIRTUNE_DEVICES="gpu0", AIRTUNE_CLIENT_IMAGE="my/bench:1")
    assert keys(with_client("cli"), other) == keys(with_client("cli"))
    assert not set(keys(with_client("container"), other)) & set(keys(with_client("container")))


def test_the_devices_of_the_launchers_own_pool_are_in_the_key() -> None:
    pool = '{"gpu7": {"url": "tcp://gpu7:2376", "devices": "cpu0-3"}}'
    one = some_settings(HOME, AIRTUNE_DEVICES="gpu0", AIRTUNE_DOCKER_HOSTS=REMOTE)
    two = some_settings(HOME, AIRTUNE_DEVICES="gpu0", AIRTUNE_DOCKER_HOSTS=pool)
    assert keys(a_task(), one) == keys(a_task(), two)
    found = {make_plan(a_task(), s, host="gpu7").trials[0].plan_key for s in (one, two)}
    assert len(found) == 2


def test_a_host_that_is_not_set_up_is_refused() -> None:
    with pytest.raises(SettingsError, match="names no engine 'gpu9'"):
        make_plan(a_task(), some_settings(HOME), host="gpu9")


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
