"""The files of one run: the latest results under a fixed name, and each run's own folder."""

import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from airtune.results.document import ResultsDocument
from airtune.results.export_form import FILES
from airtune.results.summary import summary
from airtune.results.table import rows
from airtune.settings import Settings


def write_results(
    document: ResultsDocument, settings: Settings, exports: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Path]:
    """Write all files of the run; a reader sees the old or the new one, never half of one.

    Args:
        exports: file name → content of what ``results.export`` made; those of an earlier verdict
            of the run that are not among them are removed.

    Returns:
        ``latest`` (``{task_name}_results.json``), and in the run's own folder ``results``,
        ``trials`` (CSV), ``summary`` (Markdown) and the exports by their file names.

    Raises:
        OSError: the results folder cannot be written.
    """
    folder = run_folder(document.task_name, document.run_id, settings)
    as_json = results_json(document)
    contents = {
        folder / "results.json": as_json,
        folder / "trials.csv": _csv(document),
        folder / "summary.md": summary(document),
        **{folder / name: text for name, text in exports.items()},
        # Last: whoever sees the new latest file finds the run's folder complete.
        latest_file(document.task_name, settings): as_json,
    }
    for path, content in contents.items():
        _replace(path, content)
    for old in {folder / name for name in FILES.values()} - contents.keys():
        old.unlink(missing_ok=True)
    names = ("results", "trials", "summary", *exports, "latest")
    return dict(zip(names, contents, strict=True))


def latest_file(task_name: str, settings: Settings) -> Path:
    """Where the latest results of a task lie."""
    return settings.results_dir / f"{task_name}_results.json"


def run_folder(task_name: str, run: str, settings: Settings) -> Path:
    """The folder of one run; run ids contain what file names must not, hence a hash."""
    short = hashlib.sha256(run.encode()).hexdigest()[:12]
    return settings.results_dir / task_name / short


def results_json(document: ResultsDocument) -> str:
    """The document as JSON text that any parser reads."""
    data = document.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_results(path: Path) -> ResultsDocument:
    """Read a results file again.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no results file of this schema version.
    """
    return ResultsDocument.model_validate_json(path.read_text(encoding="utf-8"))


def _csv(document: ResultsDocument) -> str:
    table = rows(document)
    buffer = io.StringIO(newline="")
    if table:
        writer = csv.DictWriter(buffer, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    return buffer.getvalue()


def _replace(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner reads; results are for everyone who may look.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
