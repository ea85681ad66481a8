"""What of the results is shown, and in which words."""

from tests.page.pages import changed
from tests.results.samples import a_document
from tests.scoring.samples import at

from airtune.page.view import (
    NOTHING,
    gain_sentence,
    made_with,
    parameters,
    point_rows,
    task_row,
    trial_rows,
)
from airtune.records import Distribution, Score, ValidityFlag


def test_the_list_names_verdict_winner_gain_and_number_of_trials() -> None:
    row = task_row(a_document())
    assert row.statement.startswith("exp3 wins")
    assert (row.winner, row.gain, row.trials) == ("exp3", "+50.0", 5)
    assert row.written == "2026-01-02 11:00"


def test_without_a_winner_the_list_says_none() -> None:
    verdict = a_document().verdict.model_copy(update={"winner": None, "gain": None})
    row = task_row(changed(verdict=verdict, winner=None))
    assert (row.winner, row.gain) == ("none", NOTHING)


def test_trials_are_shown_best_first_with_score_gain_and_doubts() -> None:
    rows = {row.name: row for row in trial_rows(a_document())}
    assert next(iter(rows)) == "exp3"
    best = rows["exp3"]
    assert best.winner
    assert (best.configuration, best.score, best.gain) == ("parallel=3", "150", "+50.0")
    assert best.flags == ("undersampled",)
    assert rows["exp2"].gain == "reference"


def test_a_trial_without_a_score_says_why() -> None:
    rows = {row.name: row for row in trial_rows(a_document())}
    row = rows["exp4"]
    assert (row.state, row.failure_class, row.score) == ("infeasible", "oom", NOTHING)
    assert row.failure_reason == "The server said oom."
    assert (rows["slot 3"].state, rows["slot 3"].start_s) == ("missing", NOTHING)


def test_a_trial_of_an_earlier_run_is_marked() -> None:
    remarks = {row.name: row.remark for row in trial_rows(a_document())}
    assert "measured in an earlier run" in remarks["exp1"]
    assert remarks["exp3"] == "comes to the same server as exp1"


def test_the_penalty_is_shown_only_where_there_is_one() -> None:
    document = a_document()
    punished = Score(raw=100.0, penalty=0.25, score=80.0)
    trials = [
        one.model_copy(update={"score": punished}) if one.trial_id == 2 else one
        for one in document.trials
    ]
    rows = {row.name: row for row in trial_rows(changed(trials=tuple(trials)))}
    assert rows["exp2"].penalised == "raw 100, SLO penalty 0.25"
    assert rows["exp3"].penalised == ""


def test_load_points_carry_their_figures_and_doubts() -> None:
    noted = at(1, failed=5).model_copy(
        update={
            "validity": (ValidityFlag.INCOMPLETE,),
            "notes": {"incomplete": "5 of 100 failed."},
            "ttft_ms": Distribution(mean=12.3, p50=12, p90=15, p95=16, p99=17.5),
        }
    )
    trial = a_document().trials[0].model_copy(update={"load_points": (noted, at(4, ttft=None))})
    first, second = point_rows(changed(trials=(trial,)))
    assert (first.ttft_mean, first.ttft_p99, first.output_rate) == ("12.3", "17.5", "100")
    assert (first.completed, first.error_rate) == ("95 of 100", "5.00")
    assert first.doubts == (("incomplete", "5 of 100 failed."),)
    assert (second.ttft_mean, second.doubts) == (NOTHING, ())


def test_the_gain_says_what_stands_behind_it() -> None:
    document = a_document()
    assert gain_sentence(document) == "+50.0 % (provisional: one deploy each, no interval)"
    gain = document.verdict.gain
    assert gain is not None
    sure = gain.model_copy(update={"ci95": (41.0, 59.0), "deploys": 3})
    verdict = document.verdict.model_copy(update={"gain": sure})
    told = gain_sentence(changed(verdict=verdict))
    assert told == "+50.0 % (95 % interval +41.0 % to +59.0 %, 3 deploys each)"
    unknown = document.verdict.model_copy(update={"gain": None})
    assert gain_sentence(changed(verdict=unknown)) == ""


def test_the_winners_parameters_are_shown_as_people_write_them() -> None:
    winner = a_document().winner
    assert winner is not None
    chosen = winner.model_copy(
        update={"parameters": {"flash": True, "split": [1, 2], "x=y": "a=b"}}
    )
    shown = parameters(changed(winner=chosen))
    assert shown == [("flash", "true"), ("split", "[1, 2]"), ("x=y", "a=b")]
    assert parameters(changed(winner=None)) == []


def test_what_is_not_known_of_the_origin_is_left_out() -> None:
    lines = dict(made_with(a_document()))
    assert lines["engine"] == "name llama_cpp, xllamacpp 1.2"
    assert lines["model"] == "name SmolLM2"
    assert lines["run"].startswith("autotune_local/")
    assert "image" not in lines
