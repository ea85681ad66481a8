"""Servers as containers of a Docker Engine; the SDK is imported where it is used."""
