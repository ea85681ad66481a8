"""Why the engine would not make or start a container, and what to do about it."""

import re

from airtune.errors import TrialFailed
from airtune.records import Failure, FailureClass

_RULES: tuple[tuple[str, FailureClass, str], ...] = (
    (
        r"bind source path does not exist: (?P<detail>\S+)",
        FailureClass.INVALID_CONFIG,
        "{detail} does not exist on {host}: put the model there, or correct model.name, "
        "model.root or AIRTUNE_MODEL_ROOT (it is a path of the engine's host).",
    ),
    # The host's fault and not the image's: a trial on another host could run. Two retries cost
    # four seconds.
    (
        r"could not select device driver",
        FailureClass.INFRASTRUCTURE,
        "{host} gives no GPUs to containers: install the NVIDIA Container Toolkit there "
        "(nvidia-ctk runtime configure --runtime=docker) and restart the engine, or correct "
        "AIRTUNE_DEVICES.",
    ),
    (
        r"nvidia-container|unknown device|unresolvable CDI|no NVIDIA",
        FailureClass.INFRASTRUCTURE,
        "{host} does not have the GPUs of the lease: {said}. Compare AIRTUNE_DEVICES with "
        "nvidia-smi -L on it.",
    ),
    (
        r"Requested CPUs are not available.*",
        FailureClass.INFRASTRUCTURE,
        "{host} does not have the cores of the lease: {said}. Correct AIRTUNE_DEVICES.",
    ),
    (
        r"docker-init",
        FailureClass.INFRASTRUCTURE,
        "The engine of {host} lacks docker-init: {said}. Install it (Debian: package tini).",
    ),
    (
        r"error setting rlimit",
        FailureClass.INFRASTRUCTURE,
        "The engine of {host} may not set the limits of container.ulimits: {said}. Change them, "
        "or give the engine the right to (CAP_SYS_RESOURCE).",
    ),
    (
        r"no such image|No such image",
        FailureClass.IMAGE,
        "The image has been removed from {host}: {said}.",
    ),
    (
        r"executable file not found|no such file or directory: unknown",
        FailureClass.IMAGE,
        "The image has no such program: {said}. Correct image or image_tag.",
    ),
    (
        r"network \S+ not found",
        FailureClass.INFRASTRUCTURE,
        "The network is not there: {said}. Make it, or correct AIRTUNE_DOCKER_NETWORK.",
    ),
    (
        r"address pool",
        FailureClass.INFRASTRUCTURE,
        "{host} has no address range left for a network: {said}. Remove unused networks "
        "(docker network prune), or widen default-address-pools in its daemon.json.",
    ),
    (
        r"[Mm]inimum memory limit|invalid mount path|[Ii]nvalid (?:volume|IPC|shm)",
        FailureClass.INVALID_CONFIG,
        "The engine of {host} refuses the container: {said}. Correct the task's container or "
        "model.",
    ),
)


def refused(said: str, host: str) -> TrialFailed:
    """The failure for the engine's refusal ``said``.

    Args:
        host: the engine's host, for the text.
    """
    for pattern, failure_class, text in _RULES:
        if match := re.search(pattern, said):
            detail = match.groupdict().get("detail", "")
            reason = text.replace("{host}", host).replace("{detail}", detail)
            return _failed(failure_class, reason.replace("{said}", said.rstrip(".")))
    reason = f"The engine of {host} did not start the container: {said}"
    return _failed(FailureClass.INFRASTRUCTURE, reason)


def _failed(failure_class: FailureClass, reason: str) -> TrialFailed:
    return TrialFailed(Failure(failure_class=failure_class, reason=reason))
