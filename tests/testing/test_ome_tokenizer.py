"""The test tokenizer works in the client's own environment, without a hub."""

import os
import subprocess
from pathlib import Path

import pytest

from airtune.testing.ome_tokenizer import tokenizer_files

PYTHON = Path(__file__).resolve().parents[2] / ".venv-bench" / "bin" / "python"
SCRIPT = """
import sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
text = "Shall I compare thee\\nto a summer's day? é"
ids = tokenizer.encode(text, add_special_tokens=False)
assert len(ids) == len(text.encode()), ids
assert tokenizer.decode(ids) == text
"""


@pytest.mark.bench
def test_every_byte_is_a_token(tmp_path: Path) -> None:
    for name, text in tokenizer_files().items():
        (tmp_path / name).write_text(text)
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}

    subprocess.run([PYTHON, "-c", SCRIPT, tmp_path], env=offline, check=True)
