import pytest
from tests.results.samples import a_document

from airtune.results.table import frame, load_point_frame, load_point_rows, ordered, rows


def test_the_best_trial_comes_first_and_one_configuration_stands_together() -> None:
    listed = [(trial.trial_id, trial.same_as) for trial in ordered(a_document())]
    assert listed == [(3, 1), (1, None), (2, None), (4, None), (None, None)]


def test_a_row_has_parameters_figures_and_doubts() -> None:
    best = rows(a_document())[0]
    assert best["trial_id"] == 3
    assert best["parameter.parallel"] == 3
    assert best["raw"] == pytest.approx(150)
    assert best["unit"] == "tokens/s per device"
    assert best["validity"] == "undersampled"
    assert best["benchmark_s"] == 30


def test_all_rows_have_the_same_columns() -> None:
    columns = {tuple(row) for row in rows(a_document())}
    assert len(columns) == 1


def test_load_points_have_rows_of_their_own() -> None:
    found = load_point_rows(a_document())
    assert len(found) == 6
    assert found[0]["ttft_ms_p99"] == 100
    assert found[0]["output_tokens_per_s"] == 150


def test_the_rows_are_pandas_tables_too() -> None:
    document = a_document()
    assert frame(document).shape == (5, len(rows(document)[0]))
    assert list(load_point_frame(document)["trial_id"]) == [3, 3, 1, 1, 2, 2]
