from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from semantic_scholar_server import Library, serving

import papers
from papers import SemanticScholar

EXAMPLES = Path(papers.__file__).parent / "examples"


@pytest.fixture
def as_found() -> str:
    """The list as it was found: three rows, two of them with faults, cut off before its end tags."""
    with (EXAMPLES / "as_found.md").open(encoding="utf-8", newline="") as handle:
        return handle.read()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's own key, address and cache out of the tests."""
    for name in ("SEMANTIC_SCHOLAR_API_KEY", "S2_API_KEY", "SEMANTIC_SCHOLAR_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def library() -> Iterator[Library]:
    """An empty service on loopback."""
    with serving(Library()) as running:
        yield running


@pytest.fixture
def client(library: Library) -> SemanticScholar:
    """A client of that service that does not dawdle."""
    return SemanticScholar(base_url=library.url, pace=0, timeout=5, max_wait=0.01)
