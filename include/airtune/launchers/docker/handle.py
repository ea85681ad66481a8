"""What the Docker launcher remembers of a server: the handle of its endpoint."""

from pathlib import Path
from typing import Literal, Self

from airtune.records import Endpoint, Record


class Handle(Record):
    """``Endpoint.handle`` of a server in a container.

    Attributes:
        v: version of this form.
        host: ``DockerHost.name``.
        container: id.
        name: of the container, also its name in the network.
        network: name of the network that a client's container joins.
        inside_url: where it answers inside that network.
        engine: whose log it writes.
        health_path: answers 200 once the model is loaded.
        log: file for its output.
        argv: its whole command line as the engine tells it, program first.
    """

    v: int = 1
    launcher: Literal["docker"] = "docker"
    host: str
    container: str
    name: str
    network: str
    inside_url: str
    engine: str
    health_path: str
    log: str
    argv: list[str]

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """The handle of an endpoint that this launcher made.

        Raises:
            ValueError: it is another launcher's.
        """
        return cls.model_validate(endpoint.handle)

    def saved_output(self, most_bytes: int = 400_000) -> str:
        """The end of what the log's file has; empty if there is none."""
        try:
            with Path(self.log).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - most_bytes))
                return file.read().decode(errors="replace")
        except OSError:
            return ""
