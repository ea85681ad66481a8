"""The parts of an Airflow: their command lines and what each loads besides the common modules."""

from collections.abc import Sequence
from dataclasses import dataclass

MIGRATE: tuple[str, ...] = ("db", "migrate")

COMMON_MODULES: tuple[str, ...] = (
    "airflow.__main__",
    "airflow.cli.commands.scheduler_command",
    "airflow.cli.commands.triggerer_command",
    "airflow.cli.commands.dag_processor_command",
    "airflow.executors.local_executor",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.processor",
    "airflow.utils.db",
    # What nearly every DAG file imports in each task process: 0.1 s a task.
    "airflow.providers.standard.decorators.python",
    "airflow.sdk.bases.decorator",
    "airflow.sdk.definitions.decorators.setup_teardown",
    "airflow.sdk.definitions.decorators.task_group",
    "jinja2.ext",
)
"""Loaded once, before the components part; task processes inherit them from the scheduler."""


TASK_MODULES: tuple[str, ...] = (
    "airtune.operators.graph",
    "airtune.operators.docker_tasks",
    "airtune.operators.sweeps",
    "airtune.operators.reaper",
    "airtune.launchers.docker.launcher",
    "airtune.operators.deploy",
    "airtune.operators.measuring",
    "airtune.operators.outcome",
    "airtune.operators.owner",
    "airtune.operators.planning",
    "airtune.operators.plan",
    "airtune.operators.preflight",
    "airtune.operators.reduce",
    "airtune.operators.request",
    "airtune.operators.teardown",
    "airtune.study.plan",
    # The mirror's own: 1.2 s of CPU for each teardown, beside the next trial's start.
    "optuna.storages._rdb.storage",
    "alembic.command",
    "alembic.ext.checkconstraint_byname",
    "psycopg",  # for a store on PostgreSQL
    "sqlalchemy.dialects.postgresql.psycopg",
)
"""What airtune's task processes load, inherited from the scheduler, which forks them.

DAG files and plugins are still read by every task; a changed *package* needs a new stack, as it
does for the triggerer. Named here like Airflow's own modules, never imported by this package.
"""


@dataclass(frozen=True)
class Component:
    """One long-running process of Airflow.

    Attributes:
        name: also the name of its log file.
        arguments: Airflow's command line.
        modules: what it loads while the database is still being migrated.
        health: its key in the answer of ``/api/v2/monitor/health``.
    """

    name: str
    arguments: tuple[str, ...]
    modules: Sequence[str] = ()
    health: str | None = None


COMPONENTS: tuple[Component, ...] = (
    Component(
        "api-server",
        ("api-server", "--workers", "1"),
        (
            "airflow.cli.commands.api_server_command",
            "airflow.api_fastapi.core_api.routes.public",
            "airflow.api_fastapi.core_api.routes.ui",
            "airflow.api_fastapi.execution_api.routes",
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager",
        ),
    ),
    # --skip-serve-logs: the log servers would listen on all interfaces.
    Component("scheduler", ("scheduler", "--skip-serve-logs"), TASK_MODULES, health="scheduler"),
    Component("dag-processor", ("dag-processor",), health="dag_processor"),
    Component("triggerer", ("triggerer", "--skip-serve-logs"), health="triggerer"),
)
