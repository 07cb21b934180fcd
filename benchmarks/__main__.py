"""``python -m benchmarks [NAME …] [--save]``: run the comparisons and print one table (kept in ``results.md``)."""

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
    """Return the names of the modules here that define ``run``."""
    return sorted(path.stem for path in HERE.glob("*.py") if "\ndef run(" in path.read_text("utf-8"))


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
    unknown = set(wanted.names) - set(comparisons())
    if unknown:
        parser.error(f"no benchmark called {', '.join(sorted(unknown))}; there are {', '.join(comparisons())}")
    console = Console()
    tables: dict[str, list[Row]] = {}
    for name in wanted.names or comparisons():
        console.print(f"[dim]{name} …")
        tables[name] = importlib.import_module(f"benchmarks.{name}").run()
    table = Table(*HEADINGS, title=where())
    for row in (row for rows in tables.values() for row in rows):
        table.add_row(*cells(row))
    console.print(table)
    if wanted.save:
        RESULTS.write_text(updated(RESULTS.read_text("utf-8") if RESULTS.exists() else "", tables), encoding="utf-8")


def updated(kept: str, tables: dict[str, list[Row]]) -> str:
    """Return the text of ``results.md`` with these tables in place of those of the same names; the others stay."""
    sections = {part.split("\n", 1)[0]: part.split("\n", 1)[1].strip() for part in kept.split("\n## ")[1:]}
    for name, rows in tables.items():
        lines = [HEADINGS, ["---"] * len(HEADINGS), *(cells(row) for row in rows)]
        sections[name] = f"{where()}.\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)
    there = [name for name in comparisons() if name in sections]  # a comparison that is gone takes its table along
    return TITLE + "".join(f"\n## {name}\n\n{sections[name]}\n" for name in there)


if __name__ == "__main__":
    main()
