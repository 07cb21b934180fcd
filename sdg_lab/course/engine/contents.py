"""The table of chapters in the README, made from what the chapters say and from their measured seconds."""

from __future__ import annotations

from pathlib import Path

from sdg_lab.course.engine import display, notebooks, registry
from sdg_lab.files import replace_atomically

BEGIN, END = "<!-- chapters: written by `make notebooks` -->", "<!-- end of chapters -->"


def table() -> str:
    """Return the chapters as a Markdown table."""
    head = ["| | chapter | what you build | takes |", "| --- | --- | --- | --- |"]
    return "\n".join(head + [_row(path) for path in notebooks.chapters()])


def update(readme: Path) -> bool:
    """Put the table between the two markers of ``readme``; return whether anything changed.

    Raises:
        ValueError: if a marker is missing.
    """
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{readme.name} must hold these two lines once each: {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    new = f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"
    if new == text:
        return False
    with replace_atomically(readme) as temporary:
        temporary.write_text(new, encoding="utf-8")
    return True


def _row(path: Path) -> str:
    chapter = registry.chapter(path.stem[:2])
    stamp = notebooks.stamp(notebooks.read(path))
    seconds = f"{stamp.seconds:.0f} s" if stamp else display.NOT_MEASURED
    return f"| {chapter.number} | [{chapter.title}](notebooks/{path.name}) | {chapter.builds} | {seconds} |"
