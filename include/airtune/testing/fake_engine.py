"""A fake inference engine for tests of faults and scale; it runs no model.

Run as ``python -m airtune.testing.fake_engine`` with any engine's flags, SGLang's for example::

    FAKE_ENGINE='{"ttft_ms": 5, "rules": [{"when": {"random-seed": "3"}, "exit_at_start": 1}]}' \\
        python -m airtune.testing.fake_engine --model-path x --port 8000 --random-seed 3

``airtune.testing.fake_engine_behaviour.Behaviour`` lists what ``FAKE_ENGINE`` can say.
"""

import os
import signal
import sys
from collections.abc import Sequence

from airtune.testing.fake_engine_behaviour import VARIABLE, Behaviour, read_behaviour
from airtune.testing.fake_engine_options import Options, read_options
from airtune.testing.fake_engine_server import FakeEngine

_OOM = """\
Traceback (most recent call last):
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total \
capacity of 79.10 GiB of which 1.25 GiB is free.
"""


def main(words: Sequence[str] | None = None) -> int:
    """Serve until a signal ends the process; returns an exit code if it cannot or must not."""
    try:
        options = read_options(sys.argv[1:] if words is None else words)
        behaviour = read_behaviour(os.environ.get(VARIABLE, ""), options.flags)
    except ValueError as error:
        print(f"fake engine: {error}", file=sys.stderr)
        return 2
    _say(behaviour.log)
    if behaviour.oom_log:
        _say(_OOM)
        return 1
    if behaviour.exit_at_start is not None:
        _say("fake engine: this exit was asked for")
        return behaviour.exit_at_start
    return _serve(options, behaviour)


def _serve(options: Options, behaviour: Behaviour) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour.ignore_sigterm else _leave)
    try:
        engine = FakeEngine(options, behaviour)
    except OSError as error:
        _say(f"cannot bind to {options.host}:{options.port}: {error}")  # … address already in use
        return 1
    _say(f"fake engine {options.model_name} listens on port {engine.port}")
    engine.serve_forever(poll_interval=0.5)
    return 0


def _leave(*_: object) -> None:
    os._exit(0)  # at once: answers in flight are not waited for


def _say(text: str) -> None:
    if text:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
