"""Turning an engine's server into a running one, by world; no Airflow in here."""
