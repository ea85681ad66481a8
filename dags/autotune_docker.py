"""The airflow DAGs that tune engines as Docker containers, one for each Docker Engine."""

from airtune.operators.docker_tasks import docker_tasks
from airtune.operators.graph import autotune
from airtune.settings import Settings

for host in Settings.load().docker_hosts:
    tasks = docker_tasks(host.name)
    globals()[tasks.dag_id] = autotune(tasks)
