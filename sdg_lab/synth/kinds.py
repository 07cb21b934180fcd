"""What each column of a person's table holds: found, shown, and edited by hand as YAML.

The dtype says how values are kept, not what they mean: 10115 may be a number, a postcode or a customer. What is found
here decides what is done with a column, so it is shown before anything is learnt, each decision with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args, overload

import numpy as np
from numpy.typing import NDArray

from sdg_lab import yaml_files
from sdg_lab.checks import did_you_mean, one_of, whole
from sdg_lab.synth.contents import NANOSECONDS, UNITS, Contents, contents_of, from_local, to_local
from sdg_lab.tables.columns import check_table
from sdg_lab.tables.numbers import MAX_DECIMALS, decimals_of

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

Kind: TypeAlias = Literal[
    "integer", "decimal", "boolean", "category", "code", "date", "duration", "key", "text", "constant"
]
Use: TypeAlias = Literal["model", "anew", "constant", "drop"]
Unit: TypeAlias = Literal["day", "hour", "minute", "second", "ms", "us", "ns"]

KINDS: tuple[str, ...] = get_args(Kind)
UNIT_NAMES: dict[str, str] = dict(zip(UNITS, get_args(Unit), strict=True))
"""Of time, by numpy's names."""

USES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(KINDS, ("model", "drop")),
    "key": ("anew", "drop"),
    "text": ("drop", "model"),
    "constant": ("constant", "drop"),
}
"""What can be done with a column of each kind; the first is done unasked."""

SEVERAL = 20
"""Rows from which on it is no accident that each has another value."""

FEW = 10
"""Rows below which nothing is learnt, and every value may differ by accident."""

EXACT = 2**53
"""Float64 has all whole numbers up to here."""

MANY = 20_000
"""More categories than this are no categories."""

LONG = 40
"""Letters of a text that nobody repeats word by word, on average."""

HEAVY = 0.02
"""Share of the rows from which on a single value of a column of numbers is named."""

MAX_BYTES = 2**22
"""Of a file of types: some ten thousand columns."""

_ID_WORDS = frozenset(
    [
        *("id", "ids", "uid", "uuid", "guid", "oid", "pid", "key", "keys", "pk", "rowid", "index", "idx", "nr", "no"),
        *("ssn", "iban", "isbn", "email", "mail", "phone", "telephone", "mobile", "tel", "login", "username", "serial"),
    ]
)
_PERSON_WORDS = frozenset(["name", "names", "surname", "lastname", "firstname", "fullname", "address", "street"])
_TIME_WORDS = frozenset(["year", "years", "month", "week", "day", "date", "time", "hour", "minute", "age", "jahr"])
_UUID = r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}"
_MAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"


@dataclass(frozen=True)
class ColumnType:
    """What a column holds, and what is done with it.

    Attributes:
        name: of the column.
        kind: what its values mean.
        dtype: pandas' name of the dtype.
        unit: of dates and durations: the coarsest that holds all of them.
        decimals: of numbers; None if there are more than are counted.
        missing: share of the rows without a value.
        distinct: how many different values there are.
        atoms: numbers that far more rows share than others, the most common first.
        ordered: whether categories have an order.
        use: ``"model"``: learnt and drawn; ``"anew"``: a key, made for each new row; ``"constant"``: filled in;
            ``"drop"``: not in the synthetic table.
        pattern: what values look like: of keys and text no value of anybody, A and a for letters, 9 for digits.
        note: why, where it is not plain.
    """

    name: str
    kind: Kind
    dtype: str
    unit: str = ""
    decimals: int | None = None
    missing: float = 0.0
    distinct: int = 0
    atoms: tuple[str, ...] = ()
    ordered: bool = False
    use: Use = "model"
    pattern: str = ""
    note: str = ""

    @property
    def shown_kind(self) -> str:
        """The kind with its unit or digits, for people."""
        if self.kind == "decimal":
            return "decimal" if self.decimals is None else f"decimal ({self.decimals})"
        if self.unit:
            return f"{self.kind} ({self.unit})"
        return f"{self.kind} (ordered)" if self.ordered else self.kind


