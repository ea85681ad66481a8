"""The parts of an Airflow: their command lines and what each loads besides the common modules."""

from collections.abc import Mapping, Sequence
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


CLUSTER_MODULES: tuple[str, ...] = (
    # 3 s of import for each look at a DAG file with it, and there is one every half minute.
    "airflow.providers.cncf.kubernetes.operators.pod",
    "airtune.operators.kubernetes_tasks",
    "airtune.operators.preflight_kubernetes",
    "airtune.operators.client_pod",
    "airtune.launchers.ome.world",
)
"""What task processes load in Kubernetes and OME mode; the first one the DAG processor, too."""

CLUSTER_SETTINGS = ("AIRTUNE_KUBECONFIG", "AIRTUNE_KUBERNETES_CONN_ID", "KUBERNETES_SERVICE_HOST")
"""Environment variables of which one is set where a cluster is used. Elsewhere the scheduler is
not burdened with its modules: a task in a cluster then loads them itself."""


@dataclass(frozen=True)
class Component:
    """One long-running process of Airflow.

    Attributes:
        name: also the name of its log file.
        arguments: Airflow's command line.
        modules: what it loads while the database is still being migrated.
        health: its key in the answer of ``/api/v2/monitor/health``.
        cluster_modules: what it loads beside ``modules`` where a cluster is used.
    """

    name: str
    arguments: tuple[str, ...]
    modules: Sequence[str] = ()
    health: str | None = None
    cluster_modules: Sequence[str] = ()

    def loaded(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The modules to load in this environment."""
        more = self.cluster_modules if any(map(environ.get, CLUSTER_SETTINGS)) else ()
        return (*self.modules, *more)


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
    Component(
        "scheduler",
        ("scheduler", "--skip-serve-logs"),
        TASK_MODULES,
        health="scheduler",
        cluster_modules=CLUSTER_MODULES,
    ),
    Component("dag-processor", ("dag-processor",), CLUSTER_MODULES[:1], health="dag_processor"),
    Component("triggerer", ("triggerer", "--skip-serve-logs"), health="triggerer"),
)
