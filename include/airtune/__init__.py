"""airtune tunes the parameters of LLM inference engines with Apache Airflow as its loop.

The package imports nothing on its own: what a task process loads is decided by the module it
asks for (see ``docs/architecture.md`` for the layers).
"""

__version__ = "0.1.0"
