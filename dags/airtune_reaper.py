"""The airflow DAG that cleans up after dead runs."""

from airtune.operators.reaper import reaper
from airtune.settings import Settings

dag = reaper(Settings.load())
