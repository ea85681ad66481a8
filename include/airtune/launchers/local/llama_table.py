"""The table of llama-server's flags that xllamacpp's server can honour."""

from airtune.launchers.local.llama_flags import (
    Flag,
    choice,
    gpu_layers,
    integer,
    number,
    numbers,
    on_off,
    words,
)

_CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
_CACHE_TYPE = choice("ggml_type", "GGML_TYPE_", {name: name.upper() for name in _CACHE_TYPES})
_FLASH = choice(
    "llama_flash_attn_type",
    "LLAMA_FLASH_ATTN_TYPE_",
    {"on": "ENABLED", "off": "DISABLED", "auto": "AUTO"},
)
_SPLIT = choice(
    "llama_split_mode",
    "LLAMA_SPLIT_MODE_",
    {name: name.upper() for name in ("none", "layer", "row", "tensor")},
)
_NUMA = choice(
    "ggml_numa_strategy",
    "GGML_NUMA_STRATEGY_",
    {name: name.upper() for name in ("distribute", "isolate", "numactl")},
)
_LOAD = choice(
    "llama_load_mode",
    "LLAMA_LOAD_MODE_",
    {
        "auto": "AUTO",
        "none": "NONE",
        "mmap": "MMAP",
        "mlock": "MLOCK",
        "mmap+mlock": "MMAP_MLOCK",
        "dio": "DIRECT_IO",
    },
)
_ROPE = choice(
    "llama_rope_scaling_type",
    "LLAMA_ROPE_SCALING_TYPE_",
    {name: name.upper() for name in ("none", "linear", "yarn")},
)
_POOLING = choice(
    "llama_pooling_type",
    "LLAMA_POOLING_TYPE_",
    {name: name.upper() for name in ("none", "mean", "cls", "last", "rank")},
)
_REASONING = choice(
    "common_reasoning_format",
    "COMMON_REASONING_FORMAT_",
    {
        "none": "NONE",
        "auto": "AUTO",
        "deepseek": "DEEPSEEK",
        "deepseek-legacy": "DEEPSEEK_LEGACY",
    },
)
_PRIORITY = choice(
    "ggml_sched_priority",
    "GGML_SCHED_PRIO_",
    {"-1": "LOW", "0": "NORMAL", "1": "MEDIUM", "2": "HIGH", "3": "REALTIME"},
)


def _pair(attribute: str, *names: str, inverse: bool = False) -> tuple[Flag, Flag]:
    """A switch in both directions; ``inverse`` when the attribute says what is off."""
    off = tuple(name for name in names if name.startswith(("--no-", "-no", "-nkvo", "-nr")))
    on = tuple(name for name in names if name not in off)
    return Flag(on, attribute, value=not inverse), Flag(off, attribute, value=inverse)


_SERVER = (
    Flag(("-m", "--model"), "model.path", str),
    Flag(("-a", "--alias"), "model_alias", words),
    Flag(("--host",), "hostnames", words),
    Flag(("--port",), "port", integer(0, 65535)),
    Flag(("--api-key",), "api_keys", words),
    Flag(("--api-prefix",), "api_prefix", str),
    Flag(("-to", "--timeout"), "timeout", integer(1)),
    Flag(("--threads-http",), "n_threads_http", integer(-1)),
    Flag(("--reuse-port",), "reuse_port"),
    Flag(("--metrics",), "endpoint_metrics"),
    Flag(("--props",), "endpoint_props"),
    *_pair("endpoint_slots", "--slots", "--no-slots"),
    *_pair("ui", "--ui", "--webui", "--no-ui", "--no-webui"),
    *_pair("use_jinja", "--jinja", "--no-jinja"),
    Flag(("--chat-template",), "chat_template", str),
    Flag(("--reasoning-format",), "reasoning_format", _REASONING),
    *_pair("prefill_assistant", "--prefill-assistant", "--no-prefill-assistant"),
    Flag(("--embedding", "--embeddings"), "embedding"),
    Flag(("--pooling",), "pooling_type", _POOLING),
    Flag(("--offline",), "offline"),
    Flag(("-lv", "--verbosity", "--log-verbosity"), "verbosity", integer(0)),
    Flag(("-v", "--verbose", "--log-verbose"), "verbosity", value=2**31 - 1),
)

