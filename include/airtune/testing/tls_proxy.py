"""A Docker Engine by TCP with TLS both ways, as remote ones are: a proxy before its socket."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_CHUNK = 1 << 16


@dataclass(frozen=True)
class TlsEngine:
    """The proxy's address, and what its clients need.

    Attributes:
        url: ``tcp://127.0.0.1:<port>``.
        ca, cert, key: files; a client without them is refused.
    """

    url: str
    ca: str
    cert: str
    key: str


@contextmanager
def tls_engine(unix_socket: str, folder: Path) -> Iterator[TlsEngine]:
    """Serve the engine behind ``unix_socket`` (a path) on loopback while the block runs.

    Args:
        folder: for certificates and keys, made for this proxy.
    """
    authority = _authority()
    _write(folder / "ca.pem", authority[0].public_bytes(serialization.Encoding.PEM))
    for name in ("server", "client"):
        _issue(folder, name, authority)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(
            target=_accept, args=(listener, context, unix_socket), daemon=True
        )
        thread.start()
        files = [str(folder / name) for name in ("ca.pem", "client.pem", "client-key.pem")]
        yield TlsEngine(f"tcp://127.0.0.1:{listener.getsockname()[1]}", *files)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, unix_socket: str) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return  # the block has ended
        arguments = (plain, context, unix_socket)
        threading.Thread(target=_serve, args=arguments, daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, unix_socket: str) -> None:
    with (
        plain,
        contextlib.suppress(OSError),
        context.wrap_socket(plain, server_side=True) as near,
        socket.socket(socket.AF_UNIX) as far,
    ):
        far.connect(unix_socket)
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=airtune test authority")
    builder = _builder(name, key.public_key()).issuer_name(name)
    limits = x509.BasicConstraints(ca=True, path_length=None)
    return builder.add_extension(limits, critical=True).sign(key, hashes.SHA256()), key


def _issue(
    folder: Path, name: str, authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(x509.Name.from_rfc4514_string(f"CN={name}"), key.public_key())
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.issuer_name(authority[0].subject).add_extension(address, critical=False)
    certificate = signed.sign(authority[1], hashes.SHA256())
    _write(folder / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(folder / f"{name}-key.pem", private)


def _builder(name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
