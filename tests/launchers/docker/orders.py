"""Orders for servers of the fake engine in containers."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from airtune.launchers.launcher import Order
from airtune.launchers.probe import Readiness
from airtune.records import Device, ServerSpec
from airtune.records.server import PORT
from airtune.task.container import ContainerOptions
from airtune.task.model import Model

IMAGE = "airtune-test/fake-sglang:latest"
READY = Readiness(model_name="m", prompt_tokens=10, max_tokens=3)
FAKE = (Device(name="fake0", kind="fake", indexes=(0,)),)
GPUS = tuple(Device(name=f"gpu{i}", kind="gpu", indexes=(i,)) for i in (1, 0))
CPU = (Device(name="cpu0-1", kind="cpu", indexes=(0, 1)),)
FAST = {"ttft_ms": 1, "tpot_ms": 0}
IN_IMAGE = Model(name="m", in_image="/models/m")


def server(*flags: str, image: str = IMAGE, **behaviour: Any) -> ServerSpec:
    """A server of the fake engine that behaves like that."""
    own = ("--model-path", "/models/m", "--served-model-name", "m")
    return ServerSpec(
        engine="sglang",
        image=image,
        program=("python3", "-m", "sglang.launch_server"),
        arguments=(*own, "--host", "0.0.0.0", "--port", PORT, *flags),
        env={"FAKE_ENGINE": json.dumps(FAST | behaviour)},
        model_name="m",
    )


def order(folder: Path, spec: ServerSpec | None = None, **changes: Any) -> Order:
    """An order with what does not matter filled in; its log is below ``folder``."""
    made = Order(
        run="dag/run",
        slot=0,
        attempt=1,
        generation=0,
        server=spec or server(),
        model=IN_IMAGE,
        container=ContainerOptions(shm_size="64m"),
        readiness=READY,
        devices=FAKE,
        log=folder / "exp7" / "server.log",
        start_limit_s=20.0,
        pull_limit_s=20.0,
        trial_id=7,
    )
    return replace(made, **changes)


def values_after(words: Sequence[str], flag: str) -> str:
    """The word after ``flag``."""
    return words[words.index(flag) + 1]
