"""The cluster's own images, made without a Docker Engine; archives as ``docker save`` has them."""

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from airtune.testing.debian import search_path
from airtune.testing.kubernetes_build import programs
from airtune.testing.kubernetes_components import COREDNS, PAUSE
from airtune.testing.kubernetes_containerd import full_name

BUSYBOX = "busybox:1.38"
"""A shell and small tools for pods of tests. It is Debian's build, not of the version that its name
says (that is a name which the public registry has, too): ``wget -T`` crashes on host names."""

SIDECAR = "alpine:3.24.2"
"""What the provider's XCom side-car runs: the same image under this name."""

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_FOLDERS = ("bin", "etc", "home", "root", "sbin", "tmp", "usr/bin", "usr/sbin", "var/run")
_ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": b"hosts: files dns\n",
}
_NAME_SERVICE = ("libc.so.6", "libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2")


def own_images() -> list[tuple[list[str], bytes]]:
    """Names, and the archive with the image that they mean."""
    pause = archive([PAUSE], {"pause": _program("pause")}, {}, ["/pause"], user="65535:65535")
    coredns = archive([COREDNS], {"coredns": _program("coredns")}, {}, ["/coredns"])
    tools = [BUSYBOX, SIDECAR]
    return [([PAUSE], pause), ([COREDNS], coredns), (tools, _busybox(tools))]


def archive(
    names: Sequence[str],
    files: Mapping[str, bytes],
    links: Mapping[str, str],
    entrypoint: Sequence[str] = (),
    *,
    command: Sequence[str] = (),
    user: str = "",
) -> bytes:
    """An image of one layer; the same arguments give the same bytes.

    Args:
        files: path → content; all may be executed. Their folders are made.
        links: path → where the symbolic link leads.
    """
    layer = _layer(files, links)
    digest = hashlib.sha256(layer).hexdigest()
    options = {"Env": [_PATH], "WorkingDir": "/", "User": user}
    options |= {"Entrypoint": list(entrypoint)} if entrypoint else {}
    options |= {"Cmd": list(command)} if command else {}
    configuration = {
        "architecture": _MACHINES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": options,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    text = json.dumps(configuration).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    blob = f"{digest}/layer.tar"
    manifest = [{"Config": name, "RepoTags": [*map(full_name, names)], "Layers": [blob]}]
    return _tar({name: text, blob: layer, "manifest.json": json.dumps(manifest).encode()}, {})


def _busybox(names: Sequence[str]) -> bytes:
    path = shutil.which("busybox", path=search_path())
    assert path is not None, "kubernetes_install has it"
    listed = subprocess.run([path, "--list"], capture_output=True, text=True, check=True)
    applets = [name for name in listed.stdout.split() if name != "busybox"]
    files = {"bin/busybox": Path(path).read_bytes()} | _ACCOUNTS | _libraries()
    links = {f"bin/{name}": "busybox" for name in applets} | {"usr/bin/env": "/bin/env"}
    return archive(names, files, links, command=["sh"])


def _libraries() -> dict[str, bytes]:
    """What a static glibc loads nevertheless to look host names up."""
    found = {}
    for folder in Path("/lib").glob("*-linux-gnu"):
        for name in _NAME_SERVICE:
            if (folder / name).exists():
                found[f"lib/{folder.name}/{name}"] = (folder / name).read_bytes()
        for loader in folder.glob("ld-linux-*.so.*"):
            place = "lib64" if platform.machine() == "x86_64" else "lib"
            found[f"{place}/{loader.name}"] = loader.read_bytes()
    return found


def _program(name: str) -> bytes:
    return (programs() / name).read_bytes()


def _layer(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    return _tar(files, links, [*_FOLDERS] if links else [])


def _tar(
    files: Mapping[str, bytes], links: Mapping[str, str], folders: Sequence[str] = ()
) -> bytes:
    parents = {
        str(path)
        for name in [*files, *links, *(f"{f}/x" for f in folders)]
        for path in Path(name).parents
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for folder in sorted(parents - {"."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
        for name, target in sorted(links.items()):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            tar.addfile(entry)
    return stream.getvalue()
