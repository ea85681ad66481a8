"""llama.cpp's ``llama-server``, as a container or by the local launcher with the same flags."""

from collections.abc import Mapping

from airtune.engines.command_line import Dialect
from airtune.engines.engine import Arguments, Engine
from airtune.engines.logs import rule
from airtune.engines.refused import set_by_airtune
from airtune.records import FailureClass
from airtune.records.server import PORT

_NEGATABLE = frozenset(
    {
        "cache-idle-slots",
        "cache-prompt",
        "cont-batching",
        "context-shift",
        "escape",
        "jinja",
        "kv-offload",
        "kv-unified",
        "log-prefix",
        "log-timestamps",
        "mmap",
        "mmproj-offload",
        "op-offload",
        "perf",
        "prefill-assistant",
        "repack",
        "slots",
        "ui",
        "warmup",
    }
)

_ALIASES: Mapping[str, str] = {
    # neutral names
    "max-num-seqs": "parallel",
    # its own short and second names
    "a": "alias",
    "b": "batch-size",
    "c": "ctx-size",
    "cb": "cont-batching",
    "ctk": "cache-type-k",
    "ctv": "cache-type-v",
    "fa": "flash-attn",
    "gpu-layers": "n-gpu-layers",
    "kvo": "kv-offload",
    "kvu": "kv-unified",
    "m": "model",
    "mg": "main-gpu",
    "ngl": "n-gpu-layers",
    "np": "parallel",
    "predict": "n-predict",
    "s": "seed",
    "sm": "split-mode",
    "t": "threads",
    "tb": "threads-batch",
    "tp": "tensor-parallel-size",
    "tp-size": "tensor-parallel-size",
    "pp": "pipeline-parallel-size",
    "pp-size": "pipeline-parallel-size",
    "dp": "data-parallel-size",
    "dp-size": "data-parallel-size",
    "ts": "tensor-split",
    "ub": "ubatch-size",
    "webui": "ui",
}

_DEFAULTS: Arguments = {
    "batch-size": 2048,
    "cache-prompt": True,
    "cache-type-k": "f16",
    "cache-type-v": "f16",
    "cont-batching": True,
    "ctx-size": 0,
    "flash-attn": "auto",
    "kv-offload": True,
    "mmap": True,
    "op-offload": True,
    "parallel": -1,
    "repack": True,
    "seed": -1,
    "slots": True,
    "threads": -1,
    "ubatch-size": 512,
    "warmup": True,
}

_NO_SUCH_SPLIT = (
    "llama.cpp has no such split; write 'split_mode' and 'tensor_split' (a list with one share "
    "for each device)."
)
_REFUSED: Mapping[str, str] = {
    **set_by_airtune("model", "alias", "host", "port"),
    "tensor-parallel-size": _NO_SUCH_SPLIT,
    "pipeline-parallel-size": _NO_SUCH_SPLIT,
    "data-parallel-size": _NO_SUCH_SPLIT,
    "mem-frac": "llama.cpp takes what it needs; write 'ctx_size', 'parallel' or 'n_gpu_layers'.",
    "max-model-len": "llama.cpp shares 'ctx_size' between its 'parallel' slots; write ctx_size = "
    "parallel × the longest request.",
    "kv-cache-dtype": "llama.cpp sets keys and values apart; write 'cache_type_k' and "
    "'cache_type_v'.",
}

_RULES = (
    rule(
        r"(?P<detail>failed to allocate (?:buffer|compute|CPU|CUDA).*"
        r"|unable to allocate \S+ buffer.*|llama_kv_cache.*failed to allocate.*)",
        FailureClass.OOM,
        "Out of memory: {detail}. Lower ctx_size or parallel, or choose a smaller cache type.",
    ),
    rule(
        r"(?P<detail>(?:quantized V cache|V cache quantization) requires flash_attn.*)",
        FailureClass.INVALID_CONFIG,
        "llama.cpp refused these settings: {detail}. Exclude the combination by a constraint.",
    ),
    rule(
        r"error while handling argument (?P<detail>.*)",
        FailureClass.INVALID_CONFIG,
        "llama-server refused a value: {detail}. Correct the parameter.",
    ),
    rule(
        r"(?:failed to open GGUF file|error: model file) (?P<detail>.*)",
        FailureClass.STARTUP_CRASH,
        "The model file could not be read: {detail}. Check model.path; it must be a GGUF file.",
    ),
    rule(
        r"(?P<detail>failed to create (?:llama_)?context.*)",
        FailureClass.INVALID_CONFIG,
        "llama.cpp could not make a context of these settings: {detail}.",
    ),
)


def _identity(model_path: str, model_name: str, host: str) -> tuple[str, ...]:
    return "--model", model_path, "--alias", model_name, "--host", host, "--port", PORT


def _devices(arguments: Arguments) -> int:
    shares = arguments.get("tensor-split")
    if shares is None:
        return 1
    items = shares if isinstance(shares, list) else str(shares).split(",")
    return max(1, len(items))


LLAMA_CPP = Engine(
    name="llama_cpp",
    image="ghcr.io/ggml-org/llama.cpp",
    tag="server",
    program=("llama-server",),
    identity=_identity,
    dialect=Dialect(
        negatable=_NEGATABLE.__contains__,
        on_off=frozenset({"fit", "flash-attn", "log-colors", "reasoning"}),
        comma_lists=True,
        equals=False,
    ),
    device_need=_devices,
    aliases=_ALIASES,
    defaults=_DEFAULTS,
    refused=_REFUSED,
    log_rules=_RULES,
)
