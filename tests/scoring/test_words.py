import pytest

from airtune.scoring.words import clause, configuration, counted, number, percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.5, "1234"),
        (41, "41.0"),
        (3, "3.00"),
        (0.012345, "0.0123"),
        (0.00001, "0.000010"),
        (-12.34, "-12.3"),
    ],
)
def test_a_number_is_short_and_never_in_exponent_form(value: float, text: str) -> None:
    assert number(value) == text


def test_a_gain_has_its_sign_and_zero_is_not_negative() -> None:
    assert [percent(v) for v in (3.14159, -2, 0, -0.01)] == ["+3.1 %", "−2.0 %", "+0.0 %", "+0.0 %"]


def test_a_configuration_is_written_as_in_the_task() -> None:
    parameters = {"flash-attn": True, "a": None, "b": [1, False], "c": "q8_0"}
    assert configuration(parameters) == "flash-attn=true, a=unset, b=[1, false], c=q8_0"
    assert configuration({}) == "the fixed arguments alone"


def test_names_are_counted_most_frequent_first() -> None:
    assert counted(["slo", "oom", "slo", "b"]) == "2 slo, 1 b, 1 oom"


def test_a_reason_becomes_a_clause_of_one_line() -> None:
    assert clause("Out of\n memory. ") == "Out of memory"
