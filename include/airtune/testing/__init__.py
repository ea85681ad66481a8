"""Fakes and helpers for tests and benchmarks, named as such; nothing of airtune imports them."""
