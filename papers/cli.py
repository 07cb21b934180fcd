"""``papers …``: the commands. Only what was asked for goes to standard output; everything else to standard error.

Exit status: 0 done, even where all that was learnt is that ids are unknown; 1 some rows failed, or the service or the
disk did; 2 bad usage, an unreadable file, or one without a list of papers.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import papers
from papers import catalog, terminal
from papers.audit import as_json, audit
from papers.authors import authors_of
from papers.cache import Cache, Kept
from papers.counts import Target
from papers.escape import one_line
from papers.export import FORMATS
from papers.extend import add, paper_link, suggest
from papers.files import FileChangedError, UnreadableFileError, check_folder, read_text, replace_text
from papers.headers import KINDS, Columns, parse_columns
from papers.history import history_path, impossible_days
from papers.seen import unread_bullets, what_was_seen
from papers.semantic_scholar import BASE_URL, SemanticScholar
from papers.sources import SERVICES, make
from papers.table import Row, Table, read_tables
from papers.transport import ServiceError


class _Program(TyperGroup):
    """The program, which explains in one sentence what fails before a command runs: printing its version, or help."""

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run it; see :meth:`typer.core.TyperGroup.main`."""
        try:
            return super().main(*args, **settings)
        except OSError as error:
            terminal.close_output()
            said = error if error.filename else f"cannot write to standard output: {error.strerror or error}"
            terminal.say(f"papers: {said}")
            sys.exit(1)


app = typer.Typer(
    cls=_Program,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Read, refresh, audit and extend a list of papers in a Markdown file, without touching anything else. A list "
    "is a table (Markdown or HTML), bullets, numbered entries or paragraphs.",
)

CATALOG = Path(papers.__file__).with_name("related_papers.md")
"""The catalog that comes with the package; commands that only read use it if no file is named."""


_LINES = 5
"""Lines that are named of bullets that were not read."""


class Style(StrEnum):
    """How a count is shown."""

    KEEP = "keep"
    LIVE = "live"
    STATIC = "static"
    TEXT = "text"


class Addition(StrEnum):
    """What a list without it can be given."""

    CITATION = "citation"


class Sort(StrEnum):
    """What a list is sorted by."""

    LINE = "line"
    DATE = "date"
    CITATIONS = "citations"
    TITLE = "title"


class Format(StrEnum):
    """What a list can be exported as."""

    BIBTEX = "bibtex"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    RIS = "ris"


_STYLES: dict[Style, Target] = {Style.KEEP: "keep", Style.LIVE: "live", Style.STATIC: "static", Style.TEXT: "text"}

