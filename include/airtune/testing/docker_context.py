"""Build contexts: of the project's files only those that a Dockerfile copies, and their hash."""

import hashlib
import io
import json
import re
import ssl
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CERTIFICATES = "docker/certificates"
_PUBLIC = Path("/usr/share/ca-certificates")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Context:
    """What is sent to the engine for one build.

    Attributes:
        files: path in the context → content; the Dockerfile is among them.
        executable: those of ``files`` that may be executed.
        dockerfile: path of the Dockerfile in the context.
    """

    files: Mapping[str, bytes]
    executable: frozenset[str]
    dockerfile: str

    def digest(self, arguments: Mapping[str, str]) -> str:
        """16 hex digits that change with any file, its mode, or a build argument."""
        hashed = hashlib.sha256(json.dumps([self.dockerfile, sorted(arguments.items())]).encode())
        for path in sorted(self.files):
            content = hashlib.sha256(self.files[path]).hexdigest()
            hashed.update(f"{path}\n{path in self.executable}\n{content}\n".encode())
        return hashed.hexdigest()[:16]

    def tar(self) -> io.BytesIO:
        """The archive that the engine's build call takes."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for path in sorted(self.files):
                entry = tarfile.TarInfo(path)
                entry.size = len(self.files[path])
                entry.mode = 0o755 if path in self.executable else 0o644
                archive.addfile(entry, io.BytesIO(self.files[path]))
        stream.seek(0)
        return stream


def read_context(
    dockerfile: str, root: Path = ROOT, certificates: Mapping[str, bytes] | None = None
) -> Context:
    """The context for ``dockerfile``, a path below ``root``; ``.dockerignore`` is honoured.

    Args:
        certificates: name → PEM, put beside those of ``docker/certificates``.

    Raises:
        FileNotFoundError: there is no such Dockerfile, or a path that it copies does not exist.
    """
    sources = list(copied(root / dockerfile))
    files, executable = {dockerfile: (root / dockerfile).read_bytes()}, set()
    used = set()
    for path in _not_ignored(root):
        matching = [source for source in sources if _covers(source, path)]
        if matching and (root / path).is_file():
            used.update(matching)
            files[path] = (root / path).read_bytes()
            if (root / path).stat().st_mode & 0o100:
                executable.add(path)
    if missing := sorted(set(sources) - used):
        raise FileNotFoundError(
            f"{dockerfile} copies {', '.join(missing)}: not there, or in .dockerignore"
        )
    if CERTIFICATES in sources:
        files |= {f"{CERTIFICATES}/{name}": pem for name, pem in (certificates or {}).items()}
    return Context(files, frozenset(executable), dockerfile)


def copied(dockerfile: Path) -> Iterator[str]:
    """What its ``COPY`` lines take from the context; not what they take from other stages."""
    text = dockerfile.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].upper() not in {"COPY", "ADD"}:
            continue
        if any(word.startswith("--from=") for word in words):
            continue
        plain = [word for word in words[1:] if not word.startswith("--")]
        yield from (word.strip("/").removeprefix("./") or "." for word in plain[:-1])


def local_certificates() -> dict[str, bytes]:
    """Certificates that this host trusts beyond the public ones, as ``docker/certificates`` wants.

    Empty where HTTPS goes out without a proxy of its own.
    """
    bundle = ssl.get_default_verify_paths().cafile
    if bundle is None:
        return {}
    public = {pem for path in _PUBLIC.rglob("*.crt") for pem in _pems(path)}
    own = [pem for pem in _pems(Path(bundle)) if pem not in public] if public else []
    return {
        f"host-{hashlib.sha256(pem.encode()).hexdigest()[:12]}.crt": f"{pem}\n".encode()
        for pem in own
    }


def _pems(path: Path) -> list[str]:
    return _PEM.findall(path.read_text(errors="replace"))


def _covers(source: str, path: str) -> bool:
    """True if ``COPY source`` takes ``path``: itself, what is below it, or what its * matches."""
    parts = path.split("/")
    depth = len(source.split("/"))
    return source == "." or fnmatch("/".join(parts[:depth]), source)


def _not_ignored(root: Path) -> set[str]:
    from docker.utils.build import exclude_paths

    ignore = root / ".dockerignore"
    lines = ignore.read_text().splitlines() if ignore.exists() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return {str(path) for path in exclude_paths(str(root), patterns)}
