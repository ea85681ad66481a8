"""What an engine asks a launcher to start."""

from airtune.records.base import Record

PORT = "{port}"
"""Stands in ``ServerSpec.argv`` for the port that the launcher chooses at start."""


class ServerSpec(Record):
    """An engine's server for one configuration, not yet placed anywhere.

    Attributes:
        engine: ``sglang``, ``vllm`` or ``llama_cpp``.
        image: container image reference, with tag.
        program: how the engine is called, for example ``("vllm", "serve")``.
        arguments: its command line after ``program``; ``{port}`` stands for the port. Holds
            every argument that was asked for, also one that says the engine's default.
        own: the words of ``arguments`` that the task asked for: without those with which airtune
            names model, host and port. Empty: the engine as it comes.
        normal: ``arguments`` without values that are the engine's defaults, in a fixed order: equal
            for configurations that come to the same server.
        env: environment to add.
        health_path: answers 200 once the model is loaded.
        devices: how many devices one server needs, ≥ 1.
        model_name: the name under which the model is served.
    """

    engine: str
    image: str
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    own: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()
    env: dict[str, str] = {}
    health_path: str = "/health"
    devices: int = 1
    model_name: str

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole command line, port still a placeholder."""
        return self.program + self.arguments

    def at_port(self, port: int) -> tuple[str, ...]:
        """The whole command line with ``port`` (1–65535) in place."""
        return tuple(str(port) if word == PORT else word for word in self.argv)
