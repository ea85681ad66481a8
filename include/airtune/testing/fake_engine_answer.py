"""What the fake engine answers to one completion: its tokens and its JSON."""

import json
from dataclasses import dataclass
from typing import Any

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class Answer:
    """One completion.

    Attributes:
        model: name to show.
        chat: chat completion, or a plain one.
        prompt_tokens: counted as a quarter of the prompt's characters.
        tokens: how many tokens are sent, ≥ 1.
        asked: how many were asked for.
        stream: as server-sent events.
        with_usage: a stream ends with its usage.
    """

    model: str
    chat: bool
    prompt_tokens: int
    tokens: int
    asked: int
    stream: bool
    with_usage: bool

    @classmethod
    def to(cls, request: dict[str, Any], *, chat: bool, model: str, short: bool) -> "Answer":
        """The answer that ``request`` asks for; ``short`` halves it."""
        asked = int(request.get("max_tokens") or request.get("max_completion_tokens") or 16)
        prompt = json.dumps(request.get("messages", request.get("prompt", "")))
        options = request.get("stream_options") or {}
        return cls(
            model=model,
            chat=chat,
            prompt_tokens=max(1, len(prompt) // _CHARACTERS_PER_TOKEN),
            tokens=max(1, asked // 2 if short else asked),
            asked=asked,
            stream=bool(request.get("stream")),
            with_usage=bool(options.get("include_usage")),
        )

    @property
    def usage(self) -> dict[str, int]:
        """Token counts as the OpenAI API names them."""
        total = self.prompt_tokens + self.tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.tokens,
            "total_tokens": total,
        }

    def piece(self, index: int) -> dict[str, Any]:
        """Token ``index`` (from 0) of a stream."""
        word = "one" if index == 0 else " more"
        text = {"delta": {"role": "assistant", "content": word}} if self.chat else {"text": word}
        return self._frame([{"index": 0, **text, "finish_reason": None}])

    def end(self) -> list[dict[str, Any]]:
        """What closes a stream: the reason, and the usage when it was asked for."""
        text: dict[str, Any] = {"delta": {}} if self.chat else {"text": ""}
        closing = [self._frame([{"index": 0, **text, "finish_reason": self._reason}])]
        if self.with_usage:
            closing.append({**self._frame([]), "usage": self.usage})
        return closing

    def whole(self) -> dict[str, Any]:
        """The answer of a request that is not streamed."""
        words = "one" + " more" * (self.tokens - 1)
        text: dict[str, Any] = {"text": words}
        if self.chat:
            text = {"message": {"role": "assistant", "content": words}}
        choice = {"index": 0, **text, "finish_reason": self._reason}
        frame = self._frame([choice])
        return {**frame, "object": frame["object"].removesuffix(".chunk"), "usage": self.usage}

    @property
    def _reason(self) -> str:
        return "length" if self.tokens == self.asked else "stop"

    def _frame(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return {
            "id": "fake",
            "object": kind,
            "created": 0,
            "model": self.model,
            "choices": choices,
        }
