import pytest

from airtune.testing.golang import go_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.24.9 linux/amd64", (1, 24)),
        ("go version go1.26 linux/amd64", (1, 26)),
        ("", None),
        ("command not found", None),
    ],
)
def test_the_version_of_go_is_read(text: str, version: tuple[int, int] | None) -> None:
    assert go_version(text) == version
