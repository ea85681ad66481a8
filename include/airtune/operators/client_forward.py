"""genai-bench on this host against a server in a cluster."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airtune.benchmark.output import ClientOutput
from airtune.benchmark.process import ProcessRunner
from airtune.benchmark.runner import Ending
from airtune.benchmark.surroundings import Surroundings, on_host
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.isolation import on_this_host
from airtune.launchers.kubernetes.pods import pods_of
from airtune.records import Endpoint, ValidityFlag
from airtune.task import Task


@dataclass(frozen=True)
class ForwardedRunner:
    """A process of this host, which reaches the server as this host does.

    Attributes:
        process: runs it.
        url: where this host reaches the server, while the client runs.
    """

    process: ProcessRunner
    api: ClusterApi
    endpoint: Endpoint
    url: Callable[[Endpoint], str]

    def surroundings(self, endpoint: Endpoint, task: Task, own: Path) -> Surroundings:
        """Those of this host, with the server where it is reached from here."""
        reached = endpoint.model_copy(update={"base_url": self.url(endpoint)})
        return on_host(reached, task, own, self.process.settings)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        around: Surroundings,
        output: ClientOutput,
        limit_s: float,
        complete: Callable[[], bool],
    ) -> Ending:
        """Run it as ``ProcessRunner`` does."""
        return self.process.run(
            argv, env=env, around=around, output=output, limit_s=limit_s, complete=complete
        )

    def doubts(self) -> Mapping[ValidityFlag, str]:
        """Whether this host is the server's node."""
        with suppress(ApiRefused):
            for server in pods_of(self.api, Handle.of(self.endpoint)):
                if why := on_this_host(self.api, server):
                    return {ValidityFlag.SHARED_HOST: why}
        return {}
