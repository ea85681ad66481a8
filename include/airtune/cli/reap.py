"""``airtune reap``: devices of dead owners come back, once what they left is gone."""

from functools import partial

from rich.console import Console

from airtune.cli.api import Api
from airtune.cli.console import open_console
from airtune.cli.login import find_login
from airtune.cli.owner import RestOwnerProbe
from airtune.errors import ApiError
from airtune.settings import Settings
from airtune.study.reap import reap
from airtune.study.removal import remove_slot
from airtune.study.store import Store


def reap_host(*, url: str | None, force: bool) -> int:
    """Reap this host; returns 1 if leases of dead or unknown owners remain.

    Raises:
        ApiError: Airflow cannot be asked and ``force`` is not given.
    """
    settings, console = Settings.load(), open_console()
    api = _api(url, settings, console, force=force)
    with Store.open(settings.store_url) as store:
        remove = partial(remove_slot, store, settings)
        found = reap(store, RestOwnerProbe(api), remove, force=force)
        held = len(store.holders())
    for one in found:
        sign = "reclaimed" if one.reclaimed else "kept"
        devices = ", ".join(one.lease.devices)
        console.print(f"{sign} {devices} of {one.lease.run} slot {one.lease.slot}: {one.reason}")
    taken = sum(one.reclaimed for one in found)
    console.print(f"{taken} reclaimed; {held} in use or kept.")
    return 0 if taken == len(found) else 1


def _api(url: str | None, settings: Settings, console: Console, *, force: bool) -> Api | None:
    try:
        return Api(find_login(url, settings), patience_s=2.0)
    except ApiError as error:
        if not force:
            raise
        console.print(f"{error}\nGoing on without it: every owner counts as unknown.")
        return None
