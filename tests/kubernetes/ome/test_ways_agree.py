"""BenchmarkJob and the direct CLI measure one server: they have to agree on it.

The BenchmarkJob is run by the project's stand-in for OME's controller; genai-bench is the real one.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.launchers.ome.orders import order as an_order

from airtune.benchmark.process import ProcessRunner
from airtune.benchmark.run import measure
from airtune.benchmark.runner import Runner
from airtune.launchers.kubernetes.api import ClusterApi
from airtune.launchers.kubernetes.exec import run as execute
from airtune.launchers.kubernetes.launcher import ClusterLauncher
from airtune.launchers.kubernetes.reach import Reach
from airtune.launchers.launcher import Order
from airtune.launchers.ome.world import OmeWorld
from airtune.operators.benchmark_job import JobRunner
from airtune.operators.client_forward import ForwardedRunner
from airtune.processes.place import Place
from airtune.records import Endpoint, LoadPoint, Measurement
from airtune.scoring.score import score_trial
from airtune.settings import Settings
from airtune.task import Task
from airtune.task.model import Model
from airtune.testing.home import make_home
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_resources import MODEL, SERVED, SGLANG
from airtune.testing.ome_tokenizer import tokenizer_files

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.ome,
    pytest.mark.bench,
    pytest.mark.quiet,
    pytest.mark.timeout(300),
]

POINT = LoadPoint(scenario="D(20,10)", concurrency=4)
PAIRS = 3
WITHIN = 0.10
# Slow beside what a busy host adds to each request.
STEADY = {"FAKE_ENGINE": json.dumps({"ttft_ms": 800, "tpot_ms": 20})}
SMALL = {"requests": {"cpu": "100m", "memory": "128Mi"}}


@pytest.fixture
def settings(tmp_path: Path, kubeconfig: Path) -> Settings:
    home = make_home(tmp_path / "home")
    own = {"AIRTUNE_HOME": str(home), "AIRTUNE_INSTALLATION": f"test-{home.parent.name}"}
    own |= {"AIRTUNE_KUBECONFIG": str(kubeconfig), "AIRTUNE_KUBERNETES_REACH": "forward"}
    return Settings.load({**os.environ, **own})


@pytest.fixture
def task(ome: Ome, ome_namespace: str, tmp_path: Path) -> Task:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    for name, text in tokenizer_files().items():  # as in the model's folder on the node
        (folder / name).write_text(text)
    return Task.model_validate(
        {
            "task_name": "ways",
            "launcher": "ome",
            "engine": "sglang",
            "base_runtime": SGLANG,
            "model": {"name": MODEL, "namespace": ome_namespace},
            "parameters": {"mem-fraction-static": [0.8, 0.9]},
            "optimization": {"objective": "minimize_latency"},
            "ome": {"output_claim": {"claim": ome.results_claim(ome_namespace)}},
            "kubernetes": {"client": SMALL},
            "benchmark": {
                "client": "benchmark_job",
                "model_name": SERVED,
                "model_tokenizer": str(folder),
                "traffic_scenarios": [POINT.scenario],
                "num_concurrency": [POINT.concurrency],
                "max_time_per_iteration": 1,
                "max_requests_per_iteration": 20,
            },
        }
    )


def _order(task: Task) -> Order:
    made = an_order(model_name=SERVED, ome=task.ome.model_dump())
    return replace(
        made,
        model=Model(name=MODEL, namespace=task.model.namespace),
        runtime=SGLANG,
        server=made.server.model_copy(update={"env": STEADY}),
    )


@pytest.fixture
def pairs(
    cluster_api: ClusterApi, ome: Ome, task: Task, settings: Settings, tmp_path: Path
) -> Iterator[list[tuple[Measurement, Measurement]]]:
    """The load point by a BenchmarkJob, then by the CLI, and so on, all at one server."""
    order, place = _order(task), Place.of(tmp_path / "run", "dag/run", 0, 1)
    launcher = ClusterLauncher(
        OmeWorld(settings), cluster_api, settings, namespace=task.model.namespace
    )
    try:
        endpoint = launcher.ensure(order, 90)
        with Reach(cluster_api, settings) as reach:
            job = JobRunner(
                *(cluster_api, partial(execute, cluster_api), endpoint, task, settings),
                *(order.run, order.slot, order.attempt),
            )
            process = ProcessRunner(place, (), settings)
            cli = ForwardedRunner(process, cluster_api, endpoint, reach.url)
            measured = partial(_measured, endpoint, task, place, settings)
            yield [
                (measured(tmp_path / f"job{n}", job), measured(tmp_path / f"cli{n}", cli))
                for n in range(PAIRS)
            ]
    finally:
        launcher.remove(order.run, order.slot, order.attempt)
        launcher.close()


def _measured(
    endpoint: Endpoint, task: Task, place: Place, settings: Settings, folder: Path, runner: Runner
) -> Measurement:
    return measure(
        endpoint,
        task,
        POINT,
        folder=folder,
        place=place,
        limit_s=90.0,
        settings=settings,
        log=lambda line: None,
        runner=runner,
    )


def _score(measurement: Measurement, task: Task) -> float:
    """The objective's figure: the mean end-to-end latency, in ms."""
    assert measurement.scorable, measurement.notes
    score = score_trial([measurement], task, devices=1)
    assert score is not None
    return score.raw


def test_benchmark_job_through_the_stand_in_and_the_cli_agree_within_a_tenth(
    pairs: list[tuple[Measurement, Measurement]],
    task: Task,
) -> None:
    ratios = [_score(job, task) / _score(cli, task) for job, cli in pairs]
    said = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    print(f"BenchmarkJob ÷ CLI: {said}")
    assert len(ratios) == PAIRS
    assert all(abs(ratio - 1) <= WITHIN for ratio in ratios), f"BenchmarkJob ÷ CLI: {said}"
    for pair in pairs:
        for one in pair:
            assert one.completed == one.requests
            assert one.output_tokens_mean == 10, "both asked for answers of one length"
