"""Read a CSV file as its author meant it, and say what had to be decided: nothing is guessed in silence.

Every cell is read as text first. A column then becomes numbers, dates or categories only if all its cells say so. Where
a cell can be read in two ways ("1,234", "03/04/2020") and nothing else in the file settles it, the file is refused with
the remedy; whatever else is not as plain as it looks is noted, here or, where it is about what the cells mean, by
:func:`sdg_lab.data.own.read_table`.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    Cells: TypeAlias = pd.Series[str]

Sign: TypeAlias = Literal[".", ","]

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None")
"""What a cell says that has no value."""

SEPARATORS = {"\t": "tabs", "|": "vertical bars", ";": "semicolons", ",": "commas"}
"""In the order in which they are tried: many a cell holds a comma, hardly one a tab."""

LINE_END = "\r\n|\r|\n"

SAMPLE = 100_000
"""Characters at the beginning of a file that settle its separator."""


def _number(point: str, group: str) -> str:
    whole = rf"(?:[0-9]+|[0-9]{{1,3}}(?:{group}[0-9]{{3}})+)"
    return rf"(?:[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity))"


NUMBER: dict[Sign, str] = {".": _number(r"\.", ","), ",": _number(",", r"\.")}
"""The pattern of a number by its decimal sign; the other sign may set groups of three digits apart."""

_TIME = r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
DATES = {
    rf"(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_TIME})": ("%Y-%m-%d",),
    rf"(?:[0-9]{{4}}/[0-9]{{1,2}}/[0-9]{{1,2}}{_TIME})": ("%Y/%m/%d",),
    rf"(?:[0-9]{{1,2}}\.[0-9]{{1,2}}\.[0-9]{{4}}{_TIME})": ("%d.%m.%Y",),
    rf"(?:[0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{4}}{_TIME})": ("%d/%m/%Y", "%m/%d/%Y"),
}
"""The patterns of a date, and what each may mean."""

_MONTH = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
OTHER_SPELLINGS = {
    r"[+−–-]?[0-9]{1,3}(?:[ \u00a0\u2009\u202f'’_][0-9]{3})+(?:[.,][0-9]*)?|[−–][0-9]+(?:[.,][0-9]*)?": (
        "write it with digits, '-' and a decimal sign alone to have numbers"
    ),
    r"[0-9]{1,2}([./-])[0-9]{1,2}\1(?:[0-9]{2}|[0-9]{4})|[0-9]{4}([./-])[0-9]{1,2}(?:\2[0-9]{1,2})?"
    rf"|(?:[0-9]{{1,2}}\.?[ -])?{_MONTH}[ -](?:[0-9]{{1,2}},? )?[0-9]{{4}}": "write it as 2020-12-31 to have dates",
}
"""The patterns of numbers and dates that are spelled as no other cell is read, and what to do about them."""


def read_csv(
    path: Path,
    *,
    categories: Collection[str] = (),
    decimal: Sign | None = None,
    missing: Collection[str] = MISSING,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the table of a CSV file, plain or gzipped, and notes on what was decided.

    Args:
        path: UTF-8 text; its first line names the columns, cells are set apart by commas, semicolons, tabs or bars.
        categories: columns whose cells stay text.
        decimal: the decimal sign, where "1,234" could be one number or the other.
        missing: what a cell says that has no value.

    Raises:
        ValueError: if the file or a column cannot be read, or can be read in two ways, or a quote is never closed.
    """
    import pandas as pd

    text = _text(path)
    if separating := re.match(r'"?sep=.?"?[ ]*(?=[\r\n])', text, re.IGNORECASE):
        raise ValueError(f"the first line of {path} is {separating[0]!r}, which only Excel reads; remove it")
    separator = find_separator(text)
    across = _across_lines(path, text, separator)
    table = _cells(path, text, separator, across)
    notes = [] if separator == "," else [f"the cells are set apart by {SEPARATORS[separator]}"]
    notes += [across] if across else []
    if table.columns[0] == "" and _are_row_numbers(table.iloc[:, 0]):
        table = table.iloc[:, 1:]
        notes.append("the first column has no name and numbers the rows; it is left out")
    names = [str(name) for name in table.columns]
    _check_names(path, names)
    if all(name.isdecimal() for name in names):
        first = ", ".join(names[:3]) + ", ..." * (len(names) > 3)
        notes.append(f"the first line has numbers alone ({first}); if they are data, write a line of names above it")
    stripped = {name: table[name].str.strip() for name in table.columns}
    present = {name: cells[~cells.isin(list(missing))] for name, cells in stripped.items()}
    decimals = decimal_signs({name: cells for name, cells in present.items() if name not in categories}, decimal)
    columns = {}
    for name, cells in present.items():
        if name in decimals:
            values, note = _numbers(cells, decimals[name])
        elif name in categories:
            values, note = table[name][cells.index], ""
        else:
            values, note = _dates_or_text(cells, table[name])
        keep = "; missing=[''] keeps it as text" if values.dtype.kind in "OU" else ""
        for sign in missing:
            if sign and (stripped[name] == sign).any():
                notes.append(f"column {name!r}: {sign!r} is a missing value{keep}")
        if len(values) < len(table) and values.dtype == np.int64:
            values = values.astype("Int64")  # float64, which has a NaN, would round what is above 2⁵³
        columns[name] = values.reindex(table.index)
        notes += [f"column {name!r}: {note}"] if note else []
    return pd.DataFrame(columns), tuple(notes)


