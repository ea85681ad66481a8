import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.engines import get_engine
from airtune.records import FailureClass
from airtune.testing.fake_engine import main
from airtune.testing.fake_engine_behaviour import VARIABLE, Behaviour, read_behaviour
from airtune.testing.fake_engine_options import flag_name, read_options
from airtune.testing.fake_engine_server import FakeEngine

FAST = {"ttft_ms": 1, "tpot_ms": 0}


@contextmanager
def _engine(flags: str = "--served-model-name m", **behaviour: Any) -> Iterator[httpx.Client]:
    options = read_options(flags.split())
    with FakeEngine(options, read_behaviour(json.dumps(FAST | behaviour), options.flags)) as engine:
        thread = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{engine.port}", timeout=5) as client:
                yield client
        finally:
            engine.shutdown()
            thread.join()


def _ask(
    client: httpx.Client, tokens: int = 3, timeout_s: float = 5.0, **more: Any
) -> httpx.Response:
    messages = [{"role": "user", "content": "hello"}]
    request = {"model": "m", "messages": messages, "max_tokens": tokens, **more}
    return client.post("/v1/chat/completions", json=request, timeout=timeout_s)


def _events(answer: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def _process(words: str = "", **behaviour: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "airtune.testing.fake_engine", *words.split()],
        env={**os.environ, VARIABLE: json.dumps(behaviour)},
        capture_output=True,
        text=True,
        timeout=10,
    )


def test_it_is_healthy_and_names_its_model() -> None:
    with _engine("--served-model-name m --tp-size 2") as client:
        assert client.get("/health").status_code == 200
        assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["m"]
        assert client.get("/server_info").json()["tp-size"] == "2"
        assert client.get("/nothing").status_code == 404


def test_a_stream_has_as_many_tokens_as_were_asked_for_and_its_usage() -> None:
    with _engine() as client:
        answer = _ask(client, 5, stream=True, stream_options={"include_usage": True})
    *pieces, closing, usage = _events(answer)
    assert len([piece["choices"][0]["delta"]["content"] for piece in pieces]) == 5
    assert closing["choices"][0]["finish_reason"] == "length"
    assert usage["usage"]["completion_tokens"] == 5


def test_a_stream_without_the_option_has_no_usage() -> None:
    with _engine() as client:
        events = _events(_ask(client, 1, stream=True))
    assert not any("usage" in event for event in events)


def test_answers_without_a_stream_are_whole() -> None:
    with _engine() as client:
        chat = _ask(client, 3).json()
        plain = client.post("/v1/completions", json={"prompt": "x", "max_tokens": 2}).json()
    assert chat["object"] == "chat.completion"
    assert chat["choices"][0]["message"]["content"] == "one more more"
    assert plain["choices"][0]["text"] == "one more"
    assert plain["usage"]["completion_tokens"] == 2


def test_tokens_come_at_their_times() -> None:
    with (
        _engine(ttft_ms=60, tpot_ms=10) as client,
        client.stream(
            "POST", "/v1/chat/completions", json={"max_tokens": 11, "stream": True}
        ) as answer,
    ):
        began = time.monotonic()
        arrived = [time.monotonic() - began for line in answer.iter_lines() if line]
    assert 0.09 < arrived[10] - arrived[0] < 0.2


