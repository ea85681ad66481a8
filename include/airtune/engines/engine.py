"""An inference engine: a configuration in, a command line, an image and a device need out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airtune.engines import logs
from airtune.engines.command_line import Dialect
from airtune.engines.image import image_reference
from airtune.engines.log_rules import BAD_FLAG, OUT_OF_MEMORY, PORT, PORT_IN_USE, STARTUP
from airtune.engines.naming import flag_name
from airtune.records import Failure, ParamValue, ServerSpec

Arguments = Mapping[str, ParamValue]


@dataclass(frozen=True, eq=False)
class Engine:
    """Everything airtune knows about one engine; pure data and functions of it.

    Attributes:
        name: ``sglang``, ``vllm`` or ``llama_cpp``.
        image: default container image, without tag.
        tag: default tag of ``image``.
        program: the command line before the flags.
        identity: (model path, served name, host) → the flags airtune sets itself.
        dialect: how its command line spells values.
        device_need: normal arguments → devices of one server, ≥ 1.
        health_path: answers 200 once the model is loaded.
        aliases: other names of its flags → their own name, with dashes.
        defaults: flags whose default is the same in every version airtune supports.
        refused: flags that a task may not set → what to do instead.
        log_rules: what its log says that no other engine's does.
    """

    name: str
    image: str
    tag: str
    program: tuple[str, ...]
    identity: Callable[[str, str, str], tuple[str, ...]]
    dialect: Dialect
    device_need: Callable[[Arguments], int]
    health_path: str = "/health"
    aliases: Mapping[str, str] = field(default_factory=dict)
    defaults: Arguments = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    log_rules: tuple[logs.LogRule, ...] = ()

    def named(self, arguments: Arguments) -> dict[str, ParamValue]:
        """``arguments`` under the engine's own names, nothing dropped, order kept.

        Raises:
            ValueError: a name is no flag, is one that airtune sets itself, or a parameter is
                given twice under two spellings; the text says what to write.
        """
        spelled_as: dict[str, str] = {}
        result: dict[str, ParamValue] = {}
        for given, raw in arguments.items():
            name, value = self.dialect.positive(flag_name(given, self.aliases), raw)
            if name in self.refused:
                raise ValueError(f"{given}: {self.refused[name]}")
            if name in spelled_as:
                raise ValueError(
                    f"{spelled_as[name]!r} and {given!r} are the same parameter (--{name}); "
                    "keep one of them."
                )
            spelled_as[name] = given
            result[name] = value
        return result

    def merged(self, fixed: Arguments, configuration: Arguments) -> dict[str, ParamValue]:
        """``fixed`` overlaid by ``configuration``, whatever spelling each uses.

        A ``None`` in the configuration unsets the flag. Nothing is dropped here, so that a
        configuration's default value still overrides a fixed argument.

        Raises:
            ValueError: as ``named``.
        """
        return self.named(fixed) | self.named(configuration)

    def normal_arguments(self, arguments: Arguments) -> dict[str, ParamValue]:
        """What makes a difference: own names, sorted, without ``None`` and defaults.

        Two configurations with equal normal arguments are the same server.

        Raises:
            ValueError: as ``named``, or a value cannot be put on a command line.
        """
        named = self.named(arguments)
        return {name: named[name] for name in sorted(named) if self._says(name, named[name])}

    def server(
        self,
        arguments: Arguments,
        *,
        model_path: str,
        model_name: str,
        host: str = "0.0.0.0",  # noqa: S104 - inside the container; local launchers pass loopback
        env: Mapping[str, str] | None = None,
        image: str | None = None,
        tag: str | None = None,
    ) -> ServerSpec:
        """The server for one configuration.

        Args:
            arguments: fixed arguments and configuration, merged (see ``merged``).
            model_path: where the server finds the model.
            model_name: the name to serve it under, as requests will send it.
            host: address to listen on.
            env: environment to add.
            image: container image instead of the engine's, with or without tag.
            tag: image tag instead of the default one.

        Raises:
            ValueError: as ``normal_arguments`` and ``devices``, or image and tag contradict.
        """
        named = self.named(arguments)
        normal = self.normal_arguments(arguments)
        identity = self.identity(model_path, model_name, host)
        own = tuple(self._words(dict(sorted(named.items()))))
        return ServerSpec(
            engine=self.name,
            image=image_reference(image, tag, self.image, self.tag),
            program=self.program,
            arguments=(*identity, *own),
            own=own,
            normal=(*identity, *self._words(normal)),
            env=dict(sorted((env or {}).items())),
            health_path=self.health_path,
            devices=self.device_need(normal),
            model_name=model_name,
        )

    def devices(self, arguments: Arguments) -> int:
        """How many devices one server with these arguments needs, ≥ 1.

        Raises:
            ValueError: as ``normal_arguments``; a size is not a whole number ≥ 1, or sizes do
                not divide as the engine wants it.
        """
        return self.device_need(self.normal_arguments(arguments))

    def classify(self, log: str, exit_code: int | None) -> Failure | None:
        """What ``log`` says about a server's end; None while it runs and nothing is wrong.

        Args:
            log: the server's log, or its end.
            exit_code: negative for a signal; None while the server runs.
        """
        rules = (*OUT_OF_MEMORY, *PORT, *self.log_rules, *BAD_FLAG, *STARTUP)
        return logs.classify(rules, log, exit_code, self.name)

    def port_in_use(self, log: str) -> bool:
        """Whether the server ended because another process held its port."""
        return PORT_IN_USE.search(log) is not None

    def _words(self, arguments: Arguments) -> list[str]:
        return [
            word for name, value in arguments.items() for word in self.dialect.words(name, value)
        ]

    def _says(self, name: str, value: ParamValue) -> bool:
        words = self.dialect.words(name, value)
        default = self.defaults.get(name)
        return bool(words) and words != self.dialect.words(name, default)