def find_separator(text: str) -> str:
    """Return what sets the cells apart: the first sign that gives every row the same number of them, at least two.

    If none does, it is the one that the first line has most of, so that the faulty row can be named.
    """
    lines = re.split(LINE_END, text[:SAMPLE])
    widths = {}
    for separator in SEPARATORS:
        try:
            rows = list(csv.reader(lines, delimiter=separator))
        except csv.Error:
            rows = []
        widths[separator] = [len(row) for row in (rows[:-1] if len(text) > SAMPLE else rows) if row] or [1]
        if widths[separator][0] > 1 and len(set(widths[separator])) == 1:
            return separator
    return max(reversed(SEPARATORS), key=lambda separator: widths[separator][0])


def decimal_signs(columns: dict[str, Cells], wanted: Sign | None = None) -> dict[str, Sign]:
    """Return the decimal sign of each column of numbers.

    A cell such as "1,234.5" or "3,5" settles its own column, and with it those of the file that could be either. A
    point alone, as in "1.234", is a decimal point where nothing speaks against it; a comma alone never is one.

    Args:
        columns: the cells that have a value, by the name of the column.
        wanted: the sign where it is not settled.

    Raises:
        ValueError: if it is not, and none is wanted.
    """
    signs: tuple[Sign, ...] = (".", ",")
    can = {
        name: [sign for sign in signs if cells.str.fullmatch(NUMBER[sign]).all()]
        for name, cells in columns.items()
        if len(cells)
    }
    settled = {able[0] for able in can.values() if len(able) == 1}
    found: dict[str, Sign] = {}
    for name, able in can.items():
        open_ones = columns[name][columns[name].str.contains("[.,]")] if len(able) == 2 else columns[name][:0]
        if len(able) < 2 or open_ones.empty:
            found |= {name: able[0]} if able else {}
        elif wanted is not None or len(settled) == 1:
            found[name] = next(iter(settled)) if wanted is None else wanted
        elif not settled and not open_ones.str.contains(",").any():
            found[name] = "."
        else:
            example = open_ones.iloc[0]
            raise ValueError(
                f"column {name!r} holds {example!r}, which is {example.replace(',', '').replace('.', '')} or "
                f"{example.replace(',', '.')}, and nothing in the file says which; pass decimal='.' or decimal=','"
            )
    return found


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if path.name.lower().endswith(".gz") else content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (byte {error.start}); save it again as UTF-8") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read ({error}); save it again") from None


