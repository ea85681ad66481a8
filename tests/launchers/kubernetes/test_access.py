"""Ways to a cluster, and riding out its short outages."""

import json
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
import yaml

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import access
from airtune.launchers.kubernetes.access import connect, in_cluster
from airtune.launchers.kubernetes.api import ApiRefused
from airtune.records import FailureClass
from airtune.settings import Settings


def _settings(tmp_path, **more):
    return Settings.load({"AIRTUNE_HOME": str(tmp_path), **more})


def _kubeconfig(path, url):
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


@pytest.fixture
def server():
    """An API server that answers with the statuses it is told, then 200; counts its calls."""
    answers, seen = [], []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Authorization"])
            status = answers.pop(0) if answers else 200
            body = json.dumps({"status": status, "message": "told so"}).encode()
            body = b"<html>" if self.path == "/page" else body
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}", answers, seen
    made.shutdown()
    made.server_close()
    thread.join()


def _failure(settings, kubeconfig=""):
    with pytest.raises(TrialFailed) as error, connect(settings, kubeconfig):
        pass
    return error.value.failure


def test_a_kubeconfigs_server_and_token_are_used(tmp_path, server):
    url, _, seen = server
    config = _kubeconfig(tmp_path / "config", url)
    with connect(_settings(tmp_path, AIRTUNE_KUBECONFIG=config)) as api:
        assert api.get("/version")["status"] == 200
    assert seen == ["Bearer secret-token"]


def test_a_task_may_name_only_kubeconfigs_that_the_settings_allow(tmp_path, server):
    config = _kubeconfig(tmp_path / "config", server[0])
    failure = _failure(_settings(tmp_path, AIRTUNE_KUBECONFIGS="/etc/lab"), config)
    assert failure.failure_class is FailureClass.INVALID_CONFIG
    assert "AIRTUNE_KUBECONFIGS" in failure.reason
    with connect(_settings(tmp_path, AIRTUNE_KUBECONFIGS=f"/etc/lab:{config}"), config) as api:
        assert api.get("/version")["status"] == 200


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path):
    failure = _failure(_settings(tmp_path, AIRTUNE_KUBECONFIG="/nix/config"))
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert "/nix/config" in failure.reason


@pytest.mark.parametrize("text", ["", "nonsense", "a: [", "kind: Config", "token: s3cret\n- x"])
def test_a_broken_kubeconfig_is_named_without_its_text(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    failure = _failure(_settings(tmp_path, AIRTUNE_KUBECONFIG=str(path)))
    assert str(path) in failure.reason
    assert "s3cret" not in failure.reason


def test_a_context_that_is_not_there_is_told(tmp_path):
    config = _kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    more = {"AIRTUNE_KUBECONFIG": config, "AIRTUNE_KUBE_CONTEXT": "nix"}
    assert "nix" in _failure(_settings(tmp_path, **more)).reason


def test_a_connection_of_airflows_is_its_tasks_to_open(tmp_path, monkeypatch):
    settings = _settings(tmp_path, AIRTUNE_KUBERNETES_CONN_ID="lab")
    monkeypatch.setattr(access, "by_connection", None)
    assert "AIRTUNE_KUBECONFIG" in _failure(settings).reason

    def refuse(conn_id):
        raise LookupError(f"no connection {conn_id}")

    monkeypatch.setattr(access, "by_connection", refuse)
    assert "no connection lab" in _failure(settings).reason


def test_short_outages_are_ridden_out(tmp_path, server):
    url, answers, seen = server
    config = _kubeconfig(tmp_path / "config", url)
    answers += [503, 429]
    with connect(_settings(tmp_path, AIRTUNE_KUBECONFIG=config)) as api:
        assert api.post("/api/v1/namespaces", {})["status"] == 200
    assert len(seen) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_a_refusal_is_no_outage(tmp_path, server, status):
    url, answers, seen = server
    config = _kubeconfig(tmp_path / "config", url)
    answers += [status]
    settings = _settings(tmp_path, AIRTUNE_KUBECONFIG=config)
    with connect(settings) as api, pytest.raises(ApiRefused) as error:
        api.get("/version")
    assert error.value.status == status
    assert len(seen) == 1


def test_patience_has_an_end(tmp_path):
    config = _kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    settings = _settings(tmp_path, AIRTUNE_KUBECONFIG=config)
    with connect(settings, patience_s=0.3) as api, pytest.raises(ApiRefused) as error:
        api.get("/version")
    assert error.value.status == 0


def test_an_answer_that_is_no_json_is_no_answer(tmp_path, server):
    """A proxy that asks for a login, for one."""
    url, _, _ = server
    settings = _settings(tmp_path, AIRTUNE_KUBECONFIG=_kubeconfig(tmp_path / "config", url))
    with connect(settings) as api, pytest.raises(ApiRefused) as error:
        api.get("/page")
    assert error.value.status == 0


def test_a_log_that_the_node_does_not_give_is_not_asked_for_again(tmp_path, server):
    url, answers, seen = server
    config = _kubeconfig(tmp_path / "config", url)
    answers += [500]
    settings = _settings(tmp_path, AIRTUNE_KUBECONFIG=config)
    with connect(settings) as api, pytest.raises(ApiRefused):
        api.text("/api/v1/namespaces/x/pods/y/log")
    assert len(seen) == 1


def test_a_pod_is_known_by_its_service_account(tmp_path, monkeypatch):
    token = tmp_path / "token"
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert not in_cluster(token)
    token.write_text("t")
    assert in_cluster(token)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    assert not in_cluster(token)


def test_a_pods_service_account_gives_access_and_its_token_is_renewed(tmp_path, monkeypatch):
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    authority.write_text(_authority())
    monkeypatch.setattr("kubernetes.config.incluster_config.SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr("kubernetes.config.incluster_config.SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setattr("airtune.launchers.kubernetes.access.in_cluster", lambda: True)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with connect(_settings(tmp_path)) as api:
        assert api.client.configuration.host == "https://10.0.0.1:443"
        assert _bearer(api) == "bearer first"
        token.write_text("second")
        assert _bearer(api) == "bearer first"
        later = datetime.now() + timedelta(minutes=2)
        clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda: later), timedelta=timedelta)
        monkeypatch.setattr("kubernetes.config.incluster_config.datetime", clock)
        assert _bearer(api) == "bearer second"


def _bearer(api):
    headers = {}
    api.client.update_params_for_auth(headers, [], ["BearerToken"])
    return headers["authorization"]


def _authority():
    """One authority, whose certificate any TLS context takes."""
    text = Path(certifi.where()).read_text()
    begin = text.index("-----BEGIN")
    return text[begin : text.index("-----END", begin)] + "-----END CERTIFICATE-----\n"
