import pytest

from airtune.launchers.docker.refusal import refused
from airtune.records import FailureClass

INVALID, INFRA, IMAGE = (
    FailureClass.INVALID_CONFIG,
    FailureClass.INFRASTRUCTURE,
    FailureClass.IMAGE,
)


@pytest.mark.parametrize(
    ("said", "expected", "fix"),
    [
        (
            'invalid mount config for type "bind": bind source path does not exist: /srv/m',
            INVALID,
            "/srv/m does not exist on unix:///s",
        ),
        (
            'could not select device driver "" with capabilities: [[gpu]]',
            INFRA,
            "NVIDIA Container Toolkit",
        ),
        ("nvidia-container-cli: device error: 9: unknown device", INFRA, "AIRTUNE_DEVICES"),
        (
            "Requested CPUs are not available - requested 9",
            INFRA,
            "AIRTUNE_DEVICES",
        ),
        ('exec: "docker-init": executable file not found in $PATH', INFRA, "tini"),
        ("error setting rlimit type 8: operation not permitted", INFRA, "container.ulimits"),
        ('exec: "vllm": executable file not found in $PATH', IMAGE, "image_tag"),
        ("No such image: x:1", IMAGE, "removed"),
        ("network airtune_x not found", INFRA, "AIRTUNE_DOCKER_NETWORK"),
        ("could not find an available, non-overlapping IPv4 address pool", INFRA, "range"),
        ("Minimum memory limit allowed is 6MB", INVALID, "container"),
        ("something new", INFRA, "something new"),
    ],
)
def test_the_engines_words_have_a_class_and_a_fix(
    said: str, expected: FailureClass, fix: str
) -> None:
    failure = refused(said, "unix:///s").failure
    assert failure.failure_class is expected
    assert fix in failure.reason
