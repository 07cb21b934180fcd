"""How a file of cells is written: its encoding, separator, quotes and line ends, found so that it can be written again.

The dialect is found in the beginning of the file (:data:`SAMPLE` characters); the cells are then read by pyarrow as
dictionaries of text, so that what a cell means (:mod:`sdg_lab.synth.spelling`) is asked once for each distinct cell.
What :func:`sdg_lab.data.csv_files.read_csv` would refuse, since there nothing is decided for a person, is decided here
by what is most common and said in the notes. What would be wrong in silence is refused here, too.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sdg_lab.data.csv_files import DATES, LINE_END, MISSING, NUMBER, SEPARATORS

if TYPE_CHECKING:
    import pyarrow as pa

    Cells: TypeAlias = pa.DictionaryArray

SAMPLE = 300_000
"""Characters at the beginning of a file that settle its dialect."""

SIGNS = (*MISSING, "-", "?", "--", ".", "..")
"""What a cell says that has no value, or may say so."""

_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_NUMBER = f"(?:{NUMBER['.']}|{NUMBER[',']})"
_DATA = re.compile(f"{_NUMBER}|{'|'.join(DATES)}")

_NO_TEXT = {
    b"PK\x03\x04": "is an Excel file or a ZIP archive; save it as CSV, or name it .csv.zip if a CSV file is in it",
    b"\xd0\xcf\x11\xe0": "is an Excel file; save it as CSV",
    b"PAR1": "is a Parquet file; name it .parquet",
    b"ARROW1": "is an Arrow file; name it .arrow",
    b"\x1f\x8b": "is compressed by gzip; name it .csv.gz",
    b"%PDF": "is a PDF file; save its table as CSV",
}
"""What a file is that begins so."""

_WESTERN = set("äöüÄÖÜßàâáãåæçèéêëìíîïñòóôõøœùúûýÿÀÂÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕØŒÙÚÛ€£¥¢§°²³µ½¼¾±×«»–—‘’‚“”„…•·¿¡ºª®©™\u00a0´")
"""The signs beyond ASCII that texts in Western Europe hold."""


@dataclass(frozen=True)
class Dialect:
    r"""How the cells of a file are set apart.

    Attributes:
        separator: what stands between two cells; ``", "`` where quotes follow a space.
        quote: what encloses a cell that holds the separator.
        escape: what stands before a quote inside of quotes; empty where it is doubled.
        end: what ends a line.
        encoding: Python's name of it.
        bom: whether the file begins with a byte order mark.
        compression: ``""``, ``"gzip"`` or ``"zip"``.
        member: the name inside a ZIP archive.
        preamble: the lines before the table, as they stand.
        header: the line of names as it stands; None if there is none.
        ended: whether the last line ends, too.
        trailing: whether a separator follows the last cell of each row.
    """

    separator: str = ","
    quote: str = '"'
    escape: str = ""
    end: str = "\n"
    encoding: str = "utf-8"
    bom: bool = False
    compression: str = ""
    member: str = ""
    preamble: str = ""
    header: str | None = None
    ended: bool = True
    trailing: bool = False

    def cell(self) -> re.Pattern[str]:
        """Return the pattern of a cell as it stands (group 1) and of what ends it (group 2)."""
        q, separator = re.escape(self.quote), re.escape(self.separator)
        inner = rf"[^{q}\\]*+(?:\\.[^{q}\\]*+)*+" if self.escape else rf"[^{q}]*+(?:{q}{q}[^{q}]*+)*+"
        first = self.separator[0]
        plain = rf"[^{re.escape(first)}\r\n]*" if len(self.separator) == 1 else r"[^\r\n]*?"
        return re.compile(rf"({q}{inner}{q}(?=[\r\n{re.escape(first)}]|\Z)|{plain})({separator}|{LINE_END}|\Z)", re.S)

    def value(self, raw: str) -> str:
        """Return what a cell says, without the quotes."""
        q = self.quote
        if len(raw) < 2 or raw[0] != q or raw[-1] != q:
            return raw
        return re.sub(r"\\(.)", r"\1", raw[1:-1], flags=re.S) if self.escape else raw[1:-1].replace(q + q, q)

    def quoted(self, value: str) -> str:
        """Return a cell in quotes."""
        if self.escape:
            value = value.replace("\\", "\\\\").replace(self.quote, f"\\{self.quote}")
        else:
            value = value.replace(self.quote, self.quote * 2)
        return f"{self.quote}{value}{self.quote}"

    def special(self) -> str:
        """Return the pattern (RE2) of what may stand in quotes only."""
        return f"[{re.escape(self.separator + self.quote + self.escape)}\r\n]"

    def rows(self, text: str) -> Iterator[tuple[list[str], int]]:
        """Yield the rows of a text, cells as they stand, blank lines too, and where each row ends."""
        row: list[str] = []
        if not text:
            return
        for found in self.cell().finditer(text):
            row.append(found[1])
            if found[2] != self.separator:
                yield row, found.end()
                row = []
                if found.end() == len(text):
                    return


@dataclass
class Grid:
    """The cells of a file as text.

    Attributes:
        names: of the columns, unique, in order.
        columns: a dictionary of text for each, (rows,).
        quoted: whether all cells with a value stand in quotes, by column.
        blank_quoted: whether those without one do.
        dialect: how the file is written.
        notes: what was decided.
    """

    names: list[str]
    columns: list[Cells]
    quoted: list[bool]
    blank_quoted: list[bool]
    dialect: Dialect
    notes: list[str]
    numbered: int | None
    """Where an unnamed first column of row numbers began; it is in none of the others."""
    numbers_quoted: bool
    _text: str
    _body: int

    def line_of(self, row: int) -> int:
        """Return the line of the file, from 1, in which a row begins; rows are counted from 0."""
        place, seen = self._body, 0
        for cells, end in self.dialect.rows(self._text[self._body :]):
            if cells != [""] or len(self.names) == 1:
                if seen == row:
                    break
                seen += 1
            place = self._body + end
        return _line(self.dialect.preamble + self._text[:place])


def read_cells(path: Path, *, header: bool | None = None, encoding: str | None = None) -> Grid:
    """Read a file of cells in any common dialect.

    Args:
        path: the file; ``.gz`` and a ZIP archive with one file in it are unpacked.
        header: whether the first line names the columns; None finds it out.
        encoding: of the text; None finds it out.

    Raises:
        ValueError: if it holds no table: empty, not text, another kind of file, ragged rows, a quote that nothing
            closes, equal names.
    """
    text, dialect, notes = _open(path, encoding)
    if not text.strip():
        raise ValueError(f"{path} is empty; a table needs a line of names and rows below it")
    _refuse_other_kinds(path, text)
    text, dialect = _line_ends(text, dialect, notes)
    text, dialect = _preamble(text, dialect, notes)
    dialect, text = _find_dialect(text, dialect, notes)
    sample = _sample(dialect, text)
    cut = _titles(sample)
    if cut:
        place = sample[cut - 1][1]
        dialect = replace(dialect, preamble=dialect.preamble + text[:place])
        text = text[place:]
        notes.append(
            f"the first {cut} line{'s' * (cut > 1)} of the file stand before the table and are kept as they are"
        )
        sample = _sample(dialect, text)
    rows = [[dialect.value(raw) for raw in row] for row, _ in sample if row != [""] or _width(sample) == 1]
    raw_rows = [row for row, _ in sample if row != [""] or _width(sample) == 1]
    has_names = _first_row_names(rows, notes) if header is None else header
    width, body = _width(sample), 0
    names = [f"column_{place}" for place in range(1, width + 1)]
    if has_names:
        body = next(end for row, end in sample if row == raw_rows[0])
        dialect = replace(dialect, header=re.sub(f"(?:{LINE_END})$", "", text[:body]).lstrip("\r\n"))
        names = [name.strip() for name in rows[0]]
        rows, raw_rows = rows[1:], raw_rows[1:]
    blank_last = width > 1 and bool(rows) and all(len(row) == width and not row[-1] for row in rows)
    if blank_last and (len(names) == width - 1 or not has_names or not names[-1]):
        dialect = replace(dialect, trailing=True)
        names = names[: width - 1]
    elif len(names) == width - 1 and len({row[0] for row in rows}) == len(rows):
        names = ["", *names]  # R writes no name above the names of rows
    if text.count(dialect.quote) % 2:
        _refuse_open_quote(path, text, dialect)
    _refuse_loose_quote(path, text, dialect, sample)
    if len(names) + dialect.trailing != width:
        _refuse_ragged(path, text, dialect, _width(sample))
    columns = _parse(path, text, body, dialect, width)
    if dialect.trailing:
        last = columns.pop()
        if any(last.dictionary.to_pylist()):
            raise ValueError(f"the last cells of {path} have no name, and some are not empty; name the column")
    quoted = [_in_quotes([row[place] for row in raw_rows if place < len(row)], dialect) for place in range(len(names))]
    every = [flag for flag, _ in quoted if flag is not None]
    flags = [bool(every) and all(every) if flag is None else flag for flag, _ in quoted]
    blanks = [blank for _, blank in quoted]
    numbered, numbers_quoted = None, False
    if names[0] == "" and len(names) > 1 and (numbered := _numbered(columns[0])) is not None:
        notes.append("the first column has no name and numbers the rows; it is left out, and written anew")
        numbers_quoted = flags[0]
        names, columns, flags, blanks = names[1:], columns[1:], flags[1:], blanks[1:]
    for place, name in enumerate(names):
        if not name:
            names[place] = f"column_{place + 1}"
            notes.append(f"column {place + 1} has no name; here it is {names[place]!r}")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{path} has {names.count(twice[0])} columns {twice[0]!r}; rename all but one")
    return Grid(names, columns, flags, blanks, dialect, notes, numbered, numbers_quoted, text, body)


# From bytes to text


def _open(path: Path, encoding: str | None) -> tuple[str, Dialect, list[str]]:
    """Return the text of a file, its encoding, and what was decided about it."""
    try:
        content, compression, member = _unpacked(path)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"{path} cannot be read ({reason}); save or copy it again") from None
    for magic, what in _NO_TEXT.items():
        if content.startswith(magic):
            raise ValueError(f"{path} {what}")
    dialect = Dialect(compression=compression, member=member)
    if encoding is not None:
        try:
            text = content.decode(encoding)
        except LookupError:
            raise ValueError(f"encoding must be one that Python knows, such as 'cp1252', got {encoding!r}") from None
        except UnicodeError as error:
            raise ValueError(f"{path} is not in {encoding} ({error}); leave encoding out to have it found") from None
        bom = text.startswith("\ufeff")
        return text.removeprefix("\ufeff"), replace(dialect, encoding=encoding, bom=bom), []
    for bom_bytes, name in _BOMS.items():
        if content.startswith(bom_bytes):
            dialect = replace(dialect, encoding=name, bom=True)
            return _decoded(path, content[len(bom_bytes) :], name), dialect, []
    if b"\0" in content[:SAMPLE]:
        odd, even = content[1:SAMPLE:2].count(0), content[0:SAMPLE:2].count(0)
        wide = "utf-16-le" if odd > 10 * even else "utf-16-be" if even > 10 * odd else ""
        if not wide or odd + even < 0.2 * min(len(content), SAMPLE):
            raise ValueError(f"{path} holds bytes that no text has; save its table as CSV")
        return _decoded(path, content, wide), replace(dialect, encoding=wide), [f"the file is read as {wide}"]
    try:
        return content.decode(), dialect, []
    except UnicodeDecodeError:
        name = _eight_bits(path, content)
    note = f"the file is not UTF-8 and is read as {name}; pass encoding=... (--encoding) if letters come out wrong"
    return _decoded(path, content, name), replace(dialect, encoding=name), [note]


def _unpacked(path: Path) -> tuple[bytes, str, str]:
    name = path.name.lower()
    if name.endswith(".gz"):
        return gzip.decompress(path.read_bytes()), "gzip", ""
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.namelist() if not member.endswith("/")]
            if len(members) != 1:
                raise ValueError(f"{path} holds {len(members)} files and must hold one; unpack it and name a file")
            return archive.read(members[0]), "zip", members[0]
    return path.read_bytes(), "", ""


def _decoded(path: Path, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeError as error:
        raise ValueError(f"{path} is damaged ({error}); save it again as UTF-8") from None


def _eight_bits(path: Path, content: bytes) -> str:
    """Return in which encoding a text is that is not UTF-8: a Western one if its letters say so."""
    lines = [line for line in content[: 20 * SAMPLE].splitlines() if not line.isascii()]
    part = b"\n".join(lines)[:SAMPLE]
    if part.translate(None, bytes(range(32))) != part.translate(None, b"\t\n\r\x0b\x0c"):
        raise ValueError(f"{path} holds bytes that no text has; save its table as CSV")
    western = "cp1252"
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        western, text = "latin-1", content.decode("latin-1")
    beyond = set(text) - {chr(code) for code in range(128)}
    letters = [word for word in re.findall(r"[^\W\d_]+", part.decode(western)) if not word.isascii()]
    lonely = [word for word in letters if not re.search(r"[^\x00-\x7f]{3}", word)]
    if beyond <= _WESTERN and len(lonely) >= 0.8 * len(letters):
        return western
    from charset_normalizer import from_bytes

    best = from_bytes(part).best()
    if best is None:
        raise ValueError(f"{path} is in an encoding not found out; pass encoding=... (--encoding), or save it as UTF-8")
    try:
        content.decode(best.encoding)
    except UnicodeDecodeError:
        return western
    return str(best.encoding)


def _refuse_other_kinds(path: Path, text: str) -> None:
    begin = text[:2000].lstrip().lower()
    if re.match(r"<(!doctype|html|\?xml|table|head)", begin):
        raise ValueError(f"{path} is a page of HTML or XML, not a table of cells; save the table itself as CSV")
    if re.match(r'\{\s*"|\[\s*[{\[]', begin):
        raise ValueError(f"{path} is JSON; load it with pandas.read_json and pass the frame")


# From text to a dialect


def _line_ends(text: str, dialect: Dialect, notes: list[str]) -> tuple[str, Dialect]:
    bare = re.sub('"[^"]*"', "", text[:1_000_000])  # a spreadsheet has other ends inside its cells than between rows
    bare = bare if "\n" in bare or "\r" in bare else text
    counts = {"\r\n": bare.count("\r\n")}
    counts["\n"] = bare.count("\n") - counts["\r\n"]
    counts["\r"] = bare.count("\r") - counts["\r\n"]
    end = max(("\n", "\r\n", "\r"), key=lambda sign: counts[sign])
    if not any(counts.values()):
        return text, replace(dialect, ended=False)
    kept = text.rstrip("\r\n")
    if len(re.findall(LINE_END, text[len(kept) :])) > 1:
        notes.append("the empty lines at the end of the file are left out")
    return kept, replace(dialect, end=end, ended=len(kept) < len(text))


def _preamble(text: str, dialect: Dialect, notes: list[str]) -> tuple[str, Dialect]:
    """Cut off blank lines, comments and Excel's line of the separator before a table."""
    found = re.match(rf"(?:(?:[ \t]*|#[^\r\n]*|\"?sep=.\"?[ ]*)(?:{LINE_END}))+", text, re.IGNORECASE)
    if not found:
        return text, dialect
    count = _line(found[0]) - 1
    notes.append(
        f"the first {count} line{'s' * (count > 1)} of the file stand before the table and are kept as they are"
    )
    return text[found.end() :], replace(dialect, preamble=found[0])


