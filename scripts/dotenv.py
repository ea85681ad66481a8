"""Write ``.env`` for docker-compose.yaml unless there is one, and the folders that it mounts."""

import os
import sys
from pathlib import Path

from airtune.stack.compose.dotenv import host_values, make_folders, random_secrets, write_dotenv

ROOT = Path(__file__).resolve().parents[1]
GPUS = Path("/proc/driver/nvidia/gpus")
FOLDERS = ("results", "benchmark_results", "tasks")


def main() -> int:
    """0; says whether the file was made."""
    gpus = len(list(GPUS.iterdir())) if GPUS.is_dir() else 0
    cpu_devices = (ROOT / "var" / "devices").read_text().strip()
    values = random_secrets() | host_values(cpu_devices, gpus, os.environ)
    if write_dotenv(ROOT / ".env", ROOT / ".env.example", values):
        make_folders(ROOT, FOLDERS)
        print("wrote .env: secrets and this host's devices for docker compose")
    return 0


if __name__ == "__main__":
    sys.exit(main())
