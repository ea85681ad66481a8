"""The task file: typed models, seed-compatible reading, JSON Schema."""

from airtune.task.files import load_task, load_task_data, resolve_task_file
from airtune.task.read import read_task
from airtune.task.task import Task

__all__ = ["Task", "load_task", "load_task_data", "read_task", "resolve_task_file"]
