"""The benchmark in Docker mode: genai-bench on the worker, or in a container beside the server."""

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.docker.operators.docker import DockerOperator

from airtune.operators.benchmark import Benchmark
from airtune.operators.docker_task import DockerSlotTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airtune.benchmark.runner import Runner
    from airtune.launchers.client_end import ClientEnd
    from airtune.operators.client_container import ClientCall
    from airtune.operators.slot import Slot
    from airtune.records import Endpoint, Lease


class BenchmarkDocker(DockerSlotTask, Benchmark):
    """Measure the slot's server in the way that the task says (``benchmark.client``).

    In the container way each load point is one run of the provider's operator. Only what it does
    with the container is replaced: its own waits without a limit and leaves no files.
    """

    _context: "Context"
    _call: "ClientCall"
    _end: "ClientEnd"

    def execute(self, context: "Context") -> dict[str, Any]:  # type: ignore[override]
        """Measure and record; what is already recorded is not measured twice."""
        self._context = context
        return super().execute(context)

    def runner(self, slot: "Slot", endpoint: "Endpoint", lease: "Lease") -> "Runner":
        """A process of the worker, or a container on the server's network."""
        from airtune.task.client_way import resolved_client

        where = slot.settings.docker_host(self.host)
        if resolved_client(slot.task, where) == "cli":
            return super().runner(slot, endpoint, lease)
        from airtune.operators.client_container import ContainerRunner

        self.image = slot.settings.client_image  # what the provider fetches where it is missing
        return ContainerRunner(
            client=self.cli,
            endpoint=endpoint,
            settings=slot.settings,
            run_key=slot.spec.run,
            slot=slot.spec.slot,
            attempt=slot.attempt,
            cpus=self._client_cpus(slot, lease),
            should_stop=lambda: slot.launcher.died(endpoint) is not None,
            is_current=slot.is_current,
            through=partial(self._through_provider, slot),
        )

    def _client_cpus(self, slot: "Slot", lease: "Lease") -> tuple[int, ...]:
        """Cores of the engine's host that no device has; where devices are GPUs, all of them."""
        from airtune.launchers.cores import free_cpus
        from airtune.launchers.docker.connect import engine_errors

        if not any(device.kind == "cpu" for device in slot.pool):
            return ()
        held = [device for device in slot.pool if device.name in lease.devices]
        with engine_errors(self.engine_url):
            cores = range(self.cli.info()["NCPU"])
        return free_cpus(held, slot.pool, cores)

    def _through_provider(self, slot: "Slot", call: "ClientCall") -> "ClientEnd":
        """The provider's ``execute``, the image fetched before: its own pull has no limit."""
        from airtune.launchers.docker.client_container import ensure_client_image
        from airtune.launchers.docker.connect import engine_errors

        self._call = call
        with engine_errors(self.engine_url):
            ensure_client_image(self.cli, self.image, slot.task.timeouts.pull_s, self.log.info)
            # The provider looks into a list that knows no "docker.io/…", and would pull it again.
            there = self.cli.inspect_image(self.image)
            self.image = [*(there.get("RepoTags") or ()), self.image][0]
            DockerOperator.execute(self, self._context)
        return self._end

    def _run_image_with_mounts(self, target_mounts: Any, add_tmp_variable: bool) -> None:
        """Called by the provider's ``execute`` to run the container."""
        self._end = self._call()
