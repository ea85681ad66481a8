"""Log excerpts, as the engines write them, and what they mean."""

import pytest

from airtune.engines import ENGINES
from airtune.records import FailureClass

_LLAMA_SLOW_START = (
    "0.00.000.8 I srv  init: initializing ...\n0.00.006.3 I srv  init: loading model\n"
)

CASES = [
    (
        "sglang",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total"
        " capacity of 79.1 GiB",
        FailureClass.OOM,
        "Tried to allocate 2.00 GiB",
    ),
    (
        "sglang",
        "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current"
        " value: mem_fraction_static=0.3",
        FailureClass.OOM,
        "Raise mem_fraction_static",
    ),
    (
        "sglang",
        "launch_server.py: error: unrecognized arguments: --tp-sizee 2",
        FailureClass.INVALID_CONFIG,
        "--tp-sizee",
    ),
    (
        "sglang",
        "launch_server.py: error: argument --tensor-parallel-size/--tp-size: invalid int value:"
        " 'x'",
        FailureClass.INVALID_CONFIG,
        "invalid int value",
    ),
    (
        "sglang",
        "Traceback (most recent call last):\n"
        '  File "/sgl-workspace/sglang/python/sglang/srt/server_args.py", line 812, in check\n'
        "    assert self.tp_size % self.dp_size == 0\n"
        "AssertionError: tp_size must be divisible by dp_size\n",
        FailureClass.INVALID_CONFIG,
        "tp_size must be divisible by dp_size",
    ),
    (
        "sglang",
        "OSError: /model does not appear to have a file named config.json.",
        FailureClass.STARTUP_CRASH,
        "model.path",
    ),
    (
        "vllm",
        "ValueError: To serve at least one request with the models's max seq len (262144), 24.0 GiB"
        " KV cache is needed, which is larger than the available KV cache memory (12.35 GiB).",
        FailureClass.OOM,
        "max_model_len",
    ),
    (
        "vllm",
        "ValueError: No available memory for the cache blocks. Try increasing"
        " `gpu_memory_utilization` when initializing the engine.",
        FailureClass.OOM,
        "gpu_memory_utilization",
    ),
    (
        "vllm",
        "ValueError: Free memory on device cuda:0 (6.9/8.0 GiB) on startup is less than desired GPU"
        " memory utilization (0.9, 7.2 GiB).",
        FailureClass.OOM,
        "Free memory on device",
    ),
    (
        "vllm",
        "vllm serve: error: argument --dtype: invalid choice: 'x' (choose from auto, half)",
        FailureClass.INVALID_CONFIG,
        "invalid choice",
    ),
    (
        "vllm",
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
        "  Value error, User-specified max_model_len (9000) is greater than the derived max\n",
        FailureClass.INVALID_CONFIG,
        "max_model_len (9000)",
    ),
    (
        "vllm",
        "ValueError: Total number of attention heads (9) must be divisible by tensor parallel size"
        " (2).",
        FailureClass.INVALID_CONFIG,
        "divisible",
    ),
    (
        "vllm",
        "ValueError: Invalid repository ID or local directory specified: '/model'.",
        FailureClass.STARTUP_CRASH,
        "could not be read",
    ),
    (
        "llama_cpp",
        "error: invalid argument: --ctx-sise (did you mean --ctx-size?)",
        FailureClass.INVALID_CONFIG,
        "did you mean --ctx-size",
    ),
    (
        "llama_cpp",
        "error while handling argument \"--cache-type-k\": unknown value 'q9'",
        FailureClass.INVALID_CONFIG,
        "--cache-type-k",
    ),
    (
        "llama_cpp",
        _LLAMA_SLOW_START
        + "0.00.147.774 E llama_init_from_model: quantized V cache requires flash_attn to be"
        " enabled\n0.00.290.274 E cmn  common_init_: failed to create context with model 'm.gguf'",
        FailureClass.INVALID_CONFIG,
        "requires flash_attn",
    ),
    (
        "llama_cpp",
        _LLAMA_SLOW_START
        + "0.00.005.5 E gguf_init_from_file: failed to open GGUF file '/nope.gguf' (No such file or"
        " directory)\n0.00.005.8 E cmn  common_init_: failed to load model '/nope.gguf'",
        FailureClass.STARTUP_CRASH,
        "/nope.gguf",
    ),
    (
        "llama_cpp",
        "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 92274688000",
        FailureClass.OOM,
        "Lower ctx_size",
    ),
    (
        "llama_cpp",
        "0.00.003.942 E srv  start: couldn't bind HTTP server socket, hostname: 127.0.0.1",
        FailureClass.INFRASTRUCTURE,
        "port was taken",
    ),
    (
        "llama_cpp",
        "error: No module named 'xllamacpp'; install the engine environment",
        FailureClass.STARTUP_CRASH,
        "make env",
    ),
    (
        "vllm",
        "cannot start vllm: No such file or directory",
        FailureClass.STARTUP_CRASH,
        "AIRTUNE_ENGINE_COMMANDS",
    ),
]


