"""Every check that is no test: style, types, layers, generated documents."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CHECKS: list[list[str | Path]] = [
    [BIN / "ruff", "check", "."],
    [BIN / "ruff", "format", "--check", "."],
    [BIN / "mypy"],
    [BIN / "lint-imports", "--no-cache"],
    [sys.executable, "scripts/reference.py", "--check"],
]


def main() -> int:
    """0 if all pass; all are run in any case."""
    failed = []
    for command in CHECKS:
        print("$", Path(command[0]).name, *command[1:], flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(Path(command[0]).name)
    if failed:
        print("failed:", ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