File = Annotated[Path, typer.Argument(metavar="FILE", help="A Markdown file with papers in tables or bullets.")]
OwnFile = Annotated[Path, typer.Argument(metavar="FILE", show_default="the course's catalog")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
BaseUrl = Annotated[
    str | None, typer.Option(help="Another address of the API.", show_default="SEMANTIC_SCHOLAR_URL, or public")
]
Pace = Annotated[float, typer.Option(help="Least seconds between two requests.")]
Timeout = Annotated[float, typer.Option(help="Seconds that one whole answer may take.")]
MaxTime = Annotated[float, typer.Option(help="Seconds that all answers together may take.")]
MaxAge = Annotated[float, typer.Option(help="Take answers from the cache up to this many seconds old.")]
ColumnsSaid = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="KIND=N,…",
        help=f"Which column holds what, from 1: title=2,citation=5. Kinds: {', '.join(KINDS)}.",
    ),
]
CachePath = Annotated[Path | None, typer.Option("--cache", help="The cache's file.", show_default="the user's cache")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"papers {papers.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    terminal.open_what_is_closed()
    terminal.replace_what_an_encoding_lacks()


@app.command("list")
def list_command(
    file: OwnFile = CATALOG,
    sort: Annotated[
        Sort, typer.Option(help="By line, date (oldest first), citations (most first) or title (A to Z).")
    ] = Sort.LINE,
    columns: ColumnsSaid = None,
    json: Json = False,
) -> None:
    """Show the papers of a file."""
    with _explained():
        text, tables = _read(file, _said(columns), empty=[] if json else None)
        rows = sorted((row for table in tables for row in table.rows), key=lambda row: _sort_key(row, sort))
        if json:
            terminal.print_json([row.as_json() for row in rows])
            return
        terminal.print_rows(rows)
    shown = sum(row.count is not None for row in rows)
    said = f"{_number(len(rows), 'paper')}, {shown} with a count."
    if sort is Sort.CITATIONS and rows and not shown:
        place = any(row.style or row.cell("citation") for row in rows)
        more = "" if place else " --add-column citation"
        said += f" To sort by citations, first run: papers refresh {shlex.quote(str(file))}{more}"
    terminal.say(said)
    _say_unread(text, tables)


@app.command()
def refresh(
    file: File,
    style: Annotated[Style, typer.Option(help="Keep each count's style, or turn all into one.")] = Style.KEEP,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the change as a diff and make none.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Make no change; exit 1 if there is one to make.")] = False,
    accept_falls: Annotated[
        bool, typer.Option("--accept-falls", help="Write counts that fell by more than half, too.")
    ] = False,
    add_column: Annotated[
        Addition | None,
        typer.Option("--add-column", help="Give papers that show no count a place for one.", show_default=False),
    ] = None,
    columns: ColumnsSaid = None,
    json: Json = False,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Who counts: {', '.join(SERVICES)}. Each further one fills in what those before do not know.",
            show_default=SemanticScholar.name,
        ),
    ] = None,
    mailto: Annotated[
        str | None,
        typer.Option(help="Your address: Crossref asks for one; OpenAlex is sent it, too.", envvar="PAPERS_MAILTO"),
    ] = None,
    base_url: BaseUrl = None,
    pace: Pace = 1.0,
    timeout: Timeout = 30.0,
    max_time: MaxTime = 600.0,
    max_age: MaxAge = 0.0,
    cache: CachePath = None,
) -> None:
    """Put the citation counts up to date, from Semantic Scholar or another source."""
    with _explained(json=json):
        client = make(
            source or [],
            mailto=mailto,
            base_url=base_url,
            pace=pace,
            timeout=timeout,
            max_time=max_time,
            max_age=max_age,
            cache=cache or _user_cache(),
        )
        said, write = _said(columns), not (dry_run or check)
        about = read_text(file).count("\n")  # reading the rows twice would be slow; the bar learns their number
        with _interruptible(), terminal.progress(about) as progress:
            outcome = catalog.refresh(
                file,
                client,
                style=_STYLES[style],
                write=write,
                accept_falls=accept_falls,
                add_column=add_column is not None,
                columns=said,
                progress=progress,
            )
        if not outcome.rows:  # nobody was asked; say what was seen instead of papers
            _read(file, said, empty={"rows": [], "requests": 0, "written": False} if json else None)
    for note in outcome.notes:
        terminal.say(f"papers: {note}")
    with _explained(), _printing(_summary(outcome, wrote=write)):
        if json:
            terminal.print_json(outcome.as_json())
        else:
            terminal.print_refresh(outcome, error=dry_run)
            if dry_run:
                terminal.print_text(outcome.diff())
    if outcome.history_failure:
        raise _stop(f"the counts of today are not in its history: {outcome.history_failure}", 1)
    if not outcome.complete or (check and outcome.changed):
        raise typer.Exit(1)


