import pytest
import requests
import urllib3
from docker.errors import DockerException, NotFound

from airtune.errors import TrialFailed
from airtune.launchers.docker.connect import connect, engine_errors
from airtune.records import FailureClass
from airtune.settings import DockerHost
from airtune.testing.fake_docker import api_error

URL = "unix:///x/docker.sock"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            DockerException("PermissionError(13, 'Permission denied')"),
            "group",
        ),
        (api_error(500, "no luck"), "refused: no luck"),
        (api_error(404, "No such container: x"), "No such container"),
        (requests.ConnectionError("Connection refused"), "AIRTUNE_DOCKER_HOST"),
        (requests.ReadTimeout("timed out"), "cannot be reached"),
        (urllib3.exceptions.ProtocolError("broken"), "cannot be reached"),
        (ConnectionResetError("reset"), "cannot be reached"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_error_of_the_sdk_is_infrastructure_and_names_the_engine(
    error: Exception, words: str
) -> None:
    with pytest.raises(TrialFailed, match=words) as caught, engine_errors(URL):
        raise error
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE
    assert URL in caught.value.failure.reason


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), engine_errors(URL):
        raise ZeroDivisionError


def test_a_socket_that_is_not_there_says_what_to_check() -> None:
    host = DockerHost(url="unix:///nonexistent/docker.sock")
    with pytest.raises(TrialFailed, match="AIRTUNE_DOCKER_HOST"), connect(host, 1.0):
        raise AssertionError("it connected")


def test_tls_files_that_are_not_there_are_infrastructure() -> None:
    host = DockerHost(url="tcp://127.0.0.1:1", tls_ca="/no/ca.pem")
    with pytest.raises(TrialFailed) as caught, connect(host, 1.0):
        raise AssertionError("it connected")
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_the_sdks_not_found_is_one_of_its_errors() -> None:
    assert isinstance(api_error(404, "x"), NotFound)
