"""The airflow DAGs of the task files that have a schedule: ``sweep__<task_name>``."""

from airflow.sdk import get_parsing_context

from airtune.operators.sweeps import sweep_dags
from airtune.settings import Settings

for dag in sweep_dags(Settings.load().sweep_dir, only=get_parsing_context().dag_id):
    globals()[dag.dag_id] = dag
