"""Every ``AIRTUNE_*`` environment variable, read in this one package."""

from airtune.settings.cluster import Cluster
from airtune.settings.docker_hosts import DockerHost
from airtune.settings.settings import Settings

__all__ = ["Cluster", "DockerHost", "Settings"]
