"""The programs of the private cluster, built from Go's module proxy and kept in the cache.

Sources and versions are in ``tests/kubernetes/cluster``: Kubernetes as one program that answers to
several names, CoreDNS, and the process of a pod's sandbox. Building them takes about seven minutes
of two cores, once.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

from airtune.testing.cache import cache_folder, locked
from airtune.testing.docker_context import ROOT
from airtune.testing.golang import go, why_no_go

VERSION = "1.34.4"
"""Of Kubernetes: the newest line that Debian 12's containerd serves."""

COREDNS = "v1.14.1"
SOURCES = ROOT / "tests" / "kubernetes" / "cluster"
NAMES = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)
"""What the one program is called by."""

_UNFINISHED = "building-kubernetes-"
_STAMP = "k8s.io/component-base/version"


def programs() -> Path:
    """The folder with the programs, whether or not it is there."""
    return cache_folder() / f"kubernetes-{VERSION}"


def are_built() -> bool:
    """True if the programs are there, made of the sources of this checkout."""
    mark = programs() / "sources"
    return mark.exists() and mark.read_text() == digest()


def why_not() -> str | None:
    """Why the programs are missing and cannot be built here, None if they are there or can be."""
    if are_built():
        return None
    reason = why_no_go()
    return f"Kubernetes {VERSION} is not built, and {reason} to build it" if reason else None


def provision() -> Path:
    """``programs``, after building what is missing.

    Raises:
        RuntimeError: it cannot be built here (why), or the build failed (with its output's end).
    """
    with locked("kubernetes-programs"):
        if not are_built():
            if reason := why_not():
                raise RuntimeError(reason)
            _build()
    return programs()


def digest() -> str:
    """16 hex digits that change with the sources or a version."""
    hashed = hashlib.sha256(COREDNS.encode())
    for name in ("go.mod", "go.sum", "main.go", "pause/main.go"):
        hashed.update((SOURCES / name).read_bytes())
    return hashed.hexdigest()[:16]


def _build() -> None:
    for left in cache_folder().glob(f"{_UNFINISHED}*"):  # by a build that was killed
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=cache_folder()))
    try:
        words = ["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-o"]
        go(SOURCES, *words, f"{folder}/pause", "-ldflags", "-s -w", "./pause")
        go(SOURCES, *words, f"{folder}/kubernetes", "-ldflags", _stamps(), ".")
        for name in NAMES:
            (folder / name).symlink_to("kubernetes")
        install = ["install", "-trimpath", "-ldflags", "-s -w"]
        more = {"GOBIN": str(folder)}
        go(folder, *install, f"github.com/coredns/coredns@{COREDNS}", more=more)
        (folder / "sources").write_text(digest())
        folder.chmod(0o755)
        shutil.rmtree(programs(), ignore_errors=True)
        Path(folder).rename(programs())  # whole or not there
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stamps() -> str:
    """Linker's words that tell the programs their version."""
    major, minor, _ = VERSION.split(".")
    values = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s -w", *(f"-X {_STAMP}.{key}={value}" for key, value in values.items())])
