"""``python -m airtune.stack``: an Airflow with the project's DAGs, in the foreground."""

import signal
import sys
import time
from types import FrameType

from airtune.errors import AirtuneError
from airtune.settings import Settings
from airtune.stack.handle import StackHandle
from airtune.stack.stack import Stack


def login_text(handle: StackHandle, place: str, *, show_password: bool) -> str:
    """Address and login in one line; the password only where a person reads it, not in a log."""
    password = f"password {handle.password}" if show_password else f"password in {place}"
    return f"Airflow: {handle.url}   user {handle.user}, {password}"


def main() -> int:
    """Start, print address and login, wait until interrupted or until a component ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        stack = Stack(Settings.load().home / "var" / "airflow")
        print("Starting Airflow …", flush=True)
        with stack as handle:
            place = str(stack.folder / "stack.json")
            print(login_text(handle, place, show_password=sys.stdout.isatty()), flush=True)
            print("Ctrl-C stops it.", flush=True)
            while True:
                stack.check()
                time.sleep(1.0)
    except KeyboardInterrupt:
        print("Airflow has been stopped.")
        return 0
    except AirtuneError as error:
        print(error, file=sys.stderr)
        return 1


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
