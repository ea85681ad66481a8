"""Who hears of a verdict: names of connections, never secrets."""

import pytest

REFUSED = {
    "url": ({"webhook": {"connection": "https://hooks.example/S3CRET"}}, "webhook.connection"),
    "smtp url": (
        {"smtp": {"connection": "smtp://me:S3CRET@host", "to": ["a@example.org"]}},
        "smtp.connection",
    ),
    "key of another tool": ({"webhook": {"url": "https://hooks.example/S3CRET"}}, "webhook.url"),
    "text": ("https://hooks.example/S3CRET", ""),
    "both": (
        {"webhook": {"connection": "h"}, "smtp": {"connection": "m", "to": ["a@example.org"]}},
        "",
    ),
    "neither": ({"on": "always"}, ""),
    "no receiver": ({"smtp": {"connection": "m", "to": []}}, "smtp.to"),
    "two addresses in one": (
        {"smtp": {"connection": "m", "to": ["a@example.org, b@example.org"]}},
        "smtp.to[0]",
    ),
    "header": (
        {"smtp": {"connection": "m", "to": ["a@example.org\nBcc: b@example.org"]}},
        "smtp.to[0]",
    ),
    "when": ({"webhook": {"connection": "h"}, "on": "never"}, "on"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_receiver_is_refused_with_place_and_fix(refusal, case):
    value, below = REFUSED[case]
    problems = refusal({"notify": [value]})
    place = f"notify[0].{below}" if below else "notify[0]"
    assert place in {problem.path for problem in problems}
    assert all(problem.fix for problem in problems)


@pytest.mark.parametrize(
    "value",
    [
        "https://hooks.example/S3CRET",
        ["https://hooks.example/S3CRET"],
        *([REFUSED[case][0]] for case in ("url", "smtp url", "key of another tool")),
    ],
    ids=repr,
)
def test_an_address_in_the_place_of_a_name_is_not_repeated_in_the_error(refusal, value):
    assert "S3CRET" not in " ".join(map(str, refusal({"notify": value})))
