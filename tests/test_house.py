"""The house keeps its order: imports point down the street, the neighbours do not mix, and nothing reads a pickle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STREET = ["threads", "files", "tables", "data", "training", "models", "metrics", "show"]
STREET += ["synth", "distill", "course", "cli"]
SOURCES = sorted(path for package in ("sdg_lab", "papers") for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield every absolute module name that a file imports, with the names taken from it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write absolute imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(path: Path) -> int:
    return STREET.index(path.relative_to(ROOT / "sdg_lab").parts[0].removesuffix(".py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down_the_street(path: Path):
    package = path.relative_to(ROOT).parts[0]
    other = {"sdg_lab": "papers", "papers": "sdg_lab"}[package]
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] != other, f"{package} and {other} never import each other"
        assert parts[0] not in ("pickle", "joblib", "dill", "shelve", "notebooks"), f"{name} is not for this project"
        if (
            parts[0] == "sdg_lab"
            and package == "sdg_lab"
            and parts[1:2]
            and parts[1] in STREET
            and path.name != "__init__.py"
        ):
            assert STREET.index(parts[1]) <= place(path), f"{name} stands further up the street"


def test_every_file_of_the_package_has_a_place():
    tops = {p.relative_to(ROOT / "sdg_lab").parts[0].removesuffix(".py") for p in SOURCES if "sdg_lab" in p.parts}
    assert tops - {"__init__", "__main__"} <= set(STREET)
