"""How genai-bench is called: its command line and its environment."""

import json
from pathlib import Path

from airtune.benchmark.hub import TokenizerSource
from airtune.benchmark.surroundings import (
    Surroundings,
    in_container,
    no_proxy,
    on_host,
)
from airtune.records import Endpoint, LoadPoint
from airtune.settings import Settings
from airtune.task import Task

NO_KEY = "no-key"
"""genai-bench insists on an API key even for servers that have none."""

RAW_FOLDER = "genai-bench"
"""Folder of the client's own files inside a load point's folder."""

CONTAINER_WORDS = {"--user": '"$(id -u)"', "--volume": '"$out:$out"'}
"""Flags of ``reproduce_container_argv`` → their values in the words of a shell script."""

_FIXED = {
    "ENABLE_UI": "false",
    "PYTHONUNBUFFERED": "1",
    "PYTHONNOUSERSITE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def client_argv(
    around: Surroundings, endpoint: Endpoint, task: Task, point: LoadPoint, api_key: str = NO_KEY
) -> tuple[str, ...]:
    """The client's whole command line for one load point; it writes into ``genai-bench/``."""
    benchmark = task.benchmark
    options = {
        # These two send ignore_eos, which keeps the output at the requested length; the backend
        # has to stand before the task.
        "--api-backend": "sglang" if task.engine == "sglang" else "vllm",
        "--api-base": around.base_url,
        "--api-key": api_key,
        "--api-model-name": endpoint.model_name,
        "--task": benchmark.task,
        "--model-tokenizer": around.tokenizer.reference,
        "--max-time-per-run": str(benchmark.max_time_per_iteration),
        "--max-requests-per-run": str(benchmark.max_requests_per_iteration),
        "--traffic-scenario": point.scenario,
        "--num-concurrency": str(point.concurrency),
        "--additional-request-params": json.dumps(request_params(task), allow_nan=False),
        "--experiment-base-dir": str(around.folder),
        "--experiment-folder-name": RAW_FOLDER,
        "--log-dir": str(around.folder / "log"),
    }
    return (*around.command, *(word for pair in options.items() for word in pair))


def client_env(around: Surroundings, token: str | None = None) -> dict[str, str]:
    """The client's whole environment, made from an allow-list.

    Args:
        token: for a tokenizer that the hub must be asked for; not passed on otherwise.
    """
    return dict(around.environment) | _FIXED | _hub(around.tokenizer, token)


def reproduce_argv(
    endpoint: Endpoint, task: Task, point: LoadPoint, *, folder: Path, settings: Settings
) -> tuple[str, ...]:
    """A command line to repeat a load point by hand, environment included (``env NAME=… …``).

    A secret is named, not shown: the word ``$AIRTUNE_API_KEY`` stands for the server's key.
    A hub token is taken from the caller's own ``HF_TOKEN``.
    """
    key = "$AIRTUNE_API_KEY" if task.launcher == "endpoint" else NO_KEY
    around = on_host(endpoint, task, folder, settings)
    argv = client_argv(around, endpoint, task, point, key)
    return ("env", *(f"{name}={value}" for name, value in _by_hand(around).items()), *argv)


def reproduce_container_argv(
    endpoint: Endpoint, task: Task, point: LoadPoint, *, settings: Settings
) -> tuple[str, ...]:
    """The same in the container way: ``docker run`` on the server's network, by its names there.

    It is for a script that has made the folder ``$out``: there the values of the flags of
    ``CONTAINER_WORDS``, and those that name the client's folders, are for its shell to put in.
    """
    around = in_container(str(endpoint.handle["inside_url"]), task, Path(), settings)
    program, *arguments = client_argv(around, endpoint, task, point)
    words = ["docker", "run", "--rm", "--network", str(endpoint.handle["network"])]
    for flag, text in CONTAINER_WORDS.items():
        words += [flag, text]
    for there, here in around.bring.items():
        words += ["--mount", f"type=bind,source={here},target={there},readonly"]
    # The script's user has no home inside.
    for name, value in (_by_hand(around) | {"HOME": "/tmp"}).items():  # noqa: S108
        words += ["--env", f"{name}={value}"]
    return (*words, "--entrypoint", program, settings.client_image, *arguments)


def request_params(task: Task) -> dict[str, object]:
    """Parameters sent in every request, types as in the task.

    llama.cpp has no call that empties its prefix cache, so each request asks not to use it.
    """
    ours: dict[str, object] = {"cache_prompt": False} if task.engine == "llama_cpp" else {}
    return ours | dict(task.benchmark.additional_params)


def _by_hand(around: Surroundings) -> dict[str, str]:
    """The variables without which a call by hand would measure something else."""
    bypass = no_proxy(around.base_url, {})["NO_PROXY"]
    return {"ENABLE_UI": "false", "NO_PROXY": bypass} | _hub(around.tokenizer, None)


def _hub(tokenizer: TokenizerSource, token: str | None) -> dict[str, str]:
    if tokenizer.offline:
        return {"HF_HUB_OFFLINE": "1"}
    return {"HF_TOKEN": token} if token else {}
