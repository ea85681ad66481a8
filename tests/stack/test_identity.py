import json
import socket
from pathlib import Path

import pytest

from airtune.stack.handle import StackHandle, running_stack
from airtune.stack.identity import LOOPBACK, Identity, write_private


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_identity_survives_a_restart(tmp_path: Path) -> None:
    assert Identity.of(tmp_path) == Identity.of(tmp_path)


def test_two_folders_share_no_secret(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    one, other = (Identity.of(folder) for folder in folders)
    assert one.password != other.password
    assert one.fernet_key != other.fernet_key
    assert one.jwt_secret != other.jwt_secret


def test_a_taken_port_is_replaced_and_the_login_kept(tmp_path: Path) -> None:
    first = Identity.of(tmp_path)
    with socket.socket() as stranger:
        stranger.bind((LOOPBACK, first.port))
        stranger.listen()
        second = Identity.of(tmp_path)
    assert second.port != first.port
    assert second.password == first.password
    assert Identity.of(tmp_path).port == second.port


@pytest.mark.parametrize("shown", [repr, str, "{}".format])
def test_no_text_of_identity_or_handle_contains_the_password(tmp_path: Path, shown) -> None:
    identity = Identity.of(tmp_path)
    assert identity.password not in shown(identity)
    assert identity.password not in shown(StackHandle.of(identity))


def test_files_with_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    identity = Identity.of(tmp_path)
    identity.write_passwords(tmp_path / "passwords.json")
    StackHandle.of(identity).write(tmp_path)
    names = ("identity.json", "passwords.json", "stack.json")
    assert {name: mode_of(tmp_path / name) for name in names} == dict.fromkeys(names, 0o600)


def test_private_writing_replaces_an_open_file_of_looser_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), mode_of(path)) == ("new", 0o600)


def test_airflows_password_file_holds_the_login(tmp_path: Path) -> None:
    identity = Identity.of(tmp_path)
    identity.write_passwords(tmp_path / "passwords.json")
    assert json.loads((tmp_path / "passwords.json").read_text()) == {"admin": identity.password}


def test_a_folder_without_a_supervisor_has_no_running_stack(tmp_path: Path) -> None:
    StackHandle.of(Identity.of(tmp_path)).write(tmp_path)
    assert running_stack(tmp_path) is None
