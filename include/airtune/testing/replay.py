"""A stand-in for genai-bench that costs no CPU: results like its, from figures of the fake engine.

It takes genai-bench's command line. A model whose name starts with ``replay-`` is not measured:
the figures that the fake engine tells at ``/fake/latency`` are written to a result file after the
time it tells. For any other model it becomes the real genai-bench. Use it by
``AIRTUNE_BENCH_COMMAND='["python", "-m", "airtune.testing.replay"]'``.
"""

import argparse
import json
import os
import sys
import time
import urllib.request
from pathlib import Path

PREFIX = "replay-"


def main(words: list[str] | None = None) -> int:
    """Write a result file, or become the real client; 1 when the server does not answer."""
    given = sys.argv[1:] if words is None else words
    options = _options(given)
    if not options.api_model_name.startswith(PREFIX):
        _become_the_real_client(given)
    print(
        f"replay: {options.traffic_scenario} at concurrency {options.num_concurrency}", flush=True
    )
    try:
        figures = _latency(options.api_base)
        time.sleep(figures["seconds"])
        _latency(options.api_base)  # a server that has died meanwhile leaves no result
    except OSError as error:
        print(f"replay: {options.api_base} does not answer: {error}", flush=True)
        return 1
    path = _write(options, figures)
    print(f"replay: wrote {path.name}", flush=True)
    return 0


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Results like genai-bench's, without requests.")
    parser.add_argument("--api-base", required=True)
    parser.add_argument("--api-model-name", required=True)
    parser.add_argument("--task", default="text-to-text")
    parser.add_argument("--traffic-scenario", required=True)
    parser.add_argument("--num-concurrency", type=int, required=True)
    parser.add_argument("--max-requests-per-run", type=int, required=True)
    parser.add_argument("--experiment-base-dir", type=Path, required=True)
    parser.add_argument("--experiment-folder-name", required=True)
    return parser.parse_known_args(words)[0]


def _become_the_real_client(words: list[str]) -> None:
    client = Path(os.environ["AIRTUNE_BENCH_PYTHON"]).parent / "genai-bench"
    os.execv(client, [str(client), "benchmark", *words])


def _latency(api_base: str) -> dict[str, float]:
    """The fake engine's ``ttft_ms``, ``tpot_ms`` and ``seconds``."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{api_base}/fake/latency", timeout=5) as answer:
        return {name: float(value) for name, value in json.load(answer).items()}


def _write(options: argparse.Namespace, figures: dict[str, float]) -> Path:
    folder: Path = options.experiment_base_dir / options.experiment_folder_name
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() else "_" for c in options.traffic_scenario)
    seconds = figures["seconds"]
    path = folder / (
        f"{name}_{options.task}_num_concurrency_{options.num_concurrency}_time_{seconds:.0f}s.json"
    )
    path.write_text(json.dumps(_content(options, figures), indent=4))
    return path


def _content(options: argparse.Namespace, figures: dict[str, float]) -> dict[str, object]:
    given, asked = _lengths(options.traffic_scenario)
    ttft, tpot = figures["ttft_ms"] / 1000, figures["tpot_ms"] / 1000
    request = {
        "ttft": ttft,
        "tpot": tpot,
        "e2e_latency": ttft + tpot * (asked - 1),
        "output_latency": tpot * (asked - 1),
        "num_input_tokens": given,
        "num_output_tokens": asked,
        "total_tokens": given + asked,
        "error_code": None,
        "error_message": None,
    }
    requests = [request] * options.max_requests_per_run
    return {
        "aggregated_metrics": {
            "scenario": options.traffic_scenario,
            "num_concurrency": options.num_concurrency,
            "iteration_type": "num_concurrency",
            "run_duration": max(figures["seconds"], 0.001),
            "error_codes_frequency": {},
            "error_rate": 0,
            "num_error_requests": 0,
            "num_completed_requests": len(requests),
            "num_requests": len(requests),
        },
        "individual_request_metrics": requests,
        "_time_unit": "s",
    }


def _lengths(text: str) -> tuple[int, int]:
    """Prompt and answer length of a replayed request: the middle of what the scenario asks."""
    from airtune.records.scenario import Scenario

    scenario = Scenario.parse(text)
    low, high = scenario.shortest_output or 2, scenario.longest_output or 2
    return scenario.longest_input or 1, round(scenario.mean_output or (low + high) / 2)


if __name__ == "__main__":
    sys.exit(main())
