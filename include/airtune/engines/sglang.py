"""SGLang. Flags as in its ``srt/arg_groups`` (0.5.23); older releases know the same names."""

from collections.abc import Mapping

from airtune.engines.command_line import Dialect
from airtune.engines.engine import Arguments, Engine
from airtune.engines.logs import rule
from airtune.engines.refused import set_by_airtune
from airtune.engines.sizes import product, require_divides
from airtune.records import FailureClass
from airtune.records.server import PORT

# All its other switches are plain: absent is off.
_NEGATABLE = frozenset(
    {
        "dcp-replicate-q-proj",
        "dllm-fdfo",
        "enable-decoder-swa-bounded-replay",
        "enable-dsa-fused-indexer",
        "enable-fused-qk-norm-rope",
        "enable-tf32-matmul",
        "enable-tp-lm-head-all-to-all",
        "experts-shared-outer-loras",
        "lora-strict-loading",
        "mm-enable-dp-encoder",
        "ple-offload-embedding",
        "speculative-enable-w4a4-mxfp4-megamoe",
    }
)

_ALIASES: Mapping[str, str] = {
    # neutral names
    "tp": "tp-size",
    "pp": "pp-size",
    "dp": "dp-size",
    "mem-frac": "mem-fraction-static",
    "max-num-seqs": "max-running-requests",
    "max-model-len": "context-length",
    # its own second names
    "model": "model-path",
    "tensor-parallel-size": "tp-size",
    "pipeline-parallel-size": "pp-size",
    "data-parallel-size": "dp-size",
    "attention-data-parallel-size": "attn-dp-size",
    "attention-context-parallel-size": "attn-cp-size",
    "decode-context-parallel-size": "dcp-size",
    "expert-parallel-size": "ep-size",
    "ep": "ep-size",
    "moe-data-parallel-size": "moe-dp-size",
    "enable-hicache": "enable-hierarchical-cache",
    "speculative-draft-model": "speculative-draft-model-path",
    "nccl-init-addr": "dist-init-addr",
}

# Only what has never changed: schedule-policy, for one, has had another default before.
_DEFAULTS: Arguments = {
    "tp-size": 1,
    "pp-size": 1,
    "dp-size": 1,
    "attn-dp-size": 1,
    "dcp-size": 1,
    "ep-size": 1,
    "dtype": "auto",
    "kv-cache-dtype": "auto",
    "load-format": "auto",
    "schedule-conservativeness": 1.0,
    "num-continuous-decode-steps": 1,
}

_RULES = (
    rule(
        r"(?P<detail>Not enough memory\. Please try to increase.*"
        r"|Loading the model weights .*not enough.*memory.*)",
        FailureClass.OOM,
        "The weights leave no room for the KV cache: {detail} Raise mem_fraction_static or use "
        "more devices.",
    ),
    rule(
        r"(?:server_args|arg_groups\S*|launch_server)\.py\", line(?:.*\n){1,80}?"
        r"(?P<detail>(?:AssertionError|ValueError|NotImplementedError|KeyError)\b.*)",
        FailureClass.INVALID_CONFIG,
        "SGLang refused these settings: {detail}. Exclude the combination by a constraint.",
    ),
    rule(
        r"(?P<detail>(?:AssertionError|ValueError): .*(?:must be divisible by|is not divisible by"
        r"|% self\.tp_size|not supported|longer than the model's context length).*)",
        FailureClass.INVALID_CONFIG,
        "SGLang refused these settings: {detail}. Exclude the combination by a constraint.",
    ),
)


def _identity(model_path: str, model_name: str, host: str) -> tuple[str, ...]:
    model = ("--model-path", model_path, "--served-model-name", model_name)
    return (*model, "--host", host, "--port", PORT)


def _devices(arguments: Arguments) -> int:
    if arguments.get("enable-dp-attention"):
        # Attention is replicated inside the tensor-parallel group: dp takes no devices of its own.
        require_divides(arguments, "dp-size", "tp-size")
        return product(arguments, "tp-size", "pp-size")
    require_divides(arguments, "attn-dp-size", "tp-size")
    return product(arguments, "tp-size", "pp-size", "dp-size")


SGLANG = Engine(
    name="sglang",
    image="lmsysorg/sglang",
    tag="latest",
    program=("python3", "-m", "sglang.launch_server"),
    identity=_identity,
    dialect=Dialect(negatable=_NEGATABLE.__contains__),
    device_need=_devices,
    aliases=_ALIASES,
    defaults=_DEFAULTS,
    refused=set_by_airtune("model-path", "served-model-name", "host", "port"),
    log_rules=_RULES,
)