def _find_dialect(text: str, dialect: Dialect, notes: list[str]) -> tuple[Dialect, str]:
    """Return the dialect with what sets the cells apart, and the text, runs of spaces made one."""
    part = _beginning(text)
    escaped = len(re.findall(r'[^\\,;\t|]\\"(?=[^,;\t|\r\n])', part))
    if escaped and not re.search(r'[^,;\t|\r\n"]""[^,;\t|\r\n"]', part):
        dialect = replace(dialect, escape="\\")
    if said := re.search(r"(?i)^\"?sep=(.)", dialect.preamble, re.M):
        return replace(dialect, separator=said[1]), text
    tries = [replace(dialect, separator=sign) for sign in SEPARATORS]
    if ", " in part and re.search(r', "', part):
        tries.append(replace(dialect, separator=", "))
    if "'" in part and not re.search(r'(?:^|[,;\t|])"', part, re.M):
        single = [replace(one, quote="'") for one in tries]
        tries = [one for one in single if _all_close(one, part)] + tries
    shares = []
    for one in tries:
        widths = Counter(len(row) for row, _ in _sample(one, text) if row != [""])
        width, count = max(widths.items(), key=lambda item: (item[1], item[0])) if widths else (1, 0)
        if width > 1 and len(widths) == 1:
            return _noted(one, notes), text
        shares.append(count / max(1, sum(widths.values())) if width > 1 else 0.0)
    if max(shares) > 0.5:
        return _noted(tries[int(np.argmax(shares))], notes), text
    return _rare_separator(text, dialect, notes)


