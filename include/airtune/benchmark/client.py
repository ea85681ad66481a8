"""How genai-bench is called: its command line and its environment."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from airtune.benchmark.hub import TokenizerSource, find_tokenizer
from airtune.records import Endpoint, LoadPoint
from airtune.settings import Settings
from airtune.task import Task

NO_KEY = "no-key"
"""genai-bench insists on an API key even for servers that have none."""

RAW_FOLDER = "genai-bench"
"""Folder of the client's own files inside a load point's folder."""

_KEPT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "XDG_CACHE_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)
"""All that the client gets of our environment: it writes secrets it finds into its output."""

_FIXED = {
    "ENABLE_UI": "false",
    "PYTHONUNBUFFERED": "1",
    "PYTHONNOUSERSITE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def client_argv(
    endpoint: Endpoint,
    task: Task,
    point: LoadPoint,
    *,
    folder: Path,
    settings: Settings,
    api_key: str = NO_KEY,
) -> tuple[str, ...]:
    """The client's whole command line for one load point.

    Args:
        folder: the load point's own folder; the client writes into ``genai-bench/`` in it.

    Raises:
        TaskError: the tokenizer is a path and nothing is there.
    """
    benchmark = task.benchmark
    tokenizer = find_tokenizer(benchmark.model_tokenizer, settings.home)
    options = {
        # These two send ignore_eos, which keeps the output at the requested length; the backend
        # has to stand before the task.
        "--api-backend": "sglang" if task.engine == "sglang" else "vllm",
        "--api-base": endpoint.base_url,
        "--api-key": api_key,
        "--api-model-name": endpoint.model_name,
        "--task": benchmark.task,
        "--model-tokenizer": tokenizer.reference,
        "--max-time-per-run": str(benchmark.max_time_per_iteration),
        "--max-requests-per-run": str(benchmark.max_requests_per_iteration),
        "--traffic-scenario": point.scenario,
        "--num-concurrency": str(point.concurrency),
        "--additional-request-params": json.dumps(request_params(task), allow_nan=False),
        "--experiment-base-dir": str(folder),
        "--experiment-folder-name": RAW_FOLDER,
        "--log-dir": str(folder / "log"),
    }
    return (*settings.bench_command, *(word for pair in options.items() for word in pair))


def client_env(
    endpoint: Endpoint,
    task: Task,
    settings: Settings,
    *,
    token: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The client's whole environment, made from an allow-list.

    Args:
        token: for a tokenizer that the hub must be asked for; not passed on otherwise.
        environ: ``os.environ`` unless given.
    """
    ours = os.environ if environ is None else environ
    kept = {name: ours[name] for name in _KEPT if name in ours}
    tokenizer = find_tokenizer(task.benchmark.model_tokenizer, settings.home, ours)
    local = {"AIRTUNE_BENCH_PYTHON": str(settings.bench_python)}
    return kept | _FIXED | _no_proxy(endpoint, ours) | _hub(tokenizer, token) | local


def reproduce_argv(
    endpoint: Endpoint, task: Task, point: LoadPoint, *, folder: Path, settings: Settings
) -> tuple[str, ...]:
    """A command line to repeat a load point by hand, environment included (``env NAME=… …``).

    A secret is named, not shown: the word ``$AIRTUNE_API_KEY`` stands for the server's key.
    A hub token is taken from the caller's own ``HF_TOKEN``.
    """
    key = "$AIRTUNE_API_KEY" if task.launcher == "endpoint" else NO_KEY
    argv = client_argv(endpoint, task, point, folder=folder, settings=settings, api_key=key)
    tokenizer = find_tokenizer(task.benchmark.model_tokenizer, settings.home)
    values = {"ENABLE_UI": "false"} | _no_proxy(endpoint, {}) | _hub(tokenizer, None)
    words = (f"{name}={value}" for name, value in values.items() if name != "no_proxy")
    return ("env", *words, *argv)


def request_params(task: Task) -> dict[str, object]:
    """Parameters sent in every request, types as in the task.

    llama.cpp has no call that empties its prefix cache, so each request asks not to use it.
    """
    ours: dict[str, object] = {"cache_prompt": False} if task.engine == "llama_cpp" else {}
    return ours | dict(task.benchmark.additional_params)


def _no_proxy(endpoint: Endpoint, ours: Mapping[str, str]) -> dict[str, str]:
    hosts = ["localhost", "127.0.0.1", "::1", urlsplit(endpoint.base_url).hostname or ""]
    given = ours.get("NO_PROXY") or ours.get("no_proxy") or ""
    names = dict.fromkeys([*hosts, *given.split(",")])
    text = ",".join(filter(None, names))
    return {"NO_PROXY": text, "no_proxy": text}


def _hub(tokenizer: TokenizerSource, token: str | None) -> dict[str, str]:
    if tokenizer.offline:
        return {"HF_HUB_OFFLINE": "1"}
    return {"HF_TOKEN": token} if token else {}
