"""The API server's refusals as failures of a trial: class, its own words, and the fix."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import ApiRefused
from airtune.records import Failure, FailureClass

_VERB = re.compile(
    r"cannot (?P<verb>\S+) resource \"(?P<resource>[^\"]+)\" in API group \"(?P<group>[^\"]*)\""
    r"(?: in the namespace \"(?P<namespace>[^\"]+)\")?"
)
_QUOTA = re.compile(
    r"exceeded quota: (?P<name>[^,]+), requested: (?P<requested>.*?), used: (?P<used>.*?), "
    r"limited: (?P<limited>[^,]*(?:,[^,=]+=[^,]+)*)$"
)
_WEBHOOK = re.compile(r"admission webhook \"(?P<name>[^\"]+)\" denied the request")
_UNCALLED = re.compile(r"failed calling webhook \"(?P<name>[^\"]+)\"")
_POLICY = re.compile(r"ValidatingAdmissionPolicy '(?P<name>[^']+)'|violates PodSecurity")
_MISSING = re.compile(r"(?P<resource>[\w.]+) \"(?P<name>[^\"]+)\" not found")
_OURS = frozenset({"pods", "services", "inferenceservices.ome.io", "benchmarkjobs.ome.io"})
"""No task names one of these: who asks for one has made it."""
_LATE_ACCOUNT = "error looking up service account"
_TERMINATING = "because it is being terminated"


@dataclass(frozen=True)
class Quota:
    """A quota that has refused an object.

    Attributes:
        requested, used, limited: as the API server writes quantities, by resource.
    """

    name: str
    requested: dict[str, str]
    used: dict[str, str]
    limited: dict[str, str]


@contextmanager
def reaching(where: str) -> Iterator[None]:
    """Turn a refusal of the API server into ``TrialFailed``.

    Args:
        where: the cluster, for the text.
    """
    try:
        yield
    except ApiRefused as error:
        raise TrialFailed(failure_of(error, where)) from error


def failure_of(error: ApiRefused, where: str) -> Failure:
    """The failure of a call that was refused.

    Args:
        where: the cluster, for the text.
    """
    failure_class, reason = _judged(error, where)
    return Failure(failure_class=failure_class, reason=reason)


def quota_of(error: ApiRefused) -> Quota | None:
    """The quota behind a refusal; None where it was something else."""
    match = _QUOTA.search(error.message)
    if match is None:
        return None
    sizes = {name: _sizes(match[name]) for name in ("requested", "used", "limited")}
    return Quota(match["name"], **sizes)


def rule_of(error: ApiRefused) -> str | None:
    """The RBAC rule whose lack is behind a refusal, as one would write it; None: not that."""
    match = _VERB.search(error.message) if error.status == 403 else None
    return None if match is None else _rule(match)


def _judged(error: ApiRefused, where: str) -> tuple[FailureClass, str]:
    said = " ".join(error.message.split()).rstrip(".")
    if error.status == 0:
        return FailureClass.INFRASTRUCTURE, (
            f"The API server of {where} cannot be reached: {said}. Check that it runs, "
            "AIRTUNE_KUBECONFIG, and the network between."
        )
    if error.status == 401:
        return FailureClass.INFRASTRUCTURE, (
            f"The API server of {where} does not accept the credentials: {said or 'Unauthorized'}."
            " Renew the token or certificate in the kubeconfig."
        )
    if match := _WEBHOOK.search(said):
        return FailureClass.INVALID_CONFIG, (
            f"The admission webhook {match['name']} of {where} refuses it: {said}. Change what it "
            "names in the task."
        )
    if _POLICY.search(said):
        return FailureClass.INVALID_CONFIG, (
            f"A policy of {where} forbids it: {said}. Change the task or the template, or use a "
            "namespace with another policy."
        )
    if error.status == 403:
        return _forbidden(error, said, where)
    if error.status == 404:
        return _missing(error, said, where)
    if error.status in {400, 413, 422}:
        return FailureClass.INVALID_CONFIG, (
            f"The API server of {where} refuses it as it is written: {said}. Correct the task's "
            "kubernetes fields, or the template."
        )
    if match := _UNCALLED.search(said):
        return FailureClass.INFRASTRUCTURE, (
            f"The admission webhook {match['name']} of {where} does not answer: {said}. Have it "
            "repaired; nothing can be created until then."
        )
    return FailureClass.INFRASTRUCTURE, (
        f"The API server of {where} answered with HTTP {error.status} {error.reason}: {said}."
    )


def _forbidden(error: ApiRefused, said: str, where: str) -> tuple[FailureClass, str]:
    if match := _VERB.search(said):
        namespace = match["namespace"]
        inside = f" in the namespace {namespace}" if namespace else " in the whole cluster"
        return FailureClass.INFRASTRUCTURE, (
            f"airtune may not {match['verb']} {match['resource']}{inside} of {where}. Add to its "
            f"{'Role' if namespace else 'ClusterRole'}: {_rule(match)}"
        )
    if quota := quota_of(error):
        asked = ", ".join(f"{name} {size}" for name, size in quota.requested.items())
        left = ", ".join(
            f"{name} {quota.used.get(name, '?')} of {size} used"
            for name, size in quota.limited.items()
        )
        return FailureClass.INFRASTRUCTURE, (
            f"The quota {quota.name} of {where} does not allow {asked} more: {left}."
        )
    if _LATE_ACCOUNT in said or _TERMINATING in said:
        return FailureClass.INFRASTRUCTURE, f"{where} is not ready for new objects: {said}."
    return FailureClass.INVALID_CONFIG, (
        f"{where} forbids it: {said}. Change the task or the template, or have the limit changed."
    )


def _missing(error: ApiRefused, said: str, where: str) -> tuple[FailureClass, str]:
    match = _MISSING.search(said)
    if match is None:
        return FailureClass.INVALID_CONFIG, (
            f"{where} does not know this kind of object: {said}. Install the custom resources "
            "(for OME: its CRDs), or use a launcher that does without."
        )
    if match["resource"] == "namespaces":
        return FailureClass.INVALID_CONFIG, (
            f"There is no namespace {match['name']} in {where}: create it, or correct "
            "model.namespace."
        )
    if match["resource"] in _OURS:
        return FailureClass.INFRASTRUCTURE, (
            f"{match['name']} of the {match['resource']} in {where} is gone: it was removed by "
            "clean-up, by somebody, or with its node."
        )
    return FailureClass.INVALID_CONFIG, (
        f"There is no {match['resource']} {match['name']} in {where}: create it, or correct the "
        "task."
    )


def _rule(match: re.Match[str]) -> str:
    return (
        f'{{apiGroups: ["{match["group"]}"], resources: ["{match["resource"]}"], '
        f'verbs: ["{match["verb"]}"]}}'
    )


def _sizes(text: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in text.split(","))
    return {name.strip(): size.strip() for name, _, size in pairs}
