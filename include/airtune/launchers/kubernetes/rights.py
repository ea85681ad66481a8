"""The rights that airtune needs in a cluster: the one list, which the RBAC manifest repeats."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from airtune.errors import Problem
from airtune.launchers.kubernetes.api import Api
from airtune.launchers.kubernetes.lookup import Kind

Use = Literal["servers", "container", "forward", "benchmark_job", "shared", "nodes"]
"""What a right is for: every run, the client's pod, port-forwards, BenchmarkJobs, making models
and runtimes, and knowing nodes (without which less is told, and nothing else is missed)."""

ALWAYS: frozenset[Use] = frozenset({"servers"})

_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_OME = "ome.io"


@dataclass(frozen=True)
class Rule:
    """One rule of a Role or ClusterRole.

    Attributes:
        group: API group; empty for the core.
        resource: with its subresource, such as ``pods/log``.
        use: what it is for.
        ome: only OME mode needs it.
        cluster: it is about objects of the cluster, so it stands in a ClusterRole.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    use: Use = "servers"
    ome: bool = False
    cluster: bool = False

    def text(self, *verbs: str) -> str:
        """As one writes it in a manifest; ``verbs`` instead of all."""
        words = ", ".join(f'"{verb}"' for verb in verbs or self.verbs)
        return f'{{apiGroups: ["{self.group}"], resources: ["{self.resource}"], verbs: [{words}]}}'


RULES: tuple[Rule, ...] = (
    Rule("", "pods", ("get", "list", "watch", "create", "patch", "delete")),
    Rule("", "pods/log", ("get",)),
    Rule("", "services", ("get", "list", "create", "delete")),
    Rule("", "events", ("list",)),
    Rule("", "resourcequotas", ("get", "list")),
    # Newer API servers ask for create where older ones ask for get.
    Rule("", "pods/exec", ("get", "create"), "container"),
    Rule("", "pods/portforward", ("get", "create"), "forward"),
    Rule("", "nodes", ("get", "list"), "nodes", cluster=True),
    Rule(_OME, "inferenceservices", ("get", "list", "watch", "create", "delete"), ome=True),
    Rule(_OME, "clusterbasemodels", ("get",), ome=True, cluster=True),
    Rule(_OME, "clusterservingruntimes", ("get",), ome=True, cluster=True),
    Rule(_OME, "basemodels", ("get",), ome=True),
    Rule(_OME, "servingruntimes", ("get",), ome=True),
    # Removal looks for what any run may have left, whatever way this one measures.
    Rule(_OME, "benchmarkjobs", ("list",), ome=True),
    Rule(
        _OME, "benchmarkjobs", ("get", "list", "watch", "create", "delete"), "benchmark_job", True
    ),
    # A claim that is missing, and a Job that cannot be made, show nowhere else.
    Rule("", "persistentvolumeclaims", ("get",), "benchmark_job", True),
    Rule("batch", "jobs", ("get",), "benchmark_job", True),
    *(
        Rule(_OME, resource, ("list", "create", "patch", "delete"), "shared", True, cluster)
        for resource, cluster in (
            ("clusterbasemodels", True),
            ("clusterservingruntimes", True),
            ("basemodels", False),
            ("servingruntimes", False),
        )
    ),
)


def rules_of(kind: Kind, uses: Collection[Use]) -> Iterator[Rule]:
    """The rules that a launcher needs for these uses."""
    return (rule for rule in RULES if rule.use in uses and (kind == "ome" or not rule.ome))


def rights(api: Api, namespace: str, kind: Kind, uses: Collection[Use] = ALWAYS) -> list[Problem]:
    """One problem for each rule that is not granted in ``namespace``; names what to add.

    Raises:
        ApiRefused: the API server does not answer the question.
    """
    return [
        _missing(rule, lacking, namespace)
        for rule in rules_of(kind, uses)
        if (lacking := [v for v in rule.verbs if not _allowed(api, namespace, rule, v)])
    ]


def _allowed(api: Api, namespace: str, rule: Rule, verb: str) -> bool:
    resource, _, part = rule.resource.partition("/")
    attributes = {"verb": verb, "group": rule.group, "resource": resource}
    if part:
        attributes["subresource"] = part
    if not rule.cluster:
        attributes["namespace"] = namespace
    question = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(api.post(_REVIEW, question)["status"]["allowed"])


def _missing(rule: Rule, verbs: list[str], namespace: str) -> Problem:
    where = "the whole cluster" if rule.cluster else f"the namespace {namespace}"
    role = "ClusterRole" if rule.cluster else "Role"
    return Problem(
        "model.namespace",
        namespace,
        f"airtune may not {', '.join(verbs)} {rule.resource} in {where}.",
        f"Add to its {role}: {rule.text(*verbs)} (examples/kubernetes/rbac.yaml has them all).",
    )
