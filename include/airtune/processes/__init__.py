"""Processes on this host: how they are started so that they can be found, and how they end.

Nothing is imported here: ``airtune.processes.entry`` runs in environments without psutil.
"""
