"""The environment of a server on this host: ours without Airflow, secrets and other pythons."""

import os
from collections.abc import Mapping, Sequence

from airtune.records import Device

_DROPPED = ("AIRFLOW", "_AIRFLOW", "AIRTUNE_", "PYTHON", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES")
"""Name beginnings. Airflow's hold database passwords; a server runs on a python of its own."""

_SECRET = frozenset({"KEY", "PASSWD", "PASSWORD", "SECRET", "TOKEN", "CREDENTIALS"})
"""A name with such a word is a secret that no engine needs."""

_NEEDED = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
"""Models are fetched with these."""


def server_environment(
    wanted: Mapping[str, str],
    devices: Sequence[Device],
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment of a server.

    Args:
        wanted: from the task; wins over what is inherited, not over the devices.
        devices: those leased. GPUs are made visible, all others hidden; beside CPU sets every
            GPU is hidden; ``fake`` ones change nothing.
        environ: ``os.environ`` unless given.
    """
    ours = os.environ if environ is None else environ
    kept = {name: value for name, value in ours.items() if _passes(name)}
    return kept | dict(wanted) | _visible(devices)


def _passes(name: str) -> bool:
    if name in _NEEDED:
        return True
    return not name.startswith(_DROPPED) and not _SECRET.intersection(name.upper().split("_"))


def _visible(devices: Sequence[Device]) -> dict[str, str]:
    gpus = sorted(i for device in devices if device.kind == "gpu" for i in device.indexes)
    if gpus:
        # Without the order, index 0 is the fastest GPU rather than the first.
        visible = ",".join(str(index) for index in gpus)
        return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": visible}
    if any(device.kind == "cpu" for device in devices):
        return {"CUDA_VISIBLE_DEVICES": ""}
    return {}
