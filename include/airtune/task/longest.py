"""The longest request that a task's scenarios send."""

from collections.abc import Iterable
from typing import NamedTuple

from airtune.records.scenario import Scenario


class LongestRequest(NamedTuple):
    """Tokens of the longest prompt and of the longest answer, over all scenarios."""

    input_tokens: int
    output_tokens: int


def longest_request(scenarios: Iterable[str]) -> LongestRequest:
    """The scenario with the most tokens in all, since context is what prompt and answer share."""
    requests = [
        LongestRequest(scenario.longest_input or 0, scenario.longest_output or 0)
        for scenario in map(Scenario.parse, scenarios)
    ]
    return max(requests, key=sum)
