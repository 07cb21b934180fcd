"""``sdg-lab synth``: a table of one's own in, a synthetic one and a report out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdg_lab.cli.tables import decimal_sign, read_typed, refuse_overwriting, refusing, say, show_types

if TYPE_CHECKING:
    from sdg_lab.synth import Sheet, Synthesizer, Types

RUN = "run.json"
MODEL = "model.safetensors"
PARTS = "parts"


def synth(
    table: Annotated[Path, typer.Argument(help="A table: .csv in any dialect, .tsv, .parquet, .feather or .arrow.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The synthetic table; by default beside the other, and alike.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="How many; by default as many as the table has.")] = None,
    model: Annotated[str, typer.Option(help="[cyan]auto[/] compares; or trees, boosted, bayesnet, copula.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same rows.")] = 0,
    report: Annotated[Path | None, typer.Option(help="The report, one HTML file; by default beside the table.")] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Judge nothing: it takes a while.")] = False,
    types: Annotated[
        Path | None,
        typer.Option(help="What the columns hold, as YAML. If it is not there yet, it is written for you to edit."),
    ] = None,
    min_count: Annotated[
        int, typer.Option(min=1, help="Merge categories of fewer rows; top- and bottom-code as many numbers.")
    ] = 1,
    group: Annotated[
        str, typer.Option(help="A column whose equal values (visits of one patient) are held out together.")
    ] = "",
    target: Annotated[str, typer.Option(help="The column that one usually predicts, for the report.")] = "",
    decimal: Annotated[str | None, typer.Option(help="The decimal sign of a CSV file, where it does not say.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="How a CSV file writes its letters, such as cp1252; by default found out.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many processes draw rows; the same bytes.")] = 1,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler whose workers draw rows.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show bars.")] = True,
) -> None:
    """Make a synthetic table to share where the real one may not be, and a report on both.

    A fifth of the rows is held out: no model learns from them, and the report compares with them. Keys are made anew,
    free text is left out, and what was decided of each column is shown.

    Exit status: 0 if the table was made; 1 if it was begun and stopped: the same command with --resume goes on; 2 if
    the command or the table cannot be used as it is.
    """
    from sdg_lab.synth import Synthesizer
    from sdg_lab.tables.columns import check_columns

    with refusing():
        sheet, found = read_typed(table, types, decimal=decimal_sign(decimal), encoding=encoding, group=group)
        out = _beside(table) if out is None else out
        page = None if no_report else report or out.with_name(f"{out.name.partition('.')[0]}_report.html")
        refuse_overwriting({"real": table, "types": types}, synthetic=out, report=page)
        layout = sheet.layout.for_path(out)
        maker = Synthesizer(model, min_count=min_count, group=group)
        for option, name in (("--group", group), ("--target", target)):
            if name:
                check_columns(sheet.table, [name], f"{table}, asked for {option} {name!r},")
        show_types(found, [*sheet.notes, *([] if group else _repeated(found, len(sheet.table)))])
        if types is not None and not types.exists():
            _write(types, found.to_yaml())
            say(f"what the columns hold is written to {types}: edit it, and run the same command again")
            return
        about = {"table": _hash(table), "types": found.config(), "model": model, "seed": seed, "min_count": min_count}
        about |= {"group": group, "rows": rows}
        folder = out.with_name(f".{out.name}.run")
    with refusing(begun=folder), _alone(folder):
        maker = _fitted(maker, sheet, found, folder, about, resume=resume, progress=progress)
        for note in maker.notes:
            say(f"note: {note}")
        say(f"model: {maker.choice.why}")
        place = folder / PARTS
        maker.sample_to(
            out, rows, seed=seed, layout=layout, folder=place, workers=workers, dask=dask, progress=progress
        )
        say(f"{rows or len(sheet.table):,} rows are in {out}")
        if page is not None:
            _report(maker, sheet, page, rows=rows, target=target, seed=seed, progress=progress)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder of a run and hold it: of two runs that write one file, the second is refused.

    Raises:
        ValueError: if another run has it, or somebody else.
    """
    _refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows has no such locks; two runs at once are the person's care there
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network disks know no locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                name = folder.name.removeprefix(".").removesuffix(".run")
                raise ValueError(f"another run is writing {name}; let it end, or name another --out") from None
        yield
    finally:
        os.close(handle)


def _fitted(
    maker: Synthesizer, sheet: Sheet, types: Types, folder: Path, about: dict[str, Any], *, resume: bool, progress: bool
) -> Synthesizer:
    """Return the fitted synthesizer: that of the run that was stopped, or a new one, kept for the next call."""
    from sdg_lab.synth import Synthesizer

    said = folder / RUN
    if resume and said.is_file():
        if said.read_text("utf-8") != json.dumps(about):
            raise ValueError(
                f"the run that was stopped ({folder}) had another table or other options; give the same, or leave out "
                "--resume to begin anew"
            )
        if (folder / MODEL).is_file():
            return Synthesizer.load(folder / MODEL)
    else:
        _empty(folder)
    _write(said, json.dumps(about))
    try:
        maker.fit(sheet.table, types=types, rows=about["rows"], seed=about["seed"], progress=progress)
    except (ImportError, TypeError, ValueError):  # what is refused will be refused again: there is nothing to resume
        shutil.rmtree(folder)
        raise
    maker.save(folder / MODEL)
    return maker


def _repeated(types: Types, rows: int) -> list[str]:
    """Return notes on keys of several rows each: somebody who is held out in part is known from the rest."""
    return [
        f"column {of.name!r} has several rows of one value; --group {of.name!r} holds out all of them or none"
        for of in types
        if of.kind == "key" and of.use == "anew" and of.distinct * 2 <= rows * (1 - of.missing)
    ]


def _empty(folder: Path) -> None:
    """Remove what a run left; the folder itself stays, by which this run is known."""
    for one in folder.iterdir():
        if one.is_dir():
            shutil.rmtree(one)
        else:
            one.unlink()


def _refuse_foreign(folder: Path) -> None:
    """Refuse to empty a folder that no run has made."""
    foreign = folder.is_symlink() or (folder.exists() and not folder.is_dir())
    if not foreign and folder.is_dir():
        known = (RUN, MODEL, PARTS)
        foreign = any(one.name not in known and not one.name.startswith(".") for one in folder.iterdir())
    if foreign:
        raise ValueError(f"{folder} is where the run is kept, and holds something else; move it, or name another --out")


def _report(
    maker: Synthesizer, sheet: Sheet, page: Path, *, rows: int | None, target: str, seed: int, progress: bool
) -> None:
    """Judge the table that was made, and write the report; of a table that is too small to be judged, say so."""
    try:
        judged = maker.report(sheet.table, rows=rows, target=target, seed=seed, progress=progress)
    except ValueError as error:  # the table is made and stands; that it cannot be judged takes nothing from it
        say(f"it is not judged: {error}")
        return
    judged.save(page)
    say(judged.in_words())
    say(f"the report is {page}")


def _write(path: Path, text: str) -> None:
    from sdg_lab.files import replace_atomically

    with replace_atomically(path) as temporary:
        temporary.write_text(text, "utf-8")


def _hash(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _beside(table: Path) -> Path:
    """Return my_synthetic.csv for my.csv, and my_synthetic.csv.gz for my.csv.gz."""
    stem, dot, endings = table.name.partition(".")
    return table.with_name(f"{stem}_synthetic{dot}{endings}")
