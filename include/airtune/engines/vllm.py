"""vLLM. Flags as in its ``engine/arg_utils.py`` (0.33.0); older releases know the same names."""

from collections.abc import Mapping

from airtune.engines.command_line import Dialect
from airtune.engines.engine import Arguments, Engine
from airtune.engines.logs import rule
from airtune.engines.refused import set_by_airtune
from airtune.engines.sizes import product, require_divides
from airtune.records import FailureClass
from airtune.records.server import PORT

# vLLM gives every switch a --no- form but these.
_PLAIN = frozenset(
    {
        "aggregate-engine-logging",
        "data-parallel-multi-port-external-lb",
        "disable-log-stats",
        "grpc",
        "headless",
    }
)

_ALIASES: Mapping[str, str] = {
    # neutral names
    "tp": "tensor-parallel-size",
    "pp": "pipeline-parallel-size",
    "dp": "data-parallel-size",
    "tp-size": "tensor-parallel-size",
    "pp-size": "pipeline-parallel-size",
    "dp-size": "data-parallel-size",
    "mem-frac": "gpu-memory-utilization",
    # its own second names
    "device-memory-utilization": "gpu-memory-utilization",
    "dcp": "decode-context-parallel-size",
    "q": "quantization",
}

# gpu-memory-utilization is not among them: 0.9 in older releases, 0.92 now.
_DEFAULTS: Arguments = {
    "tensor-parallel-size": 1,
    "pipeline-parallel-size": 1,
    "data-parallel-size": 1,
    "decode-context-parallel-size": 1,
    "prefill-context-parallel-size": 1,
    "dtype": "auto",
    "kv-cache-dtype": "auto",
    "load-format": "auto",
    "enforce-eager": False,
    "enable-expert-parallel": False,
}

_RULES = (
    rule(
        r"(?P<detail>No available memory for the cache blocks.*"
        r"|To serve at least one request with the model.*larger than the available KV cache memory"
        r".*|The model's max seq len .* is larger than the maximum number of tokens.*"
        r"|Free memory on device .* is less than .*)",
        FailureClass.OOM,
        "Not enough device memory: {detail} Change gpu_memory_utilization, lower max_model_len, "
        "or use more devices.",
    ),
    rule(
        r"\d+ validation errors? for (?P<detail>\w*Config(?:.*\n){1,3})",
        FailureClass.INVALID_CONFIG,
        "vLLM refused these settings: {detail}. Exclude the combination by a constraint.",
    ),
    rule(
        r"(?P<detail>(?:AssertionError|ValueError|NotImplementedError): .*(?:divisible by"
        r"|not supported|unsupported|is larger than the number of available"
        r"|must be (?:greater|less|at least|positive)|cannot be used).*)",
        FailureClass.INVALID_CONFIG,
        "vLLM refused these settings: {detail}. Exclude the combination by a constraint.",
    ),
)


def _identity(model_path: str, model_name: str, host: str) -> tuple[str, ...]:
    # The model is positional and stands first, where no list-valued flag can swallow it.
    return model_path, "--served-model-name", model_name, "--host", host, "--port", PORT


def _devices(arguments: Arguments) -> int:
    require_divides(arguments, "decode-context-parallel-size", "tensor-parallel-size")
    return product(
        arguments,
        "tensor-parallel-size",
        "pipeline-parallel-size",
        "data-parallel-size",
        "prefill-context-parallel-size",
    )


VLLM = Engine(
    name="vllm",
    image="vllm/vllm-openai",
    tag="latest",
    program=("vllm", "serve"),
    identity=_identity,
    dialect=Dialect(negatable=lambda name: name not in _PLAIN),
    device_need=_devices,
    aliases=_ALIASES,
    defaults=_DEFAULTS,
    refused=set_by_airtune("model", "served-model-name", "host", "port"),
    log_rules=_RULES,
)
