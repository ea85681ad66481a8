"""Variables whose value is JSON."""

import json

from airtune.errors import SettingsError


def read_json(name: str, text: str) -> object:
    """The JSON text of the variable ``name``.

    Raises:
        SettingsError: it is none.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f'{name} is not JSON ({error}); write for example ["vllm"].') from None
