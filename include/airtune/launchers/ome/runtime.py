"""What a (Cluster)ServingRuntime says of the engine's container."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, Self

from airtune.launchers.kubernetes.api import Api, Json
from airtune.launchers.ome.installed import ome_path

CONTAINER = "ome-container"
"""Name of the engine's container in every pod that OME makes."""

DEFAULT_PORT = 8080
"""OME's, for a container that declares none."""

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_SCRIPT = re.compile(r"-[a-z]*c[a-z]*")
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


@dataclass(frozen=True)
class Runner:
    """The engine's container as a runtime has it.

    Attributes:
        command: argv list before the args; empty: the image's own entrypoint.
        args: what an InferenceService's args replace whole.
        port: the first that it declares, 8080 if it declares none: OME's Service has the same.
        env: variables with a plain value.
        startup_probe, readiness_probe: as it has them; empty without.
        tolerations: of its pods.
        trouble: why no arguments can be handed to this runtime; empty if they can.
    """

    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    port: int = DEFAULT_PORT
    env: Mapping[str, str] = field(default_factory=dict)
    startup_probe: Mapping[str, Any] = field(default_factory=dict)
    readiness_probe: Mapping[str, Any] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    trouble: str = ""

    @classmethod
    def of(cls, runtime: Json) -> Self:
        """The runner of a (Cluster)ServingRuntime, or of an object with its spec."""
        spec = runtime.get("spec") or {}
        engine = spec.get("engineConfig") or {}
        runner = engine.get("runner") or {}
        command, args = tuple(runner.get("command") or ()), tuple(runner.get("args") or ())
        return cls(
            command=command,
            args=args,
            port=_port(runner),
            env={
                one["name"]: str(one["value"]) for one in runner.get("env") or () if "value" in one
            },
            startup_probe=runner.get("startupProbe") or {},
            readiness_probe=runner.get("readinessProbe") or {},
            tolerations=tuple(engine.get("tolerations") or ()),
            trouble=_shape(spec) or _script(command, args),
        )

    @property
    def words(self) -> tuple[str, ...]:
        """Command and args, variables that have a plain value put in their places."""
        return tuple(self._expanded(word) for word in (*self.command, *self.args))

    def _expanded(self, word: str) -> str:
        return _VARIABLE.sub(lambda match: self.env.get(match[1], match[0]), word)


def read_runtime(api: Api, kind: str, namespace: str, name: str) -> Json:
    """The runtime of that name.

    Raises:
        ApiRefused: it is not there, or could not be read.
    """
    return api.get(ome_path(kind, namespace, name))


def _port(runner: Mapping[str, Any]) -> int:
    ports = runner.get("ports") or ()
    return int(ports[0]["containerPort"]) if ports else DEFAULT_PORT


def _shape(spec: Mapping[str, Any]) -> str:
    """A runtime whose engine is not one container of one pod."""
    engine = spec.get("engineConfig") or {}
    if engine.get("leader") or engine.get("worker"):
        return "spreads the engine over several pods (leader and workers)"
    if spec.get("decoderConfig"):
        return "splits prefill and decode into two servers"
    if not engine.get("runner"):
        return "has no engineConfig.runner"
    return ""


def _script(command: Sequence[str], args: Sequence[str]) -> str:
    """A shell sees further arguments as $0, $1 …, and the engine does not see them at all."""
    words = (*command, *args)
    for shell, option in pairwise(words):
        if PurePosixPath(shell).name in _SHELLS and _SCRIPT.fullmatch(option):
            return f"starts the engine by a shell script ({shell} {option} …)"
    if any("\n" in word and word.lstrip().startswith("-") for word in words):
        return "has all of its flags in one text of several lines"
    return ""