def _noted(dialect: Dialect, notes: list[str]) -> Dialect:
    if dialect.separator not in ",\t;|":
        notes.append(f"the cells are set apart by {dialect.separator!r}")
    if dialect.quote != '"':
        notes.append(f"cells stand in {dialect.quote}")
    return dialect


def _all_close(dialect: Dialect, part: str) -> bool:
    """Say whether ' encloses cells: some, and each that begins with it ends with it, and it is needed or regular."""
    rows = [row for row, _ in dialect.rows(part)]
    cells = [cell for row in rows for cell in row if cell.startswith("'")]
    if not cells or not all(re.fullmatch(r"'[^\r\n]*'", cell) for cell in cells):
        return False
    by_column: dict[int, list[bool]] = {}
    for row in rows[1:]:
        for place, cell in enumerate(row):
            by_column.setdefault(place, []).append(cell.startswith("'"))
    regular = any(all(flags) and len(flags) > 1 for flags in by_column.values())
    return regular or any(re.search(r"[,;\t|']", cell[1:-1]) for cell in cells)


def _rare_separator(text: str, dialect: Dialect, notes: list[str]) -> tuple[Dialect, str]:
    """Take colons or spaces for separators if every row has as many, names stand above and half of them are numbers."""
    part = _beginning(text)
    for sign in (":", " "):
        one = replace(dialect, separator=sign)
        shown = re.sub(r"(?m)^ +| +$", "", re.sub(" {2,}", " ", part)) if sign == " " and '"' not in part else part
        rows = [row for row, _ in one.rows(shown) if row != [""]]
        if len(rows) < 3 or len({len(row) for row in rows[1:]}) > 1 or len(rows[1]) < 2:
            continue
        if sign == " " and any("" in row for row in rows):
            continue
        if len(rows[1]) - len(rows[0]) not in ((0, 1) if sign == " " else (0,)):  # R names no column of row names
            continue
        numbers = sum(all(re.fullmatch(_NUMBER, row[place]) for row in rows[1:]) for place in range(len(rows[1])))
        if numbers * 2 < len(rows[1]) or (sign == ":" and any(re.match("[0-9]", cell) for cell in rows[0])):
            continue
        notes.append(f"the cells are set apart by {'colons' if sign == ':' else 'spaces'}")
        if sign == " " and shown != part:
            text = re.sub(r"(?m)^ +| +$", "", re.sub(" {2,}", " ", text))
            notes.append("several spaces between cells are written as one")
        return one, text
    return dialect, text