def _across_lines(path: Path, text: str, separator: str) -> str:
    """Return what to note about cells whose quotes hold line ends, and with them perhaps rows; refuse an open quote."""
    ends: dict[int, int] = {}  # how many line ends there are in the cell that begins at a place
    for cell in re.finditer(rf'(?:\A|[\r\n{re.escape(separator)}])"([^"]*(?:""[^"]*)*)("?)', text):
        if not cell[2]:
            raise ValueError(
                f"{path} opens a quote in line {_line(text, cell.start(1))} that nothing closes, before "
                f"{cell[1][:20]!r}; close or remove it"
            )
        if "\n" in cell[1] or "\r" in cell[1]:
            ends[cell.start(1)] = len(re.findall(LINE_END, cell[1]))
    if not ends:
        return ""
    place = max(ends, key=lambda start: ends[start])
    first = _line(text, place)
    return (
        f"quoted cells that hold line ends: {len(ends):,}, the longest in lines {first} to {first + ends[place]}; "
        "if it holds rows, too, a quote is missing or too many"
    )


def _line(text: str, place: int) -> int:
    return 1 + len(re.findall(LINE_END, text[:place]))


def _cells(path: Path, text: str, separator: str, across: str) -> pd.DataFrame:
    """Return the cells as text, under the names of the first line; a refusal repeats what is noted ``across`` lines."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    if not text.strip():
        raise ValueError(f"{path} is empty; its first line must name the columns")
    text = text.strip("\r\n")
    content = f"{text}\n".encode()
    try:
        names = next(csv.reader(re.split(LINE_END, text), delimiter=separator))
        table = arrow.read_csv(
            pa.BufferReader(content),
            arrow.ReadOptions(
                autogenerate_column_names=True, use_threads=False, block_size=min(len(content) + 1, 2**31 - 1)
            ),
            arrow.ParseOptions(delimiter=separator, newlines_in_values=True, ignore_empty_lines=len(names) > 1),
            arrow.ConvertOptions(column_types={f"f{i}": pa.string() for i in range(len(names))}),
        )
    except (pa.ArrowInvalid, csv.Error) as error:
        row = "row " if across else "line "  # where cells hold line ends, the rows are not the lines
        reason = " ".join(str(error).removeprefix("CSV parse error: ").replace("Row #", row).split())[:200]
        raise ValueError(
            f"{path} cannot be read as a table ({reason}); repair it" + (f". Note: {across}" if across else "")
        ) from None
    frame: pd.DataFrame = table.to_pandas()
    frame.columns = [str(name).strip() for name in frame.iloc[0]]
    return frame.iloc[1:].reset_index(drop=True)


def _check_names(path: Path, names: list[str]) -> None:
    for place, name in enumerate(names, start=1):
        if not name:
            raise ValueError(f"column {place} of {path} has no name; name it in the first line, or remove it")
        if names.index(name) != place - 1:
            raise ValueError(f"{path} has two columns {name!r}; rename one")
    data = [name for name in names if re.fullmatch("|".join((NUMBER["."], *DATES)), name)]
    # 0, 1, 2 ... or 2019, 2020, 2021 ... are names.
    counted = len(data) > 1 and all(name.isdecimal() and len(name) < 19 for name in data)
    if data and not (counted and np.all(np.diff([int(name) for name in data]) == 1)):
        raise ValueError(
            f"the first line of {path} looks like data ({data[0]!r}), not like names; write a line above it that names "
            "the columns"
        )


def _are_row_numbers(cells: Cells) -> bool:
    return any(cells.tolist() == list(map(str, range(first, first + len(cells)))) for first in (0, 1))


def _numbers(cells: Cells, decimal: Sign) -> tuple[pd.Series[Any], str]:
    """Return numbers, whole ones as they stand; or text, if they only look like numbers. And what there is to note."""
    import pandas as pd

    plain = cells.str.replace("," if decimal == "." else ".", "", regex=False).str.replace(",", ".", regex=False)
    changed = cells[plain != cells]
    note = f"{changed.iloc[0]!r} is the number {plain[changed.index[0]]}" if len(changed) else ""
    if not plain.str.fullmatch("[+-]?[0-9]+").all():
        return pd.Series(plain.to_numpy(object).astype(np.float64), cells.index), note
    zeros = cells[cells.str.fullmatch("0[0-9]+")]
    if len(zeros) and (cells.str.len() == len(cells.iloc[0])).all():
        return cells, f"codes such as {zeros.iloc[0]!r} are categories, since numbers have no leading zeros"
    if len(zeros):
        note = f"{zeros.iloc[0]!r} is the number {zeros.iloc[0].lstrip('0') or 0}; categories=[...] keeps the zeros"
    try:
        return pd.Series(plain.to_numpy(object).astype(np.int64), cells.index), note
    except (OverflowError, ValueError):  # Python itself reads no whole number of more than 4,300 digits
        return cells, "numbers beyond 2⁶³ are categories"


def _dates_or_text(cells: Cells, as_written: Cells) -> tuple[pd.Series[Any], str]:
    """Return dates, booleans or text, and what there is to note; refuse text among which a few are something else."""
    for pattern, formats in DATES.items():
        like = cells.str.fullmatch(pattern)
        if len(cells) and like.all():
            return _dates(cells, formats)
        _refuse_mixture(cells, like, "dates")
    for sign in (".", ","):  # all cells are neither the one nor the other
        _refuse_mixture(cells, cells.str.fullmatch(NUMBER[sign]), "numbers")
    lower = cells.str.lower()
    if lower.isin(["true", "false"]).all():
        return (lower == "true").astype(object), ""
    return as_written[cells.index], ""


def _dates(cells: Cells, formats: tuple[str, ...]) -> tuple[pd.Series[Any], str]:
    """Return dates, in UTC if they name a time zone, and how the first was read if it is not plain."""
    import pandas as pd

    first, name = cells.iloc[0], cells.name
    time = {0: "", 1: " %H:%M", 2: " %H:%M:%S"}[first.count(":")]
    if formats == ("%Y-%m-%d",):
        zone = bool(cells.str.contains(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$").any() and cells.str.contains(":").any())
        read = [pd.to_datetime(cells, format="ISO8601", utc=zone, errors="coerce")]
    else:
        read = [pd.to_datetime(cells, format=meaning + time, errors="coerce") for meaning in formats]
    good = [dates for dates in read if dates.notna().all()]
    if not good:
        closest = max(read, key=lambda dates: int(dates.notna().sum()))
        row = closest.index[closest.isna()][0]
        raise ValueError(
            f"column {name!r} holds dates, but {cells[row]!r} in row {row + 1} is none, or written in another way; "
            f"repair or empty it, or name the column in categories=[{name!r}]"
        )
    if len(good) > 1 and not good[0].equals(good[1]):
        raise ValueError(
            f"column {name!r} holds dates such as {first!r}, in which nothing says whether the day or the month comes "
            f"first; write them as {good[0].iloc[0]:%Y-%m-%d}, or name the column in categories=[{name!r}]"
        )
    return good[0], "" if formats == ("%Y-%m-%d",) else f"{first!r} is the date {good[0].iloc[0]:%Y-%m-%d}"


def _refuse_mixture(cells: Cells, like: pd.Series[bool], kind: str) -> None:
    """Refuse text among which some cells are something else: nearly always a typing error or a sign for missing."""
    if like.any():
        odd = cells[~like]
        raise ValueError(
            f"column {cells.name!r} mixes {kind} such as {cells[like].iloc[0]!r} with {odd.iloc[0]!r} in row "
            f"{odd.index[0] + 1}; repair or empty such cells, or name it in categories=[{cells.name!r}]"
        )
