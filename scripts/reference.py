"""Write the generated reference documents; ``--check`` only says whether they are current."""

import sys
from pathlib import Path

from airtune.results import schema as results_schema
from airtune.task import schema as task_schema

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
DOCUMENTS = {
    "task.schema.json": task_schema.text,
    "results.schema.json": results_schema.text,
}


def main(words: list[str]) -> int:
    """0 when all documents are current (afterwards, without ``--check``)."""
    stale = []
    for name, text in DOCUMENTS.items():
        path = REFERENCE / name
        if path.exists() and path.read_text() == text():
            continue
        stale.append(name)
        if "--check" not in words:
            path.write_text(text())
    if stale:
        print("not current, run `make docs`:" if "--check" in words else "written:", *stale)
    return 1 if stale and "--check" in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
