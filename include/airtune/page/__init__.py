"""The results page: HTML made on the server from the results files; knows no Airflow."""
