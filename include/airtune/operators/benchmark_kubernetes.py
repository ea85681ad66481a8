"""The benchmark in a cluster: genai-bench in a pod, on the worker, or by OME's BenchmarkJob."""

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager

from airtune.operators.benchmark import Benchmark
from airtune.operators.kubernetes_task import KubernetesSlotTask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context
    from kubernetes.client.models import V1Pod

    from airtune.benchmark.runner import Runner
    from airtune.launchers.kubernetes.client_call import ClientCall
    from airtune.operators.slot import Slot
    from airtune.records import Endpoint, Lease

_TRIES = 3
_CONFLICT = 409


class BenchmarkKubernetes(KubernetesSlotTask, Benchmark):
    """Measure the slot's server in the way that the task says (``benchmark.client``).

    In the pod way each load point is one run of the provider's operator with its XCom side-car.
    Replaced is only how it waits, which has no limit, and what it brings back, which is one JSON.
    """

    _context: "Context"
    _call: "ClientCall"

    def __init__(self, *, spec: Any, world: str, **kwargs: Any) -> None:
        super().__init__(spec=spec, world=world, do_xcom_push=True, **kwargs)

    def execute(self, context: "Context") -> dict[str, Any]:
        """Measure and record; what is already recorded is not measured twice."""
        self._context = context
        found: dict[str, Any] = super().execute(context)
        return found

    def runner(self, slot: "Slot", endpoint: "Endpoint", lease: "Lease") -> "Runner":
        """A pod, a process of the worker, or a BenchmarkJob."""
        from airtune.task.client_way import resolved_client

        way = resolved_client(slot.task)
        if way == "cli":
            return self._process(slot, endpoint, lease)
        if way == "benchmark_job":
            from airtune.operators.benchmark_job import job_runner

            return job_runner(self, slot, endpoint, lease)
        return self._pod(slot, endpoint)

    def _process(self, slot: "Slot", endpoint: "Endpoint", lease: "Lease") -> "Runner":
        from airtune.benchmark.process import ProcessRunner
        from airtune.operators.client_forward import ForwardedRunner

        held = tuple(device for device in slot.pool if device.name in lease.devices)
        launcher = self.launcher(slot)
        process = ProcessRunner(slot.place, launcher.client_cpus(held), slot.settings)
        return ForwardedRunner(process, self.api(slot), endpoint, launcher.url)

    def _pod(self, slot: "Slot", endpoint: "Endpoint") -> "Runner":
        from airtune.launchers.kubernetes.access import place
        from airtune.operators.client_pod import PodRunner

        timeouts = slot.task.timeouts
        return PodRunner(
            api=self.api(slot),
            endpoint=endpoint,
            settings=slot.settings,
            where=place(slot.settings, slot.task.kubernetes.kubeconfig or ""),
            options=slot.task.kubernetes,
            run_key=slot.spec.run,
            slot=slot.spec.slot,
            attempt=slot.attempt,
            pending_limit_s=float(timeouts.pull_s),
            through=self._through_provider,
            should_stop=lambda: slot.launcher.died(endpoint) is not None,
            is_current=slot.is_current,
        )

    def _through_provider(self, call: "ClientCall") -> None:
        """The provider's ``execute``; each of its steps is one of the call's."""
        self._call = call
        order = call.order
        self.name, self.random_name_suffix = order.name, False
        self.namespace, self.image = order.namespace, order.image
        self.base_container_name = call.manifest["spec"]["containers"][0]["name"]
        self.pod_template_dict = call.manifest
        self.pod = self.pod_request_obj = self.remote_pod = None
        with _refusals():
            KubernetesPodOperator.execute(self, self._context)

    @cached_property
    def pod_manager(self) -> PodManager:
        """The provider's, but it does not wait for a client that has been ended."""
        return _PodManager(kube_client=self.client)

    def build_pod_request_obj(
        self, context: "Context | None" = None, *, dry_run: bool = False
    ) -> "V1Pod":
        """The client's pod with the provider's side-car and labels."""
        from airtune.launchers.kubernetes.client_pod import SIDE_CAR, helper_resources

        # A dry run of the provider's only asks nothing of a connection of its own.
        pod = super().build_pod_request_obj(context, dry_run=True)
        order = self._call.order
        for container in pod.spec.containers:
            if container.name == SIDE_CAR:
                container.image = order.helper_image
                container.image_pull_policy = order.options.image_pull_policy
                container.resources = helper_resources(order.options.client)
                container.security_context = {"allowPrivilegeEscalation": False}
        return pod

    def get_or_create_pod(self, pod_request_obj: "V1Pod", context: "Context") -> "V1Pod":
        """Create it under its name, which is a lock; what an earlier attempt left goes first."""
        from kubernetes.client import ApiException

        for left in reversed(range(_TRIES)):
            self._call.make_room()
            try:
                return super().get_or_create_pod(pod_request_obj, context)
            except ApiException as error:
                if error.status != _CONFLICT or not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def find_pod(
        self, namespace: str, context: "Context", *, exclude_checked: bool = True
    ) -> "V1Pod | None":
        """By its name: the provider's labels are also those of the load point before."""
        return self.pod_manager.read_pod(self.pod)

    def await_pod_start(self, pod: "V1Pod") -> None:
        """Until the client runs, within its own limit."""
        self._call.start()

    def await_pod_completion(self, pod: "V1Pod") -> None:  # type: ignore[override]
        """Until it has ended, its result is complete, or its time is over."""
        self._call.follow()

    def extract_xcom(self, pod: "V1Pod", *, ignore_kill_failure: bool = True) -> None:
        """The client's files, out of the side-car."""
        self._call.fetch()

    def cleanup(
        self,
        pod: "V1Pod",
        remote_pod: "V1Pod",
        xcom_result: dict[str, Any] | None = None,
        context: "Context | None" = None,
    ) -> None:
        """Remove the pod, however it has ended; a client's exit code is not the task's."""
        self._call.remove()


class _PodManager(PodManager):
    def await_xcom_sidecar_container_start(self, *args: Any, **kwargs: Any) -> None:
        """It has run beside the client."""

    def await_pod_completion(self, pod: "V1Pod", *args: Any, **kwargs: Any) -> "V1Pod":
        """A client whose result is complete is not waited for."""
        return pod


@contextmanager
def _refusals() -> "Iterator[None]":
    """What the provider's client is refused, as our own."""
    import json

    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    from airtune.launchers.kubernetes.api import ApiRefused

    try:
        yield
    except ApiException as error:
        try:
            said = json.loads(error.body or "{}")
        except ValueError:
            said = {}
        raise ApiRefused(
            int(error.status or 0),
            str(said.get("reason") or error.reason or ""),
            str(said.get("message") or error.body or ""),
            said.get("details"),
        ) from error
    except HTTPError as error:
        raise ApiRefused(0, "Unreachable", f"{type(error).__name__}: {error}") from error
