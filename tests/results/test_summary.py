from tests.results.samples import PROVENANCE, SETTINGS, STUDY, TASK, a_document
from tests.scoring.samples import RUN, a_task, a_trial, at, both, failed

from airtune.records import FailureClass, ValidityFlag
from airtune.results.build import build
from airtune.results.summary import summary
from airtune.scoring.verdict import decide


def test_the_verdict_comes_first_and_the_launch_command_follows() -> None:
    lines = summary(a_document()).splitlines()
    assert lines[0] == "# smol"
    assert lines[2].startswith("exp3 wins with parallel=3: 150 tokens/s per device, +50.0 %")
    assert "OMP_NUM_THREADS=4 llama-server -m model.gguf --port 8000" in lines


def test_every_trial_has_a_line_with_its_state() -> None:
    text = summary(a_document())
    assert "| exp3 (winner) | search | same as exp1 (parallel=3) | succeeded | 150 tok" in text
    assert "| exp1 | search | parallel=1 | succeeded, earlier run |" in text
    assert "| exp4 | search | parallel=4 | infeasible (oom) |" in text
    assert "| slot 3 | search | parallel=9 | missing |" in text
    assert "- exp4: oom: The server said oom." in text


def test_it_says_how_the_figures_were_made() -> None:
    text = summary(a_document())
    assert "closed loop" in text
    assert "provisional: one deploy each" in text
    assert "- engine: name llama_cpp, xllamacpp 1.2" in text
    assert "| D(100,100)@4 | 100 | 150 | +50.0 % |" in text


def test_a_value_cannot_break_the_table() -> None:
    found = [
        a_trial(1, *both(), parameters={"chat-template": "a|b\n| c"}),
        failed(2, FailureClass.INVALID_CONFIG),
    ]
    text = summary(
        build(TASK, STUDY, RUN, (), found, decide(found, TASK), PROVENANCE, settings=SETTINGS)
    )
    assert "chat-template=a\\|b \\| c" in text


def test_a_run_without_a_winner_shows_the_nearest_miss() -> None:
    found = [failed(1, FailureClass.OOM)]
    text = summary(
        build(TASK, STUDY, RUN, (), found, decide(found, TASK), PROVENANCE, settings=SETTINGS)
    )
    assert "Nearest miss: exp1 (parallel=1): 0 of 2 load points measured, then oom" in text
    assert "Launch it with" not in text


def test_the_first_trial_of_an_image_is_marked_and_image_and_engine_are_told() -> None:
    first = (ValidityFlag.FIRST_OF_DIGEST,)
    found = [a_trial(1, at(1, validity=first), at(4, validity=first)), a_trial(2, *both())]
    made_with = PROVENANCE | {"image": "sglang:v1", "image_digest": "sha256:1", "docker": "20.10"}
    task = a_task()
    document = build(task, STUDY, RUN, (), found, decide(found, task), made_with, settings=SETTINGS)
    text = summary(document)
    assert "- image: sglang:v1\n- image_digest: sha256:1\n- docker: 20.10" in text
    (line,) = (line for line in text.splitlines() if line.startswith("| exp1"))
    assert line.endswith("| first_of_digest |")
    assert "first_of_digest" in document.verdict.statement
