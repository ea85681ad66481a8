"""The airflow DAG that tunes engines as InferenceServices of OME."""

from airtune.operators.graph import autotune
from airtune.operators.launchers import launcher_tasks

dag = autotune(launcher_tasks("ome"))
