"""The seed's own Docker task for the fake SGLang, and a run of it worked on without Airflow."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker import APIClient

from airtune.benchmark.process import ProcessRunner
from airtune.launchers.docker.launcher import DockerLauncher
from airtune.operators.measuring import Measuring
from airtune.operators.planning import planned_items
from airtune.operators.serving import ensure
from airtune.operators.slot import Slot
from airtune.records import Endpoint, Lease, SlotSpec, Trial
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.study.store import Store
from airtune.task import Task, load_task_data, read_task
from airtune.testing.docker_context import ROOT

EXAMPLE = ROOT / "examples" / "docker_task.json"
IMAGE = "airtune-test/fake-sglang"
RUN = "autotune_docker/by hand"


def a_seed_task(
    behaviour: dict[str, Any] | None = None,
    benchmark: dict[str, Any] | None = None,
    **changes: Any,
) -> Task:
    """``examples/docker_task.json``, served by the fake SGLang and measured in little time.

    Args:
        behaviour: the fake engine's.
        benchmark: fields of ``benchmark`` to replace.
        changes: top-level fields to replace or add.
    """
    data = dict(load_task_data(EXAMPLE))
    data["benchmark"] |= {
        "model_tokenizer": "tokenizer",
        "traffic_scenarios": ["D(20,10)"],
        "num_concurrency": [2],
        "max_requests_per_iteration": 40,
        **(benchmark or {}),
    }
    fast = {"ttft_ms": 1, "tpot_ms": 0, **(behaviour or {})}
    ours = {
        "image": IMAGE,
        "runtime_image_tag": "latest",
        "env": {"FAKE_ENGINE": json.dumps(fast)},
        "container": {"shm_size": "64m"},
    }
    return read_task(data | ours | changes)


@dataclass
class Worked:
    """One slot of a run, and what a person following its tasks sees.

    Attributes:
        slot: entered once.
        said: lines of launcher and client.
    """

    slot: Slot
    say: Callable[[str], None] | None = None
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slot.say = self._hear

    def lease(self) -> Lease:
        """The slot's devices."""
        slot, names = self.slot, [device.name for device in self.slot.pool]
        run, index, need = slot.spec.run, slot.spec.slot, slot.server.devices
        slot.store.enqueue(run, index, slot.attempt, need, names)
        lease = slot.store.try_lease(run, index, slot.attempt, need, names, slot.generation)
        assert lease is not None, "the pool is too small for this test"
        return lease

    def deploy(self) -> Endpoint:
        """Its ready server."""
        with self.slot.failures_recorded():
            return ensure(self.slot, self.slot.begin(), self.lease())

    def benchmark(self, endpoint: Endpoint) -> Trial:
        """The trial, measured by genai-bench's command line on this host."""
        slot = self.slot
        runner = ProcessRunner(slot.place, (), slot.settings)
        return Measuring(slot, slot.begin(), self.lease(), endpoint, runner, self._hear).run()

    def teardown(self) -> None:
        """Nothing of it is left."""
        self.slot.remove()
        self.slot.release()

    @property
    def folder(self) -> Path:
        """The trial's folder."""
        return self.slot.trial_folder(self.slot.begin().trial_id)

    def _hear(self, line: str) -> None:
        self.said.append(line)
        if self.say:
            self.say(line)


@contextmanager
def worked(client: APIClient, settings: Settings, task: Task) -> Iterator[list[Worked]]:
    """All slots of a run of ``task``, the baseline's first; at the end all of them are removed."""
    store = Store.open(settings.store_url)
    plan = make_plan(task, settings)
    items = planned_items(store, task, plan)
    data = task.model_dump(mode="json")
    store.open_run(RUN, plan.study, task.task_name, "docker", data, items)
    slots = []
    for index, item in enumerate(items):
        spec = SlotSpec(run=RUN, study=plan.study, slot=index, label=item["trial"]["label"])
        slot = Slot(spec, store, settings)
        slot.launch = lambda: DockerLauncher(client, settings.docker_host(), settings)
        claim = store.claim(RUN, index, "deploy", 0)
        slot.generation, slot.attempt = claim.generation, claim.attempt
        slots.append(Worked(slot))
    try:
        yield slots
    finally:
        for one in slots:
            one.teardown()
        store.close()
