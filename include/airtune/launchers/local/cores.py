"""The same rules as everywhere: see ``airtune.launchers.cores``."""

from airtune.launchers.cores import device_cores, free_cpus

__all__ = ["device_cores", "free_cpus"]
