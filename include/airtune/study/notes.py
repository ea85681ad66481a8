"""What a plan tells people about itself: sampled, left out, found to be the same, too big."""

from collections.abc import Iterator, Sequence

from airtune.records import Device, ServerSpec
from airtune.space import Space
from airtune.study.choosing import Chosen
from airtune.task import Task
from airtune.task.client_way import resolved_client
from airtune.task.kubernetes import ClientPod


def counting_notes(task: Task, space: Space, chosen: Chosen) -> Iterator[str]:
    """How many of the combinations are tried, and how they were picked."""
    limit, seed = task.optimization.max_iterations, task.optimization.seed
    tried, grid = len(chosen.candidates), space.combinations
    among = "" if grid is None else f" of {grid:,} combinations"
    admissible = ""
    if task.parameter_constraints and space.count is not None:
        admissible = f" ({space.count:,} satisfy the constraints)"
    if task.optimization.strategy == "random":
        yield f"{tried}{among}{admissible} are tried, drawn at random with seed {seed}."
    elif chosen.even_sample:
        yield (
            f"{tried}{among}{admissible} are tried, spread evenly over the grid with seed {seed}, "
            f"because optimization.max_iterations is {limit}."
        )
    elif admissible:
        yield f"{space.count:,} of {grid:,} combinations satisfy the constraints."
    if limit is not None and tried < limit and (chosen.even_sample or grid is None):
        yield f"No more than {tried} different ones were found for max_iterations = {limit}."


def meeting_notes(chosen: Chosen) -> Iterator[str]:
    """Which configurations are not run because another command line stands for them."""
    if chosen.as_baseline:
        yield f"{_some(chosen.as_baseline)}: the baseline's own command line, not run twice."
    for candidate in chosen.candidates:
        if candidate.aliases:
            same = _some(candidate.aliases)
            yield f"{same}: the same command line as {candidate.label}, run once."
    for reason in dict.fromkeys(chosen.refused.values()):
        labels = [label for label, why in chosen.refused.items() if why == reason]
        yield f"{_some(labels)}: left out. {reason}"


def device_notes(
    task: Task, pool: Sequence[Device], baseline: ServerSpec, chosen: Chosen
) -> Iterator[str]:
    """Which trials need more devices than ``pool`` has."""
    if task.launcher == "endpoint":
        return
    # The engines' own images want GPUs; one of the user's may be a build for CPUs.
    gpus = task.launcher == "docker" and task.engine != "llama_cpp" and task.image is None
    there = sum(not gpus or device.kind != "cpu" for device in pool)
    needs = [baseline.devices, *(candidate.server.devices for candidate in chosen.candidates)]
    if max(needs) <= there:
        return
    many = f"{sum(need > there for need in needs)} of {len(needs)} trials cannot run"
    if task.launcher in {"kubernetes", "ome"}:
        yield (
            f"{many}: they need up to {max(needs)} GPUs, and AIRTUNE_KUBERNETES_DEVICES lets "
            f"airtune use {there} at once."
        )
    else:
        yield (
            f"{many} on this host: they need up to {max(needs)} "
            f"{'GPUs' if gpus else 'devices'}, and AIRTUNE_DEVICES names {there}."
        )


def unused_notes(task: Task) -> Iterator[str]:
    """Fields that only another way of running the client would use."""
    if task.launcher not in {"kubernetes", "ome"}:
        return
    way = resolved_client(task)
    if way == "cli" and task.kubernetes.client != ClientPod():
        yield "kubernetes.client is not used: genai-bench runs on the worker (client cli)."
    if task.ome.output_claim is not None and way != "benchmark_job":
        yield f"ome.output_claim is not used: it is for BenchmarkJobs, and the client is {way}."


def _some(labels: Sequence[str], shown: int = 3) -> str:
    more = f" and {len(labels) - shown} more" if len(labels) > shown else ""
    return ", ".join(labels[:shown]) + more
