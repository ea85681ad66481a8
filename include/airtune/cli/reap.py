"""``airtune reap``: devices of dead owners come back, once what they left is gone."""

from functools import partial

from rich.console import Console

from airtune.cli.api import Api
from airtune.cli.console import open_console
from airtune.cli.login import find_login
from airtune.cli.owner import RestOwnerProbe
from airtune.errors import ApiError
from airtune.settings import Settings
from airtune.study.orphans import reap_orphans
from airtune.study.reap import reap
from airtune.study.removal import remove_slot
from airtune.study.store import Store


def reap_host(*, url: str | None, force: bool) -> int:
    """Reap this host and its Docker Engines; returns 1 if something of a dead owner stays.

    Raises:
        ApiError: Airflow cannot be asked and ``force`` is not given.
    """
    settings, console = Settings.load(), open_console()
    api = _api(url, settings, console, force=force)
    with Store.open(settings.store_url) as store:
        remove = partial(remove_slot, store, settings)
        probe = RestOwnerProbe(api)
        found = reap(store, probe, remove, force=force)
        orphans = reap_orphans(store, settings, probe, force=force)
        held = len(store.holders())
    for one in found:
        sign = "reclaimed" if one.reclaimed else "kept"
        devices = ", ".join(one.lease.devices)
        console.print(f"{sign} {devices} of {one.lease.run} slot {one.lease.slot}: {one.reason}")
    for orphan in orphans:
        console.print(f"{'removed' if orphan.removed else 'kept'} {orphan.what}: {orphan.reason}")
    taken = sum(one.reclaimed for one in found)
    console.print(f"{taken} reclaimed; {held} in use or kept.")
    done = taken == len(found) and all(orphan.removed for orphan in orphans)
    return 0 if done else 1


def _api(url: str | None, settings: Settings, console: Console, *, force: bool) -> Api | None:
    try:
        return Api(find_login(url, settings), patience_s=2.0)
    except ApiError as error:
        if not force:
            raise
        console.print(f"{error}\nGoing on without it: every owner counts as unknown.")
        return None
