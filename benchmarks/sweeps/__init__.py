"""How long Airflow needs for a folder full of sweeps."""
