import json
import re
import tomllib
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from airtune.testing.kubernetes_build import COREDNS, SOURCES, VERSION, digest
from airtune.testing.kubernetes_components import command_lines, write_files
from airtune.testing.kubernetes_pki import write_pki
from airtune.testing.kubernetes_place import NODE, Addresses, Place

ADDRESSES = Addresses(IPv4Network("10.203.0.0/16"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "cache", tmp_path / "run", "airtune-k123456")


def test_every_component_shares_nothing_with_one_of_the_user(place: Place) -> None:
    write_files(place, ADDRESSES)
    kubelet = yaml.safe_load((place.etc / "kubelet.yaml").read_text())
    containerd = tomllib.loads((place.etc / "containerd.toml").read_text())
    network = json.loads((place.etc / "cni/10-bridge.conflist").read_text())
    assert kubelet["cgroupRoot"] == f"/{place.name}"
    assert kubelet["containerRuntimeEndpoint"] == f"unix://{containerd['grpc']['address']}"
    assert Path(containerd["grpc"]["address"]) == place.containerd
    assert Path(containerd["root"]) == place.images
    ranges = network["plugins"][0]["ipam"]["ranges"]
    assert ranges == [[{"subnet": str(ADDRESSES.pods)}]]


def test_no_file_has_a_hole(place: Place) -> None:
    write_files(place, ADDRESSES)
    for path in filter(Path.is_file, place.etc.rglob("*")):
        assert "${" not in path.read_text()


def test_every_path_on_a_command_line_is_below_the_cluster_s_folders(place: Place) -> None:
    for words in command_lines(place, ADDRESSES).values():
        for word in words[1:]:
            path = word.partition("=")[2]
            if path.startswith("/"):
                assert Path(path).is_relative_to(place.run)


def test_every_key_and_kubeconfig_that_a_component_names_is_written(place: Place) -> None:
    place.run.mkdir()
    write_pki(place, ADDRESSES)
    write_files(place, ADDRESSES)
    for words in command_lines(place, ADDRESSES).values():
        for path in (word.partition("=")[2] for word in words):
            if path.endswith((".crt", ".key", ".pub", ".kubeconfig", ".yaml")):
                assert Path(path).is_file()
    for path in place.pki.iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_the_api_server_s_certificate_has_all_its_names(place: Place) -> None:
    place.run.mkdir()
    write_pki(place, ADDRESSES)
    certificate = x509.load_pem_x509_certificate((place.pki / "apiserver.crt").read_bytes())
    authority = x509.load_pem_x509_certificate((place.pki / "ca.crt").read_bytes())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)
    addresses = names.get_values_for_type(x509.IPAddress)
    assert set(addresses) == {ADDRESSES.api, ADDRESSES.node.ip}


def test_the_kubelet_is_a_node_and_the_administrator_may_do_everything(place: Place) -> None:
    place.run.mkdir()
    write_pki(place, ADDRESSES)
    subjects = {}
    for name in ("kubelet", "admin"):
        pem = (place.pki / f"{name}.crt").read_bytes()
        subjects[name] = x509.load_pem_x509_certificate(pem).subject.rfc4514_string()
    assert subjects["kubelet"] == f"CN=system:node:{NODE},O=system:nodes"
    assert subjects["admin"] == "CN=admin,O=system:masters"


def test_the_version_that_is_built_is_the_one_of_the_sources() -> None:
    module = (SOURCES / "go.mod").read_text()
    assert re.search(rf"^\s*k8s\.io/kubernetes v{re.escape(VERSION)}$", module, re.MULTILINE)
    readme = (SOURCES / "README.md").read_text()
    assert VERSION in readme
    assert COREDNS in readme


def test_the_programs_are_built_again_when_a_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest()
    for name in ("go.mod", "go.sum", "main.go", "pause/main.go"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((SOURCES / name).read_bytes())
    monkeypatch.setattr("airtune.testing.kubernetes_build.SOURCES", tmp_path)
    assert digest() == before
    (tmp_path / "main.go").write_text("package main\n")
    assert digest() != before
