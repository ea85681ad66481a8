"""The code stays small: modules of one idea, functions that fit a screen."""

import ast
import functools
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("include/airtune", "dags", "plugins", "scripts", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
MOST_MODULE_LINES = 300
MEDIAN_MODULE_LINES = 150
MOST_FUNCTION_LINES = 60


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _long_functions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > MOST_FUNCTION_LINES:
                yield f"{node.name} at line {node.lineno}: {lines} lines"


def test_the_median_module_is_short() -> None:
    median = statistics.median(_lines(path) for path in SOURCES if path.name != "__init__.py")
    assert median <= MEDIAN_MODULE_LINES


def test_no_module_is_long() -> None:
    long = {str(path): lines for path in SOURCES if (lines := _lines(path)) > MOST_MODULE_LINES}
    assert not long, f"split by concept: {long}"


def test_no_function_is_long() -> None:
    long = {str(path): found for path in SOURCES if (found := [*_long_functions(_tree(path))])}
    assert not long, f"split {long}"


def test_every_module_says_what_it_is_for() -> None:
    without = [str(path) for path in SOURCES if not ast.get_docstring(_tree(path))]
    assert not without, f"no docstring: {without}"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "util.py", "common.py", "manager.py", "helpers.py", "misc.py"}
    assert not [path for path in SOURCES if path.name in drawers]
