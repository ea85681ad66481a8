"""Files into and out of a client's container."""

from pathlib import Path

import pytest
from tests.launchers.docker.client_engine import IMAGE, ClientEngine

from airtune.launchers.docker.client_files import fetch_folder, put_folders

FOLDER = Path("/airtune/point/genai-bench")


@pytest.fixture
def engine() -> ClientEngine:
    return ClientEngine(lambda engine, container: None)


@pytest.fixture
def container(engine: ClientEngine) -> str:
    return engine.create_container(IMAGE)["Id"]


def test_only_files_come_out_and_nothing_outside_the_folder(
    engine: ClientEngine, container: str, tmp_path: Path
) -> None:
    engine.left = {
        "genai-bench/result.json": b"{}",
        "genai-bench/deep/er.txt": b"x",
        "genai-bench/link": None,
        "genai-bench/../../../outside": b"bad",
        "/genai-bench/absolute": b"y",
    }
    into = tmp_path / "a/b/into"
    assert fetch_folder(engine, container, FOLDER, into)  # type: ignore[arg-type]
    found = sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    )
    assert found == [
        "a/b/into/deep/er.txt", "a/b/into/genai-bench/absolute", "a/b/into/result.json"
    ]  # fmt: skip


def test_a_folder_that_is_not_there_is_no_error(
    engine: ClientEngine, container: str, tmp_path: Path
) -> None:
    assert not fetch_folder(engine, container, FOLDER, tmp_path)  # type: ignore[arg-type]


def test_the_client_may_write_where_it_is_to_and_its_tokenizer_comes_without_weights(
    engine: ClientEngine, container: str, tmp_path: Path
) -> None:
    tokenizer, log = tmp_path / "tok", tmp_path / "log"
    for folder in (tokenizer, log):
        folder.mkdir()
    (tokenizer / "tokenizer.json").write_text("{}")
    with (tokenizer / "model.safetensors").open("wb") as weights:
        weights.truncate(65 << 20)
    (log / "genai_bench.log").symlink_to("/dev/null")
    point, there = Path("/airtune/point"), Path("/airtune/tokenizer")
    put_folders(
        engine,  # type: ignore[arg-type]
        container,
        {point: None, point / "log": log, there: tokenizer},
    )
    assert engine.given == {
        "airtune": 0o755,
        "airtune/point": 0o777,
        "airtune/point/log": 0o755,
        "airtune/point/log/genai_bench.log": 0o777,
        "airtune/tokenizer": 0o755,
        "airtune/tokenizer/tokenizer.json": 0o644,
    }
