"""Whether the secrets in the environment are the owner's own: present, strong, each used once."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

SECRETS: tuple[str, ...] = (
    "POSTGRES_PASSWORD",
    "BROKER_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_SECRET_KEY",
    "AIRTUNE_ADMIN_PASSWORD",
)
"""Every secret of the stack, as ``.env`` names them."""

LEAST_LENGTH = 16
"""Characters that a secret has at least, well-known words not counted."""

_LEAST_DISTINCT = 8
_FERNET_BYTES = 32
_IN_URLS = frozenset({"POSTGRES_PASSWORD", "BROKER_PASSWORD"})
_URL_SAFE = re.compile(r"[A-Za-z0-9_.~-]*")
_WORDS = re.compile(
    "change.?me|password|passwort|passwd|airflow|airtune|postgres|default|example|secret|admin"
    "|redis|qwerty|letmein|1234567890|12345678|123456|abcdef"
)


def weaknesses(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each secret that must not be used: its name, what is wrong, the fix.

    The values themselves are never part of it.
    """
    found = [text for name in SECRETS for text in _of_one(name, environ.get(name, ""))]
    return found + list(_shared(environ))


def _of_one(name: str, value: str) -> Iterator[str]:
    if not value:
        yield f"{name} is missing: {_fix(name)}"
        return
    rest = _WORDS.sub("", value.lower())
    if len(rest) < LEAST_LENGTH or len(set(rest)) < _LEAST_DISTINCT:
        yield (
            f"{name} is a default or too weak: {LEAST_LENGTH} random characters are the least, "
            f"well-known words not counted. {_fix(name)}"
        )
    elif name == "AIRFLOW_FERNET_KEY" and not _is_fernet(value):
        yield f"{name} is no Fernet key ({_FERNET_BYTES} bytes, URL-safe base64). {_fix(name)}"
    elif name in _IN_URLS and not _URL_SAFE.fullmatch(value):
        yield f"{name} becomes part of a URL: use letters, digits, - and _ only. {_fix(name)}"


def _fix(name: str) -> str:
    maker = (
        "base64.urlsafe_b64encode(os.urandom(32)).decode()"
        if name == "AIRFLOW_FERNET_KEY"
        else "secrets.token_urlsafe(32)"
    )
    return (
        "Run `make env` where there is no .env yet, or write into .env what "
        f"`python3 -c 'import base64, os, secrets; print({maker})'` prints."
    )


def _is_fernet(value: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(value)) == _FERNET_BYTES
    except (binascii.Error, ValueError):
        return False


def _shared(environ: Mapping[str, str]) -> Iterator[str]:
    first: dict[str, str] = {}
    for name in SECRETS:
        value = environ.get(name, "")
        if value and first.setdefault(value, name) != name:
            yield f"{name} has the value of {first[value]}: give each its own. {_fix(name)}"
