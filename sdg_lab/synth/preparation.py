"""A person's table to what every model takes, and rows back to what the person had.

Models take numbers and categories with missing values. Dates become whole numbers of their unit, large whole numbers
are counted from the least, booleans and codes become categories. Keys, constants and what is left out stay away from
the model: a key has nothing to teach, and is made anew. Rare categories and extremes can be coarsened before anything
is learnt (:attr:`Preparation.min_count`): what no model has seen, none can hand out.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import whole
from sdg_lab.synth.contents import NANOSECONDS, Contents, Storage, Value, contents_of, from_local, to_local
from sdg_lab.synth.keys import Keys
from sdg_lab.synth.kinds import EXACT, UNIT_NAMES, ColumnType, Types
from sdg_lab.tables.columns import check_columns, check_table, refuse_infinite

if TYPE_CHECKING:
    import pandas as pd

OTHER = "other"
"""What rare categories become; in brackets where there is such a category."""

GIVEN = "given"
"""All that a model sees of a key: whether there is one."""

INT64 = np.iinfo(np.int64)
NUMPY_UNITS = {name: unit for unit, name in UNIT_NAMES.items()}


class Preparation:
    """How the columns of a table are coded, learnt from its rows (:meth:`of`).

    Attributes:
        types: what the columns hold, and what is done with them.
        min_count: so many rows share each category and reach each end of the numbers that a model sees.
        notes: what was coarsened or is not as it was, a sentence each.
    """

    def __init__(self, types: Types, codings: Sequence[Coding], min_count: int, notes: Sequence[str]) -> None:
        self.types, self.min_count, self.notes = types, min_count, tuple(notes)
        self._codings = tuple(codings)

    def __repr__(self) -> str:
        return f"<Preparation: {len(self.columns)} of {len(self.types)} columns are learnt>"

    @property
    def columns(self) -> list[str]:
        """The columns of an encoded table."""
        return [coding.name for coding in self._codings if coding.learnt]

    @property
    def room(self) -> int | None:
        """How many rows can be made before a key has no new values left; None if there is no key."""
        return min((coding.keys.room for coding in self._codings if isinstance(coding, Key)), default=None)

    @classmethod
    def of(
        cls, table: pd.DataFrame, types: Types, *, min_count: int = 1, every: pd.DataFrame | None = None, rows: int = 0
    ) -> Self:
        """Learn how to code a table.

        Args:
            table: the rows to learn from.
            types: what its columns hold.
            min_count: categories that fewer rows have become one, called other (ordered ones join a neighbour), and
                numbers are top- and bottom-coded: as many extremes of each end become what so many rows reach. 1 leaves
                all as it is.
            every: the whole table, if these are only some of its rows: new keys are none of its keys either.
            rows: how many are to be made; keys are given room for so many.

        Raises:
            TypeError: as :func:`sdg_lab.synth.kinds.find_types`, or if the types are none.
            ValueError: if there is nothing to learn from: less than two rows, no column to be learnt, infinite numbers,
                whole numbers too far apart; or the types are of another table, or min_count is more than half the rows.
        """
        check_table(table, "the table")
        if not isinstance(types, Types):
            raise TypeError(f"types must be Types, as find_types returns them, got {type(types).__name__}")
        if len(table) < 2:
            raise ValueError("the table has a single row; nothing can be learnt from one, bring at least two")
        whole("min_count", min_count, least=1, most=max(len(table) // 2, 1))
        check_columns(table, types.names)
        unknown = [name for name in table.columns if name not in types.names]
        if unknown:
            raise ValueError(f"the types say nothing of the columns {unknown}; find them anew for this table")
        notes: list[str] = []
        index = table.index
        if index.nlevels > 1 or index.name is not None or index.dtype.kind not in "iu":
            notes.append("the index of the table is left out; table.reset_index() makes it a column")
        wanted = max(rows, 4 * len(table if every is None else every))
        codings: list[Coding] = []
        for column_type in types:
            whole_column = (table if every is None else every)[column_type.name]
            if column_type.use == "model" and whole_column.dtype.kind == "f":  # in rows held out it is a fault, too
                refuse_infinite(column_type.name, whole_column.to_numpy(np.float64, na_value=np.nan))
        for column_type in types:
            if column_type.use == "drop":
                continue
            column = table[column_type.name].reset_index(drop=True)
            if column_type.use == "anew":
                every_key = column if every is None else every[column_type.name].reset_index(drop=True)
                key = Key.of(column, every_key, wanted)
                codings.append(key)
                notes += [f"column {key.name!r}: {note}" for note in key.keys.notes]
            else:
                codings.append(coding_of(column, column_type, min_count, notes))
        if not any(coding.learnt for coding in codings):
            done = ", ".join(f"{one.name!r} ({one.kind}: {one.use})" for one in types)
            raise ValueError(
                f"no column is left to learn from: {done}; bring a column that varies, or set kind and use of one"
            )
        return cls(types, codings, min_count, notes)

    def encode(self, table: pd.DataFrame, *, notes: list[str] | None = None) -> pd.DataFrame:
        """Return a table as models take it.

        Another table than that which was learnt from is aligned where its values can only mean the same (1.0 for 1, the
        text "3" for a number); categories that it alone has stand behind the known ones.

        Args:
            table: with the columns that are learnt; others play no part.
            notes: gets a sentence for each column that had to be aligned, or has categories of its own.

        Returns:
            Numbers (float64, int64 or Int64) and categories, the columns in the order of :attr:`columns`.

        Raises:
            TypeError, ValueError: if a column is lacking, or its values cannot be what the types say.
        """
        import pandas as pd

        check_columns(table, self.columns)
        notes = [] if notes is None else notes
        encoded = {
            coding.name: coding.encode(table[coding.name].reset_index(drop=True), notes)
            for coding in self._codings
            if coding.learnt
        }
        return pd.DataFrame(encoded, index=pd.RangeIndex(len(table)))

    def decode(self, drawn: pd.DataFrame, *, seed: int, first: int = 0) -> pd.DataFrame:
        """Return drawn rows as the person's table has them: columns, order, dtypes and categories.

        Args:
            drawn: n rows, as :meth:`encode` returns them.
            seed: of the new keys; the same for all blocks of a table.
            first: the place of the first row: keys are unique over blocks that do not overlap.

        Raises:
            ValueError: if a column is lacking, holds a category that there is not, or a key has no room for so many.
        """
        import pandas as pd

        check_columns(drawn, self.columns, "the drawn table")
        seed, first = whole("seed", seed, least=0, most=2**63 - 1), whole("first", first, least=0)
        made = {}
        for number, coding in enumerate(self._codings):
            column = drawn[coding.name].reset_index(drop=True) if coding.learnt else None
            made[coding.name] = coding.decode(column, len(drawn), [seed, number], first)
        return pd.DataFrame(made, index=pd.RangeIndex(len(drawn)))

    def config(self) -> dict[str, Any]:
        """Return what JSON needs to say for :meth:`from_config`. Of keys and what is left out no value is in it."""
        codings = [{"coding": type(coding).__name__, **coding.config()} for coding in self._codings]
        return {
            "types": self.types.config(),
            "min_count": self.min_count,
            "notes": list(self.notes),
            "codings": codings,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a preparation again from :meth:`config`."""
        codings = []
        for fields in config["codings"]:
            kind = next(one for one in (Numbers, Labels, Key, Constant) if one.__name__ == fields["coding"])
            codings.append(kind.from_config({key: value for key, value in fields.items() if key != "coding"}))
        return cls(Types.from_config(config["types"]), codings, config["min_count"], config["notes"])


