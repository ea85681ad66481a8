"""Request parameters that a task may send along; their types reach the server as they are."""

from typing import Annotated

from pydantic import AfterValidator, JsonValue

from airtune.task.environment import is_secret
from airtune.task.fault import fault
from airtune.task.values import unquoted

_OURS = {
    "max_tokens": "it would override the length that the scenario asks for; "
    "write the length into traffic_scenarios, as in D(100,256)",
    "max_completion_tokens": "it would override the length that the scenario asks for; "
    "write the length into traffic_scenarios, as in D(100,256)",
    "ignore_eos": "answers must have the length that the scenario asks for",
    "stream": "latencies are measured on streamed answers",
    "stream_options": "token counts come from it",
    "model": "it comes from model_name",
    "messages": "prompts come from traffic_scenarios",
    "prompt": "prompts come from traffic_scenarios",
    "n": "one answer a request is measured",
}
_TEXTS = {"stop", "user", "reasoning_effort"}


def request_params(params: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse what the client sets itself, secrets, and numbers or booleans in quotes."""
    for name, value in params.items():
        if name in _OURS:
            raise fault(f"is set by the client: {_OURS[name]}.", "Remove it.", name)
        if is_secret(name):
            raise fault(
                "looks like a secret, and a task is stored and shown.",
                "Remove it; keep it in an Airflow connection.",
                name,
                secret=True,
            )
        if isinstance(value, str) and name not in _TEXTS and (bare := unquoted(value)):
            raise fault(
                "is text where a number or boolean is meant.",
                f"Write {bare} without the quotes; servers refuse the text.",
                name,
            )
    return params


RequestParams = Annotated[dict[str, JsonValue], AfterValidator(request_params)]
"""``benchmark.additional_params``."""
