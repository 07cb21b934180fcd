"""What the cells of a column mean, and how they are spelled: found once for each distinct cell, and spelled so again.

A column becomes numbers, booleans, dates or durations only if all its cells with a value say so; otherwise it stays
text, and a note names the first cell that is something else. The pattern of a number and the sign of its decimals are
those of :mod:`sdg_lab.data.csv_files`; so are its formats of dates, to which this module adds others.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.data.csv_files import DATES, MISSING, NUMBER, Sign, decimal_signs
from sdg_lab.synth.dialect import SIGNS, Grid

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    Column: TypeAlias = pd.Series[Any]

Kind: TypeAlias = Literal["text", "integer", "decimal", "boolean", "date", "duration"]

TEXT_SIGNS = (*MISSING, "-", "?")
"""What stands for a missing value among text; a point may be a word there."""

MISSING_WORDS = frozenset(
    {"unknown", "missing", "not available", "not applicable", "n.a.", "na", "nan", "null", "none", "nil", "#n/a"}
    | {"#null!", "#value!", "#div/0!", "#ref!", "(null)", "(none)", "[null]", "\\n", "undefined", "no data", "x", "*"}
)
"""What may say among numbers, in small letters, that there is none."""

BOOLEANS = (("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))

GROUPS = " \u00a0\u2009\u202f'’"
"""Signs beside the comma and the point that set groups of three digits apart."""

SHARE = 0.95
"""The share of cells from which on words for a missing value among them are taken as such."""

ENOUGH = 2000
"""Distinct cells that settle a spelling."""

EXACT = 2.0**53
"""The least whole number whose successor no float64 is."""

_CURRENCY = "[$€£¥₹₽]|EUR|USD|GBP|CHF|JPY"
_UNITS = re.compile(
    rf"[+-]?(?P<prefix>(?:{_CURRENCY})[ \u00a0]?)?[+-]?[0-9.,][0-9., \u00a0\u2009\u202f'’]*?(?:[eE][+-]?[0-9]+)?"
    rf"(?P<suffix>[ \u00a0\u202f]?(?:%|‰|°|{_CURRENCY}))?"
)

# Dates

_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"]
_MONTHS += ["November", "December"]
_SHORT = [name[:3] for name in _MONTHS]
_TOKENS = {
    "%Y": "(?P<Y>[0-9]{4})",
    "%y": "(?P<y>[0-9]{2})",
    "%m": "(?P<m>1[0-2]|0?[1-9])",
    "%d": "(?P<d>3[01]|[12][0-9]|0?[1-9])",
    "%b": f"(?P<b>(?i:{'|'.join(_SHORT)}))",
    "%B": f"(?P<B>(?i:{'|'.join(_MONTHS)}))",
    "%D": "(?P<D>[0-9]{1,6})",  # days of a duration
    "%T": "(?P<T>[0-9]{1,4})",  # hours of a duration
    "%H": "(?P<H>2[0-3]|[01]?[0-9])",
    "%I": "(?P<I>1[0-2]|0?[1-9])",
    "%M": "(?P<M>[0-5][0-9])",
    "%S": "(?P<S>[0-5][0-9])",
    "%f": r"(?:\.(?P<f>[0-9]{1,9}))?",
    "%p": "(?P<p>(?i:am|pm))",
    "%z": "(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})",
}
"""What stands in a format, as in strptime but for %D, %T, %f (which takes its point along) and the unpadded %-d."""

_DAYS = [meaning for formats in DATES.values() for meaning in formats]
_DAYS += ["%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d %b %Y", "%d-%b-%y"]
_DAYS += ["%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%b-%Y", "%Y-%m"]
_CLOCKS = ["%H:%M:%S", "%H:%M", "%H:%M:%S%f", "%I:%M:%S %p", "%I:%M %p"]
DATE_FORMATS = [
    *_DAYS,
    *(
        f"{day}{between}{clock}{zone}"
        for day, between, clock, zone in product(_DAYS[:-2], (" ", "T"), _CLOCKS, ("", "%z", " %z"))
    ),
]
DURATION_FORMATS = ["%T:%M:%S", "%T:%M", "%T:%M:%S%f", "%I:%M:%S %p", "%I:%M %p", "%D days %H:%M:%S%f"]


@dataclass(frozen=True)
class Spelling:
    """How the cells of a column are spelled.

    Attributes:
        kind: what they hold.
        missing: the cell that says that there is no value.
        quoted: whether all cells with a value stand in quotes; otherwise those do that need it.
        blank_quoted: whether the sign of a missing value stands in quotes.
        indent: spaces before each cell with a value.
        prefix: what stands before each number, such as a currency.
        suffix: what stands behind each number, such as a percent sign.
        sign_first: whether a minus stands before the prefix.
        width: signs that a cell has at least, filled up with spaces from the left.
        point: the decimal sign.
        group: what sets groups of three digits apart.
        plus: whether positive numbers have a sign.
        style: of decimals: all with the same ``digits`` behind the point, as few as tell the number, with so many
            ``digits`` that count, or as powers of ten.
        digits: see ``style``; of the shortest, how many there are at most.
        whole: what stands behind a decimal number that is whole.
        bare: whether 0.5 is written as .5.
        powers: which of the shortest numbers are written with a power of ten: none, those of Python (below 10⁻⁴, from
            10¹⁶), or where that is shorter.
        exponent: how a power of ten is written: its letter, a plus if positive ones have it, and its digits as zeros.
        infinity: the word for it.
        words: for False and True.
        pattern: of a date or a duration.
        fraction: digits of a second behind its point; -1: six, or none where they are zeros.
        offset: minutes by which the zone is ahead of UTC; None where there is no zone.
        upper: whether names of months and AM are in capitals (True), as names (None) or small (False).
    """

    kind: Kind = "text"
    missing: str = ""
    quoted: bool = False
    blank_quoted: bool = False
    indent: str = ""
    prefix: str = ""
    suffix: str = ""
    sign_first: bool = True
    width: int = 0
    point: str = "."
    group: str = ""
    plus: bool = False
    style: Literal["fixed", "shortest", "general", "scientific"] = "shortest"
    digits: int = 17
    whole: str = ".0"
    bare: bool = False
    powers: Literal["never", "python", "shorter"] = "python"
    exponent: str = "e+00"
    infinity: str = "inf"
    words: tuple[str, str] = ("False", "True")
    pattern: str = ""
    fraction: int = -1
    offset: int | None = None
    upper: bool | None = None

    def config(self) -> dict[str, Any]:
        """Return what differs from the usual, as JSON can say it."""
        usual = asdict(Spelling())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Spelling:
        """Return what :meth:`config` said."""
        words = {"words": tuple(config["words"])} if "words" in config else {}
        return cls(**{**config, **words})

    def text(self, column: pa.Array) -> pa.Array:
        """Return the cells of a column as text, (rows,), null where there is no value.

        Raises:
            ValueError: if a value is none of the kind that the column holds.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        try:
            if self.kind == "integer":
                cells = self._signed(_whole(column).cast(pa.string()))
            elif self.kind == "decimal":
                cells = self._signed(self._decimals(column.cast(pa.float64())))
            elif self.kind == "boolean":
                cells = pa.array(self.words, pa.string()).take(column.cast(pa.bool_()).cast(pa.int8()))
            elif self.kind == "date":
                cells = self._dates(column)
            elif self.kind == "duration":
                cells = self._durations(column.cast(pa.duration("us")))
            else:
                cells = plain_text(column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueError(f"the column holds {self.kind}s, and these are none ({error})") from None
        if self.width:
            return pc.utf8_lpad(cells, self.width, " ")
        return pc.binary_join_element_wise(self.indent, cells, "") if self.indent else cells

    def _signed(self, cells: pa.Array) -> pa.Array:
        """Return numbers with the signs of the column: groups, decimals, plus, and what stands around."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.group or self.point != ".":
            cells = pa.array([None if cell is None else self._grouped(cell) for cell in cells.to_pylist()], pa.string())
        if self.plus:
            cells = pc.replace_substring_regex(cells, "^([^+-])", r"+\1")
        if self.prefix and self.sign_first:
            literal = self.prefix.replace("\\", "\\\\")
            cells = pc.replace_substring_regex(cells, "^([+-]?)", rf"\1{literal}", max_replacements=1)
            return pc.binary_join_element_wise(cells, self.suffix, "")
        if self.prefix or self.suffix:
            return pc.binary_join_element_wise(self.prefix, cells, self.suffix, "")
        return cells

    def _grouped(self, cell: str) -> str:
        whole, point, rest = cell.partition(".")
        if self.group and "e" not in whole.lower():
            whole = re.sub(r"(?<=[0-9])(?=(?:[0-9]{3})+$)", self.group, whole)
        return whole + (self.point if point else "") + rest

    def _decimals(self, column: pa.Array) -> pa.Array:
        """Return float64 numbers as text with a decimal point."""
        import pyarrow as pa
        import pyarrow.compute as pc

        values = column.to_numpy(zero_copy_only=False)
        missing = np.asarray(column.is_null()) | np.isnan(values)
        finite = np.isfinite(values)
        largest = float(np.abs(values[finite]).max(initial=0.0))
        if self.style == "fixed" and largest * 10.0**self.digits < EXACT:
            cells = _fixed(np.where(finite, values, 0.0), self.digits)
        elif self.style == "shortest":
            if self.digits <= 15 and largest * 10.0**self.digits < EXACT:
                values = np.round(values, self.digits)
            cells = self._shortest(values)
        else:
            how = {"fixed": "f", "general": "g", "scientific": "e", "shortest": ""}[self.style]
            cells = pa.array([self._powers(f"{value:.{self.digits}{how}}") for value in values.tolist()], pa.string())
        if self.bare:
            cells = pc.replace_substring_regex(cells, r"^(-?)0\.([0-9]*)$", r"\1.\2")
        if not finite.all():
            endless = pa.array(np.where(values > 0, self.infinity, f"-{self.infinity}"), pa.string())
            cells = pc.if_else(pa.array(np.isinf(values)), endless, cells)
        return pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), cells)

    def _shortest(self, values: NDArray[Any]) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = pa.array(values).cast(pa.string())
        size = np.abs(values)
        # Where pyarrow, too, writes no power of ten, and none is shorter: from 1 on, the latter is not sure.
        plain = (values == 0) | ((size >= 1e-3) & (size < (1e3 if self.powers == "shorter" else 1e15)))
        plain |= ~np.isfinite(values)
        if not plain.all():
            others = iter([self._with_power(value) for value in values[~plain].tolist()])
            cells = pa.array([cell if ok else next(others) for cell, ok in zip(cells.to_pylist(), plain, strict=True)])
        if self.whole:
            short = pc.match_substring_regex(cells, "^[+-]?[0-9]+$")
            return pc.if_else(short, pc.binary_join_element_wise(cells, self.whole, ""), cells)
        return pc.replace_substring_regex(cells, r"^(-?[0-9]+)\.0($|e)", r"\1\2")

    def _with_power(self, value: float) -> str:
        """Return a number as few signs tell it, with a power of ten where the column has it."""
        if self.powers == "python":
            return self._powers(repr(value))
        plain = f"{Decimal(repr(value)):f}".removesuffix(".0")
        if self.powers == "never":
            return plain
        sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
        mantissa = "".join(map(str, digits[:1])) + "." * (len(digits) > 1) + "".join(map(str, digits[1:]))
        cell = self._powers(f"{'-' * sign}{mantissa}e{int(power) + len(digits) - 1}")
        return cell if len(cell) < len(plain) else plain

    def _powers(self, cell: str) -> str:
        """Return a number with its power of ten spelled as in the column."""
        mantissa, power, rest = cell.partition("e")
        if not power:
            return cell
        letter, least = self.exponent[0], self.exponent.count("0")
        if letter == "E" and self.style == "shortest" and self.whole and "." not in mantissa:
            mantissa += self.whole  # as Java does
        sign = "-" if rest[0] == "-" else "+" if "+" in self.exponent else ""
        return f"{mantissa}{letter}{sign}{int(rest.lstrip('+-')):0{least}d}"

    def _dates(self, column: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("s"))
        if not pa.types.is_timestamp(column.type):
            raise pa.ArrowInvalid(f"they are {column.type}")
        unit = "ns" if column.type.unit == "ns" else "us"
        moments = column.cast(pa.timestamp(unit)).to_numpy(zero_copy_only=False).astype(f"datetime64[{unit}]")
        missing = np.isnat(moments)
        moments = np.where(missing, np.zeros(1, moments.dtype), moments)
        if self.offset:
            moments = moments + np.timedelta64(self.offset, "m")
        days = moments.astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        parts = {
            "Y": months.astype("datetime64[Y]").astype(int) + 1970,
            "m": months.astype(int) % 12 + 1,
            "d": (days - months).astype(int) + 1,
        }
        cells = self._parts(parts, (moments - days).astype(f"timedelta64[{unit}]").astype(np.int64), unit)
        return pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), cells)

    def _durations(self, column: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        missing = column.is_null()
        cells = self._parts({}, column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), "us")
        return pc.if_else(missing, pa.scalar(None, pa.string()), cells)

    def _parts(self, parts: dict[str, NDArray[Any]], time: NDArray[np.int64], unit: str) -> pa.Array:
        """Return the cells of a pattern from the parts of a date and the time since midnight in a unit."""
        import pyarrow as pa
        import pyarrow.compute as pc

        second, digits = (10**9, 9) if unit == "ns" else (10**6, 6)
        fine, seconds = time % second, time // second
        hours = seconds // 3600
        parts = parts | {"T": hours, "H": hours % 24, "D": hours // 24, "M": seconds // 60 % 60, "S": seconds % 60}
        parts["I"] = (hours - 1) % 12 + 1
        pieces: list[Any] = []
        for token in re.findall("%-?[a-zA-Z]|[^%]+", self.pattern):
            letter = token[-1]
            if token[0] != "%":
                pieces.append(token)
            elif letter == "f":
                pieces.append(self._fractions(fine, digits))
            elif letter in "bBp":
                names = {"b": _SHORT, "B": _MONTHS, "p": ["AM", "PM"]}[letter]
                if self.upper is not None:
                    names = [name.upper() if self.upper else name.lower() for name in names]
                pieces.append(pa.array(names).take(pa.array(hours // 12 % 2 if letter == "p" else parts["m"] - 1)))
            elif letter == "y":
                pieces.append(_padded(parts["Y"] % 100, 2))
            else:
                pieces.append(_padded(parts[letter], 1 if "-" in token or letter == "D" else 4 if letter == "Y" else 2))
        length = len(time)
        pieces = [pa.repeat(piece, length) if isinstance(piece, str) else piece for piece in pieces]
        return pc.binary_join_element_wise(*pieces, "")

    def _fractions(self, fine: NDArray[np.int64], digits: int) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = pc.binary_join_element_wise(".", _padded(fine, digits), "")
        if self.fraction >= 0:
            return pc.utf8_slice_codeunits(pc.utf8_rpad(cells, 10, "0"), 0, self.fraction + 1)
        return pc.if_else(pa.array(fine == 0), "", cells)


def plain_text(column: pa.Array) -> pa.Array:
    """Return what stands in a column as text."""
    import pyarrow as pa

    if pa.types.is_string(column.type):
        return column
    return column.cast(pa.string())


def usual(values: Column) -> Spelling:
    """Return how a column is spelled of which nothing else is known."""
    import pandas as pd

    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        kind = kind.categories.dtype
    if pd.api.types.is_bool_dtype(kind):
        return Spelling("boolean")
    if pd.api.types.is_integer_dtype(kind):
        return Spelling("integer")
    if pd.api.types.is_float_dtype(kind):
        return Spelling("decimal")
    if pd.api.types.is_timedelta64_dtype(kind):
        return Spelling("duration", pattern="%D days %H:%M:%S%f")
    if isinstance(kind, pd.DatetimeTZDtype):
        return Spelling("date", pattern="%Y-%m-%d %H:%M:%S%f+00:00", offset=0)
    if pd.api.types.is_datetime64_any_dtype(kind):
        present = values.dropna()
        plain = bool((present.dt.normalize() == present).all()) if kind == values.dtype else False
        return Spelling("date", pattern="%Y-%m-%d" if plain else "%Y-%m-%d %H:%M:%S%f")
    return Spelling("text")


def arrow_column(values: Column) -> pa.Array:
    """Return a column of pandas as pyarrow has it; objects of several kinds as text."""
    import pyarrow as pa

    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        column = pa.array([None if value is None or value != value else str(value) for value in values], pa.string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _whole(column: pa.Array) -> pa.Array:
    """Return whole numbers as integers; a float that is one counts."""
    import pyarrow as pa

    return column.cast(pa.int64()) if pa.types.is_floating(column.type) else column


def _fixed(values: NDArray[Any], digits: int) -> pa.Array:
    """Return numbers with so many decimals, rounded to the nearest."""
    import pyarrow as pa
    import pyarrow.compute as pc

    scaled = np.rint(values * 10.0**digits)
    sign = pc.if_else(pa.array(np.signbit(scaled)), "-", "")
    size = np.abs(scaled).astype(np.int64)
    whole, rest = np.divmod(size, 10**digits)
    pieces = [sign, pa.array(whole).cast(pa.string())]
    if digits:
        pieces += [pa.repeat(".", len(values)), _padded(rest, digits)]
    return pc.binary_join_element_wise(*pieces, "")


def _padded(values: NDArray[Any], width: int) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.utf8_lpad(pa.array(values.astype(np.int64)).cast(pa.string()), width, "0")


# Reading


@dataclass
class _Found:
    """A column while it is read: its distinct cells, which rows hold them, and what is known."""

    name: str
    cells: pa.Array
    codes: NDArray[np.int32]
    counts: NDArray[np.int64]
    stripped: pa.Array
    quoted: bool
    blank_quoted: bool
    special: str
    """The pattern of what may stand in quotes only."""

    def present(self, signs: Collection[str]) -> NDArray[np.bool_]:
        import pyarrow as pa
        import pyarrow.compute as pc

        return ~np.asarray(pc.is_in(self.stripped, pa.array(list(signs), pa.string())))


def read_columns(
    grid: Grid, *, as_text: Collection[str] = (), decimal: Sign | None = None
) -> tuple[dict[str, Column], dict[str, Spelling]]:
    """Return the columns of a file, typed, and how each is spelled; what was decided is added to the notes of the grid.

    Args:
        grid: the cells as text.
        as_text: columns that stay text, each cell as it stands; an empty one is missing.
        decimal: the decimal sign where "1,234" may be one number or the other.

    Raises:
        ValueError: if that is so and nothing in the file says which.
    """
    notes = _Notes(grid)
    found = {}
    for name, column, quoted, blank in zip(grid.names, grid.columns, grid.quoted, grid.blank_quoted, strict=True):
        found[name] = _distinct(name, column, quoted, blank, grid.dialect.special())
    open_ones: dict[str, _Number] = {}
    typed_before: dict[str, _Typed] = {}
    columns: dict[str, Column] = {}
    spellings: dict[str, Spelling] = {}
    for name, one in found.items():
        if name in as_text:
            continue
        if eight := _eight_digits(one):
            typed_before[name] = eight
        elif number := _numbers(one, notes):
            open_ones[name] = number
    signs = _points(open_ones, decimal)
    for name, one in found.items():
        if name in as_text:
            typed = _text(one, ("",))
        elif name in typed_before:
            typed = typed_before[name]
        elif name in open_ones:
            typed = _read_numbers(open_ones[name], signs[name], notes) or _text(one, TEXT_SIGNS)
        else:
            typed = _booleans(one) or _moments(one, notes) or _text(one, TEXT_SIGNS, notes)
        columns[name], spellings[name] = _finished(one, typed, notes)
    notes.close(found)
    return columns, spellings


class _Notes:
    """Sentences, those of several columns put together."""

    def __init__(self, grid: Grid):
        self.grid = grid
        self.signs: dict[str, list[str]] = {}
        self.of_columns: dict[str, list[str]] = {}

    def add(self, name: str, note: str) -> None:
        self.of_columns.setdefault(note, []).append(name)

    def line(self, one: _Found, code: int) -> int:
        return self.grid.line_of(int(np.argmax(one.codes == code)))

    def close(self, columns: Collection[str]) -> None:
        for sign, names in self.signs.items():
            self.grid.notes.append(f"{_columns(names)}: {sign!r} is a missing value")
        for note, names in self.of_columns.items():
            self.grid.notes.append(f"{_columns(names)}: {note}")


def _columns(names: list[str]) -> str:
    if len(names) == 1:
        return f"column {names[0]!r}"
    shown = ", ".join(map(repr, names[:3]))
    return f"columns {shown}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"


def _distinct(name: str, column: pa.DictionaryArray, quoted: bool, blank: bool, special: str) -> _Found:
    import pyarrow.compute as pc

    codes = np.asarray(column.indices)
    counts = np.bincount(codes, minlength=len(column.dictionary))
    stripped = pc.utf8_trim_whitespace(column.dictionary)
    return _Found(name, column.dictionary, codes, counts, stripped, quoted, blank, special)


@dataclass
class _Typed:
    """A column's kind: what its distinct cells mean, and which of them are missing values."""

    spelling: Spelling
    meant: Any
    """Of the distinct cells that are present, in order; None for text: the cells themselves."""
    present: NDArray[np.bool_]
    zone: dt.tzinfo | None = None


def _finished(one: _Found, typed: _Typed, notes: _Notes) -> tuple[Column, Spelling]:
    """Return a column and its spelling with the sign of a missing value; note what will come back otherwise."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    spelling = replace(typed.spelling, quoted=one.quoted, blank_quoted=one.blank_quoted)
    blanks = np.flatnonzero(~typed.present)
    if len(blanks):
        order = blanks[np.argsort(-one.counts[blanks], kind="stable")]
        signs = [one.cells[int(place)].as_py() for place in order]
        spelling = replace(spelling, missing=signs[0])
        for sign in signs:
            if sign.strip():
                notes.signs.setdefault(sign.strip(), []).append(one.name)
        if len(signs) > 1:
            notes.add(one.name, f"missing values are written in {len(signs)} ways, and come back as {signs[0]!r}")
    if typed.meant is not None:
        spelling = _spaces(one.cells.filter(pa.array(typed.present)), spelling)
    place_of = np.cumsum(typed.present) - 1
    codes = np.where(typed.present, place_of, -1)[one.codes] if len(one.codes) else one.codes
    missing = codes < 0
    if typed.meant is None:
        cells = one.cells.filter(pa.array(typed.present))
        if spelling.indent:
            cells = pc.utf8_slice_codeunits(cells, len(spelling.indent))
        column = pd.Series(cells.take(pa.array(codes, mask=missing)).to_pandas(), dtype="str", name=one.name)
        return column, spelling
    values = np.asarray(typed.meant)
    if not len(values):
        values = np.zeros(1, values.dtype)
    full = values[np.where(missing, 0, codes)]
    gaps = bool(missing.any())
    if values.dtype.kind == "M":
        full = np.where(missing, np.datetime64("NaT"), full)
        column = pd.Series(full, name=one.name)
        column = column if typed.zone is None else column.dt.tz_localize("UTC").dt.tz_convert(typed.zone)
    elif values.dtype.kind == "m":
        column = pd.Series(np.where(missing, np.timedelta64("NaT"), full), name=one.name)
    elif values.dtype.kind == "f":
        column = pd.Series(np.where(missing, np.nan, full), name=one.name)
    elif values.dtype.kind == "b":
        column = pd.Series(pd.arrays.BooleanArray(full, missing) if gaps else full, name=one.name)
    else:
        column = pd.Series(pd.arrays.IntegerArray(full, missing) if gaps else full, name=one.name)
    _compare(one, typed, spelling, notes)
    return column, spelling


def _spaces(cells: pa.Array, spelling: Spelling) -> Spelling:
    """Add the spaces before each cell, or the width of cells that are filled up with spaces from the left."""
    import pyarrow.compute as pc

    lengths = np.asarray(pc.utf8_length(cells))
    spaces = lengths - np.asarray(pc.utf8_length(pc.utf8_ltrim(cells, " ")))
    if not len(lengths) or not spaces.any():
        return spelling
    width = int(lengths.min())
    usual = int(np.bincount(spaces).argmax())
    if usual and (spaces == usual).mean() > 0.5:
        return replace(spelling, indent=" " * usual)
    return spelling if (spaces[lengths > width] > 0).any() else replace(spelling, width=width)


def _compare(one: _Found, typed: _Typed, spelling: Spelling, notes: _Notes) -> None:
    """Note if a cell is spelled otherwise than the column."""
    import pandas as pd
    import pyarrow as pa

    cells = one.cells.filter(pa.array(typed.present))
    some = _some(len(cells))
    values = pd.Series(np.asarray(typed.meant)[some])
    if typed.zone is not None:
        values = values.dt.tz_localize("UTC")
    again = spelling.text(arrow_column(values)).to_pylist()
    was = cells.take(pa.array(some)).to_pylist()
    other = [(before, after) for before, after in zip(was, again, strict=True) if before != after]
    if other:
        share = 100 * len(other) / len(was)
        before, after = other[0]
        notes.add(
            one.name,
            f"{max(share, 1):.0f} % of the distinct cells are spelled in another way: "
            f"{before!r} comes back as {after!r}",
        )


def _some(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, ENOUGH)).astype(np.int64))


def _all_match(cells: pa.Array, pattern: str) -> bool:
    return bool(_matches(cells, pattern).all())


def _matches(cells: pa.Array, pattern: str) -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    return np.asarray(pc.match_substring_regex(cells, f"^(?:{pattern})$"))


def _read_or_word(
    one: _Found, present: NDArray[np.bool_], like: NDArray[np.bool_], what: str, notes: _Notes
) -> NDArray[np.bool_] | None:
    """Return which cells are present if all are alike, but for words that say that there is no value; None if not.

    ``like`` is a mask over the cells that are present.
    """
    places = np.flatnonzero(present)
    if like.all():
        return present
    weight = one.counts[places]
    share = weight[like].sum() / max(1, weight.sum())
    odd = places[~like]
    words = {one.stripped[int(place)].as_py() for place in odd[:1000]}
    if share >= SHARE and len(odd) <= 1000 and all(word.lower() in MISSING_WORDS for word in words):
        kept = present.copy()
        kept[odd] = False
        return kept
    if share >= 0.5:
        first = int(odd[np.argmin([np.argmax(one.codes == place) for place in odd[:50]])])
        shown = one.cells[first].as_py()
        notes.add(
            one.name,
            f"{what}, but for {int(weight[~like].sum()):,} cells such as {shown!r} in line {notes.line(one, first)}; "
            "it stays text",
        )
    return None


# Numbers


@dataclass
class _Number:
    """A column that looks like numbers: the distinct cells without what stands around the number."""

    one: _Found
    present: NDArray[np.bool_]
    cells: pa.Array
    spelling: Spelling
    point: Sign | None
    """The decimal sign, where it is settled here."""


def _numbers(one: _Found, notes: _Notes) -> _Number | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    present = one.present(SIGNS)
    if not present.any():
        return None
    cells = one.stripped.filter(pa.array(present))
    begin = cells[: min(len(cells), 50)].to_pylist()
    if not any(re.search("[0-9]", cell) or "inf" in cell.lower() for cell in begin):
        return None
    spelling = Spelling("integer")
    unit = next((found for cell in begin if (found := _UNITS.fullmatch(cell))), None)
    if unit and (unit["prefix"] or unit["suffix"]):
        prefix, suffix = unit["prefix"] or "", unit["suffix"] or ""
        sign_first = not any(cell.startswith((f"{prefix}-", f"{prefix}+")) for cell in begin) if prefix else True
        around = f"([+-]?){re.escape(prefix)}(.*){re.escape(suffix)}"
        if _all_match(cells, around):
            cells = pc.replace_substring_regex(cells, f"^{around}$", r"\1\2")
            spelling = replace(spelling, prefix=prefix, suffix=suffix, sign_first=sign_first)
    point: Sign | None = None
    group = next((sign for sign in GROUPS if any(re.search(rf"[0-9]{sign}[0-9]", cell) for cell in begin)), "")
    if group:
        has_comma = bool(np.asarray(pc.match_substring(cells, ",")).any())
        point = "," if has_comma else "."
        other = "." if has_comma else ","
        apart = pc.replace_substring(cells, group, other)
        if not np.asarray(pc.match_substring(cells, other)).any() and _all_match(apart, NUMBER[point]):
            cells, spelling = apart, replace(spelling, group=group)
        else:
            return None
    like = _matches(cells, NUMBER["."]) if point is None else np.ones(len(cells), bool)
    if point is None and not like.all():
        comma = _matches(cells, NUMBER[","])
        like = like if like.sum() > comma.sum() else comma
    kept = _read_or_word(one, present, like, "the cells are numbers", notes)
    if kept is None:
        return None
    cells = cells.filter(pa.array(like))
    if np.asarray(_matches(cells, "[+-]?0[0-9].*")).any():
        zero = int(np.flatnonzero(kept)[int(np.argmax(_matches(cells, "[+-]?0[0-9].*")))])
        notes.add(one.name, f"it stays text, since numbers have no leading zeros as in {one.cells[zero].as_py()!r}")
        return None
    if spelling.prefix or spelling.suffix:
        notes.add(one.name, f"numbers with {(spelling.prefix or spelling.suffix).strip()!r}")
    return _Number(one, kept, cells, spelling, point)


def _points(numbers: dict[str, _Number], decimal: Sign | None) -> dict[str, Sign]:
    """Return the decimal sign of each column."""
    import pandas as pd

    settled: dict[str, Sign] = {name: one.point for name, one in numbers.items() if one.point is not None}
    asked = {}
    for name, one in numbers.items():
        if name not in settled:
            asked[name] = pd.Series(one.cells.to_pandas(), dtype="str", name=name)
    return settled | decimal_signs(asked, decimal)


def _read_numbers(number: _Number, point: Sign, notes: _Notes) -> _Typed | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    cells, spelling, one = number.cells, number.spelling, number.one
    group: Sign = "," if point == "." else "."
    grouped = bool(np.asarray(pc.match_substring(cells, group)).any())
    if grouped:
        cells = pc.replace_substring(cells, group, "")
        spelling = replace(spelling, group=spelling.group or group)
    if point == ",":
        cells = pc.replace_substring(cells, ",", ".")
    begins = [cells[int(place)].as_py() for place in _some(len(cells))]
    plus = [cell for cell in begins if not cell.startswith("-") and float(cell) != 0]
    spelling = replace(spelling, point=point, plus=bool(plus) and all(cell.startswith("+") for cell in plus))
    if np.asarray(pc.starts_with(cells, "+")).any():
        cells = pc.replace_substring_regex(cells, r"^\+", "")
    if _all_match(cells, "-?[0-9]+"):
        for kind in (pa.int64(), pa.uint64()):
            try:
                values = cells.cast(kind).to_numpy(zero_copy_only=False)
            except pa.ArrowInvalid:
                continue
            return _Typed(spelling, values, number.present)
        notes.add(one.name, "whole numbers beyond 64 bits stay text")
        return None
    if word := next((cell for cell in begins if "inf" in cell.lower()), ""):
        spelling = replace(spelling, infinity=word.lstrip("+-"))
    values = cells.cast(pa.float64()).to_numpy(zero_copy_only=False)
    powers = np.asarray(pc.match_substring_regex(cells, "[eE]"))
    some = np.union1d(_some(len(cells)), np.flatnonzero(powers)[:50])
    spelling = _style(replace(spelling, kind="decimal"), cells.take(pa.array(some)), values[some])
    if spelling.style == "shortest":
        behind = np.asarray(pc.binary_length(cells)) - np.asarray(pc.find_substring(cells, ".")) - 1
        longest = int(behind[np.asarray(pc.match_substring(cells, "."))].max(initial=0))
        spelling = replace(spelling, digits=longest if longest <= 15 and not powers.any() else 17)
    return _Typed(spelling, values, number.present)


def _style(spelling: Spelling, cells: pa.Array, values: NDArray[Any]) -> Spelling:
    """Return how decimals are spelled: as most of the cells are, numbers with a point, without groups."""
    texts = cells.to_pylist()
    parts = [found for cell in texts if (found := re.fullmatch(r"-?([0-9]*)(\.?)([0-9]*)([eE].*)?", cell))]
    powers = [found[4] for found in parts if found[4]]
    bare = any(found[2] and not found[1] for found in parts)
    spelling = replace(spelling, bare=bare)
    if powers:
        least = min(len(power.lstrip("eE+-")) for power in powers)
        plus = any("+" in power for power in powers) or (least > 1 and all("-" in power for power in powers))
        spelling = replace(spelling, exponent=powers[0][0] + "+" * plus + "0" * least)
    decimals = {len(found[3]) for found in parts if not found[4]}
    tries = []
    if not powers and len(decimals) == 1:
        tries.append(replace(spelling, style="fixed", digits=decimals.pop()))
    ways: list[Literal["never", "python", "shorter"]] = ["python", "shorter"] if powers else ["never"]
    tries += [replace(spelling, whole=whole, powers=way) for way, whole in product(ways, (".0", ""))]
    figures = [len((found[1] + found[3]).lstrip("0")) for found in parts]
    tries += [replace(spelling, style="general", digits=figure) for figure in sorted({*figures, 15})[-4:] if figure]
    tries += [replace(spelling, style="fixed", digits=digits) for digits in sorted(decimals)[-1:]]
    mantissas = {len(found[3]) for found in parts if found[4]}
    tries += [replace(spelling, style="scientific", digits=digits) for digits in sorted(mantissas)[-2:]]
    import pyarrow as pa

    best, most = tries[0], -1
    for one in tries:
        again = one._decimals(pa.array(values)).to_pylist()
        same = sum(before == after for before, after in zip(texts, again, strict=True))
        if same > most:
            best, most = one, same
        if same == len(texts):
            break
    return best


# Booleans and text


def _booleans(one: _Found) -> _Typed | None:
    import pyarrow as pa

    present = one.present(SIGNS)
    words = one.stripped.filter(pa.array(present)).to_pylist() if present.sum() in (1, 2) else []
    small = [word.lower() for word in words]
    for no, yes in BOOLEANS:
        if set(small) != {no, yes} and not (len(small) == 1 and no == "false" and small[0] in (no, yes)):
            continue
        false = next((word for word, is_ in zip(words, small, strict=True) if is_ == no), "")
        true = next((word for word, is_ in zip(words, small, strict=True) if is_ == yes), "")
        spelling = Spelling("boolean", words=(false or _like(true, no), true or _like(false, yes)))
        return _Typed(spelling, np.array([word == yes for word in small]), present)
    return None


def _like(word: str, other: str) -> str:
    """Return a word in the capitals of another."""
    return other.upper() if word.isupper() else other.title() if word[:1].isupper() else other


def _text(one: _Found, signs: Collection[str], notes: _Notes | None = None) -> _Typed:
    import pyarrow as pa
    import pyarrow.compute as pc

    present = one.present(signs) if signs != ("",) else np.asarray(pc.not_equal(one.cells, ""))
    cells = one.cells.filter(pa.array(present))
    if "NA" in signs and present.sum() > 3 and _all_match(cells, "[A-Z]{2}"):  # codes of countries: Namibia
        present |= np.asarray(pc.equal(one.cells, "NA"))
    apart = signs != ("",) and len(cells) > 0 and not one.quoted
    apart = apart and _all_match(cells, " [^ ](?s:.*)") and not _matches(cells, f"(?s:.*){one.special}(?s:.*)").any()
    return _Typed(Spelling("text", indent=" " * apart), None, present)


# Dates and durations


def _moments(one: _Found, notes: _Notes) -> _Typed | None:
    """Return dates or durations, if the cells are spelled as such."""
    import pyarrow as pa

    present = one.present(SIGNS)
    cells = one.stripped.filter(pa.array(present))
    some = [cells[int(place)].as_py() for place in _some(len(cells))[:: max(1, min(len(cells), ENOUGH) // 40)]]
    if not some or not any(4 <= len(cell) <= 40 and re.search("[0-9]", cell) for cell in some):
        return None
    best, most = "", 0
    fits = []
    for pattern in [*DATE_FORMATS, *DURATION_FORMATS]:
        fit = sum(bool(_regex(pattern).fullmatch(cell)) for cell in some)
        if fit > most:
            best, most = pattern, fit
        if fit == len(some):
            fits.append(pattern)
    if most * 2 < len(some):
        return None
    read: list[tuple[str, _Moments, NDArray[np.bool_]]] = []
    for pattern in fits or [best]:
        moments = _parse(pattern, cells)
        kind = "dates" if pattern in DATE_FORMATS else "durations"
        if moments.good.all():
            read.append((pattern, moments, present))
        elif len(fits) <= 1:
            kept = _read_or_word(one, present, moments.good, f"the cells are {kind}", notes)
            if kept is not None:
                read.append((pattern, _parse(pattern, one.stripped.filter(pa.array(kept))), kept))
    if not read:
        if len(fits) > 1:
            _read_or_word(one, present, _parse(fits[0], cells).good, "the cells are dates", notes)
        return None
    pattern, moments, kept = read[0]
    others = (other for other in read[1:] if not np.array_equal(other[1].moments, moments.moments))
    if other := next(others, None):
        pattern, moments, kept = _day_or_month(one, [read[0], other], notes)
    return _Typed(*moments.spelled(pattern, one, notes), kept, moments.zone)


def _eight_digits(one: _Found) -> _Typed | None:
    """Return dates such as 20200131, if the name of the column says that it holds dates, or there are many.

    Of numbers that begin like years, one in 27 is a date: ten by accident are none.
    """
    import pyarrow as pa

    named = re.search(r"(?i)date|datum|(^|[_\W])(day|tag|dob|birth)", one.name)
    present = one.present(SIGNS)
    cells = one.stripped.filter(pa.array(present))
    if len(cells) < (1 if named else 10) or not _all_match(cells, "(?:18|19|20|21)[0-9]{6}"):
        return None
    moments = _parse("%Y%m%d", cells)
    return _Typed(Spelling("date", pattern="%Y%m%d"), moments.moments, present) if moments.good.all() else None


def _day_or_month(
    one: _Found,
    read: list[tuple[str, _Moments, NDArray[np.bool_]]],
    notes: _Notes,
) -> tuple[str, _Moments, NDArray[np.bool_]]:
    """Decide between two readings of dates: by what is constant or rises, then for the day first.

    What happens once a month, on the same day, has no time of day that differs: such moments lie in one month.
    """
    first, second = read[0], read[1]
    constant = [len(np.unique(moments.parts["d"])) == 1 for _, moments, _ in (first, second)]
    rising = []
    for _, moments, kept in (first, second):
        place_of = np.cumsum(kept) - 1
        series = moments.moments[place_of[one.codes[kept[one.codes]]]]
        rising.append(bool(np.all(np.diff(series) >= np.timedelta64(0))))
    choice, why = first, "since nothing tells, the day stands first"
    if constant[0] != constant[1] and len(first[1].moments) > 1:
        choice, why = (first if constant[0] else second), "its days are then the same"
        times = first[1].moments - first[1].moments.astype("datetime64[D]")
        if len(np.unique(times)) > 1:
            choice, why = (second if constant[0] else first), "its times differ, and it lies then in one month"
    elif rising[0] != rising[1]:
        choice, why = (first if rising[0] else second), "its dates then rise"
    example = first[1].cells[0].as_py()
    day = choice[1].moments[0].astype("datetime64[D]")
    notes.add(
        one.name,
        f"{example!r} is read as {day} ({why}); as_text=[{one.name!r}] (in --types kind: category) keeps it as text",
    )
    return choice


@dataclass
class _Moments:
    """Dates or durations of distinct cells."""

    cells: pa.Array
    moments: NDArray[Any]
    good: NDArray[np.bool_]
    parts: dict[str, NDArray[Any]]
    texts: dict[str, list[str]]
    zone: dt.tzinfo | None

    def spelled(self, pattern: str, one: _Found, notes: _Notes) -> tuple[Spelling, NDArray[Any]]:
        """Return how these are spelled, and what they are."""
        kind: Kind = "date" if self.moments.dtype.kind == "M" else "duration"
        spelling = Spelling(kind, pattern=pattern)
        for letter in "dmHIT":
            texts = self.texts.get(letter, [])
            if any(len(text) == 1 for text in texts):
                spelling = replace(spelling, pattern=spelling.pattern.replace(f"%{letter}", f"%-{letter}"))
        if "f" in self.texts:
            lengths = {len(text or "") for text in self.texts["f"]}
            spelling = replace(spelling, fraction=lengths.pop() if len(lengths) == 1 else -1)
            if spelling.fraction == 0:
                spelling = replace(spelling, fraction=-1, pattern=spelling.pattern.replace("%f", ""))
        if words := self.texts.get("b") or self.texts.get("B") or self.texts.get("p"):
            word = words[0]
            as_usual = word.istitle() if {"b", "B"} & set(self.texts) else word.isupper()
            spelling = replace(spelling, upper=None if as_usual else word.isupper())
        if "z" in self.texts:
            zones = set(self.texts["z"])
            offset = (
                0 if self.zone is None else int((self.zone.utcoffset(None) or dt.timedelta()).total_seconds() // 60)
            )
            first = self.texts["z"][0]
            if len(zones) > 1:
                notes.add(
                    one.name, f"its times have several zones ({', '.join(sorted(zones)[:3])}) and come back in UTC"
                )
                first = "+00:00" if ":" in first else "Z" if first == "Z" else "+0000"
            spelling = replace(spelling, pattern=spelling.pattern.replace("%z", first), offset=offset)
        return spelling, self.moments


_COMPILED: dict[str, re.Pattern[str]] = {}


def _expression(pattern: str) -> str:
    return "".join(_TOKENS.get(part) or re.escape(part) for part in re.findall("%[a-zA-Z]|[^%]+", pattern))


def _regex(pattern: str) -> re.Pattern[str]:
    if pattern not in _COMPILED:
        _COMPILED[pattern] = re.compile(_expression(pattern))
    return _COMPILED[pattern]


def _parse(pattern: str, cells: pa.Array) -> _Moments:
    """Read cells by a format."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.extract_regex(cells, f"^(?:{_expression(pattern)})$")
    good = ~np.asarray(found.is_null())
    letters = [field.name for field in found.type]
    texts = {letter: found.field(letter).filter(pa.array(good)) for letter in letters}
    numbers: dict[str, NDArray[Any]] = {}
    for letter, column in texts.items():
        if letter in "bB":
            names = [name.lower() for name in (_SHORT if letter == "b" else _MONTHS)]
            numbers["m"] = np.asarray(pc.index_in(pc.utf8_lower(column), pa.array(names))) + 1
        elif letter == "p":
            numbers["p"] = np.asarray(pc.equal(pc.utf8_lower(column), "pm")).astype(np.int64)
        elif letter == "f":
            numbers["f"] = np.asarray(pc.utf8_rpad(column, 9, "0").cast(pa.int64()))
        elif letter == "z":
            numbers["z"] = np.array([_offset(zone) for zone in column.to_pylist()], np.int64)
        else:
            numbers[letter] = np.asarray(column.cast(pa.int64()))
    count = int(good.sum())
    zeros = np.zeros(count, np.int64)
    get: Callable[[str], NDArray[Any]] = lambda letter: numbers.get(letter, zeros)  # noqa: E731
    hours = get("H") + get("T") + 24 * get("D")
    if "I" in numbers:
        hours = numbers["I"] % 12 + 12 * get("p")
    seconds = hours * 3600 + get("M") * 60 + get("S") - 60 * get("z")
    fine = "f" in texts and bool(np.any(get("f") % 1000))
    unit, scale = ("ns", 10**9) if fine else ("us", 10**6)
    time = seconds * scale + get("f") * scale // 10**9
    said = {letter: column.to_pylist() for letter, column in texts.items() if letter in "dmHITfbBpz"}
    if "Y" not in numbers and "y" not in numbers:
        return _Moments(cells, time.astype(f"timedelta64[{unit}]"), good, numbers, said, None)
    years = numbers["Y"] if "Y" in numbers else np.where(numbers["y"] < 69, 2000, 1900) + numbers["y"]
    months = ((years - 1970) * 12 + get("m") - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (numbers["d"] - 1 if "d" in numbers else zeros)
    real = (days.astype("datetime64[M]") == months) & (years > 0)
    if pattern == "%Y-%m":
        real &= (years >= 1800) & (years <= 2200)
    good[np.flatnonzero(good)[~real]] = False
    zone: dt.tzinfo | None = None
    if "z" in numbers:
        offsets = np.unique(numbers["z"])
        zone = dt.timezone(dt.timedelta(minutes=int(offsets[0]))) if len(offsets) == 1 and offsets[0] else dt.UTC
    return _Moments(
        cells, days.astype(f"datetime64[{unit}]") + time.astype(f"timedelta64[{unit}]"), good, numbers, said, zone
    )


def _offset(zone: str) -> int:
    """Return the minutes by which a zone is ahead of UTC."""
    if zone == "Z":
        return 0
    size = int(zone[1:3]) * 60 + int(zone[-2:])
    return -size if zone[0] == "-" else size
