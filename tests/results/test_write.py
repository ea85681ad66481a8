import json
from pathlib import Path

import pytest
from tests.results.samples import a_document

from airtune.results.schema import export, text
from airtune.results.write import read_results, results_json, run_folder, write_results
from airtune.settings import Settings

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(tmp_path)})


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_the_results_file_is_plain_json_with_the_promised_keys(settings: Settings) -> None:
    files = write_results(a_document(), settings)
    assert files["latest"] == settings.home / "results" / "smol_results.json"
    data = json.loads(files["latest"].read_text(), parse_constant=_refuse)
    assert set(data) >= {
        *("schema_version", "task_name", "study", "run_id", "objective", "verdict"),
        *("baseline", "winner", "trials", "seconds", "provenance"),
    }
    assert data["verdict"]["winner"] == data["winner"]["trial_id"] == 3
    assert set(data["trials"][2]["failure"]) == {"class", "reason", "log_tail"}
    assert set(data["trials"][2]) >= {
        *("trial_id", "role", "parameters", "effective", "state", "failure", "score"),
        *("load_points", "seconds", "argv", "files"),
    }
    assert data["trials"][0]["load_points"][0]["raw_file"]


def test_each_run_keeps_a_folder_of_its_own(settings: Settings) -> None:
    document = a_document()
    other = document.model_copy(update={"run_id": "autotune_local/another/../run"})
    first, second = write_results(document, settings), write_results(other, settings)
    assert first["results"].parent != second["results"].parent
    assert first["results"].parent == run_folder("smol", document.run_id, settings)
    assert second["results"].parent.parent == settings.results_dir / "smol"
    assert read_results(first["results"]) == document
    assert read_results(second["latest"]) == other


def test_writing_again_replaces_and_leaves_no_other_file(settings: Settings) -> None:
    before = write_results(a_document(), settings)
    again = a_document().model_copy(update={"study": "smol-11111111"})
    after = write_results(again, settings)
    assert before == after
    assert read_results(after["latest"]).study == "smol-11111111"
    names = {path.name for path in settings.results_dir.rglob("*") if path.is_file()}
    assert names == {"smol_results.json", "results.json", "trials.csv", "summary.md"}


def test_a_failed_write_leaves_the_old_file_and_no_scrap(settings: Settings) -> None:
    latest = write_results(a_document(), settings)["latest"]
    old = latest.read_text()
    broken = a_document().model_copy(update={"study": "\ud800"})  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        write_results(broken, settings)
    assert latest.read_text() == old
    assert not [path for path in settings.results_dir.rglob(".*")]


def test_the_csv_has_one_line_a_trial(settings: Settings) -> None:
    lines = write_results(a_document(), settings)["trials"].read_text().splitlines()
    assert lines[0].startswith("trial_id,role,label,same_as,state,failure,raw,unit,penalty,score")
    assert len(lines) == 6


def test_the_files_are_readable_by_others(settings: Settings) -> None:
    for path in write_results(a_document(), settings).values():
        assert path.stat().st_mode & 0o777 == 0o644


def test_the_exported_schema_is_current() -> None:
    path = PROJECT / "docs/reference/results.schema.json"
    assert path.read_text(encoding="utf-8") == text(), (
        f"run: python -m airtune.results.schema {path.relative_to(PROJECT)}"
    )


def test_the_schema_names_every_key_of_the_file() -> None:
    schema = export()
    assert set(json.loads(results_json(a_document()))) == set(schema["properties"])
    assert "class" in schema["$defs"]["FailureResult"]["properties"]
