"""Where the tokenizer comes from."""

from pathlib import Path

import pytest

from airtune.benchmark.hub import TokenizerSource, find_tokenizer
from airtune.errors import TaskError


def _cache(folder: Path, repository: str = "models--org--tiny") -> None:
    (folder / repository / "refs").mkdir(parents=True)
    (folder / repository / "refs" / "main").write_text("abc\n")
    (folder / repository / "snapshots" / "abc").mkdir(parents=True)
    (folder / repository / "snapshots" / "abc" / "tokenizer.json").write_text("{}")


def test_a_folder_is_offline_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    found = TokenizerSource(str(tmp_path / "a/b"), offline=True)
    assert find_tokenizer("a/b", tmp_path, {}) == found
    assert find_tokenizer(str(tmp_path / "a/b"), Path("/elsewhere"), {}) == found


@pytest.mark.parametrize(
    ("variable", "below"),
    [
        ("HF_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
        ("HOME", ".cache/huggingface/hub"),
    ],
)
def test_a_cached_id_is_offline(tmp_path: Path, variable: str, below: str) -> None:
    _cache(tmp_path / below)
    found = find_tokenizer("org/tiny", tmp_path / "home", {variable: str(tmp_path)})
    assert found == TokenizerSource("org/tiny", offline=True)


def test_an_id_that_is_not_or_not_wholly_cached_is_online(tmp_path: Path) -> None:
    environ = {"HF_HUB_CACHE": str(tmp_path)}
    online = TokenizerSource("org/tiny", offline=False)
    assert find_tokenizer("org/tiny", tmp_path, environ) == online
    _cache(tmp_path)
    (tmp_path / "models--org--tiny/snapshots/abc/tokenizer.json").unlink()
    assert find_tokenizer("org/tiny", tmp_path, environ) == online


@pytest.mark.parametrize("name", ["/no/where", "./tok", "../tok", "var/tokenizers/tok", "~/tok"])
def test_a_path_with_nothing_there_is_refused_with_the_fix(tmp_path: Path, name: str) -> None:
    with pytest.raises(TaskError, match=r"model_tokenizer.*no such folder.*make env") as caught:
        find_tokenizer(name, tmp_path, {})
    assert caught.value.problems[0].value == name
