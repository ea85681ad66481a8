"""Readiness of a server: healthy, the right model, and one real answer."""

from collections.abc import Mapping
from typing import Any

import httpx

from airtune.records import Failure, FailureClass, Record

_QUICK_S = 5.0
"""For everything but a completion; a server that loads its model may answer late."""

_SHOWN_CHARACTERS = 500


class Readiness(Record):
    """What a server must do before it is measured.

    Attributes:
        health_path: answers 200 once the model is loaded.
        model_name: the name that requests will send.
        prompt_tokens: about so many tokens are sent; the longest scenario's input.
        max_tokens: so many are asked for, the longest scenario's output; 0 asks for no
            completion at all (embedding models).
    """

    health_path: str = "/health"
    model_name: str
    prompt_tokens: int = 1
    max_tokens: int = 1

    def short(self) -> "Readiness":
        """The same with one token of a one-word prompt: is it still there?"""
        return self.model_copy(update={"prompt_tokens": 1, "max_tokens": min(1, self.max_tokens)})


class Pending(Record):
    """Not ready yet, no reason to give up; ``reason`` is for the message when time is over."""

    reason: str


def check_ready(base_url: str, readiness: Readiness, timeout_s: float) -> Failure | Pending | None:
    """Ask the server once, without proxies.

    Args:
        timeout_s: for the completion, > 0.

    Returns:
        None when it is ready; ``Pending`` while it may become so; a ``Failure`` when it never
        will (``invalid_config``) or answered with an error of its own (``unhealthy``).
    """
    with _client(base_url) as client:
        try:
            return _check(client, readiness, timeout_s)
        except httpx.TimeoutException as error:
            return Pending(reason=f"{error.request.url.path} gave no answer in time")
        except httpx.TransportError as error:
            return Pending(reason=f"no connection to {base_url}: {error}")


def responds(base_url: str, readiness: Readiness, timeout_s: float = 10.0) -> bool:
    """True if the server still answers: its health, and one token of a one-word prompt."""
    return check_ready(base_url, readiness.short(), timeout_s) is None


def _client(base_url: str) -> httpx.Client:
    # Trusted certificates take 30 ms to load, for plain HTTP in vain.
    secure = base_url.startswith("https:")
    return httpx.Client(base_url=base_url, trust_env=False, verify=secure, timeout=_QUICK_S)


def _check(
    client: httpx.Client, readiness: Readiness, timeout_s: float
) -> Failure | Pending | None:
    health = client.get(readiness.health_path, timeout=min(_QUICK_S, timeout_s))
    if health.status_code != 200:
        return Pending(reason=f"{readiness.health_path} says HTTP {health.status_code}")
    if failure := _wrong_model(client.get("/v1/models"), readiness.model_name):
        return failure
    if not readiness.max_tokens:
        return None
    answer = client.post("/v1/chat/completions", json=_request(readiness), timeout=timeout_s)
    return _judge(answer, readiness)


def _request(readiness: Readiness) -> Mapping[str, Any]:
    prompt = " ".join(["the"] * readiness.prompt_tokens)  # one token each with common vocabularies
    return {
        "model": readiness.model_name,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": readiness.max_tokens,
        "temperature": 0.0,
        "ignore_eos": True,
    }


def _wrong_model(answer: httpx.Response, wanted: str) -> Failure | None:
    if answer.status_code != 200:
        return None  # not every server lists its models; the completion will tell
    served = _names(answer)
    if not served or wanted in served:
        return None
    return Failure(
        failure_class=FailureClass.INVALID_CONFIG,
        reason=(
            f"The server serves {', '.join(sorted(served))}, but requests ask for {wanted}: "
            "make benchmark.model_name and the served name the same."
        ),
    )


def _names(answer: httpx.Response) -> set[str]:
    try:
        models = answer.json()["data"]
        return {str(name) for model in models for name in (model["id"], *model.get("aliases", []))}
    except (ValueError, KeyError, TypeError):
        return set()


def _judge(answer: httpx.Response, readiness: Readiness) -> Failure | Pending | None:
    status = answer.status_code
    if status == 200:
        return None
    if status in {429, 503}:
        return Pending(reason=f"a completion was put off with HTTP {status}")
    text = " ".join(answer.text.split())[:_SHOWN_CHARACTERS]
    asked = f"{readiness.prompt_tokens} + {readiness.max_tokens} tokens"
    if 400 <= status < 500:
        return Failure(
            failure_class=FailureClass.INVALID_CONFIG,
            reason=(
                f"The server refused the longest request of the scenarios ({asked}) with HTTP "
                f"{status}: {text} Give it a larger context, or use shorter scenarios."
            ),
        )
    return Failure(
        failure_class=FailureClass.UNHEALTHY,
        reason=f"A completion of {asked} was answered with HTTP {status}: {text}",
    )
