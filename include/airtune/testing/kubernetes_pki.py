"""Keys, certificates and kubeconfigs of the private cluster; all are made anew for each session."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from airtune.testing.kubernetes_place import NODE, Addresses, Place

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, Extension, ExtensionType, GeneralName, Name

_VALID = timedelta(days=30)
_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")


@dataclass(frozen=True)
class _Pair:
    """A certificate with its key."""

    key: "EllipticCurvePrivateKey"
    certificate: "Certificate"

    def pem(self) -> tuple[bytes, bytes]:
        """The certificate, and the key."""
        from cryptography.hazmat.primitives import serialization

        return self.certificate.public_bytes(serialization.Encoding.PEM), _key_pem(self.key)


def write_pki(place: Place, addresses: Addresses) -> None:
    """Write everything below ``place.pki``, and the kubeconfigs beside it."""
    place.pki.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = _authority("airtune-test")
    proxies = _authority("airtune-test-front-proxy")
    node = str(addresses.node.ip)
    server = [*_NAMES, "kubernetes.default.svc.cluster.local", str(addresses.api), node]
    files = {
        "ca": authority,
        "front-proxy-ca": proxies,
        "apiserver": _signed(authority, "kube-apiserver", hosts=server),
        "apiserver-kubelet": _signed(authority, "kube-apiserver-kubelet", "system:masters"),
        "front-proxy": _signed(proxies, "front-proxy"),
        "kubelet": _signed(authority, f"system:node:{NODE}", "system:nodes", [NODE, node]),
        "admin": _signed(authority, "admin", "system:masters"),
    }
    for name, pair in files.items():
        certificate, key = pair.pem()
        _write(place.pki / f"{name}.crt", certificate)
        _write(place.pki / f"{name}.key", key)
    _write_service_account_keys(place.pki)
    users = {
        "admin": files["admin"],
        "controllers": _signed(authority, "system:kube-controller-manager"),
        "scheduler": _signed(authority, "system:kube-scheduler"),
        "proxy": _signed(authority, "system:kube-proxy"),
        "kubelet": files["kubelet"],
    }
    for name, pair in users.items():
        text = _kubeconfig(f"https://{node}:6443", authority, name, pair)
        _write(place.run / f"{name}.kubeconfig", text.encode())


def _authority(name: str) -> _Pair:
    from cryptography import x509

    key, subject = _key(), _name(name)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    extensions = [_extension(constraints, critical=True), _extension(usage, critical=True)]
    return _Pair(key, _certificate(subject, key, subject, key, extensions))


def _signed(
    authority: _Pair, name: str, organisation: str | None = None, hosts: Sequence[str] = ()
) -> _Pair:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

    key = _key()
    both = x509.ExtendedKeyUsage([Usage.SERVER_AUTH, Usage.CLIENT_AUTH])
    extensions = [_extension(both, critical=False)]
    if hosts:
        names = x509.SubjectAlternativeName([_general(host) for host in hosts])
        extensions.append(_extension(names, critical=False))
    subject, issuer = _name(name, organisation), authority.certificate.subject
    return _Pair(key, _certificate(subject, key, issuer, authority.key, extensions))


def _certificate(
    subject: "Name",
    key: "EllipticCurvePrivateKey",
    issuer: "Name",
    issuer_key: "EllipticCurvePrivateKey",
    extensions: "Sequence[Extension[ExtensionType]]",
) -> "Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # whoever reads it may have a clock behind
        .not_valid_after(now + _VALID)
    )
    for one in extensions:
        builder = builder.add_extension(one.value, one.critical)
    return builder.sign(issuer_key, SHA256())


def _extension(value: "ExtensionType", *, critical: bool) -> "Extension[ExtensionType]":
    from cryptography.x509 import Extension

    return Extension(value.oid, critical, value)


def _general(host: str) -> "GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(name: str, organisation: str | None = None) -> "Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organisation:  # a group, for Kubernetes
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def _key() -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _key_pem(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write_service_account_keys(folder: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = _key()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(folder / "service-accounts.key", _key_pem(key))
    _write(folder / "service-accounts.pub", public)


def _kubeconfig(server: str, authority: _Pair, user: str, pair: _Pair) -> str:
    """JSON, which is YAML, too."""
    certificate, key = pair.pem()
    cluster = {"server": server, "certificate-authority-data": _base64(authority.pem()[0])}
    identity = {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)}
    name = "airtune-test"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": identity}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }
    return json.dumps(content, indent=1) + "\n"


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
