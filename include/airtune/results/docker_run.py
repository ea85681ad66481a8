"""A trial's container as one ``docker run``, in words quoted for a POSIX shell."""

import shlex
from collections.abc import Iterator, Sequence

from airtune.engines import get_engine
from airtune.engines.image import image_reference
from airtune.records import Device, Trial, parse_devices
from airtune.results.launch_command import env_words, shell_words
from airtune.settings import DockerHost, Settings
from airtune.study.servers import model_path
from airtune.task import Task
from airtune.task.container import ContainerOptions

PORT_INSIDE = 8000
"""Every server's port in its container, which has a network of its own."""

_HUB_CACHE = "/root/.cache/huggingface"


def docker_run(
    trial: Trial, task: Task, settings: Settings, *, name: str, port: str, network: str = ""
) -> list[str]:
    """The command that starts the trial's server in the background.

    The caches of compiled kernels are left out: the first start may take longer for it.

    Args:
        trial: its ``argv`` is what was started, its ``devices`` what it held.
        name: of the container; this, ``port`` and ``network`` are shell text, not quoted again.
        port: at which the server is published on its host.
        network: Docker network to join; the default one if empty.
    """
    program, *arguments = trial.argv
    address = host_of(trial, settings).publish
    held = [device for name in trial.devices for device in _device(name)]
    return [
        *("docker", "run", "-d", "--init", "--name", name),
        *_devices(held),
        *_limits(task.container, with_gpus=any(device.kind == "gpu" for device in held)),
        *(word for pair in env_words(task.env) for word in ("-e", pair)),
        # Named only: the value is the caller's own, and public models need none.
        *(("-e", "HF_TOKEN") if task.model.hub_id and not task.model.in_image else ()),
        *(("--network", network) if network else ()),
        *("-p", f"{address}:{port}:{PORT_INSIDE}"),
        *_mount(task, settings),
        *("--entrypoint", shlex.quote(program), shlex.quote(image_of(task))),
        *shell_words(arguments),
    ]


def image_of(task: Task) -> str:
    """The reference of the image that all trials of a task run."""
    engine = get_engine(task.engine)
    return image_reference(task.image, task.image_tag, engine.image, engine.tag)


def host_of(trial: Trial, settings: Settings) -> DockerHost:
    """The Docker Engine that the trial ran on; one that is no longer set up has defaults."""
    name = trial.devices[0].rpartition("/")[0] if trial.devices else ""
    known = {host.name: host for host in settings.docker_hosts}
    return known.get(name) or DockerHost(name=name)


def _devices(held: Sequence[Device]) -> Iterator[str]:
    """As the launcher gives them: GPUs by request, cores as a set, others not at all."""
    gpus = sorted(str(index) for d in held if d.kind == "gpu" for index in d.indexes)
    cores = sorted(d.indexes for d in held if d.kind == "cpu")
    if gpus:
        # The inner quotes are Docker's: it reads a comma as the next key.
        yield from ("--gpus", shlex.quote(f'"device={",".join(gpus)}"'))
    if cores:
        sets = [str(i[0]) if len(i) == 1 else f"{i[0]}-{i[-1]}" for i in cores]
        yield from ("--cpuset-cpus", ",".join(sets))


def _device(name: str) -> tuple[Device, ...]:
    try:
        return parse_devices(name.rpartition("/")[2])
    except ValueError:  # a name that only an earlier inventory knew
        return ()


def _limits(asked: ContainerOptions, *, with_gpus: bool) -> Iterator[str]:
    if asked.ipc != "private":
        yield from ("--ipc", asked.ipc)
    if asked.ipc != "host":
        yield from ("--shm-size", asked.shm_size)
    if asked.memory:
        yield from ("--memory", asked.memory, "--memory-swap", asked.memory)
    # The default ones are for pinned memory, and need rights that an engine may not have.
    if with_gpus or asked.ulimits != ContainerOptions().ulimits:
        for limit, value in sorted(asked.ulimits.items()):
            yield from ("--ulimit", f"{limit}={value}")


def _mount(task: Task, settings: Settings) -> Iterator[str]:
    model = task.model
    if model.in_image:
        return
    if model.hub_id:
        yield from ("-v", shlex.quote(f"{settings.hub_cache}:{_HUB_CACHE}"))
        return
    root = (model.root or settings.model_root).rstrip("/")
    source = f"{root}/{model.id_or_path or model.name}"
    yield from ("-v", shlex.quote(f"{source}:{model_path(task, settings)}:ro"))
