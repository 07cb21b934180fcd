"""``python -m benchmarks [NAME …] [--save]``: run the comparisons and print one table (kept in ``results.md``).

A comparison that takes long may have parts, such as ``tables/fair``; ``tables`` alone runs all of them.
"""

from __future__ import annotations

import argparse
import importlib
import platform
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.timing import Row
from sdg_lab import threads

HERE = Path(__file__).parent
RESULTS = HERE / "results.md"
TITLE = "# Side by side with peers\n\nEach table was made by `python -m benchmarks NAME --save`, and says where.\n"


def comparisons() -> list[str]:
    """Return the names of the modules here that define ``run``; of one with ``PARTS`` those, after a slash."""
    names = []
    for path in sorted(HERE.glob("*.py")):
        text = path.read_text("utf-8")
        if "\ndef run(" in text and "\nPARTS = " in text:
            names += [f"{path.stem}/{part}" for part in importlib.import_module(f"benchmarks.{path.stem}").PARTS]
        elif "\ndef run(" in text:
            names.append(path.stem)
    return names


def chosen(wanted: list[str], there: list[str]) -> list[str]:
    """Return the comparisons that were asked for: all of them if none was, all parts of one named without any.

    Raises:
        ValueError: if one is not there; the sentence says which are.
    """
    unknown = [name for name in wanted if not any(_is_of(one, name) for one in there)]
    if unknown:
        raise ValueError(f"no benchmark called {', '.join(unknown)}; there are {', '.join(there)}")
    return [one for one in there if not wanted or any(_is_of(one, name) for name in wanted)]


def _is_of(name: str, asked: str) -> bool:
    return asked in (name, name.split("/")[0])


def ran(name: str) -> list[Row]:
    """Run a comparison, or one part of it."""
    module, _, part = name.partition("/")
    run = importlib.import_module(f"benchmarks.{module}").run
    rows: list[Row] = run(part) if part else run()
    return rows


def cells(row: Row) -> list[str]:
    """Return one line of the table as text."""
    goal = f">= {row.goal:g}"
    return [
        row.what,
        f"{row.ours:.3g} {row.unit}".strip(),
        row.peer,
        f"{row.theirs:.3g} {row.unit}".strip(),
        f"{row.ratio:.2f}",
        goal,
        "yes" if row.reached else "no",
    ]


HEADINGS = ("what", "ours", "peer", "theirs", "theirs / ours", "goal", "reached")


def where() -> str:
    """Say on what the figures were taken."""
    import torch  # after sdg_lab, which sets the thread policy

    return (
        f"{date.today():%Y-%m-%d}, {platform.system()} {platform.machine()}, {threads.available_cores()} cores, "
        f"Python {platform.python_version()}, torch {torch.__version__}, threads: {torch.get_num_threads()}; "
        "medians of interleaved runs"
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(comparisons())} (default: all)")
    parser.add_argument("--save", action="store_true", help="keep the tables in benchmarks/results.md")
    wanted = parser.parse_args()
    try:
        names = chosen(wanted.names, comparisons())
    except ValueError as error:
        parser.error(str(error))
    console = Console()
    table = Table(*HEADINGS, title=where())
    for name in names:
        console.print(f"[dim]{name} …")
        rows = ran(name)
        for row in rows:
            table.add_row(*cells(row))
        if wanted.save:  # at once: the next one may take an hour, or fail
            kept = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
            RESULTS.write_text(updated(kept, {name: rows}), encoding="utf-8")
    console.print(table)


def updated(kept: str, tables: dict[str, list[Row]]) -> str:
    """Return the text of ``results.md`` with these tables in place of those of the same names; the others stay."""
    sections = {part.split("\n", 1)[0]: part.split("\n", 1)[1].strip() for part in kept.split("\n## ")[1:]}
    for name, rows in tables.items():
        lines = [HEADINGS, ["---"] * len(HEADINGS), *(cells(row) for row in rows)]
        sections[name] = f"{where()}.\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)
        if details := getattr(rows, "details", ""):
            sections[name] += f"\n\n{details.strip()}"
    there = [name for name in comparisons() if name in sections]  # a comparison that is gone takes its table along
    return TITLE + "".join(f"\n## {name}\n\n{sections[name]}\n" for name in there)


if __name__ == "__main__":
    main()
