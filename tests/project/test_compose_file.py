"""docker-compose.yaml read as it stands: what every service must have, and what none may."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from airtune.stack.compose.strength import SECRETS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yaml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = FILE["services"]
ONE_SHOT = {"check", "init"}
LASTING = sorted(set(SERVICES) - ONE_SHOT)
SOCKET = "/var/run/docker.sock"


def _depends(service: str) -> set[str]:
    direct = set(SERVICES[service].get("depends_on", {}))
    return direct.union(*(_depends(name) for name in direct))


def test_the_services_are_those_of_the_documents() -> None:
    airflow = {"api-server", "scheduler", "dag-processor", "triggerer"}
    assert set(SERVICES) == airflow | ONE_SHOT | {"postgres", "broker", "worker"}
    assert {name for name in SERVICES if "profiles" in SERVICES[name]} == {"broker", "worker"}


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_has_a_health_check_and_is_started_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["stop_grace_period"]


@pytest.mark.parametrize("name", sorted(ONE_SHOT))
def test_a_one_shot_service_is_not_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"check"}))
def test_everything_waits_for_the_check_of_secrets(name: str) -> None:
    assert "check" in _depends(name)
    conditions = SERVICES[name]["depends_on"]
    for one_shot in ONE_SHOT & set(conditions):
        assert conditions[one_shot]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged", False)
    assert service["init"] is True


def test_only_those_that_run_tasks_reach_the_docker_socket_and_the_engines() -> None:
    with_socket = {name for name in SERVICES if SOCKET in str(SERVICES[name].get("volumes"))}
    with_engines = {name for name in SERVICES if "engines" in SERVICES[name].get("networks", [])}
    assert with_socket == with_engines == {"scheduler", "triggerer", "worker"}


def test_the_only_published_port_is_on_the_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:${AIRTUNE_PORT:-8080}:8080"]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_has_no_default(name: str) -> None:
    uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", TEXT)
    assert uses
    assert all(rest == ":?run make env" for rest in uses)
    assert not re.search(rf"\${name}\b", TEXT)


def test_the_check_is_given_every_secret() -> None:
    assert set(SERVICES["check"]["environment"]) == set(SECRETS)


def test_images_and_the_base_can_be_named() -> None:
    assert SERVICES["postgres"]["image"] == "${POSTGRES_IMAGE:-postgres:16-alpine}"
    assert SERVICES["broker"]["image"] == "${BROKER_IMAGE:-redis:7-alpine}"
    arguments = SERVICES["check"]["build"]["args"]
    assert arguments == {"BASE_IMAGE": "${BASE_IMAGE:-python:3.11-slim-bookworm}"}


def test_the_example_names_every_variable_without_a_default() -> None:
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    empty = set(re.findall(r"^([A-Z_]+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert needed <= empty


def test_the_two_images_build_the_clients_environment_from_the_same_lines() -> None:
    def shared(path: str) -> str:
        text = (ROOT / path).read_text()
        return text[text.index("ARG BASE_IMAGE") : text.index("# --- the mark")]

    assert shared("Dockerfile") == shared("docker/genai-bench.Dockerfile")
