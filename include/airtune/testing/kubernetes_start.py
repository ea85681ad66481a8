"""Starting the components of a private cluster in order, and noticing when one does not come up."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from airtune.testing.debian import search_path
from airtune.testing.kubernetes_build import programs
from airtune.testing.kubernetes_control import wait_until
from airtune.testing.kubernetes_disposable import Disposable
from airtune.testing.kubernetes_images import load_own
from airtune.testing.kubernetes_place import Place

_START_S = 90.0
_ENDS = 5
"""A component that ends so often will not come up."""

_TAIL = 3000
_CONTAINERS = (
    "io.containerd.grpc.v1.cri/containers",
    "io.containerd.grpc.v1.cri/sandboxes",
    "io.containerd.runtime.v2.task",
)
"""What containerd keeps of containers below its data."""


@dataclass(frozen=True)
class Starting:
    """One start; ``run`` does it.

    Attributes:
        first: the first process in the cluster's namespaces.
    """

    place: Place
    first: "subprocess.Popen[bytes]"

    @property
    def cluster(self) -> Disposable:
        """What is being started."""
        return Disposable(self.place.run)

    def run(self) -> None:
        """Start the components and wait until pods can be run.

        Raises:
            RuntimeError: a component does not start (with the end of its log).
        """
        cluster, control = self.cluster, self.cluster.control
        self._await(lambda: self._answers(), "init")
        for name in ("etcd", "kube-apiserver"):
            control.start(name)
        self._images()
        self._await(cluster.answers, "kube-apiserver")
        for name in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
            control.start(name)
        self._kubectl("apply", "--server-side", "-f", str(self.place.etc / "coredns.yaml"))
        self._await(cluster.node_is_ready, "kubelet")
        self._await(cluster.has_accounts, "kube-controller-manager")
        rollout = ("rollout", "status", "deployment/coredns", f"--timeout={_START_S:.0f}s")
        self._kubectl("--namespace=kube-system", *rollout)

    def _images(self) -> None:
        """Start containerd, with images and without containers of an earlier session."""
        control, containerd = self.cluster.control, self.cluster.containerd
        control.start("containerd")
        self._await(containerd.answers, "containerd")
        if containerd.remove_containers():
            control.end("containerd")
            for name in _CONTAINERS:
                shutil.rmtree(self.place.images / name, ignore_errors=True)
            control.start("containerd")
            self._await(containerd.answers, "containerd")
        load_own(containerd)

    def _await(self, condition: Callable[[], object], component: str) -> None:
        try:
            wait_until(lambda: self._hopeless(component) or condition(), _START_S, component)
        except TimeoutError as error:
            raise RuntimeError(self._why(component)) from error
        if self._hopeless(component):
            raise RuntimeError(self._why(component))

    def _answers(self) -> bool:
        try:
            self.cluster.control.ends()
        except OSError:
            return False
        return True

    def _hopeless(self, component: str) -> bool:
        if self.first.poll() is not None:
            return True
        if component == "init":
            return False
        return self.cluster.control.ends()[component] >= _ENDS

    def _why(self, component: str) -> str:
        name = component if self.first.poll() is None else "init"
        log = Path(self.place.logs, f"{name}.log")
        end = log.read_text(errors="replace")[-_TAIL:] if log.exists() else ""
        return f"{name} of the private cluster did not start; the end of {log}:\n{end}"

    def _kubectl(self, *words: str) -> None:
        done = subprocess.run(
            [programs() / "kubectl", f"--kubeconfig={self.place.kubeconfig}", *words],
            # Nothing of the caller's, such as a proxy.
            env={"PATH": search_path(), "HOME": str(self.place.run)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(words)}: {done.stderr[-_TAIL:]}")
