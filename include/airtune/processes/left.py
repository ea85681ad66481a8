"""Which slots still have a process on this host, whatever the store knows of them."""

from pathlib import Path

from airtune.processes.record import ProcessRecord


def slots_with_processes(run_dir: Path) -> set[tuple[str, int]]:
    """``(folder name of the run, slot)`` of every record whose process, or a child of it, lives.

    Args:
        run_dir: where running servers and clients are recorded; may be missing.
    """
    found = set()
    for path in run_dir.glob("*/*/*-*.json"):
        record = ProcessRecord.read(path)
        if path.parent.name.isdigit() and record is not None and record.members():
            found.add((path.parent.parent.name, int(path.parent.name)))
    return found