@app.command("audit")
def audit_command(
    file: OwnFile = CATALOG,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what two pieces of evidence support, in the file.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 if a certain or likely finding is left.")] = False,
    columns: ColumnsSaid = None,
    json: Json = False,
    base_url: BaseUrl = None,
    pace: Pace = 1.0,
    timeout: Timeout = 30.0,
    max_time: MaxTime = 600.0,
    max_age: MaxAge = 0.0,
    cache: CachePath = None,
) -> None:
    """Find what is wrong in a list: links and badges of other papers, dates, titles, duplicates, broken tables."""
    with _explained():
        client = None if offline else _client(base_url, pace, timeout, max_time, max_age, cache)
        said = _said(columns)
        text, tables = _read(file, said, empty=[] if json else None)
        with _interruptible():
            outcome = audit(file, client, fix=fix, columns=said)
    for note in client.notes if client else ():
        terminal.say(f"papers: {note}")
    with _explained():
        if json:
            terminal.print_json(as_json(outcome.findings))
        elif outcome.findings:
            terminal.print_findings(outcome.findings)
    mendable = sum(finding.certainty == "certain" and bool(finding.edits) for finding in outcome.findings)
    mended = f"{mendable} mended" if fix else f"{mendable} can be mended with --fix"
    number = _number(len(outcome.findings), "finding")
    none = "Nothing to find fault with."
    ignored = f" {_number(outcome.ignored, 'finding')} ignored, as the list asks." if outcome.ignored else ""
    terminal.say((f"{number}, {mended}." if outcome.findings else none) + ignored)
    if fix and outcome.after != text:
        text, tables = outcome.after, read_tables(outcome.after, said)
    _say_unread(text, tables)
    if outcome.failure:
        terminal.say(f"Not everything could be looked up: {outcome.failure}.")
        raise typer.Exit(1)
    if check and outcome.left(fixed=fix):
        raise typer.Exit(1)


@app.command("add")
def add_command(
    file: File,
    paper_id: Annotated[str, typer.Argument(metavar="ID", help="arXiv number, DOI, link, or another id.")],
    category: Annotated[
        str | None,
        typer.Option(
            help="What goes into the category column, or the heading to put it under.",
            show_default="none; at the end of the first table, or of the last bullets",
        ),
    ] = None,
    table: Annotated[int | None, typer.Option(min=1, help="Which table, from 1.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the row and change nothing.")] = False,
    columns: ColumnsSaid = None,
    base_url: BaseUrl = None,
    pace: Pace = 1.0,
    timeout: Timeout = 30.0,
    max_time: MaxTime = 600.0,
    max_age: MaxAge = 0.0,
    cache: CachePath = None,
) -> None:
    """Append a paper in the table's own style."""
    with _explained():
        _read(file, _said(columns))
        client = _client(base_url, pace, timeout, max_time, max_age, cache)
        added = add(file, paper_id, category, client, table=table, columns=_said(columns), write=not dry_run)
    said = f"{'Would add' if dry_run else 'Added'}: {added.title}"
    with _explained(), _printing(said), terminal.to_standard_output():
        typer.echo(added.source)
    if added.note:
        terminal.say(f"papers: {added.note}")


@app.command("suggest")
def suggest_command(
    file: OwnFile = CATALOG,
    limit: Annotated[int, typer.Option(min=1, max=400, help="How many at most.")] = 10,
    columns: ColumnsSaid = None,
    json: Json = False,
    base_url: BaseUrl = None,
    pace: Pace = 1.0,
    timeout: Timeout = 30.0,
    max_time: MaxTime = 600.0,
    max_age: MaxAge = 0.0,
    cache: CachePath = None,
) -> None:
    """List papers that are not in the file yet: what Semantic Scholar recommends for the last hundred that are."""
    with _explained():
        said = _said(columns)
        _read(file, said, empty=[] if json else None)
        found = suggest(file, _client(base_url, pace, timeout, max_time, max_age, cache), limit, columns=said)
    wanted = [
        {
            "paper_id": str(record["paperId"]),
            "title": record.get("title"),
            "year": record.get("year"),
            "count": record.get("citationCount"),
            "url": paper_link(record),
        }
        for record in found
    ]
    with _explained():
        if json:
            terminal.print_json(wanted)
        else:
            terminal.print_records(wanted)


