import io

import pytest
from rich.console import Console, RenderableType

from airtune.cli.duration import duration
from airtune.cli.progress import Phase, RunProgress, SlotProgress
from airtune.cli.screen import live_table, print_verdict, slot_line, status_line

RESULT = {
    "verdict": {
        "statement": "parallel=4 is better than the baseline.",
        "best": 3,
        "winner": 3,
        "gain": {"pct": 34.4},
        "provisional": True,
    },
    "unit": "tokens/s per device",
    "launch_command": "llama-server --model 'my model.gguf' --parallel 4",
    "results": "results/demo_results.json",
    "reused": 2,
    "measured": 1,
    "table": [
        {
            "trial_id": 3,
            "label": "parallel=4",
            "state": "succeeded",
            "failure": None,
            "score": 55.25,
            "gain_pct": 34.4,
            "seconds": 21.4,
        },
        {
            "trial_id": None,
            "label": "parallel=[8]",
            "state": "failed",
            "failure": "oom",
            "score": None,
            "gain_pct": None,
            "seconds": None,
        },
    ],
}


def text_of(thing: RenderableType) -> str:
    console = Console(width=120, file=io.StringIO())
    with console.capture() as captured:
        console.print(thing)
    return captured.get()


def text_of_verdict(result: dict[str, object]) -> str:
    console = Console(width=120, file=io.StringIO(), highlight=False, soft_wrap=True)
    with console.capture() as captured:
        print_verdict(console, result)
    return captured.get()


def test_the_status_line_tells_progress_best_and_time_left() -> None:
    over = SlotProgress(0, "baseline", Phase.DONE, 20.0, "succeeded", 41.0, "tokens/s")
    run = RunProgress((over, SlotProgress(1, "parallel=2")), maximize=True, elapsed_s=20.0)
    assert status_line(run) == (
        "1 of 2 trials done; best so far 41.0 tokens/s: baseline; about 20 s left"
    )


def test_the_live_table_shows_phase_seconds_and_score() -> None:
    slots = (
        SlotProgress(0, "baseline", Phase.DONE, 20.4, "succeeded", 41.0, "ms"),
        SlotProgress(1, "parallel=2", Phase.MEASURING, 3.2),
    )
    lines = text_of(live_table(RunProgress(slots, maximize=False))).splitlines()
    assert lines[0].split() == ["trial", "phase", "seconds", "score", "(ms)"]
    assert lines[1].split() == ["baseline", "succeeded", "20", "41.0"]
    assert lines[2].split() == ["parallel=2", "measuring", "3"]


def test_of_a_thousand_trials_the_moving_ones_are_shown() -> None:
    slots = tuple(
        SlotProgress(index, f"trial-{index}", Phase.DONE if index < 500 else Phase.WAITING)
        for index in range(1000)
    )
    text = text_of(live_table(RunProgress(slots, maximize=False)))
    assert len(text.splitlines()) < 50
    assert "trial-500 " in text


def test_a_label_with_brackets_is_no_markup() -> None:
    run = RunProgress((SlotProgress(0, "values=[bold] x"),), maximize=True)
    assert "values=[bold] x" in text_of(live_table(run))


def test_a_change_is_one_line_in_a_log() -> None:
    slot = SlotProgress(1, "parallel=2", Phase.DONE, 20.4, "succeeded", 41.0, "ms")
    assert slot_line(slot) == "parallel=2: succeeded, 41.0 ms (20 s)"


def test_the_end_tells_verdict_gain_command_and_files() -> None:
    text = text_of_verdict(RESULT)
    assert "parallel=4 is better than the baseline." in text
    assert "gain over the baseline: +34.4 %, provisional" in text
    assert "llama-server --model 'my model.gguf' --parallel 4" in text
    assert "2 trials re-used from earlier runs, 1 measured" in text
    assert "results: results/demo_results.json" in text


def test_the_final_table_shows_what_has_no_score_and_why() -> None:
    lines = text_of_verdict(RESULT).splitlines()
    assert lines[1].split() == ["3", "parallel=4", "succeeded", "55.2", "+34.4", "%", "21"]
    assert lines[2].split() == ["parallel=[8]", "failed", "(oom)"]


def test_a_verdict_without_a_winner_has_no_command_and_no_gain() -> None:
    verdict = {"statement": "Nothing is feasible.", "best": None, "gain": None}
    text = text_of_verdict({"verdict": verdict, "table": [], "unit": "ms"})
    assert "Nothing is feasible." in text
    assert "launch command" not in text
    assert "gain over" not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (8.4, "8 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
