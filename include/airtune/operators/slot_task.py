"""What the three tasks of a slot have in common."""

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airtune.launchers.launcher import Launcher
    from airtune.operators.slot import Slot


class Killed(BaseException):
    """Airflow ends this task now; raised in the task so that what it started is removed."""


class SlotTask(BaseOperator):
    """A task of one slot.

    Args:
        spec: the slot, as ``plan`` returned it. The only field that a mapped value reaches;
            everything else is made in ``execute``.
    """

    template_fields = ("spec",)

    def __init__(self, *, spec: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def enter(self, context: "Context") -> "Slot":
        """Enter the slot: its older attempts are fenced off, and an older generation is removed."""
        from airtune.operators.slot import Slot

        context["label"] = self.spec["label"]  # type: ignore[typeddict-unknown-key]
        slot = Slot.enter(self.spec, context["ti"], self.task_id.rpartition(".")[2])
        slot.say = self.log.info
        slot.launch = lambda: self.launcher(slot)
        if slot.renewed:
            slot.remove_earlier()
        return slot

    def launcher(self, slot: "Slot") -> "Launcher":
        """What starts and removes this slot's servers; here: processes of this host."""
        from airtune.launchers.local.launcher import LocalLauncher

        return LocalLauncher(slot.settings)

    def on_kill(self) -> NoReturn:
        """Airflow calls this from its signal handler; raising unwinds ``execute``."""
        raise Killed("the task was stopped")