@app.command("export")
def export_command(
    file: OwnFile = CATALOG,
    format: Annotated[Format, typer.Option("--format", help="The format.")] = Format.BIBTEX,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file.", show_default="standard output")
    ] = None,
    columns: ColumnsSaid = None,
    cache: CachePath = None,
) -> None:
    """Write the papers in another format; needs no network. Authors come from the list, or from kept answers."""
    with _explained():
        text, tables = _read(file, _said(columns))
        rows = [row for table in tables for row in table.rows]
        written = FORMATS[format](rows, authors_of(text, tables, _kept(rows, cache)))
        if output:
            _not_the_list(output, file)
            replace_text(output, read_text(output) if output.is_file() else None, written)
        else:
            terminal.print_text(written)


@app.command("plot")
def plot_command(
    file: OwnFile = CATALOG,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The picture.", show_default="FILE.citations.png")
    ] = None,
    columns: ColumnsSaid = None,
) -> None:
    """Draw citation counts over time and by category."""
    from papers.plot import plot_counts

    # The course's own catalog may lie in an installed package: nothing is written there.
    output = output or (Path(file.name) if file == CATALOG else file).with_suffix(".citations.png")
    with _explained():
        _read(file, _said(columns))
        _not_the_list(output, file)
        check_folder(output)
        # Without a format matplotlib would add an ending to a name that has none.
        figure = plot_counts(file, columns=_said(columns))
        try:
            figure.savefig(output, dpi=150, format=output.suffix[1:] or "png")
        except OSError as error:
            raise OSError(f"cannot write {output}: {error.strerror or error}") from None
    _say_what_is_left_out(file)
    terminal.say(f"Drawn: {output}")


@app.command("report")
def report_command(
    file: File,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page.", show_default="FILE.report.html")
    ] = None,
    columns: ColumnsSaid = None,
) -> None:
    """Write one HTML page about a list: papers to search and sort, findings, plots; needs no network."""
    from papers.report import report

    output = output or file.with_suffix(".report.html")
    with _explained():
        _read(file, _said(columns))
        _not_the_list(output, file)
        check_folder(output)
        replace_text(output, read_text(output) if output.is_file() else None, report(file, _said(columns)))
    _say_what_is_left_out(file)
    terminal.say(f"Written: {output}")


def _client(
    base_url: str | None, pace: float, timeout: float, max_time: float, max_age: float, cache: Path | None
) -> SemanticScholar:
    cache = cache or _user_cache()
    client = SemanticScholar(
        base_url=base_url, timeout=timeout, cache=cache, pace=pace, max_age=max_age, max_time=max_time
    )
    client.start_clock()
    return client


def _say_what_is_left_out(file: Path) -> None:
    if days := impossible_days(file):
        more = f" and {len(days) - 1} more" if len(days) > 1 else ""
        terminal.say(f"papers: left out of {history_path(file).name}: {days[0]}{more}, on which nobody counted")


def _not_the_list(output: Path, file: Path) -> None:
    for kept in (file, history_path(file)):
        if output.exists() and kept.exists() and output.samefile(kept):
            raise ValueError(f"--output {output} would replace {kept}, which is read; name another file")


def _said(columns: str | None) -> Columns | None:
    return parse_columns(columns) if columns is not None else None


def _read(file: Path, columns: Columns | None, *, empty: object = None) -> tuple[str, list[Table]]:
    """Return a file's text and its lists; one in which none is found ends the command, with ``empty`` as its JSON.

    Raises:
        UnreadableFileError: if the file cannot be read.
        ValueError: if no list of papers is found in it: what was seen, what is looked for, which option helps.
    """
    text = read_text(file)
    tables = read_tables(text, columns)
    if not tables:
        if empty is not None:
            terminal.print_json(empty)
        raise ValueError(f"there is no list of papers in {file}. {what_was_seen(text)}")
    return text, tables


def _say_unread(text: str, tables: list[Table]) -> None:
    """Say which bullets link to a paper and are no rows, for they have no title."""
    if lines := unread_bullets(text, tables):
        shown = ", ".join(map(str, lines[:_LINES])) + (", …" if len(lines) > _LINES else "")
        where = f"on line{'' if len(lines) == 1 else 's'} {shown}"
        verb = "is" if len(lines) == 1 else "are"
        terminal.say(f"{_number(len(lines), 'bullet')} with a link to a paper and no title {verb} not read: {where}.")


