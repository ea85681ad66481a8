"""The console that commands write to."""

from rich.console import Console

_LOG_WIDTH = 160
"""Columns where the output is no terminal: rich's 80 would break every row of a table."""


def open_console() -> Console:
    """Plain text, tables as wide as the terminal; labels are never taken for markup."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    return console
