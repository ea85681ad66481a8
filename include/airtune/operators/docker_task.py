"""A slot's task beside a Docker Engine, reached as the provider's operator reaches it."""

import time
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from airtune.operators.slot_task import SlotTask
from airtune.settings import Settings

if TYPE_CHECKING:
    from docker import APIClient

    from airtune.launchers.docker.launcher import DockerLauncher
    from airtune.operators.slot import Slot

ENGINE_PATIENCE_S = 60.0
"""A Docker Engine that is restarted is back within a minute, or somebody has to look."""
_POLL_S = 2.0


class DockerSlotTask(SlotTask, DockerOperator):
    """What deploy, benchmark and teardown have in common in Docker mode.

    The provider's operator brings hook, TLS and registry login; what runs is made in ``execute``,
    since a mapped value reaches ``spec`` alone.

    Args:
        host: name of the Docker host in ``AIRTUNE_DOCKER_HOSTS``; empty for the default engine.
    """

    template_fields = ("spec",)
    template_ext = ()

    fetches: ClassVar[bool] = True
    """It may have to fetch an image or a model, so it logs in to registry and hub."""

    def __init__(self, *, spec: Any, host: str = "", **kwargs: Any) -> None:
        where = Settings.load().docker_host(host)
        super().__init__(
            spec=spec,
            image="chosen by the task",
            docker_url=where.url,
            docker_conn_id=(where.conn_id or None) if self.fetches else None,
            tls_ca_cert=where.tls_ca or None,
            tls_client_cert=where.tls_cert or None,
            tls_client_key=where.tls_key or None,
            mount_tmp_dir=False,
            auto_remove="never",
            **kwargs,
        )
        self.host = host
        self.engine_url = where.url

    def launcher(self, slot: "Slot") -> "DockerLauncher":
        """What starts and removes this slot's containers.

        Raises:
            TrialFailed: ``infrastructure``: the engine did not answer for a minute; ``image``: a
                connection that is to be used is not there.
        """
        from airtune.launchers.docker.launcher import DockerLauncher
        from airtune.operators.hub_token import hub_token

        where = slot.settings.docker_host(self.host)
        wanted = self.fetches and slot.task.model.hub_id
        token = hub_token(slot.settings) if wanted else None
        return DockerLauncher(self.engine(), where, slot.settings, token=token)

    def engine(self) -> "APIClient":
        """The engine's client, once it answers.

        Raises:
            TrialFailed: ``infrastructure``: it did not for a minute, or refuses us; ``image``: the
                registry's connection is not there.
        """
        from docker.errors import APIError

        from airtune.errors import TrialFailed
        from airtune.launchers.docker.connect import engine_errors, own_authority
        from airtune.operators.hub_token import no_connection
        from airtune.records import Failure, FailureClass

        deadline = time.monotonic() + ENGINE_PATIENCE_S
        while True:
            try:
                with engine_errors(self.engine_url), own_authority():
                    client = self.cli
                client.trust_env = False  # nor later: its authority is the engine's own
                return client
            except AirflowNotFoundException as error:
                raise no_connection("AIRTUNE_DOCKER_CONN_ID", error) from error
            except TrialFailed as error:
                cause = error.__cause__
                if isinstance(cause, APIError) and cause.is_client_error():
                    raise  # a login that is refused stays so
                if time.monotonic() > deadline:
                    raise
            except AirflowException as error:
                if time.monotonic() > deadline:
                    reason = (
                        f"The Docker Engine at {self.engine_url} cannot be reached: {error} Is it "
                        "running, and may this user open its socket (group docker)?"
                    )
                    failure = Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason)
                    raise TrialFailed(failure) from error
            time.sleep(_POLL_S)
