"""How a slot's task reaches its Docker Engine, and which of Airflow's connections it needs."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException

from airtune.errors import TrialFailed
from airtune.operators.deploy_docker import DeployDocker
from airtune.operators.teardown_docker import TeardownDocker
from airtune.records import FailureClass
from airtune.testing.fake_docker import api_error


class Unreached(DeployDocker):
    """Its provider's hook fails in one way."""

    problem: Exception

    @property
    def cli(self) -> Any:
        raise self.problem


@pytest.mark.parametrize(
    ("problem", "expected", "words"),
    [
        (
            AirflowNotFoundException("The conn_id `registry` isn't defined"),
            FailureClass.IMAGE,
            "AIRTUNE_DOCKER_CONN_ID.*registry",
        ),
        (api_error(401, "bad password"), FailureClass.INFRASTRUCTURE, "refused: bad password"),
    ],
)
def test_a_login_that_is_refused_is_a_failed_trial_at_once(
    problem: Exception, expected: FailureClass, words: str
) -> None:
    operator = Unreached(task_id="deploy", spec={"label": "x"})
    operator.problem = problem
    with pytest.raises(TrialFailed, match=words) as caught:
        operator.engine()
    assert caught.value.failure.failure_class is expected


def test_clean_up_needs_no_connection_of_registry_or_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRTUNE_DOCKER_CONN_ID", "registry")
    assert DeployDocker(task_id="deploy", spec={"label": "x"}).docker_conn_id == "registry"
    teardown = TeardownDocker(task_id="teardown", spec={"label": "x"})
    assert teardown.docker_conn_id is None
    assert not teardown.fetches
