from airtune.stack.__main__ import login_text
from airtune.stack.handle import StackHandle

HANDLE = StackHandle("http://127.0.0.1:8080", "admin", "s3cret")


def test_a_person_at_a_terminal_sees_the_password() -> None:
    text = login_text(HANDLE, "var/airflow/stack.json", show_password=True)
    assert text == "Airflow: http://127.0.0.1:8080   user admin, password s3cret"


def test_a_log_shows_where_the_password_is() -> None:
    text = login_text(HANDLE, "var/airflow/stack.json", show_password=False)
    assert text == "Airflow: http://127.0.0.1:8080   user admin, password in var/airflow/stack.json"
