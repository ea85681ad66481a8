"""The API server as this launcher talks to it: JSON in, JSON out, one exception."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Json = dict[str, Any]

_TIMEOUT_S = (5.0, 30.0)
"""To connect, and between two reads."""


class ApiRefused(Exception):
    """The API server answered with an error, or did not answer (``status`` 0).

    Attributes:
        status: HTTP status; 0 if there was no answer.
        reason: Kubernetes' own word, for example ``NotFound``, ``AlreadyExists``, ``Forbidden``.
        message: its sentence.
        details: of its Status object: ``causes`` and others.
    """

    def __init__(
        self, status: int, reason: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = dict(details or {})


class Api(Protocol):
    """What the launcher needs of a cluster; tests have a fake of it."""

    def get(self, path: str, **query: str) -> Json:
        """An object, or a list of them; ``path`` as in ``/api/v1/namespaces/x/pods/y``."""

    def text(self, path: str, **query: str) -> str:
        """The same for what is no JSON, such as a pod's log."""

    def post(self, path: str, body: Mapping[str, Any], **query: str) -> Json:
        """Create an object."""

    def patch(self, path: str, body: Mapping[str, Any], **query: str) -> Json:
        """Merge ``body`` into an object (JSON merge patch)."""

    def delete(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Json:
        """Delete an object; ``body`` is a DeleteOptions."""

    def watch(self, path: str, timeout_s: int, **query: str) -> Iterator[tuple[str, Json]]:
        """``(type, object)`` as they come, until ``timeout_s`` is over or the server hangs up."""


class ClusterApi:
    """``Api`` by the official client, which brings authentication and TLS.

    Every method raises ``ApiRefused``.
    """

    def __init__(self, client: "ApiClient") -> None:
        self.client: Any = client

    def get(self, path: str, **query: str) -> Json:
        """An object, or a list of them."""
        return self._json("GET", path, None, query)

    def text(self, path: str, **query: str) -> str:
        """What is no JSON."""
        return str(self._call("GET", path, None, query).data.decode(errors="replace"))

    def post(self, path: str, body: Mapping[str, Any], **query: str) -> Json:
        """Create an object."""
        return self._json("POST", path, body, query)

    def patch(self, path: str, body: Mapping[str, Any], **query: str) -> Json:
        """Merge ``body`` into an object."""
        return self._json("PATCH", path, body, query, "application/merge-patch+json")

    def delete(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Json:
        """Delete an object."""
        return self._json("DELETE", path, body, query)

    def watch(self, path: str, timeout_s: int, **query: str) -> Iterator[tuple[str, Json]]:
        """Changes as they come."""
        from urllib3.exceptions import HTTPError

        query = {"watch": "1", "timeoutSeconds": str(timeout_s)} | query
        answer = self._call("GET", path, None, query, read_s=timeout_s + 10.0, stream=True)
        rest = b""
        try:
            for chunk in answer.stream(amt=None):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in filter(None, lines):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise _refused_by(event["object"].get("code", 0), event["object"])
                    yield event["type"], event["object"]
        except (HTTPError, OSError, ValueError) as error:
            raise _no_answer(error) from error
        finally:
            answer.close()

    def lines(self, path: str, read_s: float, **query: str) -> Iterator[bytes]:
        """What is no JSON, line by line as it comes, until the server hangs up.

        Args:
            read_s: silence that is taken for the connection's end.
        """
        from urllib3.exceptions import HTTPError

        answer = self._call("GET", path, None, query, read_s=read_s, stream=True)
        rest = b""
        try:
            for chunk in answer.stream(amt=None):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if rest:
                yield rest
        except (HTTPError, OSError) as error:
            raise _no_answer(error) from error
        finally:
            answer.close()

    def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
        content: str = "application/json",
    ) -> Json:
        data = self._call(method, path, body, query, content).data
        try:
            found: Json = json.loads(data)
        except ValueError as error:  # a proxy's page, for one
            raise _no_answer(error) from error
        return found

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
        content: str = "application/json",
        read_s: float = _TIMEOUT_S[1],
        stream: bool = False,
    ) -> Any:
        from urllib3.exceptions import HTTPError

        client, headers = self.client, {"Accept": "application/json", "Content-Type": content}
        client.update_params_for_auth(headers, [], ["BearerToken"])
        url = f"{client.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = client.rest_client.pool_manager.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=_timeout(read_s),
                preload_content=not stream,
                retries=False,
            )
        except (HTTPError, OSError) as error:
            raise _no_answer(error) from error
        if answer.status >= 400:
            raise _refusal(answer)
        return answer


def _timeout(read_s: float) -> Any:
    from urllib3 import Timeout

    return Timeout(connect=_TIMEOUT_S[0], read=read_s)


def _refusal(answer: Any) -> ApiRefused:
    data = answer.data
    with suppress(ValueError):
        body = json.loads(data)
        if isinstance(body, dict):
            return _refused_by(answer.status, body)
    return ApiRefused(answer.status, "", data.decode(errors="replace")[:500])


def _refused_by(status: int, body: Mapping[str, Any]) -> ApiRefused:
    return ApiRefused(
        status, str(body.get("reason") or ""), str(body.get("message") or ""), body.get("details")
    )


def _no_answer(error: Exception) -> ApiRefused:
    return ApiRefused(0, "Unreachable", f"{type(error).__name__}: {error}")
