from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.testing.docker_context import ROOT, Context, copied, read_context
from airtune.testing.docker_images import DOCKERFILES

DOCKERFILE = """\
FROM base
COPY --chown=me one.txt folder/ /opt/
COPY \\
    set-*.txt /opt/
COPY --from=other /x /y
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("one.txt", "two.txt", "folder/a", "folder/b/c", "folder/b/c.pyc", "set-1.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / ".dockerignore").write_text("# comment\n**/*.pyc\n")
    return tmp_path


def test_a_context_has_what_is_copied_and_not_ignored_and_nothing_else(project: Path) -> None:
    assert sorted(read_context("Dockerfile", project).files) == [
        "Dockerfile",
        "folder/a",
        "folder/b/c",
        "one.txt",
        "set-1.txt",
    ]


def test_a_path_that_is_copied_and_not_there_is_named(project: Path) -> None:
    (project / "one.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"Dockerfile copies one\.txt"):
        read_context("Dockerfile", project)


def test_the_hash_changes_with_content_mode_and_argument_and_with_nothing_else(
    project: Path,
) -> None:
    def digest(**arguments: str) -> str:
        return read_context("Dockerfile", project).digest(arguments)

    before = digest(BASE_IMAGE="a")
    (project / "two.txt").write_text("not copied")
    assert digest(BASE_IMAGE="a") == before
    assert digest(BASE_IMAGE="b") != before
    (project / "folder/a").chmod(0o755)
    executable = digest(BASE_IMAGE="a")
    assert executable != before
    (project / "folder/a").write_text("changed")
    assert digest(BASE_IMAGE="a") not in {before, executable}


@given(st.dictionaries(st.text("abc/", min_size=1), st.binary(max_size=4), min_size=2))
def test_no_two_contexts_have_one_hash(files: dict[str, bytes]) -> None:
    whole = Context(files, frozenset(), "Dockerfile")
    for left_out in files:
        rest = {path: content for path, content in files.items() if path != left_out}
        assert Context(rest, frozenset(), "Dockerfile").digest({}) != whole.digest({})


@pytest.mark.parametrize("dockerfile", DOCKERFILES.values())
def test_an_image_is_made_of_files_that_are_there_and_of_no_secret(dockerfile: str) -> None:
    context = read_context(dockerfile)
    assert len(context.files) > 1
    assert not [path for path in context.files if Path(path).name.startswith(".env")]
    assert not [path for path in context.files if path.startswith(("var/", ".venv", "tests/a"))]


@pytest.mark.parametrize("dockerfile", DOCKERFILES.values())
def test_packages_are_installed_before_the_source_is_copied(dockerfile: str) -> None:
    """Else every edit would install them anew."""
    sources = list(copied(ROOT / dockerfile))
    code = next((i for i, path in enumerate(sources) if path.startswith("include")), len(sources))
    pins = [i for i, path in enumerate(sources) if path.startswith("requirements")]
    assert all(index < code for index in pins)


def test_certificates_of_the_host_lie_where_the_image_looks_for_them() -> None:
    context = read_context("docker/llama-cpp.Dockerfile", certificates={"ours.crt": b"PEM"})
    assert context.files["docker/certificates/ours.crt"] == b"PEM"
    plain = read_context("docker/llama-cpp.Dockerfile")
    assert context.digest({}) != plain.digest({})
