"""The client's command line and environment."""

import json
from pathlib import Path

import pytest
from tests.benchmark.samples import ENDPOINT, POINT, a_task, some_settings

from airtune.benchmark.client import client_argv, client_env, reproduce_argv
from airtune.benchmark.limit import load_point_limit_s
from airtune.benchmark.surroundings import on_host
from airtune.records import Endpoint
from airtune.task import Task


def _argv(tmp_path: Path, task: Task) -> tuple[str, ...]:
    around = on_host(ENDPOINT, task, tmp_path, some_settings(tmp_path))
    return client_argv(around, ENDPOINT, task, POINT)


def _env(
    tmp_path: Path,
    task: Task,
    ours: dict[str, str],
    token: str | None = None,
    endpoint: Endpoint = ENDPOINT,
) -> dict[str, str]:
    return client_env(on_host(endpoint, task, tmp_path, some_settings(tmp_path), ours), token)


def _options(tmp_path: Path, **task: object) -> dict[str, str]:
    argv = _argv(tmp_path, a_task(**task))  # type: ignore[arg-type]
    assert argv[0].endswith(".venv-bench/bin/genai-bench")
    assert argv[1] == "benchmark"
    return dict(zip(argv[2::2], argv[3::2], strict=True))


def test_the_command_line_has_all_that_the_task_says(tmp_path: Path) -> None:
    assert _options(tmp_path) == {
        "--api-backend": "vllm",
        "--api-base": "http://127.0.0.1:8123",
        "--api-key": "no-key",
        "--api-model-name": "tiny",
        "--task": "text-to-text",
        "--model-tokenizer": "org/tiny",
        "--max-time-per-run": "1",
        "--max-requests-per-run": "8",
        "--traffic-scenario": "D(32,16)",
        "--num-concurrency": "1",
        "--additional-request-params": '{"cache_prompt": false}',
        "--experiment-base-dir": str(tmp_path),
        "--experiment-folder-name": "genai-bench",
        "--log-dir": str(tmp_path / "log"),
    }


def test_the_backend_stands_before_the_task(tmp_path: Path) -> None:
    names = list(_options(tmp_path))
    assert names.index("--api-backend") < names.index("--task")


@pytest.mark.parametrize(
    ("engine", "backend"), [("sglang", "sglang"), ("vllm", "vllm"), ("llama_cpp", "vllm")]
)
def test_every_engine_is_spoken_to_in_a_way_that_keeps_the_output_length(
    tmp_path: Path, engine: str, backend: str
) -> None:
    assert _options(tmp_path, engine=engine)["--api-backend"] == backend


def test_request_parameters_keep_their_types(tmp_path: Path) -> None:
    given = {"temperature": 0.0, "top_k": 40, "seed": None, "stop": ["a"], "flag": True}
    sent = json.loads(
        _options(tmp_path, engine="vllm", additional_params=given)["--additional-request-params"]
    )
    assert sent == given
    assert [type(sent[name]) for name in given] == [type(value) for value in given.values()]


def test_llama_cpp_does_not_use_its_prefix_cache_unless_the_task_says_so(tmp_path: Path) -> None:
    text = _options(tmp_path, additional_params={"cache_prompt": True, "temperature": 0.0})
    assert json.loads(text["--additional-request-params"]) == {
        "cache_prompt": True,
        "temperature": 0.0,
    }


def test_a_tokenizer_folder_relative_to_home_is_given_in_full(tmp_path: Path) -> None:
    (tmp_path / "var/tokenizers/tiny").mkdir(parents=True)
    options = _options(tmp_path, tokenizer="var/tokenizers/tiny")
    assert options["--model-tokenizer"] == str(tmp_path / "var/tokenizers/tiny")


SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "s1", "GITHUB_TOKEN": "s2", "HF_TOKEN": "s3", "OPENAI_API_KEY": "s4",
    "AIRFLOW__CORE__FERNET_KEY": "s5", "AIRTUNE_STORE_URL": "postgresql://u:s6@h/d",
    "PYTHONPATH": "/elsewhere", "LD_PRELOAD": "/x.so",
}  # fmt: skip


def test_the_environment_is_scrubbed(tmp_path: Path) -> None:
    ours = SECRETS | {"PATH": "/bin", "HOME": str(tmp_path), "HF_HOME": "/hf"}
    env = _env(tmp_path, a_task(), ours)
    assert not set(SECRETS) & set(env)
    assert (env["PATH"], env["HF_HOME"], env["ENABLE_UI"]) == ("/bin", "/hf", "false")


def test_a_tokenizer_on_this_host_needs_neither_hub_nor_token(tmp_path: Path) -> None:
    (tmp_path / "tok").mkdir()
    env = _env(tmp_path, a_task("tok"), {}, token="hf_secret")
    assert env["HF_HUB_OFFLINE"] == "1"
    assert "HF_TOKEN" not in env


def test_a_tokenizer_on_the_hub_is_asked_for_with_the_token(tmp_path: Path) -> None:
    env = _env(tmp_path, a_task(), {"HOME": str(tmp_path)}, token="hf_secret")
    assert env["HF_TOKEN"] == "hf_secret"
    assert "HF_HUB_OFFLINE" not in env


def test_proxies_are_bypassed_for_loopback_and_the_server(tmp_path: Path) -> None:
    ours = {"https_proxy": "http://proxy:3128", "no_proxy": "intra.net,127.0.0.1"}
    endpoint = Endpoint(base_url="http://gpu7:30000", model_name="m", trial_id=1)
    env = _env(tmp_path, a_task(), ours, endpoint=endpoint)
    assert env["NO_PROXY"] == env["no_proxy"] == "localhost,127.0.0.1,::1,gpu7,intra.net"
    assert env["https_proxy"] == "http://proxy:3128"


def test_a_point_can_be_repeated_by_hand_with_its_environment(tmp_path: Path) -> None:
    (tmp_path / "tok").mkdir()
    task = a_task("tok")
    argv = reproduce_argv(ENDPOINT, task, POINT, folder=tmp_path, settings=some_settings(tmp_path))
    assert argv[:4] == (
        "env", "ENABLE_UI=false", "NO_PROXY=localhost,127.0.0.1,::1", "HF_HUB_OFFLINE=1"
    )  # fmt: skip
    assert argv[4:] == _argv(tmp_path, task)


def test_the_key_of_a_server_that_is_not_ours_is_named_and_not_shown(tmp_path: Path) -> None:
    task = a_task().model_copy(update={"launcher": "endpoint"})
    argv = reproduce_argv(ENDPOINT, task, POINT, folder=tmp_path, settings=some_settings(tmp_path))
    assert argv[argv.index("--api-key") + 1] == "$AIRTUNE_API_KEY"


def test_the_limit_is_the_tasks_own_or_its_time_for_requests_and_a_minute() -> None:
    assert load_point_limit_s(a_task(max_time_per_iteration=3), POINT) == 240
    assert load_point_limit_s(a_task(timeouts={"load_point_s": 7.5}), POINT) == 7.5
