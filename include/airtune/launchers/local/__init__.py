"""Servers as processes of this host.

Nothing is imported here: ``llama_server`` runs in the engine's environment.
"""
