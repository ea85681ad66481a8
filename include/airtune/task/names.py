"""Names of engines and launchers, and which of them a task means."""

from typing import Literal, get_args

EngineName = Literal["sglang", "vllm", "llama_cpp"]
LauncherName = Literal["local", "docker", "kubernetes", "ome", "endpoint"]
ENGINES: tuple[str, ...] = get_args(EngineName)
LAUNCHERS: tuple[str, ...] = get_args(LauncherName)

ENGINE_SPELLINGS = ("llama.cpp", "llama-cpp", "llamacpp")
"""Other ways to write ``llama_cpp``."""


def engine_name(value: object) -> object:
    """Other spellings of llama_cpp become it; everything else is unchanged."""
    if isinstance(value, str) and value.lower() in ENGINE_SPELLINGS:
        return "llama_cpp"
    return value


def engine_in(runtime: str) -> str | None:
    """The engine that the name of a runtime is or contains; None if it names none or several."""
    text = runtime.lower()
    for spelling in ENGINE_SPELLINGS:
        text = text.replace(spelling, "llama_cpp")
    found = [engine for engine in ENGINES if engine in text]
    return found[0] if len(found) == 1 else None
