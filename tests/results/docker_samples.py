"""Tasks and trials of Docker mode."""

from typing import Any

from tests.scoring.samples import a_task, a_trial, both

from airtune.records import ParamValue, Trial
from airtune.settings import Settings
from airtune.task import Task

ENVIRON = {
    "AIRTUNE_HOME": "/srv/tune",
    "AIRTUNE_DEVICES": "gpu0..3",
    "AIRTUNE_DOCKER_HOSTS": '{"gpu7": {"url": "tcp://gpu7:2376", "publish": "10.0.0.7", '
    '"devices": "gpu0..7", "tls_ca": "/tls/ca.pem", "tls_cert": "/tls/cert.pem", '
    '"tls_key": "/tls/key.pem"}}',
}
SETTINGS = Settings.load(ENVIRON)
DIGEST = "sha256:" + "1" * 64
IDENTITY: dict[str, ParamValue] = {
    "image_digest": DIGEST,
    "docker_version": "20.10.24",
    "host": "box",
    "first_of_digest": True,
}
ARGV = ("python3", "-m", "sglang.launch_server", "--model-path", "/model", "--port", "8000")


def a_docker_task(**fields: Any) -> Task:
    """An SGLang task in Docker, with top-level ``fields``."""
    sglang: dict[str, Any] = {
        "deployment_mode": "docker",
        "engine": "sglang",
        "model": {"name": "llama"},
    }
    return a_task(**(sglang | fields))


def a_docker_trial(trial_id: int = 3, **fields: Any) -> Trial:
    """A measured trial on two GPUs."""
    known: dict[str, Any] = {"argv": ARGV, "devices": ("gpu1", "gpu0"), "identity": IDENTITY}
    return a_trial(trial_id, *both(), **(known | fields))