def test_requests_beyond_parallel_wait_for_their_turn() -> None:
    with _engine(parallel=2, ttft_ms=50) as client:
        began = time.monotonic()
        threads = [threading.Thread(target=_ask, args=(client,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took_s = time.monotonic() - began
        traffic = _idle_traffic(client)
    assert took_s > 0.14
    assert traffic == {"requests": 6, "running": 0, "peak": 2}


def _idle_traffic(client: Any) -> Any:
    """Once no request runs: one counts until after its answer has arrived."""
    deadline = time.monotonic() + 5
    while (traffic := client.get("/fake/traffic").json())["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return traffic


def test_a_replay_is_told_its_latencies() -> None:
    with _engine(ttft_ms=7, tpot_ms=3, seconds=20) as client:
        assert client.get("/fake/latency").json() == {"ttft_ms": 7, "tpot_ms": 3, "seconds": 20}


def test_it_loads_for_as_long_as_it_was_told() -> None:
    with _engine(start_s=0.15) as client:
        assert client.get("/health").status_code == 503
        assert _ask(client).status_code == 503
        time.sleep(0.2)
        assert client.get("/health").status_code == 200


def test_it_can_stay_unready_for_ever() -> None:
    with _engine(never_ready=True) as client:
        assert client.get("/health").status_code == 503


def test_every_nth_completion_fails_with_the_status() -> None:
    with _engine(fail_every=3, fail_status=429) as client:
        assert [_ask(client).status_code for _ in range(6)] == [200, 200, 429, 200, 200, 429]


def test_short_answers_have_half_of_the_tokens() -> None:
    with _engine(short_answers=True) as client:
        answer = _ask(client, 10).json()
    assert answer["usage"]["completion_tokens"] == 5
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_requests_beyond_the_context_are_refused() -> None:
    with _engine(context=50) as client:
        assert _ask(client, 10).status_code == 200
        answer = _ask(client, 100)
    assert answer.status_code == 400
    assert "maximum context length is 50 tokens" in answer.json()["error"]["message"]


def test_what_is_no_request_is_refused() -> None:
    with _engine() as client:
        assert client.post("/v1/completions", content=b"{").status_code == 400


@pytest.mark.parametrize("fault", [{"hang": True}, {"hang_after_requests": 2}])
def test_a_hanging_engine_is_healthy_and_answers_nothing(fault: dict[str, Any]) -> None:
    with _engine(**fault) as client:
        first_is_answered = "hang" not in fault
        if first_is_answered:
            assert _ask(client).status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            _ask(client, timeout_s=0.1)
        assert client.get("/health").status_code == 200


def test_a_client_that_leaves_disturbs_nobody() -> None:
    with _engine(tpot_ms=20) as client:
        with client.stream("POST", "/v1/completions", json={"max_tokens": 99, "stream": True}) as a:
            next(a.iter_lines())
        assert _ask(client).status_code == 200


def test_it_dies_in_the_middle_of_the_request_it_was_told() -> None:
    words = [sys.executable, "-m", "airtune.testing.fake_engine", "--port", "0"]
    behaviour = json.dumps(FAST | {"die_after_requests": 2})
    process = subprocess.Popen(
        words, env={**os.environ, VARIABLE: behaviour}, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    port = process.stderr.readline().split()[-1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert _ask(client).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            _ask(client, 10, stream=True)
    assert process.wait(5) == -9
    process.stderr.close()


@pytest.mark.parametrize(("after", "taken_mb"), [(0, (60, 60)), (2, (0, 60))])
def test_it_takes_memory_when_it_was_told(after: int, taken_mb: tuple[int, int]) -> None:
    def used_mb() -> float:
        return psutil.Process().memory_info().rss / 2**20

    before = used_mb()
    with _engine(eat_memory_mb=60, eat_after_requests=after) as client:
        assert _ask(client).status_code == 200
        assert used_mb() - before == pytest.approx(taken_mb[0], abs=20)
        assert _ask(client).status_code == 200
        assert used_mb() - before == pytest.approx(taken_mb[1], abs=20)


def test_it_ends_at_start_with_the_code_it_was_told() -> None:
    assert _process(exit_at_start=7).returncode == 7


def test_its_out_of_memory_log_is_taken_for_one() -> None:
    done = _process(oom_log=True)
    failure = get_engine("sglang").classify(done.stderr, done.returncode)
    assert failure is not None
    assert failure.failure_class is FailureClass.OOM


def test_a_port_that_is_taken_ends_it_like_an_engine() -> None:
    with _engine() as client:
        done = _process(f"--port {client.base_url.port}")
    assert done.returncode == 1
    assert get_engine("sglang").port_in_use(done.stderr)


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (["--port", "x"], "{}", "--port x: write a whole number"),
        (["--port", "70000"], "{}", "from 0 to 65535"),
        ([], "{", "FAKE_ENGINE is not JSON"),
        ([], "[]", "must be a JSON object"),
        ([], '{"ttft": 1}', "no such behaviour: ttft"),
        ([], '{"rules": [{"whem": {}}]}', "no such behaviour: whem"),
    ],
)
def test_what_it_cannot_read_is_said(
    words: list[str],
    text: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ("--tp_size 2", {"tp-size": "2"}),
        ("--tp-size=2", {"tp-size": "2"}),
        ("--disable-radix-cache --port 1", {"disable-radix-cache": "true", "port": "1"}),
        ("--sizes 1 2 4", {"sizes": "1 2 4"}),
        ("-m x -ngl -1", {"m": "x", "ngl": "-1"}),
        ("serve model --x y", {"x": "y"}),
        ("--x 1 --x 2", {"x": "2"}),
    ],
)
def test_any_engines_flags_are_read(words: str, flags: dict[str, str]) -> None:
    assert read_options(words.split()).flags == flags


@pytest.mark.parametrize(
    ("words", "name"),
    [("--model-path a --served-model-name b", "b"), ("-m a --alias c", "c"), ("", "fake")],
)
def test_the_served_name_is_found_like_engines_do(words: str, name: str) -> None:
    assert read_options(words.split()).model_name == name


def test_a_rule_holds_for_the_flags_it_names() -> None:
    text = json.dumps(
        {
            "ttft_ms": 9,
            "rules": [
                {"when": {"random_seed": 3}, "ttft_ms": 1, "fail_every": 4},
                {"when": {"random-seed": 3, "tp-size": 2}, "ttft_ms": 2},
            ],
        }
    )
    expected = {
        "": Behaviour(ttft_ms=9),
        "--random-seed 4": Behaviour(ttft_ms=9),
        "--random-seed 3": Behaviour(ttft_ms=1, fail_every=4),
        "--random-seed 3 --tp-size 2": Behaviour(ttft_ms=2, fail_every=4),
    }
    found = {words: read_behaviour(text, read_options(words.split()).flags) for words in expected}
    assert found == expected


def test_a_rule_with_a_once_file_holds_for_one_start(tmp_path: Path) -> None:
    rule = {"when": {"seed": "1"}, "die_after_requests": 2, "once_file": str(tmp_path / "died")}
    text = json.dumps({"rules": [rule]})
    other, *ones = (read_behaviour(text, {"seed": seed}) for seed in ("2", "1", "1", "1"))
    assert other.die_after_requests == 0
    assert [one.die_after_requests for one in ones] == [2, 0, 0]


@given(st.from_regex(r"-{0,2}[a-z][a-z_-]{0,20}", fullmatch=True))
def test_all_spellings_of_a_flag_are_one(name: str) -> None:
    assert flag_name(flag_name(name)) == flag_name(name)
    assert flag_name(name.replace("-", "_").lstrip("_")) == flag_name(name.lstrip("-_"))