def _beginning(text: str) -> str:
    """Return the whole lines at the beginning of a text."""
    if len(text) <= SAMPLE:
        return text
    part = text[:SAMPLE]
    return part[: max(part.rfind("\n"), part.rfind("\r")) + 1] or part


def _sample(dialect: Dialect, text: str) -> list[tuple[list[str], int]]:
    """Return the first rows as they stand, and where each ends; the last may be cut and is left out."""
    rows = list(dialect.rows(_beginning(text)))
    return rows if len(text) <= SAMPLE or len(rows) < 2 else rows[:-1]


def _width(sample: list[tuple[list[str], int]]) -> int:
    """Return how many cells most rows have."""
    counts = Counter(len(row) for row, _ in sample if row != [""])
    return max(counts.items(), key=lambda item: (item[1], item[0]))[0] if counts else 1


def _titles(sample: list[tuple[list[str], int]]) -> int:
    """Return how many lines of a single cell stand above a table of at least two columns."""
    width = _width(sample)
    cut = 0
    for row, _ in islice(sample, 20):
        if len(row) > 1 or width < 2 or (width == 2 and cut == 0 and row != [""] and len(sample) < 4):
            break
        cut += 1
    return cut if cut < len(sample) else 0


def _first_row_names(rows: list[list[str]], notes: list[str]) -> bool:
    """Say whether the first row holds names: it does unless it looks like one of the others."""
    first, below = rows[0], rows[1:]
    why = ""
    data = [cell for cell in first if _DATA.fullmatch(cell.strip())]
    columns = list(zip(*[row for row in below if len(row) == len(first)], strict=True))
    if data and not _counted(data):
        named = False  # whether a name stands above numbers
        for cell, column in zip(first, columns, strict=False):
            values = [value.strip() for value in column if value.strip() not in SIGNS]
            numbers = bool(values) and all(_DATA.fullmatch(value) for value in values)
            named |= numbers and cell.strip() not in SIGNS and not _DATA.fullmatch(cell.strip())
        why = "" if named else f"it holds {data[0].strip()!r}"
    elif not data and len(columns) > 1 and len(below) > 3 and len(columns) == len(first):
        again = sum(cell in column for cell, column in zip(first, columns, strict=True) if cell)
        why = "its cells come again below" if again * 2 > len(first) else ""
    if why:
        notes.append(
            f"the first line looks like data ({why}), so the columns are named column_1, column_2, ...; pass "
            "header=True if it holds the names"
        )
    return not why


