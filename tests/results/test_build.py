import pytest
from tests.results.docker_samples import IDENTITY, a_docker_task, a_docker_trial
from tests.results.docker_samples import SETTINGS as DOCKER_SETTINGS
from tests.results.samples import (
    EARLIER,
    PLANNED,
    PROVENANCE,
    SETTINGS,
    STUDY,
    TASK,
    a_document,
    trials,
)
from tests.scoring.samples import RUN, a_baseline, a_task, a_trial, at, both, failed

from airtune.records import Failure, FailureClass, Role, TrialState
from airtune.results.build import build
from airtune.results.digest import digest
from airtune.scoring.verdict import decide


def test_every_slot_of_the_plan_appears_and_earlier_trials_come_last() -> None:
    shown = [(trial.trial_id, trial.slot, trial.state.value) for trial in a_document().trials]
    assert shown == [
        (2, 0, "succeeded"),
        (3, 1, "succeeded"),
        (4, 2, "infeasible"),
        (None, 3, "missing"),
        (1, None, "succeeded"),
    ]


def test_a_planned_trial_that_an_earlier_run_has_measured_is_not_missing() -> None:
    reused = a_trial(1, *both(), run=EARLIER, plan_key="key-9")
    found = [reused, *trials()[1:]]
    document = build(
        TASK, STUDY, RUN, PLANNED, found, decide(found, TASK), PROVENANCE, settings=SETTINGS
    )
    assert TrialState.MISSING not in {trial.state for trial in document.trials}


def test_a_run_that_measured_nothing_shows_the_earlier_trials_and_misses_none() -> None:
    found = [
        a_baseline(2, *both(), run=EARLIER),
        *(a_trial(number, *both(), run=EARLIER) for number in (3, 4, 9)),
    ]
    document = build(
        TASK, STUDY, RUN, PLANNED, found, decide(found, TASK), PROVENANCE, 1.5, settings=SETTINGS
    )
    assert {(t.slot, t.state.value, t.run_id) for t in document.trials} == {
        (None, "succeeded", EARLIER)
    }
    assert (document.seconds.benchmark, document.seconds.run) == (0, 1.5)


def test_of_a_cleared_slot_only_the_newest_trial_is_shown() -> None:
    found = [*trials(), a_trial(5, *both(tokens=300), slot=1, plan_key="key-3")]
    document = build(
        TASK, STUDY, RUN, PLANNED, found, decide(found, TASK), PROVENANCE, settings=SETTINGS
    )
    assert [trial.trial_id for trial in document.trials if trial.slot == 1] == [5]
    assert document.winner is not None
    assert document.winner.trial_id == 5


def test_the_winner_comes_with_gain_and_launch_command() -> None:
    winner = a_document().winner
    assert winner is not None
    assert winner.trial_id == 3
    assert winner.parameters == {"parallel": 3}
    assert winner.gain is not None
    assert winner.gain.pct == pytest.approx(50)
    assert winner.launch_command == "OMP_NUM_THREADS=4 llama-server -m model.gguf --port 8000"


def test_every_scored_trial_shows_its_gain_over_the_baseline() -> None:
    gains = {trial.trial_id: trial.gain_pct for trial in a_document().trials}
    assert gains == {2: 0, 3: pytest.approx(50), 4: None, None: None, 1: pytest.approx(-10)}


def test_without_a_winner_the_document_has_none() -> None:
    found = [a_baseline(1, *both())]
    document = build(
        TASK, STUDY, RUN, (), found, decide(found, TASK), PROVENANCE, settings=SETTINGS
    )
    assert document.winner is None
    assert document.baseline == 1


def test_trials_with_equal_effective_settings_are_marked_as_one() -> None:
    marked = {trial.trial_id: trial.same_as for trial in a_document().trials if trial.same_as}
    assert marked == {3: 1}


def test_a_trial_is_shown_as_the_bounds_of_today_make_it() -> None:
    task = a_task(constraints={"ttft_ms": 50})
    found = [a_baseline(1, *both()), a_trial(2, at(1, ttft=10), at(4, ttft=10))]
    document = build(
        task, STUDY, RUN, (), found, decide(found, task), PROVENANCE, settings=SETTINGS
    )
    assert [trial.state.value for trial in document.trials] == ["infeasible", "succeeded"]
    assert document.trials[0].failure is not None
    assert document.trials[0].failure.failure_class == "slo"


def test_the_totals_are_those_of_this_run() -> None:
    seconds = a_document().seconds
    assert (seconds.start, seconds.benchmark, seconds.run) == (6.0, 90.0, 120.0)


def test_what_a_launcher_knows_beyond_the_named_fields_is_kept() -> None:
    document = build(
        TASK,
        STUDY,
        RUN,
        (),
        [],
        decide([], TASK),
        {**PROVENANCE, "kubernetes": "1.36"},
        settings=SETTINGS,
    )
    assert document.model_dump()["provenance"]["kubernetes"] == "1.36"


def test_the_file_repeats_only_the_end_of_a_log() -> None:
    failure = Failure(
        failure_class=FailureClass.OOM, reason="Out of memory.", log_tail="x" * 10**6 + "the end"
    )
    found = [failed(1, FailureClass.OOM).model_copy(update={"failure": failure})]
    document = build(
        TASK, STUDY, RUN, (), found, decide(found, TASK), PROVENANCE, settings=SETTINGS
    )
    shown = document.trials[0].failure
    assert shown is not None
    assert len(shown.log_tail) == 4000
    assert shown.log_tail.endswith("the end")


def test_a_missing_slot_can_also_be_given_as_a_trial_without_a_number() -> None:
    lost = a_trial(-3, state=TrialState.MISSING, slot=2)
    found = [lost, a_baseline(1, *both(), slot=0), a_trial(2, *both(), slot=1)]
    document = build(
        TASK, STUDY, RUN, (), found, decide(found, TASK), PROVENANCE, settings=SETTINGS
    )
    shown = [(trial.trial_id, trial.slot, trial.state.value) for trial in document.trials]
    assert shown == [(1, 0, "succeeded"), (2, 1, "succeeded"), (None, 2, "missing")]


def test_of_docker_the_command_is_a_docker_run_and_what_ran_is_shown() -> None:
    task = a_docker_task(objective="maximize_throughput")
    baseline = a_docker_trial(1, role=Role.BASELINE, parameters={})
    best = a_docker_trial(3, load_points=both(tokens=300))
    document = build(
        *(task, STUDY, RUN, (), [baseline, best], decide([baseline, best], task), PROVENANCE),
        settings=DOCKER_SETTINGS,
    )
    assert document.winner is not None
    assert document.winner.launch_command.startswith("docker run -d --init --name smol-exp3 ")
    shown = {trial.trial_id: trial for trial in document.trials}
    assert shown[3].launch_command == document.winner.launch_command
    assert shown[1].launch_command is not None
    assert shown[1].identity == IDENTITY
    assert digest(document, None)["launch_command"] == document.winner.launch_command


def test_of_a_file_of_an_earlier_version_the_winners_command_is_still_told() -> None:
    document = a_document()
    trials_then = tuple(t.model_copy(update={"launch_command": None}) for t in document.trials)
    then = document.model_copy(update={"trials": trials_then})
    assert document.winner is not None
    assert digest(then, None)["launch_command"] == document.winner.launch_command
