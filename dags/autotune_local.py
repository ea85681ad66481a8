"""The airflow DAG that tunes engines started as processes of the worker's host."""

from airtune.operators.graph import autotune
from airtune.operators.launchers import launcher_tasks

dag = autotune(launcher_tasks("local"))
