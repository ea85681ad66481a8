"""Close matches for misspelt words."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """The most similar of ``known`` (at most ``count``), whatever the case and the dashes."""
    by_form = {_form(candidate): candidate for candidate in known}
    return [by_form[form] for form in get_close_matches(_form(word), by_form, n=count, cutoff=0.65)]


def choose(word: object, known: Iterable[str]) -> str:
    """The fix for a word that must be one of ``known``."""
    candidates = list(known)
    near = closest(word, candidates) if isinstance(word, str) else []
    if near:
        return f'Did you mean "{near[0]}"? Possible: {", ".join(candidates)}.'
    return f"Write one of: {', '.join(candidates)}."


def _form(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_").replace(".", "_")
