"""The stand-in controller's admission webhook: an HTTPS server that the API server asks."""

import base64
import datetime
import ipaddress
import json
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from airtune.testing.ome_api import GROUP, OmeApi
from airtune.testing.ome_merge import Json

PATH = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
LABEL = "airtune.test/ome"
"""Label of the namespaces that a stand-in with a prefix looks after; its value is the prefix."""

Objection = Callable[[str, Mapping[str, Any], str], str]
"""Kind, object and namespace → why it must not be stored; empty if it may."""


def webhook_name(prefix: str) -> str:
    """Name of the ValidatingWebhookConfiguration of a controller with that namespace prefix."""
    return f"ome-stand-in-{prefix}".rstrip("-")


def any_webhook(api: OmeApi) -> bool:
    """Whether a stand-in controller works in the cluster."""
    names = [one["metadata"]["name"] for one in api.items(PATH)]
    return any(name.startswith("ome-stand-in") for name in names)


@contextmanager
def webhook(api: OmeApi, prefix: str, address: str, objection: Objection) -> Iterator[None]:
    """Have the API server ask ``objection`` while the block runs.

    Args:
        prefix: only of objects in namespaces with the label ``LABEL`` of this value, so that a
            stand-in that is killed is in nobody else's way; empty: of all.
        address: IP address of this machine that the API server reaches.
    """
    name = webhook_name(prefix)
    with tempfile.TemporaryDirectory() as folder, _served(address, Path(folder), objection) as port:
        certificate = (Path(folder) / "cert.pem").read_bytes()
        url = f"https://{address}:{port}/"
        api.apply(f"{PATH}/{name}", _configuration(name, prefix, url, certificate))
        try:
            yield
        finally:
            api.remove(f"{PATH}/{name}")


def review(request: Mapping[str, Any], objection: Objection) -> Json:
    """The answer to an AdmissionReview."""
    asked = request["request"]
    text = objection(asked["kind"]["kind"], asked["object"], asked.get("namespace", ""))
    answer: Json = {"uid": asked["uid"], "allowed": not text}
    if text:
        answer["status"] = {"code": 403, "reason": "Forbidden", "message": text}
    return {key: request[key] for key in ("apiVersion", "kind")} | {"response": answer}


def _configuration(name: str, prefix: str, url: str, certificate: bytes) -> Json:
    hooks = [
        {
            "name": f"{kind}.ome-stand-in.airtune.test",
            "clientConfig": {"url": url, "caBundle": base64.b64encode(certificate).decode()},
            "rules": [
                {
                    "apiGroups": [GROUP],
                    "apiVersions": ["v1beta1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": [kind],
                }
            ],
            "failurePolicy": "Fail",  # as OME's: without the controller nothing can be made
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 5,
            "namespaceSelector": {"matchLabels": {LABEL: prefix}} if prefix else {},
        }
        for kind in ("inferenceservices", "benchmarkjobs")
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": hooks,
    }


@contextmanager
def _served(address: str, folder: Path, objection: Objection) -> Iterator[int]:
    _write_certificate(folder, address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    class Handler(BaseHTTPRequestHandler):
        """Answers reviews; one connection may carry several."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """One review."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = json.dumps(review(json.loads(body), objection)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the API server's health of mind is not ours to log."""

    with ThreadingHTTPServer((address, 0), Handler) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def _write_certificate(folder: Path, address: str) -> None:
    """A certificate that signs itself, for a day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=OME stand-in")
    now = datetime.datetime.now(datetime.UTC)
    served = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(minutes=5))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    signed = builder.add_extension(served, critical=False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "key.pem").touch(mode=0o600)
    (folder / "key.pem").write_bytes(private)
