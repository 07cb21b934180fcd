"""The papers that a chapter names in its header stand in the catalog; sdg_lab itself never imports papers."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from papers import read_rows
from papers.identifiers import from_url
from sdg_lab.course.engine import registry

CATALOG = Path(find_spec("papers").origin).with_name("related_papers.md")
ROWS = {row.url_id or row.url: row for row in read_rows(CATALOG.read_text(encoding="utf-8"))}


@pytest.mark.parametrize(
    "paper",
    [paper for number in registry.numbers() for paper in registry.chapter(number).papers],
    ids=lambda p: p.title,
)
def test_it_is_in_the_catalog_under_the_same_title(paper):
    row = ROWS[from_url(paper.url) or paper.url]
    assert row.title.casefold() == paper.title.casefold()
