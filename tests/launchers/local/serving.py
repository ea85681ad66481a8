"""The fake engine as a server of the local launcher, for the tests of this folder."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from airtune.launchers.local.server import start, start_and_wait
from airtune.launchers.probe import Readiness
from airtune.processes import table
from airtune.processes.place import Place
from airtune.records import Device, Endpoint, ServerSpec
from airtune.records.server import PORT

COMMAND = (sys.executable, "-m", "airtune.testing.fake_engine")
READY = Readiness(model_name="m", prompt_tokens=10, max_tokens=3)
FAKE = (Device(name="fake0", kind="fake", indexes=(0,)),)
FAST = {"ttft_ms": 1, "tpot_ms": 0}


def spec(*flags: str, **behaviour: Any) -> ServerSpec:
    """A server of the fake engine that behaves like that."""
    own = ("--served-model-name", "m", "--host", "127.0.0.1", "--port", PORT)
    return ServerSpec(
        engine="sglang",
        image="none",
        program=("python3", "-m", "sglang.launch_server"),
        arguments=(*own, *flags),
        env={"FAKE_ENGINE": json.dumps(FAST | behaviour)},
        model_name="m",
    )


def begin(server: ServerSpec, place: Place, **options: Any) -> Endpoint:
    """``start`` with what does not matter filled in."""
    options = _defaults(place) | options
    return start(server, place, **options)


def bring_up(server: ServerSpec, place: Place, within_s: float = 10.0, **options: Any) -> Endpoint:
    """``start_and_wait`` with what does not matter filled in."""
    options = _defaults(place) | options
    deadline = time.monotonic() + within_s
    return start_and_wait(server, place, READY, deadline=deadline, **options)


def _defaults(place: Place) -> dict[str, Any]:
    return {"command": COMMAND, "devices": FAKE, "log": log_of(place)}


def log_of(place: Place) -> Path:
    """Where servers of ``place`` write to."""
    return place.folder / "logs" / "server.log"


def mention(text: object) -> list[int]:
    """Pids of all processes with ``text`` on their command line, this one left out."""
    word = str(text).encode()
    found = []
    for pid in table.running():
        try:
            if word in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found
