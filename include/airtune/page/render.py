"""The page's HTML, and the headers that keep a browser from doing more with it."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from airtune.page import view
from airtune.page.row import TaskRow
from airtune.results.document import ResultsDocument

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "page"


def index_html(tasks: Sequence[TaskRow], unreadable: int = 0) -> str:
    """The list of tasks; ``unreadable`` files are counted, not named."""
    return _render("index.html", tasks=tasks, unreadable=unreadable)


def task_html(document: ResultsDocument) -> str:
    """The results of one task."""
    return _render(
        "task.html",
        document=document,
        gain=view.gain_sentence(document),
        made_with=view.made_with(document),
        parameters=view.parameters(document),
        points=view.point_rows(document),
        trials=view.trial_rows(document),
        written=view.moment(document.written_at),
    )


def error_html(status: int, detail: str) -> str:
    """A page that says what went wrong and, where it is known, what to do."""
    return _render("error.html", title=HTTPStatus(status).phrase, detail=detail)


@cache
def security_headers() -> Mapping[str, str]:
    """Nothing is loaded or run, only our own style applies, only Airflow may frame the page."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
    return MappingProxyType(
        {
            "Content-Security-Policy": "; ".join(policy),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
    )


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(values)


@cache
def _style() -> str:
    return (_TEMPLATES / "page.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The one text that is not escaped: it is ours, and the policy's hash admits no other.
    environment.globals["style"] = Markup(_style())  # noqa: S704
    return environment
