"""llama.cpp's server in this process, called with llama-server's flags.

Run in the engine environment as ``python -m airtune.launchers.local.llama_server FLAGS``. It
needs xllamacpp and the standard library, nothing else. The log goes to stderr. SIGTERM and SIGINT
end it at once, also while the model loads. Exit codes: 2 for a command line that cannot be used,
1 when the server does not come up (model missing, port taken, settings refused).

The defaults are llama-server's where the library's differ: without ``--parallel`` there are four
slots over one shared KV cache. One differs from both: without ``--threads`` a process that is
pinned to some cores uses as many threads as it has cores, because llama.cpp counts the machine's
and would oversubscribe them.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from airtune.launchers.local.llama_flags import (
    FlagError,
    Member,
    Value,
    load_mode,
    parse,
)
from airtune.launchers.local.llama_table import FLAGS

BAD_COMMAND_LINE = 2
NOT_STARTED = 1
_AUTO_SLOTS = 4
_TENSOR_SPLIT_LENGTH = 128
_RANDOM_SEED = 0xFFFFFFFF


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal ends the process; returns only when the server did not start."""
    words = sys.argv[1:] if argv is None else list(argv)
    if {"-h", "--help"} & set(words):
        print("\n".join(", ".join(flag.names) for flag in FLAGS))
        return 0
    try:
        parsed = parse(words, FLAGS)
        settings = complete(parsed.settings)
    except FlagError as error:
        _say(f"error: {error}")
        return BAD_COMMAND_LINE
    for flag in parsed.ignored:
        _say(f"warning: {flag} has no effect in this version of llama.cpp")
    model = Path(str(settings["model.path"]))
    if not model.is_file():
        _say(f"error: model file {model} does not exist or is no file")
        return NOT_STARTED
    return _serve(settings)


def complete(given: Mapping[str, Value]) -> dict[str, Value]:
    """``given`` with llama-server's rules applied: attribute of ``CommonParams`` → value.

    Raises:
        FlagError: no model is given.
    """
    settings = dict(given)
    if "model.path" not in settings:
        raise FlagError("no model given; write --model FILE")
    if "load_mode.mmap" in settings or "load_mode.mlock" in settings:
        mmap, mlock = settings.pop("load_mode.mmap", True), settings.pop("load_mode.mlock", False)
        settings["load_mode"] = load_mode(bool(mmap), bool(mlock))
    slots = settings.get("n_parallel", -1)
    if slots == 0:
        raise FlagError('error while handling argument "--parallel": 0 slots serve nobody')
    if slots == -1:
        settings["n_parallel"] = _AUTO_SLOTS
        settings.setdefault("kv_unified", True)
    if "timeout" in settings:
        settings["timeout_read"] = settings["timeout_write"] = settings.pop("timeout")
    if settings.get("sampling.seed") == -1:
        settings["sampling.seed"] = _RANDOM_SEED
    settings.setdefault("model_alias", [Path(str(settings["model.path"])).name])
    return settings


def _serve(settings: dict[str, Value]) -> int:
    for ending in (signal.SIGTERM, signal.SIGINT):
        # The default action needs no Python code to run, so it works while C++ loads the model.
        signal.signal(ending, signal.SIG_DFL)
    try:
        import xllamacpp
    except ImportError as error:
        _say(f"error: {error}; install the engine environment with 'make env'")
        return NOT_STARTED
    _bound_threads(settings)
    params = xllamacpp.CommonParams()
    try:
        for attribute, value in settings.items():
            _set(params, attribute, _native(xllamacpp, attribute, value))
        server = xllamacpp.Server(params)
    except (RuntimeError, ValueError, TypeError, OverflowError, AssertionError) as error:
        _say(f"error: the server did not start: {error}")
        return NOT_STARTED
    _say(f"server is listening on {server.listening_address}")
    while True:
        signal.pause()


def _bound_threads(settings: dict[str, Value]) -> None:
    cores = len(os.sched_getaffinity(0))
    if settings.get("cpuparams.n_threads", -1) == -1 and cores < (os.cpu_count() or cores):
        settings["cpuparams.n_threads"] = cores
        _say(f"threads: {cores} (the cores this process is pinned to)")
    if settings.get("cpuparams_batch.n_threads", -1) == -1:
        # As llama-server: the same as --threads.
        threads = settings.get("cpuparams.n_threads", -1)
        settings["cpuparams_batch.n_threads"] = threads


def _native(xllamacpp: ModuleType, attribute: str, value: Value) -> object:
    if isinstance(value, Member):
        return getattr(getattr(xllamacpp, value.enumeration), value.name)
    if attribute == "model_alias":
        return set(value) if isinstance(value, list) else {value}
    if attribute == "tensor_split" and isinstance(value, list):
        return value + [0.0] * (_TENSOR_SPLIT_LENGTH - len(value))
    return value


def _set(params: Any, attribute: str, value: object) -> None:
    *path, last = attribute.split(".")
    for name in path:
        params = getattr(params, name)
    setattr(params, last, value)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
