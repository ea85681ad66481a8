"""Plan in Docker mode: what the engine has decides what can be re-used."""

from typing import TYPE_CHECKING, Any

from airtune.operators.plan import PlanSlots

if TYPE_CHECKING:
    from airtune.records import Trial
    from airtune.settings import Settings
    from airtune.study.plan import Plan
    from airtune.task import Task


class PlanDocker(PlanSlots):
    """As ``PlanSlots``, with the checks of Docker mode."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._digest: str | None = None

    def check(self, task: "Task", plan: "Plan", settings: "Settings") -> None:
        """Refuse a task that this engine cannot run; learn which image it has.

        Raises:
            TaskError: with every problem found.
            TrialFailed: ``infrastructure``: the engine cannot be reached.
        """
        from airtune.launchers.docker.connect import connect, engine_errors
        from airtune.launchers.docker.image import digest_there
        from airtune.operators.preflight import check_docker

        host = settings.docker_host(self.launcher.partition("/")[2])
        check_docker(task, plan, settings, host)
        with connect(host) as client, engine_errors(host.url):
            self._digest = digest_there(client, plan.trials[0].server.image)

    def reusable(self, trial: "Trial") -> bool:
        """A moved tag is another image: its trials are measured anew."""
        from airtune.scoring.judge import reusable_on

        return reusable_on(trial, self._digest)
