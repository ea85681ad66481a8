"""Hypothesis on a shared machine: no deadline per example, and fewer of them. Fixtures."""

from hypothesis import settings

pytest_plugins = [
    "airtune.testing.docker_fixtures",
    "airtune.testing.kubernetes_fixtures",
    "airtune.testing.ome_fixtures",
]

settings.register_profile("airtune", deadline=None, max_examples=30)
settings.load_profile("airtune")
