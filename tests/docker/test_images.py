"""The images that tests and the demo use, each as a running container."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from docker import APIClient

from airtune.testing.docker_images import DOCKERFILES, build_timed

pytestmark = pytest.mark.docker

Images = Callable[[str], str]
Start = Callable[..., str]
MODEL = "/models/SmolLM2-135M-Instruct.Q4_1.gguf"
SERVE = ["--host", "0.0.0.0", "--port", "8000"]


@pytest.fixture
def start(docker_client: APIClient) -> Iterator[Start]:
    """Start a container and return its id; all are removed at the end."""
    started: list[str] = []

    def run(image: str, *words: str, environment: dict[str, str] | None = None, **host: Any) -> str:
        made = docker_client.create_container(
            image,
            command=list(words) or None,
            environment=environment or {},
            ports=[8000],
            host_config=docker_client.create_host_config(
                port_bindings={8000: ("127.0.0.1", None)}, **host
            ),
        )
        started.append(made["Id"])
        docker_client.start(made["Id"])
        return str(made["Id"])

    yield run
    for one in started:
        docker_client.remove_container(one, force=True, v=True)


def _url(client: APIClient, container: str) -> str:
    return f"http://127.0.0.1:{client.port(container, 8000)[0]['HostPort']}"


def _until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def _execute(client: APIClient, container: str, *words: str) -> tuple[int, str]:
    made = client.exec_create(container, list(words))
    output = client.exec_start(made["Id"]).decode()
    return client.exec_inspect(made["Id"])["ExitCode"], output


def test_an_image_is_built_once_for_one_content(docker_host: str, images: Images) -> None:
    images("airtune-test/fake-sglang")
    assert not build_timed("airtune-test/fake-sglang", host=docker_host).fresh


def test_every_image_says_what_it_is(docker_client: APIClient, images: Images) -> None:
    for name in ("airtune-test/fake-sglang", "airtune-test/postgres", "airtune/llama-cpp"):
        labels = docker_client.inspect_image(images(name))["Config"]["Labels"]
        assert labels["org.opencontainers.image.title"]
        assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert set(DOCKERFILES) >= {"airtune/genai-bench:0.0.5", "airtune/airtune:latest"}


def test_the_fake_sglang_is_started_like_sglang(
    docker_client: APIClient, images: Images, start: Start
) -> None:
    image = images("airtune-test/fake-sglang")
    words = ["python3", "-m", "sglang.launch_server", "--model-path", "m", "--tp-size", "2", *SERVE]
    container = start(image, *words, environment={"FAKE_ENGINE": '{"ttft_ms": 1}'})
    url = _url(docker_client, container)
    _until(lambda: _answers(url))
    assert httpx.get(f"{url}/server_info").json()["tp-size"] == "2"
    docker_client.stop(container, timeout=10)
    assert docker_client.inspect_container(container)["State"]["ExitCode"] == 0


def test_the_fake_sglang_eats_memory_until_the_kernel_ends_it(
    docker_client: APIClient, images: Images, start: Start
) -> None:
    image = images("airtune-test/fake-sglang")
    container = start(
        image, environment={"FAKE_ENGINE": json.dumps({"eat_memory_mb": 500})}, mem_limit="64m"
    )
    assert docker_client.wait(container, timeout=60)["StatusCode"] == 137
    assert docker_client.inspect_container(container)["State"]["OOMKilled"]


def test_llama_cpp_answers_with_as_many_threads_as_its_cpu_set_has_cores(
    docker_client: APIClient, images: Images, start: Start
) -> None:
    words = ["--model", MODEL, "--ctx-size", "512", *SERVE]
    container = start(images("airtune/llama-cpp"), *words, cpuset_cpus="0")
    url = _url(docker_client, container)
    _until(lambda: _answers(url))
    request = {"prompt": "The sky is", "max_tokens": 4}
    answer = httpx.post(f"{url}/v1/completions", json=request, timeout=60).json()
    assert answer["usage"]["completion_tokens"] == 4
    assert "threads: 1" in docker_client.logs(container).decode()
    assert docker_client.inspect_container(container)["Args"] == words
    assert _execute(docker_client, container, "id", "-u") == (0, "1000\n")


def test_llama_cpp_ends_at_once_when_it_is_told(
    docker_client: APIClient, images: Images, start: Start
) -> None:
    container = start(images("airtune/llama-cpp"), "--model", MODEL, *SERVE)
    url = _url(docker_client, container)
    _until(lambda: _answers(url))
    began = time.monotonic()
    docker_client.stop(container, timeout=30)
    assert time.monotonic() - began < 15
    assert docker_client.inspect_container(container)["State"]["ExitCode"] == 143


def test_postgres_honours_the_public_images_variables(
    docker_client: APIClient, images: Images, start: Start
) -> None:
    given = {"POSTGRES_USER": "me", "POSTGRES_PASSWORD": "geheim", "POSTGRES_DB": "ours"}
    image = images("airtune-test/postgres")
    container = start(image, "postgres", "-c", "max_connections=33", environment=given)

    def query(password: str) -> tuple[int, str]:
        where = f"host=127.0.0.1 user=me dbname=ours password={password}"
        show = "SELECT current_database(), current_setting('max_connections')"
        return _execute(docker_client, container, "psql", "-At", where, "-c", show)

    _until(lambda: _execute(docker_client, container, "pg_isready", "-h", "127.0.0.1")[0] == 0)
    assert query("geheim") == (0, "ours|33\n")
    assert query("wrong")[0] != 0
    docker_client.restart(container, timeout=30)
    _until(lambda: query("geheim")[0] == 0)


def test_postgres_without_a_password_does_not_start(
    docker_client: APIClient, images: Images, start: Start
) -> None:
    container = start(images("airtune-test/postgres"))
    assert docker_client.wait(container, timeout=60)["StatusCode"] == 1
    assert b"POSTGRES_PASSWORD" in docker_client.logs(container)
