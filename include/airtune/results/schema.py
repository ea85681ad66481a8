"""The JSON Schema of the results file; ``python -m airtune.results.schema FILE`` writes it."""

import json
import sys
from pathlib import Path
from typing import Any

from airtune.results.document import ResultsDocument


def export() -> dict[str, Any]:
    """The schema as a JSON object."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ResultsDocument.model_json_schema(mode="serialization"),
    }


def text() -> str:
    """The schema as it stands in ``docs/reference/results.schema.json``."""
    return json.dumps(export(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
