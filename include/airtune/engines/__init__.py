"""Inference engines: pure modules in a table of names."""

import difflib
from collections.abc import Mapping

from airtune.engines.engine import Engine
from airtune.engines.llama_cpp import LLAMA_CPP
from airtune.engines.sglang import SGLANG
from airtune.engines.vllm import VLLM

__all__ = ["ENGINES", "Engine", "get_engine"]

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (SGLANG, VLLM, LLAMA_CPP)}


def get_engine(name: str) -> Engine:
    """The engine called ``name``.

    Raises:
        ValueError: there is none; the text names the closest and all engines.
    """
    if engine := ENGINES.get(name):
        return engine
    close = difflib.get_close_matches(name.lower().replace(".", "_"), ENGINES, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"There is no engine {name!r}.{hint} Engines: {', '.join(sorted(ENGINES))}.")
