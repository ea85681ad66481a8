"""What a run that was cut off may have left on this host, and its removal."""

from dataclasses import dataclass
from functools import partial

from airtune.settings import Settings
from airtune.study.reap import Liveness, reap
from airtune.study.removal import remove_slot
from airtune.study.store import Store


@dataclass(frozen=True)
class OnlyThisRunIsDead:
    """An ``OwnerProbe`` for whoever has ended a run and knows nothing of the others."""

    ended: str

    def __call__(self, run: str, slot: int) -> Liveness:
        """``dead`` for every slot of the ended run."""
        return "dead" if run == self.ended else "alive"


def remove_leftovers(settings: Settings, run: str) -> None:
    """End servers and clients of ``run`` (``<dag_id>/<run_id>``), give its leases back, close it.

    Only for a run none of whose tasks runs any more. Fine if nothing is left or the run is not
    in the store at all.
    """
    with Store.open(settings.store_url) as store:
        reap(store, OnlyThisRunIsDead(run), partial(remove_slot, store, settings))
        try:
            row = store.run(run)
        except LookupError:
            return
        for slot in range(len(row.plan)):  # also those that had given their lease back
            remove_slot(store, settings, run, slot, store.current(run, slot).attempt)
        if row.finished_at is None:
            store.finish_run(run, None)
