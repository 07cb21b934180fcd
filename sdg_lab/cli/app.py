"""``sdg-lab``: open the course, look at the installation, run the chapters, show the data.

Each command loads what it needs when it runs, so that ``--help`` is there at once.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, ParamSpec, TextIO, TypeVar

import typer
from rich.columns import Columns
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from sdg_lab import __version__, extras, threads
from sdg_lab.cli.distill import distill
from sdg_lab.cli.judge import judge
from sdg_lab.cli.synth import synth

if TYPE_CHECKING:
    from sdg_lab.cli.doctor import Finding

P = ParamSpec("P")
T = TypeVar("T")
START = "00_start_here.ipynb"

app = typer.Typer(
    name="sdg-lab",
    help="Synthetic data from scratch, judged honestly, offline.\n\nStart with [bold cyan]sdg-lab lab[/]. "
    "For a file of your own, see [bold cyan]sdg-lab data --help[/].",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console()


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"sdg-lab {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what an encoding lacks is a question mark, not the end
            stream.reconfigure(errors="replace")


@app.command()
def lab(
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser window, or only serve.")
    ] = True,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Where JupyterLab listens.", show_default="8888, or the next free"),
    ] = None,
) -> None:
    """Open the course in JupyterLab."""
    from sdg_lab.course.engine import notebooks

    folder = _or_stop(notebooks.folder)
    if not (folder / START).is_file():
        _stop(f"no {START} in {folder.name}/; bring it back with: git checkout -- notebooks/{START}")
    _need("jupyterlab")
    command = [sys.executable, "-m", "jupyterlab", f"{folder.name}/{START}", *([] if browser else ["--no-browser"])]
    command += [] if port is None else [f"--port={port}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container one is root, and JupyterLab would refuse
        command.append("--allow-root")
    os.chdir(folder.parent)
    if sys.platform == "win32":  # there, exec detaches from the terminal
        raise typer.Exit(subprocess.call(command))
    os.execv(command[0], command)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    sizes: Annotated[bool, typer.Option("--sizes", help="Print only the size of what each use brings.")] = False,
) -> None:
    """Say what is installed and found, and what to do about what is missing.

    Ends with 0 if everything needed is there, with 1 otherwise.
    """
    from sdg_lab.cli.doctor import examine, is_well

    if sizes:
        from sdg_lab.cli.sizes import added

        if as_json:
            print(json.dumps(added(), indent=2))
            raise typer.Exit
        for use, megabytes in added().items():
            said = "not installed" if megabytes is None else f"{megabytes:6.0f} MB"
            console.print(f"{use:<10} {said}", highlight=False)
        raise typer.Exit
    findings = examine()
    well = is_well(findings)
    if as_json:
        print(json.dumps({"well": well, "findings": [finding.to_json() for finding in findings]}, indent=2))
        raise typer.Exit(0 if well else 1)
    for group, members in itertools.groupby(findings, key=lambda finding: finding.group):
        console.print(f"\n[bold]{group}[/]")
        _draw(list(members), compact=group == "packages")
    missing = [finding.name for finding in findings if finding.needed and not finding.found]
    console.print("\n[green]All that is needed is there.[/]" if well else f"\n[red]Missing: {', '.join(missing)}.[/]")
    raise typer.Exit(0 if well else 1)


@app.command()
def run(
    chapter: Annotated[
        list[str],
        typer.Argument(help="Which chapters: [cyan]01[/], a part of the name such as [cyan]markov[/], all, or stale."),
    ],
    write: Annotated[
        bool, typer.Option("--write", help="Save the outputs in place, stamped with time and code.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="How many run at a time; they share the cores.")] = None,
) -> None:
    """Execute chapters in fresh kernels, side by side, and report their seconds.

    With --write each has one thread, whatever is set, so that the seconds that are stamped can be compared.

    Ends with 1 if a chapter failed.
    """
    paths = _chosen(chapter)
    if not paths:
        console.print("Every chapter is up to date.")
        return
    _need("nbclient")
    share = threads.DEFAULT if write else _or_stop(threads.choose)
    workers = min(workers or max(1, threads.available_cores() // share), len(paths))
    results = _execute(paths, workers=workers, share=share, write=write)

    table = Table("chapter", "seconds", "", title=f"{workers} at a time, {share} thread{'s' if share > 1 else ''} each")
    table.columns[1].justify = "right"
    for path in paths:
        result = results[path]
        failed = isinstance(result, Exception)
        seconds = "" if failed else f"{result.seconds:.1f}"
        ended = "[red]failed[/]" if failed else "[green]written[/]" if write else "[green]ran[/]"
        table.add_row(_plain(path.stem), seconds, ended)
    console.print(table)
    errors = [result for result in results.values() if isinstance(result, Exception)]
    for error in errors:
        console.print(f"[red]{_mark('✗')}[/] {_plain(str(error))}", soft_wrap=True)
    if write:
        _update_readme(paths[0].parent.parent / "README.md")
    raise typer.Exit(1 if errors else 0)


@app.command()
def train(
    name: Annotated[str | None, typer.Argument(help="Which weights; without it, all are listed.")] = None,
) -> None:
    """Train a model whose weights ship with a chapter, and put the new weights in place."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from sdg_lab.course.engine import weights as trained

    if name is None:
        for known in _or_stop(trained.names):
            there = _or_stop(trained.path, known)
            size = f"{there.stat().st_size / 1e6:.1f} MB" if there.is_file() else "[yellow]not trained yet[/]"
            console.print(f"{known:<20} {size}", highlight=False)
        return
    if name in _or_stop(trained.names):
        _or_stop(trained.path, name)  # before minutes are spent on what could not be kept
        console.print(f"Training {name} from nothing; that takes minutes.", highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(_plain(name), total=None)
        written = _or_stop(trained.train, name)
    console.print(f"[green]{_mark('✓')}[/] {written.parent.name}/{written.name}")


@app.command()
def data(
    name: Annotated[
        str | None, typer.Argument(help="A data set, or a file or folder of your own; without it, all are listed.")
    ] = None,
) -> None:
    """Show the data sets, or one of them with a few examples.

    Your own file is read as in Python, from sdg_lab.data: read_table("people.csv") for a CSV or Parquet table,
    read_images("photos/") for a folder of images, read_sounds("notes/") for one of WAV files,
    read_text("lines.txt") for a text, one item a line. Each splits it into train, validation and test; what had to be
    decided is shown.
    """
    from sdg_lab import data as sets

    catalog = sets.catalog()
    if name is not None and name not in catalog.index and Path(name).exists():
        _show_own(Path(name))
        return
    if name is None:
        table = Table(
            "name",
            "what it is",
            "shape",
            "",
            caption="sdg-lab data NAME: source, licence, units, examples. sdg-lab data --help: your own files",
        )
        table.columns[0].no_wrap = True
        for key, card in catalog.iterrows():
            mark = f"[green]{_mark('✓')}[/]" if card["installed"] else "[red]not installed[/]"
            table.add_row(str(key), escape(str(card["title"])), escape(str(card["shape"])), mark)
        console.print(table)
        return
    from sdg_lab.cli.preview import preview

    loaded = _or_stop(sets.load, name)
    grid = Table.grid(padding=(0, 2))
    for field, text in catalog.loc[name].items():
        if text and field != "installed":
            grid.add_row(f"[bold]{field}[/]", escape(str(text)))
    console.print(f"[bold cyan]{name}[/]", grid, "", highlight=False)
    console.print(
        preview(getattr(loaded, "train", loaded), width=console.width), markup=False, highlight=False, soft_wrap=True
    )


app.command()(synth)
app.command()(judge)
app.command()(distill)


def _show_own(path: Path) -> None:
    """Show a file or folder of the reader's own as it is read: its shape, what was decided, a few examples."""
    from sdg_lab import data as sets
    from sdg_lab.cli.preview import preview

    if path.is_dir():
        sounds = any(found.suffix.lower() in (".wav", ".wave") for found in path.rglob("*"))
        reader: Callable[[Path], Any] = sets.read_sounds if sounds else sets.read_images
    else:
        reader = sets.read_text if path.suffix.lower() in (".txt", ".text", ".md") else sets.read_table
    try:
        loaded = _or_stop(reader, path)
    except TypeError as error:  # a column of a Parquet file that no model here can learn
        _stop(str(error))
    console.print(_plain(repr(loaded)), highlight=False, soft_wrap=True)
    console.print()
    examples = preview(loaded.train, width=console.width)
    console.print(_plain(examples), highlight=False, soft_wrap=True)


def _draw(findings: list[Finding], *, compact: bool) -> None:
    """Draw one group of findings, one a line; in a compact group only what is missing has a line of its own."""
    found = [finding for finding in findings if finding.found]
    if compact:
        entries = [f"[green]{_mark('✓')}[/] {finding.name} [dim]{finding.found}[/]" for finding in found]
        console.print(Padding(Columns(entries, column_first=True, padding=(0, 3)), (0, 2)))
        findings = [finding for finding in findings if not finding.found]
    for finding in findings:
        colour, mark = ("green", "✓") if finding.found else ("red", "✗") if finding.needed else ("yellow", "–")
        console.print(
            f"  [{colour}]{_mark(mark)}[/] {finding.name:<22} {escape(finding.found or finding.remedy)}", soft_wrap=True
        )


def _chosen(wanted: list[str]) -> list[Path]:
    """Return the chapters that the words mean, each once, in their order."""
    from sdg_lab.course.engine import notebooks

    there = _or_stop(notebooks.chapters)
    chosen: set[Path] = set()
    for word in wanted:
        if word == "all":
            chosen.update(there)
        elif word == "stale":
            chosen.update(path for path in there if _or_stop(notebooks.is_stale, path))
        else:
            chosen.add(_or_stop(notebooks.match, word, there))
    return sorted(chosen)


def _execute(paths: list[Path], *, workers: int, share: int, write: bool) -> dict[Path, Any]:
    """Run the chapters under a live display; return each one's stamp or error."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from sdg_lab.course.engine import runner

    results: dict[Path, Any] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, _place_for_matplotlib():
        bars = {path: progress.add_task(_plain(path.stem), total=None, start=False) for path in paths}

        def on_cell(path: Path, done: int, total: int) -> None:
            if done == 0:
                progress.start_task(bars[path])
            progress.update(bars[path], completed=done, total=total)

        try:
            for path, result in runner.execute_many(
                paths, workers=workers, threads=share, write=write, on_cell=on_cell
            ):
                results[path] = result
                progress.stop_task(bars[path])
        except KeyboardInterrupt:
            _stop("stopped; chapters that had ended are kept")
    return results


@contextmanager
def _place_for_matplotlib() -> Iterator[None]:
    """Have matplotlib keep its fonts elsewhere if the home cannot be written: its warning would stand in a chapter."""
    if os.access(Path.home(), os.W_OK) or "MPLCONFIGDIR" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="sdg-lab-") as folder:
        os.environ["MPLCONFIGDIR"] = folder
        try:
            yield
        finally:
            del os.environ["MPLCONFIGDIR"]


def _update_readme(readme: Path) -> None:
    """Put the new seconds into the README's table of chapters."""
    from sdg_lab.course.engine import contents

    if readme.is_file() and contents.update(readme):
        console.print(f"{readme.name}: table of chapters updated")


def _need(package: str) -> None:
    """Stop with a sentence if the course's packages are not installed."""
    if find_spec(package) is None:
        _stop(f"{package} is not installed; run: {extras.command('course')}")


def _or_stop(action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do something; if what was asked for is not there, print the sentence and leave with 1."""
    try:
        return action(*args, **kwargs)
    except (LookupError, OSError, ImportError, ValueError) as error:
        _stop(str(error))


def _stop(sentence: str) -> NoReturn:
    Console(stderr=True).print(f"[red]{_mark('✗', sys.stderr)}[/] {_plain(sentence)}", soft_wrap=True)
    raise typer.Exit(1)


def _plain(text: str) -> str:
    """Return text from elsewhere that the terminal shows as it is: no markup, no control characters."""
    return escape("".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text))


def _mark(mark: str, stream: TextIO | None = None) -> str:
    """Return a mark, or what stands for it where the terminal's encoding lacks it."""
    try:
        mark.encode(getattr(stream or console.file, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return {"✓": "+", "✗": "x", "–": "-"}[mark]
    return mark
