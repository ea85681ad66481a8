"""What the documents name is there: settings, files, links, tasks."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = "".join(
    path.read_text()
    for folder in ("include/airtune", "scripts")
    for path in (ROOT / folder).rglob("*.py")
) + "".join((ROOT / name).read_text() for name in ("docker-compose.yaml", ".env.example"))


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
    return kept.replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings_that_are_there(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith(("http:", "https:")):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert anchor in {_anchor(heading) for heading in headings}, target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_settings_are_those_that_the_code_reads(path: Path) -> None:
    for name in set(re.findall(r"\bAIRTUNE_[A-Z][A-Z_]*[A-Z]\b", path.read_text())):
        assert name in SOURCES, name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_of_the_project_are_there(path: Path) -> None:
    pattern = r"(?<![\w/.])((?:examples|docker|include|scripts|dags)/[\w./-]*\w)"
    for name in set(re.findall(pattern, path.read_text())):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_yaml_in_it_is_yaml(path: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL):
        assert yaml.safe_load(block)
