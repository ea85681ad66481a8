"""What ``docker-compose.yaml`` runs besides Airflow: checks, preparation, health, and its ``.env``.

Nothing is imported here: the health check runs every few seconds in each container.
"""
