"""The environment that makes Airflow this stack's own: every option is set by ``AIRFLOW__*``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airtune.stack.identity import LOOPBACK, Identity


@dataclass(frozen=True)
class StackOptions:
    """What a stack's owner may choose.

    Attributes:
        dags_folder, plugins_folder: what Airflow loads.
        parallelism: tasks at once, ≥ 1; above 8 or so SQLite answers "database is locked".
        database_url: SQLAlchemy URL of Airflow's own database; None is SQLite in the folder.
        heartbeat_timeout_s: after so many seconds without a heartbeat a task counts as dead.
        orphan_interval_s: how often tasks of a dead scheduler are looked for, seconds.
    """

    dags_folder: Path
    plugins_folder: Path
    parallelism: int = 4
    database_url: str | None = None
    heartbeat_timeout_s: int = 300
    orphan_interval_s: int = 300


def database_url(folder: Path, options: StackOptions) -> str:
    """Where Airflow keeps its metadata."""
    return options.database_url or f"sqlite:///{folder / 'airflow.db'}"


def stack_environment(
    base: Mapping[str, str], folder: Path, identity: Identity, options: StackOptions
) -> dict[str, str]:
    """``base`` without any Airflow option, plus those of the stack in ``folder``."""
    env = {name: value for name, value in base.items() if not name.startswith("AIRFLOW_")}
    env |= _options(folder, identity, options)
    env["AIRFLOW_HOME"] = str(folder)
    # Task processes talk to the API server by HTTP; a proxy would not reach the loopback.
    for name in ("NO_PROXY", "no_proxy"):
        env[name] = ",".join(filter(None, (env.get(name), LOOPBACK, "localhost")))
    return env


def _options(folder: Path, identity: Identity, options: StackOptions) -> dict[str, str]:
    named: dict[str, dict[str, object]] = {
        "core": {
            "executor": "LocalExecutor",
            "dags_folder": options.dags_folder,
            "plugins_folder": options.plugins_folder,
            "load_examples": False,
            "parallelism": options.parallelism,
            "fernet_key": identity.fernet_key,
            "execution_api_server_url": f"{identity.url}/execution/",
            "simple_auth_manager_users": f"{identity.user}:admin",
            "simple_auth_manager_passwords_file": folder / "passwords.json",
        },
        "database": {"sql_alchemy_conn": database_url(folder, options)},
        "logging": {
            "base_log_folder": folder / "logs",
            "dag_processor_child_process_log_directory": folder / "logs" / "dag_processor",
            "colored_console_log": False,
        },
        "api": {
            "host": LOOPBACK,
            "port": identity.port,
            "base_url": identity.url,
            "secret_key": identity.session_secret,
            "instance_name": "airtune",
        },
        "api_auth": {"jwt_secret": identity.jwt_secret},
        "scheduler": {
            "scheduler_idle_sleep_time": 0.1,  # the knob that makes a trial cheap
            "enable_health_check": False,  # it would open a port on all interfaces
            "orphaned_tasks_check_interval": options.orphan_interval_s,
            "task_instance_heartbeat_timeout": options.heartbeat_timeout_s,
            "task_instance_heartbeat_timeout_detection_interval": min(
                10, options.heartbeat_timeout_s
            ),
        },
        "workers": {"min_heartbeat_interval": 1},  # a failing task ends 5 s late at the default
        "dag_processor": {
            "refresh_interval": 2,
            "bundle_refresh_check_interval": 1,
            "dag_bundle_storage_path": folder / "bundles",
        },
        "metrics": {"statsd_on": False, "otel_on": False},
        "traces": {"otel_on": False},
    }
    return {
        f"AIRFLOW__{section.upper()}__{option.upper()}": str(value)
        for section, values in named.items()
        for option, value in values.items()
    }
