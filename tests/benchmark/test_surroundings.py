"""What the client finds in a container, against what it finds on this host."""

import re
from pathlib import Path

import pytest
from tests.benchmark.samples import POINT, a_task, some_settings

from airtune.benchmark.client import (
    CONTAINER_WORDS,
    client_argv,
    client_env,
    reproduce_container_argv,
)
from airtune.benchmark.surroundings import POINT_INSIDE, TOKENIZER_INSIDE, in_container
from airtune.errors import TaskError
from airtune.records import Endpoint

INSIDE = "http://airtune-x-0-server:8000"
ENDPOINT = Endpoint(
    base_url="http://127.0.0.1:41234",
    model_name="tiny",
    trial_id=1,
    handle={"inside_url": INSIDE, "network": "airtune-x-0-network"},
)
OURS = {
    "PATH": "/home/me/bin", "HOME": "/home/me", "HF_HOME": "/home/me/hf", "TMPDIR": "/scratch",
    "SSL_CERT_FILE": "/home/me/ca.pem", "AWS_SECRET_ACCESS_KEY": "s1", "HF_TOKEN": "s2",
    "https_proxy": "http://proxy:3128", "NO_PROXY": "intra.net", "HF_ENDPOINT": "https://mirror",
}  # fmt: skip


def test_nothing_of_the_hosts_paths_and_secrets_comes_into_the_container(tmp_path: Path) -> None:
    around = in_container(INSIDE, a_task(), tmp_path, some_settings(tmp_path), OURS)
    env = client_env(around)
    assert not set(env) & {
        "PATH", "HOME", "HF_HOME", "TMPDIR", "SSL_CERT_FILE", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN",
        "AIRTUNE_BENCH_PYTHON",
    }  # fmt: skip
    assert not [value for value in env.values() if "/home/me" in value]
    assert (env["https_proxy"], env["HF_ENDPOINT"]) == ("http://proxy:3128", "https://mirror")
    assert env["NO_PROXY"] == "localhost,127.0.0.1,::1,airtune-x-0-server,intra.net"
    assert env["ENABLE_UI"] == "false"


def test_the_client_in_a_container_is_called_by_the_images_own_paths(tmp_path: Path) -> None:
    around = in_container(INSIDE, a_task(), tmp_path, some_settings(tmp_path), {})
    argv = client_argv(around, ENDPOINT, a_task(), POINT)
    assert argv[:2] == ("genai-bench", "benchmark")
    options = dict(zip(argv[2::2], argv[3::2], strict=True))
    assert options["--api-base"] == INSIDE
    assert options["--experiment-base-dir"] == str(POINT_INSIDE)
    assert str(tmp_path) not in " ".join(argv)


def test_a_tokenizer_folder_is_brought_and_the_hub_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "tok").mkdir()
    settings, task = some_settings(tmp_path), a_task("tok")
    around = in_container(INSIDE, task, tmp_path, settings, {})
    assert around.bring == {TOKENIZER_INSIDE: tmp_path / "tok"}
    assert around.tokenizer.reference == str(TOKENIZER_INSIDE)
    env = client_env(around, token="hf_secret")
    assert (env["HF_HUB_OFFLINE"], "HF_TOKEN" in env) == ("1", False)


def test_a_hub_id_stays_one_though_this_host_has_it_cached(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub/models--org--tiny/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "tokenizer.json").write_text("{}")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text("abc")
    ours = {"HF_HOME": str(tmp_path)}
    around = in_container(INSIDE, a_task(), tmp_path, some_settings(tmp_path), ours)
    assert (around.tokenizer.reference, dict(around.bring)) == ("org/tiny", {})
    env = client_env(around, token="hf_secret")
    assert (env["HF_TOKEN"], "HF_HUB_OFFLINE" in env) == ("hf_secret", False)


def test_a_tokenizer_folder_that_is_not_there_is_refused_before_any_container(
    tmp_path: Path,
) -> None:
    with pytest.raises(TaskError, match="there is no such folder"):
        in_container(INSIDE, a_task("./no/such"), tmp_path, some_settings(tmp_path), {})


def test_a_point_can_be_repeated_by_hand_with_docker_run(tmp_path: Path) -> None:
    (tmp_path / "tok").mkdir()
    settings = some_settings(tmp_path)
    words = reproduce_container_argv(ENDPOINT, a_task("tok"), POINT, settings=settings)
    assert words[:5] == ("docker", "run", "--rm", "--network", "airtune-x-0-network")
    image = words.index(settings.client_image)
    options = dict(zip(words[3:image:2], words[4:image:2], strict=True))
    assert options["--entrypoint"] == "genai-bench"
    assert {flag: options[flag] for flag in CONTAINER_WORDS} == CONTAINER_WORDS
    assert (
        options["--mount"] == f"type=bind,source={tmp_path}/tok,target=/airtune/tokenizer,readonly"
    )
    assert words[image + 1] == "benchmark"


def test_both_dockerfiles_begin_with_the_same_layers(pytestconfig: pytest.Config) -> None:
    files = ("Dockerfile", "docker/genai-bench.Dockerfile")
    first, second = (_before_the_mark((pytestconfig.rootpath / name).read_text()) for name in files)
    assert first == second
    assert "requirements-bench.txt" in first


def _before_the_mark(text: str) -> str:
    head, mark, _ = text.partition("# --- the mark")
    assert mark
    return re.sub(r"^#.*\n", "", head, flags=re.MULTILINE)
