"""Twenty trials in containers, good and bad ones mixed, on a real engine under a real scheduler.

Each class of failure is seen for what it is, in seconds, and nothing is left but what is foreign.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.airflow.docker.conftest import FAKE_IMAGE, DockerSite, docker_task

from airtune.launchers.docker.names import labels_of
from airtune.records import FailureClass, TrialState
from airtune.testing.fake_registry import fake_registry

pytestmark = [pytest.mark.airflow, pytest.mark.docker, pytest.mark.timeout(900)]

GOOD = range(1, 9)
CRASH, OOM_START, NEVER = (9, 10), (11, 12), (13,)
OOM_LATER, KILLED = (14,), (15, 16)
RULES = [
    {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1},
    *({"when": {"random-seed": seed}, "exit_at_start": 3} for seed in CRASH),
    *({"when": {"random-seed": seed}, "eat_memory_mb": 512} for seed in OOM_START),
    *(
        {"when": {"random-seed": seed}, "eat_memory_mb": 512, "eat_after_requests": 3}
        for seed in OOM_LATER
    ),
    *({"when": {"random-seed": seed}, "never_ready": True} for seed in NEVER),
    *({"when": {"random-seed": seed}, "die_after_requests": 4} for seed in KILLED),
]
START_S = 20.0
RUNS = {"mixed": 14, "measured": 4, "no-image": 2}
"""Trials of each run, the baselines included."""


@pytest.fixture(scope="module")
def foreign(docker_site: DockerSite) -> Iterator[list[str]]:
    """Containers of the same image: one without labels, one of another installation."""
    image, run = f"{FAKE_IMAGE}:latest", "autotune_docker/other"
    ids = []
    for labels in ({}, labels_of("other", run, 0, 1, "server")):
        made = docker_site.client.create_container(
            image=image,
            entrypoint=["python3"],
            command=["-c", "import time; time.sleep(3600)"],
            labels=labels,
        )
        docker_site.client.start(made["Id"])
        ids.append(made["Id"])
    yield ids
    for one in ids:
        docker_site.client.remove_container(one, force=True)


@pytest.fixture(scope="module")
def mixed(docker_site: DockerSite, models: str, foreign: list[str]) -> Iterator[DockerSite]:
    """Three runs at once, all over: most trials by the replayed client, those whose server dies
    under load by the real one, and those whose image the registry does not have."""
    with fake_registry("missing") as registry:
        options = {
            "models": models,
            "rules": RULES,
            "timeouts": {"start_s": START_S},
            "container": {"memory": "256m"},
        }
        mixed = [*GOOD, *CRASH, *OOM_START, *NEVER]
        measured = [*OOM_LATER, *KILLED]
        tasks = {
            "mixed": docker_task("mixed", parameters={"random_seed": mixed}, **options),
            "measured": docker_task(
                "measured", parameters={"random_seed": measured}, replay=False, **options
            ),
            "no-image": docker_task(
                "no-image",
                models=models,
                parameters={"random_seed": [1]},
                image=registry.image("airtune/engine"),
                image_tag="missing",
            ),
        }
        for run, task in tasks.items():
            docker_site.api.trigger({"task": task}, run)
        for run in tasks:
            docker_site.api.wait(run, timeout_s=800)
        yield docker_site


def _trials(mixed: DockerSite, seeds: Any) -> list[Any]:
    return [
        mixed.site.trial("measured" if seed in (*OOM_LATER, *KILLED) else "mixed", random_seed=seed)
        for seed in seeds
    ]


def test_there_were_twenty_trials(mixed: DockerSite) -> None:
    assert {run: len(mixed.site.trials(run)) for run in RUNS} == RUNS
    assert sum(RUNS.values()) == 20


def test_the_good_ones_succeed_and_the_best_one_wins(mixed: DockerSite) -> None:
    assert {trial.state for trial in _trials(mixed, GOOD)} == {TrialState.SUCCEEDED}
    assert mixed.api.run_state("mixed") == "success"
    assert mixed.api.result("mixed")["best"] == "random_seed=1"


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (CRASH, FailureClass.STARTUP_CRASH),
        (OOM_START, FailureClass.OOM),
        (OOM_LATER, FailureClass.OOM),
        (NEVER, FailureClass.STARTUP_TIMEOUT),
        (KILLED, FailureClass.UNHEALTHY),
    ],
)
def test_each_bad_one_gets_its_class(
    mixed: DockerSite, seeds: tuple[int, ...], expected: FailureClass
) -> None:
    for trial in _trials(mixed, seeds):
        assert trial.failure is not None
        assert trial.failure.failure_class is expected, trial.failure.reason
        assert trial.state is expected.state


def test_an_oom_kill_names_the_limit(mixed: DockerSite) -> None:
    for trial in _trials(mixed, OOM_START + OOM_LATER):
        assert "256" in trial.failure.reason


def test_a_bad_start_is_noticed_in_seconds(mixed: DockerSite) -> None:
    limits = {**dict.fromkeys(CRASH, 2), **dict.fromkeys(OOM_START, 1)}
    for seed, starts in limits.items():
        # The figure holds each start of the class's retries, on a machine with four at once.
        (trial,) = _trials(mixed, [seed])
        assert trial.seconds.start < 6 * starts


def test_a_missing_image_is_seen_before_any_device_is_held(mixed: DockerSite) -> None:
    assert mixed.api.run_state("no-image") == "failed"
    for trial in mixed.site.trials("no-image"):
        assert trial.failure is not None
        assert trial.failure.failure_class is FailureClass.IMAGE
        assert "missing" in trial.failure.reason
        assert trial.devices == ()
        assert trial.seconds.start < 1


def test_each_trial_that_started_has_its_whole_log(mixed: DockerSite) -> None:
    for run in ("mixed", "measured"):
        for trial in mixed.site.trials(run):
            folder = mixed.site.settings.benchmark_dir / f"{run}-exp{trial.trial_id}"
            log = (folder / "server.log").read_text()
            # Memory is eaten before a word is said.
            assert "fake engine" in log or trial.parameters["random_seed"] in OOM_START


def test_nothing_is_left(mixed: DockerSite) -> None:
    for run in RUNS:
        assert mixed.left_of(run) == []


def test_foreign_containers_are_untouched(mixed: DockerSite, foreign: list[str]) -> None:
    for one in foreign:
        assert mixed.client.inspect_container(one)["State"]["Running"]