def _counted(data: list[str]) -> bool:
    """Say whether numbers are names: 0, 1, 2 ... or years that rise."""
    if len(data) < 2 or not all(cell.strip().isdecimal() and len(cell.strip()) < 10 for cell in data):
        return False
    steps = np.diff([int(cell) for cell in data])
    years = all(1800 <= int(cell) <= 2200 for cell in data)
    return bool(np.all(steps == 1) or (years and (np.all(steps > 0) or np.all(steps < 0))))


def _in_quotes(cells: list[str], dialect: Dialect) -> tuple[bool | None, bool]:
    """Say whether the cells with a value stand in quotes (None: there are none), and whether those without one do."""
    flags: dict[bool, list[bool]] = {True: [], False: []}
    for raw in cells:
        flags[dialect.value(raw).strip() in SIGNS].append(raw.startswith(dialect.quote))
    full, blank = flags[False], flags[True]
    return (all(full) if full else None), sum(blank) * 2 > len(blank)


# From the text to columns


def _parse(path: Path, text: str, body: int, dialect: Dialect, width: int) -> list[Cells]:
    """Return the columns as dictionaries of text."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    if body >= len(text):
        return [pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string()))] * width
    if len(dialect.separator) > 1:
        return _slowly(path, text, body, dialect, width)
    kind = pa.dictionary(pa.int32(), pa.string())
    content = text[body:].encode("utf-8", "surrogatepass") + b"\n"
    try:
        table = arrow.read_csv(
            pa.BufferReader(content),
            arrow.ReadOptions(
                column_names=[f"f{i}" for i in range(width)],
                use_threads=False,
                block_size=min(len(content) + 1, 2**30),
            ),
            arrow.ParseOptions(
                delimiter=dialect.separator,
                quote_char=dialect.quote,
                double_quote=not dialect.escape,
                escape_char=dialect.escape or False,
                newlines_in_values=True,
                ignore_empty_lines=width > 1,
            ),
            arrow.ConvertOptions(column_types={f"f{i}": kind for i in range(width)}, strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        _refuse_ragged(path, text, dialect, width)
        reason = " ".join(str(error).removeprefix("CSV parse error: ").split())[:200]
        raise ValueError(f"{path} cannot be read as a table ({reason}); repair it") from None
    return [column.unify_dictionaries().combine_chunks() for column in table.columns] if table.num_rows else []


def _slowly(path: Path, text: str, body: int, dialect: Dialect, width: int) -> list[Cells]:
    """Return the columns of a dialect that pyarrow does not read."""
    import pyarrow as pa

    rows = [row for row, _ in dialect.rows(text[body:]) if row != [""] or width == 1]
    if any(len(row) != width for row in rows):
        _refuse_ragged(path, text, dialect, width)
    columns = zip(*rows, strict=True)
    return [pa.array([dialect.value(raw) for raw in column], pa.string()).dictionary_encode() for column in columns]


def _refuse_ragged(path: Path, text: str, dialect: Dialect, width: int) -> None:
    """Refuse the first row that has another number of cells than the most."""
    place = 0
    for row, end in dialect.rows(text):
        if len(row) != width and row != [""]:
            line = _line(dialect.preamble + text[:place])
            begin = dialect.separator.join(row)[:60]
            raise ValueError(
                f"line {line} of {path} has {len(row)} cell{'s' * (len(row) > 1)} and the others have {width}: "
                f"{begin!r}; repair it, or put cells that hold {dialect.separator!r} in quotes"
            )
        place = end


def _refuse_loose_quote(path: Path, text: str, dialect: Dialect, sample: list[tuple[list[str], int]]) -> None:
    """Refuse a cell that begins with a quote and goes on behind the one that ends it."""
    q = re.escape(dialect.quote)
    closed = re.compile(rf"{q}(?:[^{q}\\]|\\.)*{q}" if dialect.escape else rf"{q}(?:[^{q}]|{q}{q})*{q}", re.S)
    place = 0
    for row, end in sample:
        for raw in row:
            if raw.startswith(dialect.quote) and not closed.fullmatch(raw):
                line = _line(dialect.preamble + text[:place])
                raise ValueError(
                    f"line {line} of {path} has a cell that begins with a quote and does not end with it: "
                    f"{raw[:60]!r}; repair it, or double the quotes inside of it"
                )
        place = end


def _refuse_open_quote(path: Path, text: str, dialect: Dialect) -> None:
    place = 0
    for row, end in dialect.rows(text):
        for raw in row:
            if raw.startswith(dialect.quote) and (len(raw) == 1 or not raw.endswith(dialect.quote)):
                line = _line(dialect.preamble + text[:place])
                raise ValueError(
                    f"{path} opens a quote in line {line} that nothing closes, before {raw[1:21]!r}; close or remove it"
                )
        place = end


def _numbered(column: Cells) -> int | None:
    """Return 0 or 1 if the cells count the rows from there."""
    count = len(column)
    cells = column.dictionary
    if not count or len(cells) != count or cells[0].as_py() not in ("0", "1"):
        return None
    first = int(cells[0].as_py())
    same = cells.to_pylist() == list(map(str, range(first, first + count)))
    return first if same and np.array_equal(np.asarray(column.indices), np.arange(count)) else None


def _line(text: str) -> int:
    return 1 + len(re.findall(LINE_END, text))


def names_line(dialect: Dialect, names: list[str]) -> str:
    """Return a line of names, in quotes where they need them or where the first one stood in them."""
    always = (dialect.header or "").startswith(dialect.quote)
    row = [dialect.quoted(name) if always or re.search(dialect.special(), name) else name for name in names]
    if len(names) == 1 and not row[0].strip():
        row = [dialect.quoted(names[0])]
    return dialect.separator.join(row) + dialect.separator * dialect.trailing
