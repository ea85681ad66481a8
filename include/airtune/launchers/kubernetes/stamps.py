"""Time stamps of a cluster, and its clock against ours."""

import time
from datetime import UTC, datetime

from airtune.launchers.kubernetes.api import Api, ApiRefused

_REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def epoch(text: str | None) -> float | None:
    """Epoch seconds of a time stamp; None if there is none, or it is 1970's, which means never."""
    if not text:
        return None
    return datetime.fromisoformat(text).timestamp() or None


def stamp(seconds: float) -> str:
    """Epoch seconds as the API server takes them, to the second below."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ahead_s(api: Api) -> float:
    """Seconds by which the API server's clock is ahead of this host's (negative: behind).

    It is asked to the second: what is found below 2 s is taken for none. The question is one
    that every user may ask; an old API server or a strict one that refuses it counts as right.
    """
    before = time.time()
    question = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = api.post(_REVIEW, question)
    except ApiRefused:
        return 0.0
    told = epoch(answer.get("metadata", {}).get("creationTimestamp"))
    if told is None:
        return 0.0
    ahead = told + 0.5 - (before + time.time()) / 2
    return ahead if abs(ahead) >= 2.0 else 0.0
