"""The README's table of chapters is made from the chapters, and is up to date."""

from pathlib import Path

import pytest

from sdg_lab.course.ch00.families import FAMILIES
from sdg_lab.course.engine import contents, notebooks, registry

ROOT = Path(__file__).parents[3]


def test_the_readme_holds_the_table_as_it_would_be_made_now():
    assert contents.table() in (ROOT / "README.md").read_text(encoding="utf-8"), "run `make notebooks`"


def test_every_chapter_has_one_line_in_order_and_every_family_a_chapter():
    lines = [line.split("|") for line in contents.table().splitlines()[2:]]
    numbers = [line[1].strip() for line in lines]
    assert numbers == sorted(path.stem[:2] for path in notebooks.chapters())
    assert all(registry.chapter(number).title in line[2] for number, line in zip(numbers, lines, strict=True))
    assert {family.chapter for family in FAMILIES} <= set(numbers)


def test_only_what_is_between_the_markers_is_touched(tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{contents.BEGIN}\nold\n{contents.END}\nafter\n", encoding="utf-8")
    assert contents.update(readme)
    assert readme.read_text(encoding="utf-8") == (
        f"before\n{contents.BEGIN}\n{contents.table()}\n{contents.END}\nafter\n"
    )
    assert not contents.update(readme)


def test_a_missing_marker_is_named(tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(contents.BEGIN, encoding="utf-8")
    with pytest.raises(ValueError, match="end of chapters"):
        contents.update(readme)
