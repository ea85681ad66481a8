"""Hypothesis on a shared machine: no deadline per example, and fewer of them. Docker fixtures."""

from hypothesis import settings

pytest_plugins = ["airtune.testing.docker_fixtures"]

settings.register_profile("airtune", deadline=None, max_examples=30)
settings.load_profile("airtune")
