"""Reading genai-bench's traffic scenarios."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.records import Scenario

tokens = st.integers(2, 100_000)


@given(tokens, tokens)
def test_a_deterministic_scenario_asks_every_request_for_the_same(given_in: int, out: int) -> None:
    scenario = Scenario.parse(f"D({given_in},{out})")
    assert scenario.kind == "D"
    assert scenario.output_tokens == scenario.longest_output == scenario.shortest_output == out
    assert scenario.longest_input == given_in


@given(tokens, st.integers(0, 1000), tokens, st.integers(0, 1000))
def test_a_normal_scenario_reaches_four_deviations(m: int, s: int, n: int, t: int) -> None:
    scenario = Scenario.parse(f"N({m},{s})/({n},{t})")
    assert scenario.longest_input == m + 4 * s
    assert scenario.longest_output == n + 4 * t
    assert scenario.output_tokens == (None if t else n)


def test_a_wide_normal_scenario_has_no_known_mean_because_its_low_end_is_raised() -> None:
    assert Scenario.parse("N(480,240)/(300,150)").mean_output is None
    assert Scenario.parse("N(480,240)/(300,30)").mean_output == 300


@given(tokens, tokens, tokens, tokens)
def test_a_uniform_scenario_keeps_its_ends(a: int, b: int, c: int, d: int) -> None:
    (a, b), (c, d) = sorted((a, b)), sorted((c, d))
    scenario = Scenario.parse(f"U({a},{b})/({c},{d})")
    assert (scenario.longest_input, scenario.shortest_output, scenario.longest_output) == (b, c, d)
    assert scenario.mean_output == (c + d) / 2


def test_the_short_uniform_form_names_the_upper_ends() -> None:
    scenario = Scenario.parse("U(40,12)")
    assert (scenario.longest_input, scenario.shortest_output, scenario.longest_output) == (
        40,
        2,
        12,
    )


@pytest.mark.parametrize(
    "text", ["E(64)", "R(128,100)", "I(512,512)", "I(2048,2048,2)", "A(500)", "dataset"]
)
def test_scenarios_without_answers_in_tokens_are_read_too(text: str) -> None:
    scenario = Scenario.parse(text)
    assert scenario.text == text
    assert scenario.longest_output is None


@pytest.mark.parametrize(
    "text", ["", "D", "D(1)", "D(100, 100)", "D(1.5,2)", "X(1,2)", "d(100,100)", "D(100,100)x",
             "N(1,2)", "U(1,2)/(3)", "D(-1,5)", "datasets", "D(١,٢٢)"]
)  # fmt: skip
def test_what_is_not_in_the_grammar_is_refused_with_the_text_and_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="is no traffic scenario; write"):
        Scenario.parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("D(100,1)", "no TPOT"),
        ("D(0,10)", "at least 1 token"),
        ("N(40,8)/(1,4)", "no TPOT"),
        ("U(0,40)/(5,9)", "start at 1"),
        ("U(40,20)/(5,9)", "lower end comes first"),
    ],
)
def test_a_scenario_that_cannot_be_measured_is_refused_with_the_reason(
    text: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Scenario.parse(text)