@pytest.mark.parametrize(("engine", "log", "failure_class", "quoted"), CASES)
def test_the_log_gives_class_and_a_reason_that_quotes_it(
    engine: str, log: str, failure_class: FailureClass, quoted: str
) -> None:
    failure = ENGINES[engine].classify(f"INFO starting\n{log}\nINFO bye\n", 1)
    assert failure is not None
    assert (failure.failure_class, quoted in failure.reason) == (failure_class, True)
    assert failure.log_tail.endswith("INFO bye\n")
    assert "{detail}" not in failure.reason


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_a_server_that_runs_without_complaint_has_no_failure(engine: str) -> None:
    assert ENGINES[engine].classify(_LLAMA_SLOW_START, None) is None


def test_a_warning_that_llama_cpp_starts_in_spite_of_is_no_failure() -> None:
    warning = "W common_fit_params: failed to fit params to free device memory: abort\n"
    assert ENGINES["llama_cpp"].classify(warning, None) is None


def test_an_unknown_end_is_a_startup_crash_that_quotes_the_last_error() -> None:
    failure = ENGINES["vllm"].classify("INFO a\nRuntimeError: odd thing\nINFO z", 3)
    assert failure is not None
    assert failure.failure_class is FailureClass.STARTUP_CRASH
    assert "exit code 3" in failure.reason
    assert "odd thing" in failure.reason


@pytest.mark.parametrize("code", [-9, 137])
def test_a_killed_server_points_at_memory_and_at_people(code: int) -> None:
    failure = ENGINES["sglang"].classify("INFO loading", code)
    assert failure is not None
    assert failure.failure_class is FailureClass.STARTUP_CRASH
    assert "SIGKILL" in failure.reason


def test_an_empty_log_is_no_obstacle() -> None:
    failure = ENGINES["sglang"].classify("", 1)
    assert failure is not None
    assert "nothing in its log" in failure.reason


def test_a_huge_log_is_read_from_its_end_only() -> None:
    log = "CUDA out of memory\n" + "x" * 500_000 + "\nerror: unrecognized arguments: --foo\n"
    failure = ENGINES["vllm"].classify(log, 2)
    assert failure is not None
    assert failure.failure_class is FailureClass.INVALID_CONFIG
    assert len(failure.log_tail) <= 4_000


@pytest.mark.parametrize(
    "line",
    [
        "E srv start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 1",
        "OSError: [Errno 98] Address already in use",
        "ValueError: port at 30000 is not available in 60 seconds. port at 30000 is not available",
    ],
)
def test_a_taken_port_is_recognised(line: str) -> None:
    assert ENGINES["sglang"].port_in_use(line)
    assert not ENGINES["sglang"].port_in_use("INFO listening on port 30000")
