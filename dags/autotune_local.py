"""The airflow DAG that tunes engines started as processes of the worker's host."""

from airtune.operators.deploy import DeployLocal
from airtune.operators.graph import LauncherTasks, autotune
from airtune.operators.teardown import TeardownLocal

dag = autotune(
    LauncherTasks(
        launcher="local",
        deploy=DeployLocal,
        teardown=TeardownLocal,
        how="as a process of the worker's host",
        example="local_smollm2.json",
    )
)
