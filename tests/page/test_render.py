"""The HTML: everything escaped, nothing loaded from elsewhere."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.page.pages import changed
from tests.results.samples import a_document

from airtune.page.render import error_html, index_html, security_headers, task_html
from airtune.page.view import task_row
from airtune.results.document import FailureResult, ResultsDocument

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }}"


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _hostile(text: str) -> ResultsDocument:
    document = a_document()
    winner = document.winner
    assert winner is not None
    failure = FailureResult(failure_class="oom", reason=text, log_tail=text)
    trials = [
        one.model_copy(update={"failure": failure, "parameters": {text: text}})
        for one in document.trials
    ]
    return changed(
        task_name=text,
        study=text,
        verdict=document.verdict.model_copy(update={"statement": text, "nearest_miss": text + "!"}),
        winner=winner.model_copy(update={"launch_command": text, "parameters": {text: text}}),
        trials=tuple(trials),
        provenance=document.provenance.model_copy(update={"model": {text: text}}),
    )


def test_the_page_of_a_task_answers_what_was_asked() -> None:
    html = _Tags(task_html(a_document())).text
    for said in (
        "exp3 wins with parallel=3",
        "+50.0 % (provisional: one deploy each, no interval)",
        "llama-server -m model.gguf --port 8000",
        "Score (tokens/s per device)",
        "Gain over baseline (%)",
        "oom: The server said oom.",
        "undersampled",
        "TTFT mean (ms)",
    ):
        assert said in " ".join(html.split()), said


def test_without_a_winner_there_is_no_launch_command_and_the_near_miss_is_told() -> None:
    verdict = a_document().verdict.model_copy(
        update={
            "statement": "No configuration is feasible.",
            "winner": None,
            "gain": None,
            "nearest_miss": "exp4 missed ttft_ms p99 by 3 %",
        }
    )
    text = _Tags(task_html(changed(verdict=verdict, winner=None))).text
    assert "Launch command" not in text
    assert "Nearest miss: exp4 missed ttft_ms p99 by 3 %" in text


def test_the_list_links_each_task_relative_to_the_page() -> None:
    tags = _Tags(index_html([task_row(a_document())])).tags
    assert ("a", {"href": "tasks/smol"}) in tags


def test_an_empty_list_says_what_to_do_and_unreadable_files_are_counted() -> None:
    assert "There are no results yet." in index_html([])
    assert "2 results files cannot be read" in index_html([], unreadable=2)


@settings(max_examples=25)
@given(st.one_of(st.just(HOSTILE), st.text(alphabet="<>\"'&/{}%#= ax!-")))
def test_no_text_of_a_document_becomes_markup(text: str) -> None:
    text = f"x{text}"  # an empty log is not shown at all
    harmless = _Tags(task_html(_hostile("harmless"))).tags
    shown = _Tags(task_html(_hostile(text)))
    assert _names(shown.tags) == _names(harmless)
    listed = _Tags(index_html([task_row(_hostile(text))])).tags
    assert _names(listed) == _names(_Tags(index_html([task_row(_hostile("harmless"))])).tags)


def test_an_error_is_escaped_too() -> None:
    html = error_html(404, HOSTILE)
    assert "<script" not in html
    assert "<h1>Not Found</h1>" in html


def test_the_page_loads_and_runs_nothing() -> None:
    for html in (task_html(a_document()), index_html([task_row(a_document())])):
        for tag, attributes in _Tags(html).tags:
            assert tag not in {"script", "link", "img", "iframe", "object", "form", "base"}
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            assert "src" not in attributes


def test_the_policy_admits_exactly_the_pages_own_style() -> None:
    policy = security_headers()["Content-Security-Policy"]
    for html in (task_html(a_document()), index_html([]), error_html(401, "")):
        (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def _names(tags: list[tuple[str, Any]]) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in tags]
