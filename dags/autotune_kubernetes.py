"""The airflow DAG that tunes engines as pods of a Kubernetes cluster."""

from airtune.operators.graph import autotune
from airtune.operators.launchers import launcher_tasks

dag = autotune(launcher_tasks("kubernetes"))
