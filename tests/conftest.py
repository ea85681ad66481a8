"""Hypothesis on a shared machine: no deadline per example, and fewer of them."""

from hypothesis import settings

settings.register_profile("airtune", deadline=None, max_examples=30)
settings.load_profile("airtune")
