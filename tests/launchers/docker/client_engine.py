"""The fake Docker Engine with the calls that a client's container needs beside the launcher's."""

import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any

from airtune.testing.fake_docker import FakeDocker, api_error
from airtune.testing.fake_docker_container import FakeContainer

IMAGE = "airtune/genai-bench:0.0.5"


class ClientEngine(FakeDocker):
    """What a client does is ``behave``'s to say: it is called in a thread and gets the container.

    Attributes:
        given: names of what was put into containers, with their modes.
        left: member name → content of the folder that a client leaves; None: a link.
    """

    def __init__(self, behave: Callable[["ClientEngine", FakeContainer], None]) -> None:
        super().__init__(IMAGE)
        self.given: dict[str, int] = {}
        self.left: dict[str, bytes | None] = {}
        self.on_start = lambda container: threading.Thread(
            target=behave, args=(self, container), daemon=True
        ).start()

    def info(self) -> dict[str, Any]:
        return super().info() | {"NCPU": 4}

    def put_archive(self, container: str, path: str, data: IO[bytes]) -> None:
        assert (path, self._find(container).status) == ("/", "created")
        with tarfile.open(fileobj=data) as tar:
            self.given |= {member.name: member.mode for member in tar}

    def get_archive(self, container: str, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        self._find(container)
        if not self.left:
            raise api_error(404, f"Could not find the file {path}")
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, content in self.left.items():
                member = tarfile.TarInfo(name)
                if content is None:
                    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                else:
                    member.size = len(content)
                tar.addfile(member, io.BytesIO(content or b""))
        return iter([stream.getvalue()]), {}

    def logs(self, container: str, *, follow: bool = False, **options: Any) -> Any:
        return self._followed(container) if follow else super().logs(container, **options)

    def kill(self, container: str) -> None:
        found = self._find(container)
        if found.status != "running":
            raise api_error(409, "is not running")
        found.end(137)

    def _followed(self, container: str) -> Iterator[bytes]:
        found, seen = self._find(container), 0
        while True:
            running = found.status == "running" and found.id in self.made
            for _, text in found.lines[seen:]:
                yield f"{text}\n".encode()
                seen += 1
            if not running:
                return
            threading.Event().wait(0.01)
