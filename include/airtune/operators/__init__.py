"""The Airflow side of airtune: the only package, beside ``dags/`` and ``plugins/``, to import it.

Nothing is imported here. Each task process imports its DAG file anew, so operators import what
they need when they run.
"""
