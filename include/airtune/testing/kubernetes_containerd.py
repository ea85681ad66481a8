"""The cluster's containerd: which images it has, and giving it more."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from airtune.testing.debian import search_path

CONTENT = "airtune-test/content"
"""Label of an image: what it was imported from. It is imported again only if that has changed."""

_NAMESPACE = "k8s.io"
_TAIL = 2000


@dataclass(frozen=True)
class Containerd:
    """Talks to it by Debian's ``ctr``.

    Every method raises RuntimeError if that fails, with the end of its output.

    Attributes:
        socket: where it listens.
    """

    socket: Path

    def answers(self) -> bool:
        """True if it can be talked to now."""
        try:
            self._run("version")
        except RuntimeError:
            return False
        return True

    def images(self) -> dict[str, str]:
        """Full name → the content that it was imported from; empty for images of other origin."""
        found = {}
        for line in self._run("images", "ls").splitlines()[1:]:
            name, labels = line.split()[0], line.split()[-1]
            pairs = dict(pair.partition("=")[::2] for pair in labels.split(","))
            found[name] = pairs.get(CONTENT, "")
        return found

    def load(self, names: Iterable[str], content: str, archive: Iterable[bytes]) -> None:
        """Import an archive as ``docker save`` writes it.

        Args:
            names: of the images in it.
            content: kept as their label.
            archive: in pieces.
        """
        words = self._words("images", "import", "-")
        process = subprocess.Popen(
            words,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stderr is not None
        with process:
            try:
                for piece in archive:
                    process.stdin.write(piece)
                process.stdin.close()
            except BrokenPipeError:  # it says why on stderr
                pass
            said = process.stderr.read().decode(errors="replace")
        if process.returncode:
            raise RuntimeError(f"importing {', '.join(names)} failed: {said[-_TAIL:]}")
        for name in names:
            self._run("images", "label", full_name(name), f"{CONTENT}={content}")

    def remove_containers(self) -> bool:
        """Remove all containers, none of which may run; True if there were some."""
        names = self._run("containers", "ls", "-q").split()
        if names:
            self._run("containers", "rm", *names)
        return bool(names)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            self._words(*words), env=_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"ctr {' '.join(words[:2])}: {done.stderr[-_TAIL:]}")
        return done.stdout

    def _words(self, *words: str) -> list[str]:
        return ["ctr", "--address", str(self.socket), "--namespace", _NAMESPACE, *words]


def full_name(name: str) -> str:
    """An image's name as containerd has it: with the registry that a short one means."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first else f"docker.io/{name}"


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": search_path()}
