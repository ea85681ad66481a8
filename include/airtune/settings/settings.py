"""Every ``AIRTUNE_*`` environment variable, read in this one package."""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airtune.errors import SettingsError
from airtune.records import Device, parse_devices
from airtune.settings.cluster import Cluster, read_cluster
from airtune.settings.docker_hosts import DockerHost, read_docker_hosts
from airtune.settings.json_text import read_json

_PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Settings:
    """Where airtune keeps things and what this host offers.

    Attributes:
        home: ``AIRTUNE_HOME``; relative paths in tasks start here.
        store_url: ``AIRTUNE_STORE_URL``, an SQLAlchemy URL (SQLite or PostgreSQL).
        results_dir, benchmark_dir: ``AIRTUNE_RESULTS_DIR``, ``AIRTUNE_BENCHMARK_DIR``.
        task_dirs: ``AIRTUNE_TASK_DIRS``, the only folders a DAG reads task files from.
        sweep_dir: ``AIRTUNE_SWEEP_DIR``, task files with a schedule.
        devices: ``AIRTUNE_DEVICES``, this host's inventory; left out, ``var/devices``.
        hosts: ``AIRTUNE_HOSTS``, names of the worker hosts.
        reaper_cron: ``AIRTUNE_REAPER_CRON``.
        bench_python, engine_python: interpreters of the client's and the engine's environments.
        bench_command: ``AIRTUNE_BENCH_COMMAND`` (JSON list): how genai-bench is called.
        engine_commands: ``AIRTUNE_ENGINE_COMMANDS`` (JSON object of lists): how the local
            launcher calls an engine, by engine name. Set by the operator of the host, never by a
            task: it decides what program runs.
        installation: ``AIRTUNE_INSTALLATION``, marks what belongs to this airtune.
        model_root: ``AIRTUNE_MODEL_ROOT``, folder of the Docker host with a folder a model.
        model_roots: ``AIRTUNE_MODEL_ROOTS``, colon-separated: further folders of the Docker host
            that a task may name as ``model.root``, or folders below them.
        hub_cache: ``AIRTUNE_HUB_CACHE``, Docker volume or folder for models fetched from the hub.
        hf_conn_id: ``AIRTUNE_HF_CONN_ID``, Airflow connection whose password is the hub's token.
        client_image: ``AIRTUNE_CLIENT_IMAGE``, image of genai-bench for the container way.
        docker_hosts: the default engine (``AIRTUNE_DOCKER_HOST``, ``AIRTUNE_DOCKER_NETWORK``,
            ``AIRTUNE_DOCKER_CONN_ID``) and those of ``AIRTUNE_DOCKER_HOSTS``.
        cluster: how Kubernetes and OME are reached.
    """

    home: Path
    store_url: str
    results_dir: Path
    benchmark_dir: Path
    task_dirs: tuple[Path, ...]
    sweep_dir: Path
    devices: tuple[Device, ...]
    hosts: tuple[str, ...]
    reaper_cron: str
    bench_python: Path
    engine_python: Path
    bench_command: tuple[str, ...]
    engine_commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    installation: str = "default"
    model_root: str = "/mnt/data/models"
    model_roots: tuple[str, ...] = ()
    hub_cache: str = "airtune-hub"
    hf_conn_id: str = ""
    client_image: str = "airtune/genai-bench:0.0.5"
    docker_hosts: tuple[DockerHost, ...] = (DockerHost(),)
    cluster: Cluster = field(default_factory=Cluster)

    def docker_host(self, name: str = "") -> DockerHost:
        """The Docker Engine of that name; the default one has none.

        Raises:
            SettingsError: there is none of that name.
        """
        for host in self.docker_hosts:
            if host.name == name:
                return host
        raise SettingsError(f"AIRTUNE_DOCKER_HOSTS names no engine {name!r}.")

    @property
    def run_dir(self) -> Path:
        """Where running servers and clients are recorded."""
        return self.home / "var" / "run"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment (``os.environ`` unless given).

        Raises:
            SettingsError: a variable cannot be read; the text names it and the fix.
        """
        env = os.environ if environ is None else environ
        home = Path(env.get("AIRTUNE_HOME", _PROJECT)).resolve()
        bench_python = _path(env, "AIRTUNE_BENCH_PYTHON", home / ".venv-bench/bin/python")
        engine_python = _path(env, "AIRTUNE_ENGINE_PYTHON", home / ".venv-engine/bin/python")
        store_url = env.get("AIRTUNE_STORE_URL", f"sqlite:///{home}/var/airtune.db")
        commands: dict[str, tuple[str, ...]] = {
            "llama_cpp": (str(engine_python), "-m", "airtune.launchers.local.llama_server")
        }
        commands |= _commands(env)
        return cls(
            home=home,
            store_url=store_url,
            results_dir=_path(env, "AIRTUNE_RESULTS_DIR", home / "results"),
            benchmark_dir=_path(env, "AIRTUNE_BENCHMARK_DIR", home / "benchmark_results"),
            task_dirs=tuple(
                Path(part).resolve()
                for part in env.get("AIRTUNE_TASK_DIRS", f"{home}/examples:{home}/tasks").split(":")
                if part
            ),
            sweep_dir=_path(env, "AIRTUNE_SWEEP_DIR", home / "tasks"),
            devices=_devices(env, home),
            hosts=tuple(filter(None, env.get("AIRTUNE_HOSTS", "").split(","))),
            reaper_cron=env.get("AIRTUNE_REAPER_CRON", "*/10 * * * *"),
            bench_python=bench_python,
            engine_python=engine_python,
            bench_command=_bench_command(env, bench_python),
            engine_commands=commands,
            installation=env.get("AIRTUNE_INSTALLATION") or _installation(home, store_url),
            model_root=env.get("AIRTUNE_MODEL_ROOT") or cls.model_root,
            model_roots=tuple(filter(None, env.get("AIRTUNE_MODEL_ROOTS", "").split(":"))),
            hub_cache=env.get("AIRTUNE_HUB_CACHE") or cls.hub_cache,
            hf_conn_id=env.get("AIRTUNE_HF_CONN_ID") or "",
            client_image=env.get("AIRTUNE_CLIENT_IMAGE") or cls.client_image,
            docker_hosts=read_docker_hosts(env, _devices(env, home)),
            cluster=read_cluster(env),
        )


def _path(env: Mapping[str, str], name: str, default: Path) -> Path:
    # Not resolved: a virtual environment's python is a link, and its target is another python.
    return Path(env.get(name) or default).absolute()


def _devices(env: Mapping[str, str], home: Path) -> tuple[Device, ...]:
    """The variable, else what ``make env`` wrote for this host, else one core."""
    text, written = env.get("AIRTUNE_DEVICES"), home / "var" / "devices"
    if text is None:
        text = written.read_text().strip() if written.exists() else "cpu1"
    try:
        return parse_devices(text)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _bench_command(env: Mapping[str, str], python: Path) -> tuple[str, ...]:
    text = env.get("AIRTUNE_BENCH_COMMAND")
    if not text:
        return (str(python.parent / "genai-bench"), "benchmark")
    return _argv("AIRTUNE_BENCH_COMMAND", read_json("AIRTUNE_BENCH_COMMAND", text))


def _commands(env: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    name = "AIRTUNE_ENGINE_COMMANDS"
    value = read_json(name, env.get(name) or "{}")
    if not isinstance(value, dict):
        raise SettingsError(f'{name} must be a JSON object such as {{"vllm": ["vllm", "serve"]}}.')
    return {engine: _argv(f"{name}[{engine!r}]", argv) for engine, argv in value.items()}


def _argv(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(w, str) for w in value):
        raise SettingsError(f"{name} must be a JSON list of words, not {value!r}.")
    return tuple(sys.executable if word == "python" else word for word in value)


def _installation(home: Path, store_url: str) -> str:
    return hashlib.sha256(f"{home}\n{store_url}".encode()).hexdigest()[:8]
