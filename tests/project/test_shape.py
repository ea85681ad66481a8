"""The code stays small: modules of one idea, functions that fit a screen."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("include/airtune", "dags", "plugins", "scripts", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
MOST_MODULE_LINES = 300
MEDIAN_MODULE_LINES = 150
MOST_FUNCTION_LINES = 60


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_median_module_is_short() -> None:
    median = statistics.median(_lines(path) for path in SOURCES if path.name != "__init__.py")
    assert median <= MEDIAN_MODULE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_and_no_function_is_long(path: Path) -> None:
    assert _lines(path) <= MOST_MODULE_LINES, "split it by concept"
    long = [
        f"{node.name} at line {node.lineno}"
        for node in _functions(path)
        if (node.end_lineno or 0) - node.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert not long, f"split {', '.join(long)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "util.py", "common.py", "manager.py", "helpers.py", "misc.py"}
    assert not [path for path in SOURCES if path.name in drawers]
