"""How a process of this host reaches a server in the cluster."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.benchmark.samples import some_settings
from tests.launchers.kubernetes.streams import HANDLE, streams

from airtune.launchers.kubernetes.reach import Reach
from airtune.records import Endpoint
from airtune.settings import Cluster, Settings

ENDPOINT = Endpoint(
    base_url=HANDLE.inside_url, model_name="m", trial_id=1, handle=HANDLE.model_dump(mode="json")
)


def _settings(folder: Path, reach: str) -> Settings:
    return replace(some_settings(folder), cluster=Cluster(reach=reach))


def test_where_services_are_known_by_name_that_is_the_way(tmp_path: Path) -> None:
    with streams() as (_fake, api), Reach(api, _settings(tmp_path, "direct")) as reach:
        assert reach.url(ENDPOINT) == "http://server.n.svc:8000"


@pytest.mark.parametrize("way", ["forward", "auto"])
def test_elsewhere_a_server_has_one_port_of_this_host(tmp_path: Path, way: str) -> None:
    with streams() as (_fake, api), Reach(api, _settings(tmp_path, way)) as reach:
        url = reach.url(ENDPOINT)
        assert url.startswith("http://127.0.0.1:")
        assert reach.url(ENDPOINT) == url
        reach.close()
        assert reach.url(ENDPOINT).startswith("http://127.0.0.1:"), "it can be opened again"
