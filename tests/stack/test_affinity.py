import os
import subprocess
import sys
from pathlib import Path

import pytest

from airtune.processes.entry import start_time
from airtune.processes.record import ProcessRecord
from airtune.records import parse_devices
from airtune.stack.affinity import cores_left, pin_session


@pytest.mark.parametrize(
    ("devices", "cores", "left"),
    [
        ("cpu1", (0, 1), (0,)),
        ("cpu2-5,cpu7", range(8), (0, 1, 6)),
        ("cpu0,cpu1", (0, 1), ()),
        ("gpu0..7", (0, 1), (0, 1)),
        ("fake0..3", (0, 1), (0, 1)),
    ],
)
def test_airflow_gets_the_cores_that_no_cpu_device_covers(devices, cores, left) -> None:
    assert cores_left(parse_devices(devices), cores) == left


def test_pinning_reaches_every_thread_of_the_session(tmp_path: Path) -> None:
    script = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    words = [sys.executable, "-c", script]
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            core = min(os.sched_getaffinity(0))
            leader = ProcessRecord(process.pid, start_time(process.pid), process.pid)
            pin_session(leader, [core])
            threads = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()]
            assert len(threads) == 2
            assert [os.sched_getaffinity(thread) for thread in threads] == [{core}] * 2
        finally:
            process.kill()
