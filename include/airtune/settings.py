"""Every ``AIRTUNE_*`` environment variable, read in this one module."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from airtune.errors import SettingsError
from airtune.records import Device, parse_devices

_PROJECT = Path(__file__).resolve().parents[2]
_HOST = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")


@dataclass(frozen=True)
class DockerHost:
    """One Docker Engine and its devices.

    Attributes:
        name: empty for the default one; else it stands before its devices' names and in the id of
            its DAG, ``autotune_docker__<name>``.
        url: ``unix://…`` or ``tcp://…``.
        devices: its pool.
        network: Docker network that the workers' containers share with the engines; empty: each
            slot gets a network of its own and the server's port is published.
        publish: address of the engine's host on which ports are published, never 0.0.0.0.
        tls_ca, tls_cert, tls_key: files for TLS; empty without.
        conn_id: Airflow connection for the image registry; empty without.
        queue: Airflow queue (Celery) whose workers take the tasks of its DAG; empty: the default.
    """

    name: str = ""
    url: str = "unix:///var/run/docker.sock"
    devices: tuple[Device, ...] = ()
    network: str = ""
    publish: str = "127.0.0.1"
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    conn_id: str = ""
    queue: str = ""

    @property
    def remote(self) -> bool:
        """True if the engine runs on another host than the worker."""
        return not self.url.startswith("unix://")


@dataclass(frozen=True)
class Cluster:
    """The Kubernetes cluster of this installation.

    Attributes:
        kubeconfig: ``AIRTUNE_KUBECONFIG``; empty: the pod's own service account where the worker
            runs in a cluster, else ``KUBECONFIG`` or ``~/.kube/config``.
        kubeconfigs: ``AIRTUNE_KUBECONFIGS``, colon-separated: further files that a task may name.
            A kubeconfig can run programs, so a task cannot name just any file.
        context: ``AIRTUNE_KUBE_CONTEXT`` in that file; empty: the current one.
        conn_id: ``AIRTUNE_KUBERNETES_CONN_ID``, Airflow connection instead of a kubeconfig.
        devices: ``AIRTUNE_KUBERNETES_DEVICES``, how many GPUs (or servers without) airtune uses
            at once; which ones is the cluster's to say.
        reach: ``AIRTUNE_KUBERNETES_REACH``: ``direct`` where the worker reaches Services by their
            names, ``forward`` by port-forward; ``auto``: direct in a cluster's pod.
        xcom_image: ``AIRTUNE_XCOM_IMAGE``, image with ``sh`` and ``tar`` beside the client's
            container; empty: the provider's.
        template_dir: ``AIRTUNE_TEMPLATE_DIR``, folder with templates that a task may name.
    """

    kubeconfig: str = ""
    kubeconfigs: tuple[str, ...] = ()
    context: str = ""
    conn_id: str = ""
    devices: int = 8
    reach: str = "auto"
    xcom_image: str = ""
    template_dir: str = ""

    @property
    def pool(self) -> tuple[Device, ...]:
        """As many names as there may be GPUs in use: the cluster itself knows which."""
        return tuple(
            Device(name=f"kubernetes/device{index}", kind="cluster", indexes=(index,))
            for index in range(self.devices)
        )


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
    cluster: Cluster = Cluster()

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
            docker_hosts=_docker_hosts(env, _devices(env, home)),
            cluster=_cluster(env),
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


def _docker_hosts(env: Mapping[str, str], devices: tuple[Device, ...]) -> tuple[DockerHost, ...]:
    default = DockerHost(
        url=env.get("AIRTUNE_DOCKER_HOST") or env.get("DOCKER_HOST") or DockerHost.url,
        devices=devices,
        network=env.get("AIRTUNE_DOCKER_NETWORK") or "",
        conn_id=env.get("AIRTUNE_DOCKER_CONN_ID") or "",
    )
    return (default, *_remote_hosts("AIRTUNE_DOCKER_HOSTS", env.get("AIRTUNE_DOCKER_HOSTS")))


def _cluster(env: Mapping[str, str]) -> Cluster:
    reach = env.get("AIRTUNE_KUBERNETES_REACH") or Cluster.reach
    if reach not in {"auto", "direct", "forward"}:
        raise SettingsError(f"AIRTUNE_KUBERNETES_REACH = {reach!r}: write auto, direct or forward.")
    devices = env.get("AIRTUNE_KUBERNETES_DEVICES") or str(Cluster.devices)
    if not devices.isdecimal() or not 1 <= int(devices) <= 1000:
        raise SettingsError(
            f"AIRTUNE_KUBERNETES_DEVICES = {devices!r}: write how many GPUs airtune may use at "
            "once, from 1 to 1000."
        )
    return Cluster(
        kubeconfig=env.get("AIRTUNE_KUBECONFIG") or "",
        kubeconfigs=tuple(filter(None, env.get("AIRTUNE_KUBECONFIGS", "").split(":"))),
        context=env.get("AIRTUNE_KUBE_CONTEXT") or "",
        conn_id=env.get("AIRTUNE_KUBERNETES_CONN_ID") or "",
        devices=int(devices),
        reach=reach,
        xcom_image=env.get("AIRTUNE_XCOM_IMAGE") or "",
        template_dir=env.get("AIRTUNE_TEMPLATE_DIR") or "",
    )


def _remote_hosts(name: str, text: str | None) -> Iterator[DockerHost]:
    value = _json(name, text or "{}")
    example = '{"gpu7": {"url": "tcp://gpu7:2376", "publish": "10.0.0.7", "devices": "gpu0..7"}}'
    if not isinstance(value, dict):
        raise SettingsError(f"{name} must be a JSON object such as {example}.")
    known = {f.name for f in fields(DockerHost)} - {"name", "devices"}
    for host, given in value.items():
        if not _HOST.fullmatch(host):
            raise SettingsError(f"{name}: {host!r} must be letters, digits and _ (a DAG's id).")
        if not isinstance(given, dict) or not {"url", "devices"} <= set(given) <= known | {
            "devices"
        }:
            raise SettingsError(
                f"{name}[{host!r}] must name url and devices, and may name "
                f"{', '.join(sorted(known - {'url'}))}; for example {example}."
            )
        texts = {key: str(word) for key, word in given.items() if key != "devices"}
        if texts.get("publish") in {"0.0.0.0", "::", "*"}:  # noqa: S104 - it is refused
            raise SettingsError(f"{name}[{host!r}].publish: name one address, never all of them.")
        tls = [texts.get(key) for key in ("tls_ca", "tls_cert", "tls_key")]
        if any(tls) and not all(tls):
            raise SettingsError(
                f"{name}[{host!r}] must name all of tls_ca, tls_cert and tls_key, or none of them."
            )
        if texts.get("queue") and texts["url"].startswith("unix://"):
            # Clean-up runs on any worker: it would ask its own engine, and find nothing there.
            raise SettingsError(
                f"{name}[{host!r}]: with a queue of its own the host needs a tcp:// url, which "
                "every worker can reach."
            )
        try:
            pool = parse_devices(str(given["devices"]))
        except ValueError as error:
            raise SettingsError(f"{name}[{host!r}]: {error}") from None
        named = tuple(d.model_copy(update={"name": f"{host}/{d.name}"}) for d in pool)
        yield DockerHost(name=host, devices=named, **texts)


def _bench_command(env: Mapping[str, str], python: Path) -> tuple[str, ...]:
    text = env.get("AIRTUNE_BENCH_COMMAND")
    if not text:
        return (str(python.parent / "genai-bench"), "benchmark")
    return _argv("AIRTUNE_BENCH_COMMAND", _json("AIRTUNE_BENCH_COMMAND", text))


def _commands(env: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    name = "AIRTUNE_ENGINE_COMMANDS"
    value = _json(name, env.get(name) or "{}")
    if not isinstance(value, dict):
        raise SettingsError(f'{name} must be a JSON object such as {{"vllm": ["vllm", "serve"]}}.')
    return {engine: _argv(f"{name}[{engine!r}]", argv) for engine, argv in value.items()}


def _json(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f'{name} is not JSON ({error}); write for example ["vllm"].') from None


def _argv(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(w, str) for w in value):
        raise SettingsError(f"{name} must be a JSON list of words, not {value!r}.")
    return tuple(sys.executable if word == "python" else word for word in value)


def _installation(home: Path, store_url: str) -> str:
    return hashlib.sha256(f"{home}\n{store_url}".encode()).hexdigest()[:8]
