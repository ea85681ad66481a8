"""What airtune's triggers have in common."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class WaitTrigger(BaseTrigger):
    """Waits in the triggerer and fires once; what it has found the worker sees for itself.

    An error is an event as well: raised in the triggerer it would miss the task's retry rules.
    """

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Path and arguments, for the triggerer."""
        return f"{type(self).__module__}.{type(self).__qualname__}", self.arguments()

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then fire."""
        try:
            await self.wait()
        except Exception as error:
            yield _event({"error": f"{type(error).__name__}: {error}"})
            return
        yield _event({})

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """What the constructor takes, as JSON."""

    @abstractmethod
    async def wait(self) -> None:
        """Return when it is time; whatever blocks runs off the event loop."""


def _event(payload: dict[str, str]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
