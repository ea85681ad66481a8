"""What a server's container sees of the host: model, hub cache, compile caches."""

from pathlib import PurePosixPath

from docker.types import Mount

from airtune.launchers.docker import names
from airtune.settings import Settings
from airtune.task.model import Model

MODEL = "/model"
HUB_CACHE = "/root/.cache/huggingface"
COMPILE_CACHE = "/root/.cache"

HUB_ENVIRONMENT = {"HF_HOME": HUB_CACHE, "HF_HUB_CACHE": f"{HUB_CACHE}/hub"}
"""The cache is where it is mounted, whatever the image says."""

CACHE_ENVIRONMENT = {
    "TRITON_CACHE_DIR": f"{COMPILE_CACHE}/triton",
    "TORCHINDUCTOR_CACHE_DIR": f"{COMPILE_CACHE}/torchinductor",
    "CUDA_CACHE_PATH": f"{COMPILE_CACHE}/nv",
    "TILELANG_CACHE_DIR": f"{COMPILE_CACHE}/tilelang",
}
"""Compilers whose caches are elsewhere by default (``~/.triton``, ``/tmp``, ``~/.nv``,
``~/.tilelang``); vLLM, FlashInfer and DeepGEMM use ``~/.cache`` by themselves."""


def host_folder(model: Model, settings: Settings) -> str | None:
    """Folder (or GGUF file) of the Docker host that holds the model; None: it is not a host's."""
    if model.in_image or model.hub_id:
        return None
    root = PurePosixPath(model.root or settings.model_root)
    return str(root / (model.id_or_path or model.name))


def mounts_of(model: Model, settings: Settings, *, digest: str, compiles: bool) -> list[Mount]:
    """All mounts of one server.

    Args:
        digest: of the image (``sha256:…``): caches of one build are no use to another.
        compiles: whether the engine compiles kernels at start.
    """
    found = []
    if compiles:
        found.append(_compile_cache(digest))
    if folder := host_folder(model, settings):
        gguf = folder.lower().endswith(".gguf")
        target = f"{MODEL}/{PurePosixPath(folder).name}" if gguf else MODEL
        found.append(Mount(target, folder, type="bind", read_only=True))
    if model.hub_id:
        found.append(hub_mount(settings))
    return found


def hub_mount(settings: Settings) -> Mount:
    """The hub cache of the host: a folder if the setting is a path, else a volume."""
    cache = settings.hub_cache
    return Mount(HUB_CACHE, cache, type="bind" if cache.startswith("/") else "volume")


def _compile_cache(digest: str) -> Mount:
    name = f"airtune-cache-{digest.rpartition(':')[2][:12]}"
    # All installations share it, and it outlives runs: it carries nobody's label.
    return Mount(COMPILE_CACHE, name, type="volume", labels={names.CACHE: digest})
