"""Log rules that hold for every engine, in order of precedence around an engine's own."""

import re

from airtune.engines.logs import LogRule, rule
from airtune.records import FailureClass

PORT_IN_USE = re.compile(
    r"address already in use|\[errno 98\]|EADDRINUSE|couldn't bind HTTP server socket"
    r"|port at \d+ is not available",
    re.IGNORECASE,
)

OUT_OF_MEMORY: tuple[LogRule, ...] = (
    rule(
        r"(?P<detail>(?:torch\.\S*OutOfMemoryError|(?:CUDA|HIP) (?:error: )?out of memory"
        r"|cudaMalloc failed: out of memory|runs? out of memory"
        r"|(?:prefill|decode) out of memory|std::bad_alloc|MemoryError"
        r"|oom-kill|OOMKilled).*)",
        FailureClass.OOM,
        "Out of memory: {detail} Use more devices, a smaller context or batch, or a smaller "
        "KV cache type.",
    ),
)

PORT: tuple[LogRule, ...] = (
    LogRule(
        PORT_IN_USE,
        FailureClass.INFRASTRUCTURE,
        "The port was taken by another process ({detail}); a retry takes another one.",
    ),
)

BAD_FLAG: tuple[LogRule, ...] = (
    rule(
        r"error: (?P<detail>(?:unrecognized arguments|invalid argument|unknown argument"
        r"|ambiguous option|argument -\S+:|the following arguments are required).*)",
        FailureClass.INVALID_CONFIG,
        "The engine refused its command line: {detail} Correct or remove the parameter.",
    ),
)

STARTUP: tuple[LogRule, ...] = (
    rule(
        r"(?P<detail>is not a local folder and is not a valid model identifier"
        r"|does not appear to have a file named \S+|Repository Not Found"
        r"|Invalid repository ID or local directory|Repo id must be in the form"
        r"|(?:You are trying to access a |Cannot access )gated repo|LocalEntryNotFoundError"
        r"|We couldn't connect to 'https?://\S+'.*)",
        FailureClass.STARTUP_CRASH,
        "The model could not be read: {detail}. Check model.path (or id_or_path) and that this "
        "host may read it.",
    ),
    rule(
        r"(?P<detail>unknown model architecture.*|Model architectures .* are not supported.*)",
        FailureClass.STARTUP_CRASH,
        "This version of the engine cannot run the model: {detail}. Use a newer engine image.",
    ),
    rule(
        r"(?P<detail>No module named '[^']+'|^cannot start .*|executable file not found.*)",
        FailureClass.STARTUP_CRASH,
        "The engine's program is not there: {detail}. Run 'make env', or correct "
        "AIRTUNE_ENGINE_PYTHON, AIRTUNE_ENGINE_COMMANDS or the image.",
    ),
)
