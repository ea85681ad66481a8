"""Stands for genai-bench in tests of the process: its first word says how it behaves."""

import subprocess
import sys
import time
from pathlib import Path

behaviour, *words = sys.argv[1:]
options = dict(zip(words[::2], words[1::2], strict=False))
raw = Path(options["--experiment-base-dir"]) / options["--experiment-folder-name"]
raw.mkdir()
recorded = Path(__file__).parent / "fixtures" / "D32_16_text-to-text_num_concurrency_1_time_6s.json"
result = recorded.read_text()
print("client started with key", options["--api-key"], flush=True)

match behaviour:
    case "plots for ever":
        (raw / "any name.json").write_text(result)
        time.sleep(60)
    case "crashes after the result":
        (raw / recorded.name).write_text(result)
        sys.exit(3)
    case "half a result":
        (raw / recorded.name).write_text(result[: len(result) // 2])
        time.sleep(60)
    case "another point's result":
        (raw / recorded.name).write_text(result.replace("D(32,16)", "D(64,16)"))
    case "crashes":
        print("Traceback (most recent call last):", "ValueError: no luck", sep="\n")
        sys.exit(1)
    case "dies":
        subprocess.run(["sh", "-c", "kill -9 $PPID"], check=False)
    case "hangs with a child":
        child = subprocess.Popen(["sleep", "60"])
        (raw / "child").write_text(str(child.pid))
        time.sleep(60)
    case "dies before its child":
        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        (raw / "child").write_text(str(child.pid))
        subprocess.run(["sh", "-c", "kill -9 $PPID"], check=False)
    case "floods":
        while True:
            sys.stdout.write("Received error response from server. Error code: 500\n" * 1000)
    case "closes its output":
        sys.stdout.flush()
        subprocess.run(["sleep", "0"], check=False)
        import os

        os.close(1)
        os.close(2)
        time.sleep(0.25)
        (raw / recorded.name).write_text(result)
        time.sleep(60)
    case "tells its core":
        import os

        print("cores", sorted(os.sched_getaffinity(0)), flush=True)
        (raw / recorded.name).write_text(result)