class Coding(ABC):
    """One column to what a model takes, and back."""

    name: str
    storage: Storage

    @property
    @abstractmethod
    def learnt(self) -> bool:
        """Whether a model sees the column."""

    @abstractmethod
    def encode(self, column: pd.Series[Any], notes: list[str]) -> pd.Series[Any]:
        """Return numbers or categories."""

    @abstractmethod
    def decode(self, drawn: pd.Series[Any] | None, n: int, seed: list[int], first: int) -> pd.Series[Any]:
        """Return n values as the column keeps them."""

    def config(self) -> dict[str, Any]:
        """Return the fields."""
        return {**vars(self), "storage": self.storage.config()}

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any]) -> Coding:
        """Make it again from :meth:`config`."""


@dataclass(frozen=True)
class Numbers(Coding):
    """Numbers, and dates and durations as whole numbers of their unit.

    Attributes:
        name: of the column.
        storage: how it keeps its values.
        whole: whether all are whole.
        factor: how many of the storage's unit one is.
        offset: what is counted from, if the numbers are too large otherwise.
        local: whether days are those of the zone's clocks.
        decimals: to which drawn numbers are rounded; None if they are continuous.
        exact: whether all that was learnt is whole in that unit.
        missing: whether some were missing.
        low: the least that a model sees, if there is a least.
        high: the most.
    """

    name: str
    storage: Storage
    whole: bool
    factor: int = 1
    offset: int = 0
    local: bool = False
    decimals: int | None = None
    exact: bool = True
    missing: bool = False
    low: float | None = None
    high: float | None = None
    learnt: ClassVar[bool] = True

    @classmethod
    def of(cls, column: pd.Series[Any], held: Contents, column_type: ColumnType) -> Numbers:
        """Choose unit and offset of a column."""
        name, storage, missing = column_type.name, held.storage, bool(held.missing.any())
        if column_type.kind == "decimal" or held.what == "numbers":
            refuse_infinite(name, np.where(held.missing, 0, held.plain).astype(np.float64))
        if column_type.kind == "decimal":
            return cls(name, storage, False, decimals=column_type.decimals, missing=missing)
        factor, local = 1, False
        if column_type.kind in ("date", "duration"):
            unit = NUMPY_UNITS[column_type.unit]
            factor = max(NANOSECONDS[unit] // NANOSECONDS[storage.unit], 1)
            local = unit == "D" and bool(storage.zone)
        coding = cls(name, storage, True, factor, 0, local, missing=missing)
        if coding._counts(held).dtype.kind == "f" and held.what != "numbers":
            coding = replace(coding, exact=False)
        counts = coding._counts(held)[~held.missing]
        least, most = int(counts.min()), int(counts.max())
        if most - least > EXACT:
            remedy = "a coarser unit" if factor > 1 or storage.unit else "its kind to key or category"
            raise ValueError(
                f"column {name!r} holds whole numbers from {least} to {most}, further apart than 2⁵³, which models "
                f"cannot tell apart; set {remedy}"
            )
        if max(abs(least), abs(most)) <= EXACT:
            return coding
        size = 10 ** len(str(most - least))
        offset = least // size * size  # a round number is nobody's own
        return replace(coding, offset=offset if most - offset <= EXACT else least)

    def _counts(self, held: Contents) -> NDArray[Any]:
        """Return whole numbers of the unit, or others where they are not whole, offset not yet taken."""
        if held.what not in ("dates", "durations"):
            return held.plain
        values = to_local(held.plain, held.storage) if self.local else held.plain
        ours, theirs = NANOSECONDS[self.storage.unit] * self.factor, NANOSECONDS[held.storage.unit]
        if theirs >= ours:
            return values * (theirs // ours)
        if self.exact and (values[~held.missing] % (ours // theirs)).any():
            return values / (ours // theirs)
        return values // (ours // theirs)

    def encode(self, column: pd.Series[Any], notes: list[str]) -> pd.Series[Any]:
        """Return int64, Int64 if some are or were missing, float64 for what is not whole."""
        import pandas as pd

        held = _as_numbers(column, self.storage, notes)
        values, missing = self._counts(held), held.missing
        if values.dtype.kind == "f":
            refuse_infinite(self.name, np.where(missing, 0, values))
        if self.whole and values.dtype.kind == "f" and (np.where(missing, 0, values) % 1 == 0).all():
            values = np.where(missing, 0, values.clip(-(2.0**62), 2.0**62)).astype(np.int64)
        if not self.whole or values.dtype.kind == "f":
            numbers = np.where(missing, np.nan, values.astype(np.float64) - self.offset)
            return pd.Series(numbers, name=self.name).clip(self.low, self.high)
        if self.offset:
            ends = (
                [int(value) for value in (values[~missing].min(), values[~missing].max())] if not missing.all() else []
            )
            if any(abs(end - self.offset) > EXACT for end in ends):
                raise ValueError(
                    f"column {self.name!r} holds whole numbers further than 2⁵³ from those that were learnt; is it "
                    "another column?"
                )
            values = (values.astype(np.uint64) - np.uint64(self.offset % 2**64)).astype(np.int64)
        values = np.where(missing, 0, values.astype(np.int64))
        if self.low is not None and self.high is not None:
            values = values.clip(int(self.low), int(self.high))
        found = pd.Series(values, name=self.name, dtype=np.int64)
        if not (self.missing or missing.any()):
            return found
        return pd.Series(pd.arrays.IntegerArray(values, missing), name=self.name)

    def decode(self, drawn: pd.Series[Any] | None, n: int, seed: list[int], first: int) -> pd.Series[Any]:
        """Return numbers, rounded as the column was recorded."""
        assert drawn is not None
        missing = drawn.isna().to_numpy()
        if not self.whole:
            numbers = drawn.to_numpy(np.float64, na_value=np.nan)
            numbers = numbers if self.decimals is None else numbers.round(self.decimals)
            if self.storage.what == "integers":
                numbers = np.where(missing, 0, numbers).round().clip(-(2.0**62), 2.0**62).astype(np.int64)
            return self.storage.column(numbers, missing, self.name)
        least, most = (0, 2**64 - 1) if self.storage.dtype.lower().startswith("uint64") else (INT64.min, INT64.max)
        ends = max(-(least // -self.factor) - self.offset, -(2**62)), min(most // self.factor - self.offset, 2**62)
        if drawn.dtype.kind in "iu":
            counts = drawn.to_numpy(np.int64, na_value=0)
        else:
            counts = drawn.to_numpy(np.float64, na_value=0).round().clip(-(2.0**62), 2.0**62).astype(np.int64)
        counts = np.where(missing, max(ends[0], 0) if ends[1] >= 0 else ends[1], counts).clip(*ends)
        if self.offset:
            shifted = counts.astype(np.uint64) + np.uint64(self.offset % 2**64)
            counts = shifted if most > INT64.max else shifted.astype(np.int64)
        values = counts if self.factor == 1 else counts * self.factor
        if self.local:
            values = from_local(values.astype(np.int64), self.storage)
        return self.storage.column(
            values.astype(np.float64) if self.storage.what == "numbers" else values, missing, self.name
        )

    def coarsened(self, encoded: pd.Series[Any], min_count: int) -> Numbers:
        """Return the coding that brings the most extreme numbers to what so many rows reach."""
        present = np.sort(encoded.dropna().to_numpy(np.float64))
        low, high = self._shared(present, min_count), -self._shared(-present[::-1], min_count)
        if low > high:
            low = high = present[len(present) // 2]
        return replace(self, low=float(low), high=float(high))

    def _shared(self, rising: NDArray[np.float64], min_count: int) -> float:
        """Return the number to which the least are brought: nobody's own, but one between his and the next."""
        own = rising[min_count - 1]
        above = rising[rising > own]
        if not len(above) or np.count_nonzero(rising == own) >= min_count:
            return float(own)
        middle = (own + above[0]) / 2
        if self.whole:
            return float(np.floor(middle))
        return float(middle if self.decimals is None else np.round(middle, self.decimals))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Numbers:
        """Make it again from its config."""
        return cls(**{**config, "storage": Storage.from_config(config["storage"])})


@dataclass(frozen=True)
class Labels(Coding):
    """Categories: what a model sees is text, in the order of the categories.

    Attributes:
        name: of the column.
        storage: how it keeps its values.
        values: as the column holds them.
        texts: of them, all different: what a model sees.
        ordered: whether they have an order.
        other: the text that stands for rare ones, and for whatever else a table holds; empty if there is none.
        merged: which rare text has become which other one, of categories with an order.
    """

    name: str
    storage: Storage
    values: tuple[Value, ...]
    texts: tuple[str, ...]
    ordered: bool = False
    other: str = ""
    merged: Mapping[str, str] | None = None
    learnt: ClassVar[bool] = True

    @classmethod
    def of(cls, held: Contents, column_type: ColumnType) -> Labels:
        """Take the categories that occur."""
        values, _ = _labelled(held)
        texts = tuple(map(_text, values))
        if len(set(texts)) < len(texts):
            twice = next(text for text in texts if texts.count(text) > 1)
            raise ValueError(
                f"column {column_type.name!r} holds two categories that read {twice!r}; make all text, or numbers"
            )
        return cls(column_type.name, held.storage, tuple(values), texts, column_type.ordered)

    def encode(self, column: pd.Series[Any], notes: list[str]) -> pd.Series[Any]:
        """Return categories; those that only this table has come last."""
        import pandas as pd

        values, codes = _labelled(contents_of(column))
        place = {text: number for number, text in enumerate(self.texts)}
        merged, to = self.merged or {}, []
        unseen: dict[str, int] = {}
        for value in values:
            text = next((text for text in self._readings(value) if text in place or text in merged), None)
            if text is None and self.other:
                text = self.other
            if text is None:
                to.append(len(self.texts) + unseen.setdefault(_text(value), len(unseen)))
            else:
                to.append(place[merged.get(text, text)])
        if unseen:
            notes.append(f"column {self.name!r}: {_categories(len(unseen))} never seen where the others were learnt")
        categories = [*self.texts, *unseen]
        codes = np.append(np.array(to, dtype=np.int64), -1)[codes]
        dtype = pd.CategoricalDtype(pd.Index(categories, dtype=object).astype(str), ordered=self.ordered)
        return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype), name=self.name)

    def _readings(self, value: Value) -> list[str]:
        """Return the texts that a value can mean here, the plainest first."""
        text = _text(value)
        found = [text]
        if self.storage.what == "booleans":
            found += {"1": ["True"], "0": ["False"]}.get(text, [text.strip().capitalize()])
        elif re.fullmatch(r"-?\d+\.0+", text):
            found.append(text.partition(".")[0])
        elif re.fullmatch(r"-?\d+", text):
            found.append(f"{text}.0")
        widths = {len(one) for one in self.texts}
        if len(widths) == 1:  # a code whose zeros a reader has lost
            found += [one.zfill(min(widths)) for one in found if one.isdecimal()]
        return found

    def decode(self, drawn: pd.Series[Any] | None, n: int, seed: list[int], first: int) -> pd.Series[Any]:
        """Return the values that texts stand for."""
        import pandas as pd

        assert drawn is not None
        place = {text: number for number, text in enumerate(self.texts)}
        codes, found = pd.factorize(drawn)
        unknown = [text for text in found if text not in place]
        if unknown:
            raise ValueError(f"column {self.name!r} has no category {unknown[0]!r}; it has {', '.join(self.texts)}")
        to = np.array([*(place[text] for text in found), -1], dtype=np.int64)
        return self.storage.labels(self.values, to[codes], self.name)

    def coarsened(self, counts: NDArray[np.int64], min_count: int) -> Labels:
        """Return the coding in which so many rows share each category."""
        if self.ordered or any(not isinstance(value, str) for value in self.values):  # to which no text belongs
            return self._joined(counts, min_count)
        order = np.argsort(counts, kind="stable")
        rare = int((counts < min_count).sum())
        while rare < len(order) and counts[order[:rare]].sum() < min_count:
            rare += 1  # a single rare category would be called other, and known by it
        kept = sorted(order[rare:].tolist())
        other = OTHER
        while other in self.texts:
            other = f"({other})"
        return self._kept(kept, None, other)

    def _joined(self, counts: NDArray[np.int64], min_count: int) -> Labels:
        """Join rare categories to the rarer of their neighbours, the commonest giving its name, until none is rare."""
        groups = [[number] for number in range(len(counts))]
        sizes = counts.tolist()
        while len(groups) > 1 and min(sizes) < min_count:
            at = int(np.argmin(sizes))
            beside = [near for near in (at - 1, at + 1) if 0 <= near < len(groups)]
            near = min(beside, key=lambda one: sizes[one])
            low = min(at, near)
            groups[low : low + 2] = [groups[low] + groups[low + 1]]
            sizes[low : low + 2] = [sizes[low] + sizes[low + 1]]
        names = [max(group, key=lambda one: counts[one]) for group in groups]
        merged = {self.texts[one]: self.texts[name] for group, name in zip(groups, names, strict=True) for one in group}
        return self._kept(names, merged)

    def _kept(self, kept: list[int], merged: dict[str, str] | None, other: str = "") -> Labels:
        """Return the coding of some of the categories; a category dtype declares these alone."""
        values = (*(self.values[one] for one in kept), *([other] if other else []))
        texts = (*(self.texts[one] for one in kept), *([other] if other else []))
        storage = self.storage
        if storage.categories is not None:
            storage = replace(storage, categories=values)
        return replace(self, storage=storage, values=values, texts=texts, other=other, merged=merged)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Labels:
        """Make it again from its config."""
        tuples = {"values": tuple(config["values"]), "texts": tuple(config["texts"])}
        return cls(**{**config, **tuples, "storage": Storage.from_config(config["storage"])})


@dataclass(frozen=True)
class Key(Coding):
    """A key: made anew; a model sees at most where one is missing.

    Attributes:
        name: of the column.
        storage: how it keeps its values.
        keys: how new ones are made.
        missing: whether some are missing.
    """

    name: str
    storage: Storage
    keys: Keys
    missing: bool = False

    @property
    def learnt(self) -> bool:
        """Whether a model sees where keys are missing."""
        return self.missing

    @classmethod
    def of(cls, column: pd.Series[Any], every: pd.Series[Any], wanted: int) -> Key:
        """Learn the form of keys.

        Args:
            column: the keys of the rows that are learnt.
            every: those that new ones must not be.
            wanted: how many there is to be room for.
        """
        held, all_held = contents_of(column), contents_of(every)
        values, _ = _labelled(all_held)
        storage = all_held.storage
        if all(isinstance(value, int | float) and abs(value) < 2**64 for value in values):
            numbers = np.array([int(value) for value in values])
            keys = Keys.of_numbers(numbers, ends=_ends(storage.inner or storage), wanted=wanted)
        else:
            keys = Keys.of_texts(list(map(str, values)), wanted=wanted)
        if storage.categories is not None:
            storage = replace(storage, categories=())  # those of the real table are real keys
        return cls(str(column.name), storage, keys, bool(held.missing.any() and not held.missing.all()))

    def encode(self, column: pd.Series[Any], notes: list[str]) -> pd.Series[Any]:
        """Return one category, missing where a key is."""
        import pandas as pd

        codes = np.where(column.isna().to_numpy(), -1, 0)
        return pd.Series(pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype([GIVEN])), name=self.name)

    def decode(self, drawn: pd.Series[Any] | None, n: int, seed: list[int], first: int) -> pd.Series[Any]:
        """Return new keys, missing where the model left them out."""
        made = self.keys.make(
            first, n, int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]), name=self.name
        )
        missing = np.zeros(n, dtype=bool) if drawn is None else drawn.isna().to_numpy()
        storage = self.storage.inner or self.storage
        if storage.what == "labels":
            made = made.astype(object)
            made = np.array([*map(int, made.tolist())], dtype=object) if storage.python == "int" else made
        else:
            large = storage.dtype.lower().startswith("uint64")
            made = made.astype(np.float64 if storage.what == "numbers" else np.uint64 if large else np.int64)
        column = storage.column(made, missing, self.name)
        return column if self.storage.inner is None else column.astype("category")

    def config(self) -> dict[str, Any]:
        """Return the fields."""
        return {**super().config(), "keys": self.keys.config()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Key:
        """Make it again from its config."""
        return cls(
            config["name"], Storage.from_config(config["storage"]), Keys.from_config(config["keys"]), config["missing"]
        )


@dataclass(frozen=True)
class Constant(Coding):
    """A column that has always the same value, or none.

    Attributes:
        name: of the column.
        storage: how it keeps its values.
        value: as the plain array has it; None if all are missing.
    """

    name: str
    storage: Storage
    value: Value | None = None
    learnt: ClassVar[bool] = False

    @classmethod
    def of(cls, column: pd.Series[Any]) -> Constant:
        """Take the one value of a column."""
        held = contents_of(column)
        if held.missing.all():
            return cls(str(column.name), held.storage)
        if held.missing.any() or (held.present != held.present[0]).any():
            raise ValueError(
                f"column {column.name!r} is said to be constant, and has more than one value; find its type anew"
            )
        value = held.labels[int(held.present[0])] if held.labels else held.present[0].item()
        value = value + 0.0 if isinstance(value, float) else value  # of -0.0 that is 0.0
        return cls(str(column.name), held.storage, value)

    def encode(self, column: pd.Series[Any], notes: list[str]) -> pd.Series[Any]:
        """Return nothing: no model sees it."""
        raise AssertionError("a constant is not learnt")

    def decode(self, drawn: pd.Series[Any] | None, n: int, seed: list[int], first: int) -> pd.Series[Any]:
        """Return the value n times."""
        if self.value is None:
            return self.storage.column(np.zeros(n), np.ones(n, dtype=bool), self.name)
        if self.storage.what == "labels":
            return self.storage.labels((self.value,), np.zeros(n, dtype=np.int64), self.name)
        large = self.storage.what == "integers" and int(self.value) > INT64.max
        return self.storage.column(
            np.full(n, self.value, dtype=np.uint64 if large else None), np.zeros(n, dtype=bool), self.name
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Constant:
        """Make it again from its config."""
        return cls(config["name"], Storage.from_config(config["storage"]), config["value"])


def coding_of(column: pd.Series[Any], column_type: ColumnType, min_count: int, notes: list[str]) -> Coding:
    """Choose how a column is coded, and coarsen it.

    Raises:
        TypeError, ValueError: as :meth:`Preparation.of`.
    """
    held, name = contents_of(column), column_type.name
    if column_type.use == "constant" or held.missing.all():
        return Constant.of(column)
    fits = {
        "integer": ("integers", "numbers"),
        "decimal": ("numbers", "integers"),
        "date": ("dates",),
        "duration": ("durations",),
        "boolean": ("booleans",),
    }.get(column_type.kind, ("labels", "integers", "numbers", "booleans"))
    if held.what not in fits:
        raise ValueError(f"column {name!r} is said to be of the kind {column_type.kind}, and holds {held.what}")
    if min_count > 1 and (~held.missing).sum() < min_count:
        notes.append(f"column {name!r}: fewer than {min_count} rows have a value: left empty")
        return Constant(name, replace(contents_of(column).storage, what="nothing"))
    coding: Numbers | Labels
    if fits[0] != "labels" and fits[0] != "booleans":
        if column_type.kind == "integer" and held.what == "numbers":
            there = held.present
            if (there[np.isfinite(there)] % 1 != 0).any():
                raise ValueError(f"column {name!r} is said to be of the kind integer, and holds numbers with decimals")
        coding = Numbers.of(column, held, column_type)
        encoded = coding.encode(column, [])
        if min_count > 1:
            coding = coding.coarsened(encoded, min_count)
            clipped = coding.encode(column, [])
            changed = int((clipped.fillna(0) != encoded.fillna(0)).sum())
            if changed:
                notes.append(f"column {name!r}: {changed:,} extreme values became what {min_count} rows reach")
            encoded = clipped
    else:
        coding = Labels.of(held, column_type)
        encoded = coding.encode(column, [])
        counts = np.bincount(encoded.cat.codes[~held.missing], minlength=len(coding.texts))
        if min_count > 1 and counts.min() < min_count:
            coding = coding.coarsened(counts, min_count)
            joined = f"{coding.other!r}" if coding.other else "a neighbour"
            rare = len(counts) - len(coding.texts) + bool(coding.other)
            notes.append(f"column {name!r}: {_categories(rare)} that few rows have became {joined}")
            encoded = coding.encode(column, [])
    if not held.missing.any() and (encoded == encoded.iloc[0]).all():
        return Constant.of(coding.decode(encoded, len(column), [0], 0))
    return coding


# Small matters


def _as_numbers(column: pd.Series[Any], storage: Storage, notes: list[str]) -> Contents:
    """Return what a column holds, as numbers or dates where that is what was learnt.

    Raises:
        ValueError: if it can be none.
    """
    import pandas as pd

    held, name = contents_of(column), column.name
    wanted = "numbers" if storage.what in ("integers", "numbers") else storage.what
    if held.what == "labels":
        text = column.astype(object).where(column.notna(), None).map(str, na_action="ignore")
        if wanted == "numbers":
            found = pd.Series(pd.to_numeric(text, errors="coerce"), name=name)
        elif wanted == "dates":
            found = pd.to_datetime(text, errors="coerce", format="ISO8601", utc=bool(storage.zone))
        else:
            found = pd.to_timedelta(text, errors="coerce")
        odd = (found.isna() & column.notna()).to_numpy()
        if odd.any():
            row = int(odd.argmax())
            raise ValueError(f"column {name!r} must hold {wanted}, and has {text.iloc[row]!r} in row {row}; repair it")
        notes.append(f"column {name!r}: text was read as {wanted}")
        held = contents_of(pd.Series(found, name=name))
    if held.what == "nothing":
        return Contents(replace(storage), np.zeros(len(column), np.int64), held.missing)
    if held.what == "booleans" and wanted == "numbers":
        return Contents(replace(held.storage, what="integers"), held.plain.astype(np.int64), held.missing)
    if (held.what if held.what != "integers" else "numbers") != wanted:
        raise ValueError(f"column {name!r} must hold {wanted}, and holds {held.what}; turn them into {wanted}")
    if held.what == "dates" and bool(storage.zone) != bool(held.storage.zone):
        notes.append(f"column {name!r}: dates {'without' if storage.zone else 'with'} a zone were taken by its clocks")
        if storage.zone:
            finer = replace(held.storage, zone=storage.zone, unit=held.storage.unit.replace("D", "s"))
            scale = NANOSECONDS[held.storage.unit] // NANOSECONDS[finer.unit]
            return Contents(finer, from_local(held.plain * scale, finer), held.missing)
        return Contents(replace(held.storage, zone=""), to_local(held.plain, held.storage), held.missing)
    return held


def _labelled(held: Contents) -> tuple[list[Value], NDArray[np.int64]]:
    """Return the different values that occur, in order, and the number of each row's, -1 where one is missing."""
    if held.what in ("labels", "nothing"):
        there = np.unique(held.present) if held.what == "labels" else np.zeros(0, np.int64)
        values = [held.labels[place] for place in there]
        return values, np.where(held.missing, -1, np.searchsorted(there, held.plain))
    there, codes = np.unique(held.present, return_inverse=True)
    found = np.full(len(held.missing), -1, dtype=np.int64)
    found[~held.missing] = codes
    return there.tolist(), found


def _categories(count: int) -> str:
    return f"{count:,} {'category' if count == 1 else 'categories'}"


def _text(value: Value) -> str:
    """Return a category as text; a whole float as the number that it is."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < EXACT else str(value)


def _ends(storage: Storage) -> tuple[int, int]:
    """Return the least and the most whole number that a column can keep."""
    size = re.search(r"(u?int)(8|16|32|64)", storage.dtype.lower())
    if size:
        return int(np.iinfo(size[0]).min), int(np.iinfo(size[0]).max)
    return (-EXACT, EXACT) if storage.what == "numbers" else (int(INT64.min), int(INT64.max))