_SLOTS = (
    Flag(("-np", "--parallel"), "n_parallel", integer(-1)),
    Flag(("-c", "--ctx-size"), "n_ctx", integer(0)),
    Flag(("-n", "--predict", "--n-predict"), "n_predict", integer(-2)),
    Flag(("-b", "--batch-size"), "n_batch", integer(1)),
    Flag(("-ub", "--ubatch-size"), "n_ubatch", integer(1)),
    Flag(("--keep",), "n_keep", integer(-1)),
    *_pair("cont_batching", "-cb", "--cont-batching", "-nocb", "--no-cont-batching"),
    *_pair("kv_unified", "-kvu", "--kv-unified", "-no-kvu", "--no-kv-unified"),
    Flag(("--kv-unified-per-slot",), "kv_unified_per_slot", integer(0)),
    *_pair("cache_prompt", "--cache-prompt", "--no-cache-prompt"),
    Flag(("--cache-reuse",), "n_cache_reuse", integer(0)),
    Flag(("-cram", "--cache-ram"), "cache_ram_mib", integer(-1)),
    *_pair("cache_idle_slots", "--cache-idle-slots", "--no-cache-idle-slots"),
    Flag(("-ctxcp", "--ctx-checkpoints", "--swa-checkpoints"), "n_ctx_checkpoints", integer(0)),
    Flag(("-cms", "--checkpoint-min-step"), "checkpoint_min_step", integer(0)),
    *_pair("ctx_shift", "--context-shift", "--no-context-shift"),
    Flag(("--slot-save-path",), "slot_save_path", str),
    Flag(("-sps", "--slot-prompt-similarity"), "slot_prompt_similarity", number),
    *_pair("warmup", "--warmup", "--no-warmup"),
)

_COMPUTE = (
    Flag(("-t", "--threads"), "cpuparams.n_threads", integer(-1)),
    Flag(("-tb", "--threads-batch"), "cpuparams_batch.n_threads", integer(-1)),
    Flag(("--cpu-strict",), "cpuparams.strict_cpu", on_off),
    Flag(("--cpu-strict-batch",), "cpuparams_batch.strict_cpu", on_off),
    Flag(("--prio",), "cpuparams.priority", _PRIORITY),
    Flag(("--prio-batch",), "cpuparams_batch.priority", _PRIORITY),
    Flag(("--poll",), "cpuparams.poll", integer(0, 100)),
    Flag(("--poll-batch",), "cpuparams_batch.poll", integer(0, 100)),
    Flag(("--numa",), "numa", _NUMA),
    Flag(("-fa", "--flash-attn"), "flash_attn_type", _FLASH),
    Flag(("-ctk", "--cache-type-k"), "cache_type_k", _CACHE_TYPE),
    Flag(("-ctv", "--cache-type-v"), "cache_type_v", _CACHE_TYPE),
    Flag(("-dt", "--defrag-thold"), "", number),
    Flag(("--swa-full",), "swa_full"),
    *_pair("no_perf", "--perf", "--no-perf", inverse=True),
    *_pair("no_kv_offload", "-kvo", "--kv-offload", "-nkvo", "--no-kv-offload", inverse=True),
    *_pair("no_op_offload", "--op-offload", "--no-op-offload", inverse=True),
    *_pair("no_extra_bufts", "--repack", "-nr", "--no-repack", inverse=True),
    Flag(("--no-host",), "no_host"),
)

_MODEL = (
    Flag(("-lm", "--load-mode"), "load_mode", _LOAD),
    Flag(("--mlock",), "load_mode.mlock"),
    *_pair("load_mode.mmap", "--mmap", "--no-mmap"),
    Flag(("--check-tensors",), "check_tensors"),
    Flag(("-ngl", "--gpu-layers", "--n-gpu-layers"), "n_gpu_layers", gpu_layers),
    Flag(("-sm", "--split-mode"), "split_mode", _SPLIT),
    Flag(("-ts", "--tensor-split"), "tensor_split", numbers),
    Flag(("-mg", "--main-gpu"), "main_gpu", integer(0)),
    Flag(("-fit", "--fit"), "fit_params", on_off),
    Flag(("-fitc", "--fit-ctx"), "fit_params_min_ctx", integer(0)),
    Flag(("--rope-scaling",), "rope_scaling_type", _ROPE),
    Flag(("--rope-freq-base",), "rope_freq_base", number),
    Flag(("--rope-freq-scale",), "rope_freq_scale", number),
    Flag(("--yarn-orig-ctx",), "yarn_orig_ctx", integer(0)),
    Flag(("--yarn-ext-factor",), "yarn_ext_factor", number),
    Flag(("--yarn-attn-factor",), "yarn_attn_factor", number),
    Flag(("--yarn-beta-slow",), "yarn_beta_slow", number),
    Flag(("--yarn-beta-fast",), "yarn_beta_fast", number),
)

_SAMPLING = (
    Flag(("-s", "--seed"), "sampling.seed", integer(-1, 2**32 - 1)),
    Flag(("--temp", "--temperature"), "sampling.temp", number),
    Flag(("--top-k",), "sampling.top_k", integer(0)),
    Flag(("--top-p",), "sampling.top_p", number),
    Flag(("--min-p",), "sampling.min_p", number),
    Flag(("--repeat-penalty",), "sampling.penalty_repeat", number),
    Flag(("--presence-penalty",), "sampling.penalty_present", number),
    Flag(("--frequency-penalty",), "sampling.penalty_freq", number),
)

FLAGS: tuple[Flag, ...] = (*_SERVER, *_SLOTS, *_COMPUTE, *_MODEL, *_SAMPLING)
"""Every flag that the local llama.cpp server takes."""
