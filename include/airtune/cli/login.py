"""Where Airflow is and how to log in: ``--url``, the environment, or the project's own stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from airtune.errors import ApiError
from airtune.settings import Settings
from airtune.stack.handle import StackHandle, running_stack
from airtune.stack.health import fetch_token


@dataclass(frozen=True)
class Login:
    """An address with a token, or with user and password to get tokens by.

    Attributes:
        url: without a trailing slash.
        token: given by the user; it is used as it is and cannot be renewed.
        user, password: used when no token is given.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def renewable(self) -> bool:
        """True if another token can be had when one expires."""
        return self.token is None

    def new_token(self) -> str:
        """A bearer token.

        Raises:
            ApiError: Airflow is not reachable or refuses the login.
        """
        return self.token or fetch_token(self.url, self.user, self.password)

    @classmethod
    def of(cls, stack: StackHandle) -> "Login":
        """The login of a stack of one's own."""
        return cls(stack.url, user=stack.user, password=stack.password)


def find_login(
    url: str | None, settings: Settings, environ: Mapping[str, str] | None = None
) -> Login:
    """The Airflow to talk to.

    A token or user from the environment wins; without either, the stack that ``make airflow``
    started in this project is used if it is the one at ``url`` (or no ``url`` is given).

    Raises:
        ApiError: nothing says where Airflow is, or how to log in there.
    """
    env = os.environ if environ is None else environ
    stack = running_stack(settings.home / "var" / "airflow")
    address = (url or (stack.url if stack else "")).rstrip("/")
    if not address:
        raise ApiError(
            "Which Airflow? Start the project's own with 'make airflow', or give --url "
            "and set AIRTUNE_API_TOKEN (or AIRTUNE_API_USER and AIRTUNE_API_PASSWORD)."
        )
    if not address.startswith(("http://", "https://")):
        raise ApiError(f"--url {url} is no address; write for example http://127.0.0.1:8080.")
    if env.get("AIRTUNE_API_TOKEN"):
        return Login(address, token=env["AIRTUNE_API_TOKEN"])
    if env.get("AIRTUNE_API_USER"):
        password = env.get("AIRTUNE_API_PASSWORD", "")
        return Login(address, user=env["AIRTUNE_API_USER"], password=password)
    if stack and stack.url == address:
        return Login.of(stack)
    raise ApiError(
        f"No login for {address}: set AIRTUNE_API_TOKEN, or AIRTUNE_API_USER and "
        "AIRTUNE_API_PASSWORD."
    )