class Types(Sequence[ColumnType]):
    """What the columns of a table hold, one after another; ``types["age"]`` is that of a column.

    Args:
        columns: in the table's order.
        rows: of the table.
    """

    def __init__(self, columns: Sequence[ColumnType], rows: int) -> None:
        self._columns, self.rows = tuple(columns), rows

    def __len__(self) -> int:
        return len(self._columns)

    @overload
    def __getitem__(self, place: int | str) -> ColumnType: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[ColumnType]: ...
    def __getitem__(self, place: int | str | slice) -> ColumnType | Sequence[ColumnType]:
        if isinstance(place, str):
            found = next((column for column in self._columns if column.name == place), None)
            if found is None:
                raise KeyError(f"there is no column {place!r}{did_you_mean(place, self.names)}")
            return found
        return self._columns[place]

    def __iter__(self) -> Iterator[ColumnType]:
        return iter(self._columns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Types) and (self._columns, self.rows) == (other._columns, other.rows)

    def __hash__(self) -> int:
        return hash((self._columns, self.rows))

    def __repr__(self) -> str:
        learnt = sum(column.use == "model" for column in self._columns)
        return f"<Types: {len(self)} columns of {self.rows:,} rows, {learnt} learnt>"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [column.name for column in self._columns]

    # To a terminal

    def _cells(self) -> Iterator[tuple[str, ...]]:
        yield ("column", "kind", "looks like", "missing", "distinct", "is", "")
        for column in self._columns:
            missing = f"{column.missing:.1%}" if column.missing else ""
            done = {"model": "learnt", "anew": "made anew", "constant": "filled in", "drop": "left out"}[column.use]
            cells = (column.name, column.shown_kind, _looks(column), missing, f"{column.distinct:,}", done, column.note)
            yield tuple(printable(cell) for cell in cells)

    def lines(self) -> list[str]:
        """Return a table of plain text, one line a column; control characters are written out."""
        rows = list(self._cells())
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]

    def __rich__(self) -> Table:
        """Return a table for rich; names and values are shown as they are, never read as its markup."""
        from rich.table import Table
        from rich.text import Text

        head, *rows = self._cells()
        table = Table(*head)
        for place in (3, 4):
            table.columns[place].justify = "right"
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        return table

    # To YAML and back

    def to_yaml(self) -> str:
        """Return YAML to be edited: kind, use, and the unit or digits of each column, the rest as comments."""
        lines = [
            "# What each column holds, and what is done with it. Change kind, use, unit, decimals or ordered; what you",
            "# leave out stays as it was found. Comments are not read.",
            f"# kind: {', '.join(KINDS)}",
            "# use: model (learnt and drawn), anew (a key, made for each new row), constant (filled in) or drop (left",
            "#      out); for free text that may be handed out word by word say kind: category",
            "# A number or a date that is a name and no amount (a branch, a version): say kind: code or category.",
            f"# unit, of dates and durations: {', '.join(UNIT_NAMES.values())}",
            "",
        ]
        for column in self._columns:
            lines += [f"{_quoted(column.name)}:", f"  kind: {column.kind}", f"  use: {column.use}"]
            if column.unit:
                lines.append(f"  unit: {column.unit}")
            if column.kind == "decimal":
                lines.append(f"  decimals: {'null' if column.decimals is None else column.decimals}")
            if column.kind == "category":
                lines.append(f"  ordered: {'true' if column.ordered else 'false'}")
            facts = [column.dtype, _looks(column), f"{column.distinct:,} distinct"]
            facts += [f"{column.missing:.1%} missing"] * bool(column.missing) + [column.note]
            lines.append("  # " + printable("; ".join(filter(None, facts))))
        return "\n".join(lines) + "\n"

    def with_yaml(self, path: str | Path) -> Types:
        """Return the types with what a file says of them; columns that it leaves out stay as they were found.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is no YAML, names a column, kind or use that there is not, or what it asks for does not
                fit the column; the message names the file, the line and the choices.
        """
        said = yaml_files.read(path, most=MAX_BYTES)
        if said is None:
            return self
        if not isinstance(said, dict):
            raise ValueError(f"{path} must name columns, each with its kind and use, got {said!r}")
        lines, columns = _lines_of(path), {column.name: column for column in self._columns}
        for name, wanted in said.items():
            where = f"{path}, line {lines.get((name,), '?')}: "
            if name not in columns:
                raise ValueError(
                    f"{where}the table has no column {name!r}; it has {', '.join(map(repr, columns))}"
                    f"{did_you_mean(name, columns)}"
                )
            if wanted is None:
                continue
            if not isinstance(wanted, dict):
                raise ValueError(f"{where}column {name!r} must say kind: or use:, got {wanted!r}")
            try:
                columns[name] = edited(columns[name], wanted)
            except ValueError as error:
                key = str(error).split(" ", 1)[0]
                where = f"{path}, line {lines.get((name, key), lines.get((name,), '?'))}: "
                raise ValueError(f"{where}column {name!r}: {error}") from None
        return Types(list(columns.values()), self.rows)

    def with_group(self, name: str) -> Types:
        """Return the types with a column of many groups (patients, households) as a key: its values are somebody's."""
        said = []
        for column in self._columns:
            many = column.distinct > SEVERAL and not _words(name) & _TIME_WORDS  # and no years or clinics
            if column.name == name and many and column.kind in ("integer", "category", "code"):
                rows = self.rows * (1 - column.missing) / column.distinct
                note = f"groups of {rows:.1f} rows each: every new row gets its own"
                shape = _shape(column.pattern)
                column = replace(column, kind="key", use="anew", ordered=False, atoms=(), pattern=shape, note=note)
            said.append(column)
        return Types(said, self.rows)

    # To JSON and back

    def config(self) -> dict[str, Any]:
        """Return what JSON needs to say for :meth:`from_config`."""
        return {"rows": self.rows, "columns": [asdict(column) for column in self._columns]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make types again from :meth:`config`."""
        return cls([ColumnType(**{**one, "atoms": tuple(one["atoms"])}) for one in config["columns"]], config["rows"])


def edited(column: ColumnType, wanted: Mapping[str, Any]) -> ColumnType:
    """Return a type with what a person says of it.

    Raises:
        ValueError: beginning with the key that is to blame, with the choices.
    """
    fields = ("kind", "use", "unit", "decimals", "ordered")
    for key in wanted:
        if key not in fields:
            raise ValueError(f"{key} is nothing that can be said; say {', '.join(fields)}{did_you_mean(key, fields)}")
    kind = one_of("kind", wanted.get("kind", column.kind), KINDS)
    use = wanted.get("use", column.use)
    if kind == "text" and use == "category":
        kind, use = "category", "model"
    if kind != column.kind:
        possible = _possible(column)
        if kind not in possible:
            raise ValueError(f"kind must be one of {', '.join(possible)} for {column.dtype} values, got {kind!r}")
        if use == column.use and (use not in USES[kind] or use == USES[column.kind][0]):
            use = USES[kind][0]  # what was written for the other kind, and not edited
        note = "as asked for"
    else:
        note = column.note if use == column.use else "as asked for"
    one_of("use", use, USES[kind])
    column = replace(column, kind=kind, use=use, note=note)
    if wanted.get("unit", column.unit) != column.unit:
        if not column.unit:
            raise ValueError(f"unit is of dates and durations; leave it out of a column of the kind {kind}")
        column = replace(column, unit=one_of("unit", wanted["unit"], UNIT_NAMES.values()))
    if kind == "decimal" and wanted.get("decimals", column.decimals) is not None:
        column = replace(column, decimals=whole("decimals", wanted.get("decimals", column.decimals), least=0, most=15))
    elif kind == "decimal":
        column = replace(column, decimals=None)
    ordered = wanted.get("ordered", column.ordered)
    if not isinstance(ordered, bool):
        raise ValueError(f"ordered must be true or false, got {ordered!r}")
    return replace(column, ordered=ordered and kind == "category")


def _possible(column: ColumnType) -> tuple[str, ...]:
    """Return the kinds that a column can be taken as."""
    if column.kind in ("date", "duration", "constant"):
        return (column.kind,)
    if column.kind == "boolean":
        return ("boolean", "category")
    text = ("category", "code", "text", "key")
    if column.decimals is None and column.kind != "decimal":
        return text
    return ("integer", "decimal", "category", "key") if column.decimals == 0 else ("decimal", "category")


# Finding


def find_types(table: pd.DataFrame) -> Types:
    """Find out what each column holds.

    Args:
        table: as a person has it, (n, columns), of any dtypes.

    Raises:
        TypeError: if it is no DataFrame, a name is not text, or the values of a column are of several kinds, nested,
            complex or otherwise none that could be learnt.
        ValueError: if it is empty, two columns have one name, or two categories read the same.
    """
    check_table(table, "the table")
    return Types([find_type(table[name]) for name in table.columns], len(table))


def find_type(column: pd.Series[Any]) -> ColumnType:
    """Find out what a column holds (:func:`find_types`)."""
    held = contents_of(column)
    found = ColumnType(str(column.name), "constant", str(column.dtype), missing=float(held.missing.mean()))
    if held.what == "nothing":
        return replace(found, use="constant", note="all missing: it stays empty")
    if held.what == "labels":
        counts = np.bincount(held.present, minlength=len(held.labels))
        found = replace(found, distinct=int((counts > 0).sum()), ordered=held.storage.ordered)
    else:
        values, counts = np.unique(held.present, return_counts=True)
        found = replace(found, distinct=len(values))
    if found.distinct == 1 and not found.missing:
        found = _described(found, held)
        return replace(found, kind="constant", use="constant", ordered=False, atoms=(), note="always the same value")
    return _described(found, held)


def _described(found: ColumnType, held: Contents) -> ColumnType:
    """Return a type by what its column holds."""
    if held.what == "booleans":
        return replace(found, kind="boolean", pattern="true or false")
    if held.what in ("dates", "durations"):
        return _of_time(found, held)
    if held.what == "labels":
        return _of_labels(found, held)
    return _of_numbers(found, held)


def _of_time(found: ColumnType, held: Contents) -> ColumnType:
    """Return the type of dates or durations: their unit, zone and span."""
    kind: Kind = "date" if held.what == "dates" else "duration"
    unit, note = unit_of(held), ""
    counts = held.present.astype(object)
    span = int(counts.max() - counts.min()) * NANOSECONDS[held.storage.unit]
    while span // NANOSECONDS[unit] > EXACT:  # of nanoseconds those of 104 days are told apart
        unit = UNITS[UNITS.index(unit) - 1]
        note = f"kept to the {UNIT_NAMES[unit]}: models tell 2⁵³ moments apart"
    middle = _middle(held.present)
    if kind == "date":
        days = held.present[list(middle)].astype(f"datetime64[{held.storage.unit}]").astype("datetime64[D]")
        ends = [str(day) for day in days]
    else:
        ends = [f"{int(held.present[i]) * NANOSECONDS[held.storage.unit] / NANOSECONDS[unit]:g}" for i in middle]
    pattern = " … ".join(dict.fromkeys(ends)) + (f" ({held.storage.zone})" if held.storage.zone else "")
    return replace(found, kind=kind, unit=UNIT_NAMES[unit], pattern=pattern, note=note)


def _middle(values: NDArray[Any]) -> tuple[int, int]:
    """Return where the 5 % and the 95 % quantile are: the ends are single persons' values."""
    order = np.argsort(values, kind="stable")
    return int(order[int(0.05 * (len(order) - 1))]), int(order[int(np.ceil(0.95 * (len(order) - 1)))])


def unit_of(held: Contents) -> str:
    """Return the coarsest unit, by numpy's name, in which all dates or durations are whole."""
    storage, counts = held.storage, held.present
    size = NANOSECONDS[storage.unit]
    if storage.zone:  # a day begins when the clocks of the zone say so
        day, local = NANOSECONDS["D"] // size, to_local(counts, storage)
        if not (local % day).any() and np.array_equal(from_local(local, storage), counts):
            return "D"
    units = [unit for unit in UNITS if NANOSECONDS[unit] >= size and not (storage.zone and unit == "D")]
    return next(unit for unit in units if not (counts % (NANOSECONDS[unit] // size)).any())


def _of_numbers(found: ColumnType, held: Contents) -> ColumnType:
    """Return the type of numbers: whole or with decimals, or a key."""
    numbers = held.present
    low, high = (numbers[i] for i in _middle(numbers))
    finite = np.isfinite(numbers).all() if held.what == "numbers" else True
    is_whole = held.what == "integers" or (
        bool(finite) and bool((numbers == np.round(numbers)).all()) and float(np.abs(numbers).max()) <= EXACT
    )
    if not is_whole:
        decimals = decimals_of(numbers, found.dtype) if finite else None
        pattern = f"{_number(low)} … {_number(high)}" if low != high else _number(low)
        atoms = _atoms(numbers, found.distinct)
        note = f"more than {MAX_DECIMALS} decimals: continuous" if decimals is None else ""
        return replace(found, kind="decimal", decimals=decimals, pattern=pattern, atoms=atoms, note=note)
    found = replace(found, kind="integer", decimals=0, atoms=_atoms(numbers, found.distinct))
    found = replace(found, pattern=f"{int(low)} … {int(high)}" if low != high else str(int(low)))
    least, most = int(numbers.min()), int(numbers.max())
    unique, named = found.distinct == len(numbers), is_named_id(found.name)
    repeats = len(numbers) / found.distinct
    digits = replace(found, kind="key", use="anew", atoms=(), pattern=_shape(str(most)))
    if unique and len(numbers) > 1 and named:
        return replace(digits, note="unique, and called an id")
    counts_up = unique and len(numbers) >= SEVERAL and most - least < 1.5 * len(numbers)
    if counts_up and not _words(found.name) & _TIME_WORDS:  # a series has a row for each year
        return replace(digits, note="unique whole numbers that count up")
    if named and repeats < 5 and found.distinct > SEVERAL:
        return replace(digits, note=f"an id, {repeats:.1f} rows each: every new row gets its own")
    if most - least > EXACT:
        if repeats < 2 or found.distinct > MANY:
            return replace(digits, note="whole numbers further apart than 2⁵³: taken as an id")
        return replace(found, kind="category", atoms=(), note="whole numbers further apart than 2⁵³: each a category")
    if named and found.distinct > 2:
        if found.distinct <= MANY:
            return replace(found, kind="category", atoms=(), note="an id that many rows share: no number to count with")
        return replace(digits, note=f"an id, {repeats:.1f} rows each: every new row gets its own")
    if unique and len(numbers) >= SEVERAL:
        return replace(found, note="every value differs, but it is called no id: taken as a number")
    return found


def _of_labels(found: ColumnType, held: Contents) -> ColumnType:
    """Return the type of text or categories."""
    counts = np.bincount(held.present, minlength=len(held.labels))
    texts = [str(label) for label, count in zip(held.labels, counts, strict=True) if count]
    total, distinct = len(held.present), found.distinct
    few = texts if distinct <= 5000 else [texts[i] for i in np.linspace(0, distinct - 1, 5000).astype(int)]
    declared = held.storage.categories is not None
    repeats, named = total / distinct, is_named_id(found.name)
    sparse = (
        len(held.missing) >= FEW and distinct > max(1, total / 2) and (distinct > SEVERAL or distinct >= 0.8 * total)
    )
    unique = distinct == total and total > 1
    shapes = {_shape(text) for text in few}
    coded = len(shapes) <= 12 and all(re.search(r"\d", text) and not re.search(r"\s", text) for text in few)
    solid = len({skeleton(text) for text in few}) <= 12 and not any(re.search(r"\s", text) for text in few)
    length, longest = sum(map(len, few)) / len(few), max(map(len, few))
    key = replace(found, kind="key", use="anew", ordered=False, pattern=_shape_of_all(shapes, few))
    text = replace(found, kind="text", use="drop", ordered=False, pattern=f"about {length:.0f} letters")
    whose = "unique" if unique else f"{repeats:.1f} rows each"
    if all(re.fullmatch(_UUID, one) for one in few) and (sparse or unique):
        return replace(key, pattern="a UUID", note=f"UUIDs, {whose}: every new row gets its own")
    if all(re.fullmatch(_MAIL, one) for one in few):
        note = f"e-mail addresses, {whose}: every new row gets one at example.com"
        return replace(key, pattern="aaa@aaa.aaa", note=note)
    if named and (unique or (sparse and repeats < 5)):
        note = "unique, and called an id" if unique else f"an id, {whose}: every new row gets its own"
        return replace(key, note=note)
    if sparse and not held.storage.ordered:
        if solid and longest <= 64 and (coded or unique):
            return replace(key, note=f"one form of letters and digits, {whose}: every new row gets its own")
        note = f"free text, {whose}: left out, it may name persons (kind: category hands it out as it is)"
        return replace(text, note=note)
    if solid and coded and not declared and distinct > SEVERAL and (counts >= 5).sum() < distinct / 5:  # of visits, say
        return replace(key, note=f"one form of letters and digits, {whose}: every new row gets its own")
    if distinct > MANY:
        if coded:
            return replace(key, note=f"{distinct:,} codes are too many to learn: every new row gets its own")
        return replace(text, note=f"{distinct:,} different values are too many to learn: left out")
    if length > LONG and distinct > 100:
        note = "long texts: left out, they may name persons (kind: category hands them out as they are)"
        return replace(text, note=note)
    rare = int(((counts > 0) & (counts < 5)).sum())
    note = f"{rare:,} of {distinct:,} occur fewer than 5 times" if rare else ""
    if rare and not held.storage.ordered and _words(found.name) & _PERSON_WORDS:
        note = f"may be names of persons, {note}: left out (kind: category hands them out)"
        return replace(text, note=note)
    zeros = any(re.match(r"0\d", one) for one in few)
    if coded and not declared and longest <= 20 and (zeros or (distinct > 12 and _fixed(shapes))):
        return replace(found, kind="code", pattern=_shape_of_all(shapes, few), note=note)
    common = [texts[place] for place in np.argsort(-counts[counts > 0], kind="stable")[:3]]
    pattern = ", ".join(common) + (", …" if distinct > 3 else "")
    return replace(found, kind="category", pattern=pattern if len(pattern) <= 60 else pattern[:59] + "…", note=note)


# Small matters


def is_named_id(name: str) -> bool:
    """Say whether a column is called an id: by its last word or its first, in any spelling (customerId, ID_2)."""
    if not name.strip() or re.fullmatch(r"Unnamed: ?\d+|index|level_\d+", name):
        return True
    words = _ordered_words(name)
    return bool(words) and (words[-1] in _ID_WORDS or words[0] in ("id", "uuid", "guid", "email"))


def _ordered_words(name: str) -> list[str]:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    parted = re.sub("e-mail", "email", parted, flags=re.IGNORECASE)
    return [word.lower() for word in re.split(r"[\W_\d]+", parted) if word]


def _words(name: str) -> set[str]:
    return set(_ordered_words(name))


def skeleton(text: str) -> str:
    """Return a text with a dot for each letter and digit: what stays is its length and punctuation."""
    return re.sub(r"[^\W_]", ".", text)


def _shape(text: str) -> str:
    """Return a text with A, a and 9 for its letters and digits."""
    return "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text)


def _shape_of_all(shapes: set[str], texts: Sequence[str]) -> str:
    """Return one shape, the shortest and first, for people; long ones are cut."""
    shape = min(shapes, key=lambda one: (len(one), one))
    more = f" and {len(shapes) - 1} more" if len(shapes) > 1 else ""
    return (shape if len(shape) <= 40 else shape[:39] + "…") + more if texts else ""


def _fixed(shapes: set[str]) -> bool:
    """Say whether codes have one form: a single shape of more than one sign, or shapes that begin alike."""
    heads = {shape[:2] for shape in shapes}
    return len(heads) == 1 and max(map(len, shapes)) > 1 and len(next(iter(heads))) > 1


def _atoms(numbers: NDArray[Any], distinct: int) -> tuple[str, ...]:
    """Return values that at least 2 % of the rows share, and ten times as many as share one on average."""
    if distinct < SEVERAL:
        return ()
    values, counts = np.unique(numbers, return_counts=True)
    heavy = np.flatnonzero((counts >= HEAVY * len(numbers)) & (counts * distinct >= 10 * len(numbers)))
    heavy = heavy[np.argsort(-counts[heavy], kind="stable")][:3]
    return tuple(_number(values[place]) for place in heavy)


def _number(value: Any) -> str:
    return str(int(value)) if np.isfinite(value) and value == int(value) else f"{float(value):.6g}"


def _looks(column: ColumnType) -> str:
    """Return what values look like, and which numbers are common."""
    return f"{column.pattern}, often {' and '.join(column.atoms)}" if column.atoms else column.pattern


def printable(text: str) -> str:
    """Return a text with control characters, and whatever else cannot be printed, written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _quoted(name: str) -> str:
    """Return a name as YAML: bare where it is a plain word, in quotation marks, as JSON has them, elsewhere."""
    plain = re.fullmatch(r"[A-Za-z][\w ]*\w|[A-Za-z]", name, flags=re.ASCII)
    if plain and name.lower() not in ("null", "true", "false"):
        return name
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in name) + '"'


def _lines_of(path: str | Path) -> dict[tuple[str, ...], int]:
    """Return on which line of a YAML file each key stands, of the first level and the second."""
    import yaml

    node: Any = yaml.compose(Path(path).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    found: dict[tuple[str, ...], int] = {}
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        found[key.value,] = key.start_mark.line + 1
        for inner, _ in value.value if isinstance(value, yaml.MappingNode) else ():
            found[key.value, inner.value] = inner.start_mark.line + 1
    return found