def _kept(rows: list[Row], cache: Path | None) -> dict[str, Kept]:
    """Return what the service has said of papers before, if that is kept."""
    path = cache or _user_cache()
    if not path:
        return {}
    address = (os.environ.get("SEMANTIC_SCHOLAR_URL") or BASE_URL).rstrip("/")
    return Cache(path, address).get(paper for row in rows for paper in (row.badge_id, row.link_id, row.url_id) if paper)


def _user_cache() -> Path | None:
    """Return where answers are kept; nowhere for a user without a home, as in some containers."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    with suppress(RuntimeError):
        return Path(home or Path.home() / ".cache") / "papers" / "semantic_scholar.sqlite"
    return None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Say, after Ctrl-C, that the same command goes on where it was."""
    try:
        yield
    except KeyboardInterrupt:
        raise _stop("stopped; nothing was written. What was answered is kept: run the same again", 130) from None


@contextmanager
def _explained(*, json: bool = False) -> Iterator[None]:
    """Turn the errors that a user can meet into one sentence and an exit status; with ``json``, say it there, too."""
    try:
        with _in_json() if json else nullcontext():
            yield
    except UnreadableFileError as error:
        raise _stop(error, 2) from None
    except ModuleNotFoundError as error:
        python = f'"{sys.executable}"' if os.name == "nt" else shlex.quote(sys.executable)
        remedy = f'{python} -m pip install "sdg-lab[papers]"'
        raise _stop(f"{error.name} is not installed; run: {remedy}", 1) from None
    except BrokenPipeError:  # the reader of a pipe has seen enough
        raise typer.Exit(1) from None
    except (FileChangedError, ServiceError, OSError) as error:
        raise _stop(error, 1) from None
    except ValueError as error:
        raise _stop(error, 2) from None


@contextmanager
def _in_json() -> Iterator[None]:
    """Print, where a file is not to be written, the JSON of a refresh that changed nothing, the reason in its notes."""
    try:
        yield
    except UnreadableFileError:
        raise
    except (FileChangedError, OSError) as error:
        note = one_line(str(error))
        with suppress(OSError):
            terminal.print_json({"rows": [], "requests": 0, "written": False, "notes": [note]})
        raise


@contextmanager
def _printing(said: str) -> Iterator[None]:
    """Say what was done, whether or not standard output takes what the block prints."""
    try:
        yield
    except BrokenPipeError as error:
        raise OSError(f"cannot write to standard output: {error.strerror or error}") from None
    finally:
        terminal.say(said)


def _stop(error: Exception | str, status: int) -> typer.Exit:
    terminal.say(f"papers: {one_line(str(error))}")
    return typer.Exit(status)


def _sort_key(row: Row, sort: Sort) -> tuple[object, ...]:
    if sort is Sort.CITATIONS:
        return (row.count is None, -(row.count or 0), row.line)
    if sort is Sort.DATE:
        return (row.year is None, row.year or 0, row.month or 0, row.line)
    if sort is Sort.TITLE:
        return ((row.title or "\uffff").casefold(), row.line)
    return (row.line,)


def _summary(outcome: catalog.Refresh, *, wrote: bool) -> str:
    states = [row.state for row in outcome.rows]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "no rows"
    if outcome.written:
        end = "The file was written."
    elif outcome.changed and not wrote:
        end = "The file would change."
    else:
        end = "The file was left as it is."
    if "fall" in states:
        end += " Counts that fell by more than half were kept; --accept-falls writes them."
    counted = Counter(row.source for row in outcome.rows if row.new is not None and row.source)
    if len(counted) > 1:
        end += f" Counted {', '.join(f'{number} by {name}' for name, number in counted.most_common())}."
    return f"{counts}; {_number(outcome.requests, 'request')}. {end}"


def _number(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
