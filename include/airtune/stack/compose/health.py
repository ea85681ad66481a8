"""Health check of a container: what Airflow's API server says of one component.

``python -m airtune.stack.compose.health NAME``; the name is a key of ``/api/v2/monitor/health``.
Airflow's own ``airflow jobs check`` would load all of Airflow each time. Standard library alone.
"""

import json
import os
import sys
from urllib.request import ProxyHandler, build_opener

_URL = "http://api-server:8080"
_TIMEOUT_S = 5.0


def component_status(url: str, name: str) -> str:
    """``healthy``, ``unhealthy``, or why it is not known."""
    try:
        # No proxy of the environment reaches the stack's own network.
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"{url}/api/v2/monitor/health", timeout=_TIMEOUT_S) as answer:
            report = json.load(answer)
        return str(report[name]["status"])
    except (OSError, ValueError) as error:
        return f"{url} does not answer: {error}"
    except (KeyError, TypeError):
        return f"{url} knows no component {name!r}"


def main(words: list[str]) -> int:
    """0 if the component is healthy; prints what is known of it."""
    status = component_status(os.environ.get("AIRTUNE_HEALTH_URL", _URL), words[0])
    print(status)
    return 0 if status == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
