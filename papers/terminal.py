"""Tables, colours and progress in the terminal. Text from files and from the service is made harmless first."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from papers.audit import Finding
from papers.catalog import Refresh
from papers.escape import one_line
from papers.service import Progress
from papers.table import Row

_STATE = {
    "ok": "green",
    "unchanged": "dim",
    "not_found": "yellow",
    "no_id": "yellow",
    "mismatch": "magenta",
    "fall": "magenta",
    "no_place": "yellow",
    "failed": "red",
}
_CERTAINTY = {"certain": "red", "likely": "yellow", "possible": "dim"}
_LONG = 50
"""Papers from which on a progress bar is worth looking at."""


def console(*, error: bool = False) -> Console:
    """Return a console on the stream as it is now."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, highlight=False, soft_wrap=not stream.isatty(), width=None if stream.isatty() else 160)


def open_what_is_closed() -> None:
    """Put something in the place of streams that are closed: a file would get their number, and be printed into.

    What is written to a standard output that is closed fails when it is flushed; what is said meanwhile is lost.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDONLY if name == "stdout" else os.O_RDWR)
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="replace"))  # noqa: SIM115


@contextmanager
def to_standard_output() -> Iterator[None]:
    """Print, and let no character wait for the end of the program, where nobody could say that it was lost.

    Raises:
        BrokenPipeError: if the reader has gone, which is its good right.
        OSError: if standard output takes no more.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        close_output()
        raise
    except OSError as error:
        close_output()
        raise OSError(f"cannot write to standard output: {error.strerror or error}") from None


def close_output() -> None:
    """Let standard output go, after it has failed, so that nothing of it is tried again at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def cell(value: object, style: str = "") -> Text:
    """Return a value as one line of text without control characters or markup; nothing for None."""
    return Text("" if value is None else one_line(str(value)), style=style, overflow="ellipsis")


def replace_what_an_encoding_lacks() -> None:
    """Have both streams show a question mark for what their encoding lacks, rather than stop half-way."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_text(text: str) -> None:
    """Print text that programs read, every character of it.

    Raises:
        ValueError: if the encoding of standard output lacks one; nothing is printed then.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError as error:
        lacks = f"standard output is {encoding}, which lacks {text[error.start]!a}"
        raise ValueError(f"{lacks}; set PYTHONIOENCODING=utf-8, or write to a file where there is an option") from None
    with to_standard_output():
        sys.stdout.write(text)


def print_json(value: Any) -> None:
    """Print JSON alone on standard output, in ASCII: it is the same in whatever encoding that stream has."""
    with to_standard_output():
        sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_rows(rows: Iterable[Row]) -> None:
    """Print a list of papers."""
    grid = _grid("line", "date", "category", "title", "citations", "as of", "id")
    for row in rows:
        as_of = row.citation.as_of
        values = (row.line, row.date, row.category, row.title, row.count, as_of, row.paper_id)
        grid.add_row(*(cell(value) for value in values))
    _print(grid)


def print_refresh(outcome: Refresh, *, error: bool = False) -> None:
    """Print how each row of a refresh ended, old count to new; on standard error if that is asked for."""
    grid = _grid("line", "title", "state", "citations", "note")
    for row in outcome.rows:
        old = "–" if row.old is None else str(row.old)
        change = old if row.new in (None, row.old) else f"{old} → {row.new}"
        style = _STATE[row.state]
        grid.add_row(cell(row.line), cell(row.title), cell(row.state, style), cell(change, style), cell(row.note))
    _print(grid, error=error)


def print_findings(findings: Iterable[Finding]) -> None:
    """Print what an audit found."""
    grid = _grid("line", "kind", "certainty", "found", "expected", "note")
    for finding in findings:
        style = _CERTAINTY[finding.certainty]
        values = (finding.found, finding.expected, finding.note)
        grid.add_row(
            cell(finding.line), cell(finding.kind), cell(finding.certainty, style), *(cell(value) for value in values)
        )
    _print(grid)


def print_records(records: Iterable[dict[str, Any]]) -> None:
    """Print papers that are not in a list."""
    grid = _grid("id", "year", "title", "citations", "link")
    for record in records:
        grid.add_row(*(cell(record[name]) for name in ("paper_id", "year", "title", "count", "url")))
    _print(grid)


def say(message: str) -> None:
    """Say something on standard error."""
    console(error=True).print(Text(one_line(message)))


@contextmanager
def progress(total: int) -> Iterator[Progress | None]:
    """Show a bar on standard error while a long list is asked for; None for a short one or no terminal."""
    screen = console(error=True)
    if total < _LONG or not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("asking", total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _print(grid: Grid, *, error: bool = False) -> None:
    """Print a table: fitted to a terminal, whole lines into a pipe or a file."""
    screen = console(error=error)
    with nullcontext() if error else to_standard_output():
        _show(screen, grid)


def _show(screen: Console, grid: Grid) -> None:
    if screen.is_terminal:
        screen.print(grid)
        return
    columns = [[column.header, *column.cells] for column in grid.columns]
    widths = [max(cell_len(str(value)) for value in column) for column in columns]
    for row in zip(*columns, strict=True):
        cells = []
        for value, column, width in zip(row, grid.columns, widths, strict=True):
            padding = " " * (width - cell_len(str(value)))
            cells.append(f"{padding}{value}" if column.justify == "right" else f"{value}{padding}")
        screen.file.write(" ".join(cells).rstrip() + "\n")


def _grid(*names: str) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for name in names:
        grid.add_column(name, justify="right" if name == "line" else "left", no_wrap=name in ("line", "date", "state"))
    return grid
