"""What Airflow costs for each trial, and where that time goes."""
