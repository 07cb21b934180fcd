"""Rows that few people have are handed out at most about as often as chance would hand them out.

Of a coarse table a new person's row often equals somebody's: of rows drawn from the population, a share is found in the
training table by chance alone. Good and Turing say how large it is without any held-out row: a new row equals one that
stands r times in a table of n rows with probability (r + 1) N / n, where N different rows stand there r + 1 times. What
a model draws beyond that is memorisation, and is thinned to it. In a table whose rows are all different it is none at
all. Both rates are estimates, and suppose independent rows; what a sample of the model's rows never equals is not
thinned.

(In a coarse table, to refuse every such row would be another leak: a row that a synthetic table never has would be a
real one.)

Source: Good (1953), The Population Frequencies of Species and the Estimation of Population Parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from sdg_lab.synth.families import TableModel, model_of
from sdg_lab.tables.numbers import decimals_of

if TYPE_CHECKING:
    import pandas as pd

RARE = 5
"""A row that so many training rows share is taken to tell of nobody, and is handed out as it is drawn."""

CLASSES = 3
"""Of drawn rows: equal to none that is rare; to one that stands in training once; to one that stands there 2 to 4
times, which are counted together, since of each number there may be too few to measure a rate."""

ROUNDS = 50

OUTRIGHT = ("bayesnet", "copula")
"""Families that hand out values of sparse columns as they are; the others draw rare numbers anew themselves."""


@dataclass(frozen=True, eq=False)
class Guard:
    """Which training rows are rare, and with which probability a drawn row that equals one is kept.

    A saved guard holds a hash of each rare row: whoever can guess a row can ask whether it is there. A model's file is
    as confidential as the table.

    Attributes:
        hashes: of the distinct training rows that fewer than :data:`RARE` rows share, rising, uint64.
        once: which of them stand there once.
        keep: the probability to keep a drawn row, by its class; of the first it is 1.
    """

    hashes: NDArray[np.uint64]
    once: NDArray[np.bool_]
    keep: NDArray[np.float64]

    @classmethod
    def of(cls, train: pd.DataFrame, drawn: pd.DataFrame) -> Self:
        """Measure how often drawn rows equal rare ones, and how often chance would have them do so.

        Args:
            train: the encoded training rows.
            drawn: rows that the model made of them.
        """
        distinct, counts = np.unique(row_hashes(train), return_counts=True)
        rare = counts < RARE
        guard = cls(distinct[rare], counts[rare] == 1, np.ones(CLASSES))
        found = np.bincount(guard.classes(drawn), minlength=CLASSES) / len(drawn)
        twice, more = counts[counts == 2].sum(), counts[(counts > 2) & (counts <= RARE)].sum()
        chance = np.array([1.0, twice / len(train), more / len(train)])
        keep, kept = np.ones(CLASSES), 1.0
        for _ in range(ROUNDS):  # what is thinned makes the rest a larger share
            keep = np.minimum(1, np.divide(chance * kept, found, out=np.sign(chance), where=found > 0))
            keep[0] = 1
            kept = float(found @ keep)
        return cls(guard.hashes, guard.once, keep)

    def classes(self, drawn: pd.DataFrame) -> NDArray[np.int64]:
        """Return the class of each drawn row, (n,), as :data:`CLASSES` counts them."""
        if not len(self.hashes):
            return np.zeros(len(drawn), np.int64)
        hashes = row_hashes(drawn)
        place = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        return np.where(self.hashes[place] == hashes, np.where(self.once[place], 1, 2), 0)

    def passes(self, drawn: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Say which drawn rows are kept."""
        return rng.random(len(drawn)) < self.keep[self.classes(drawn)]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the fields by name."""
        return dict(self.__dict__)

    @classmethod
    def restored(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make a guard again from its :meth:`arrays`.

        Raises:
            ValueError: if they are none.
        """
        guard = cls(arrays["hashes"], arrays["once"], arrays["keep"])
        fits = guard.hashes.shape == guard.once.shape and guard.keep.shape == (CLASSES,)
        if not fits or not ((guard.keep >= 0) & (guard.keep <= 1)).all():
            raise ValueError("the hashes of rare rows do not fit together")
        return guard


def learnt_by(
    family: str, options: Mapping[str, Any], table: pd.DataFrame, *, seed: int, progress: bool = False
) -> TableModel:
    """Return a family's model of an encoded table that hands out no rare number as it is, unless by chance."""
    shown = without_rare_numbers(table, seed=seed) if family in OUTRIGHT else table
    return model_of(family, options).fit(shown, seed=seed, progress=progress)


def without_rare_numbers(table: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return an encoded table in which each number that fewer than :data:`RARE` rows share is drawn anew.

    It is drawn evenly between halfway to the next number below and halfway to the next above, the least and the most
    only inwards; if all numbers lie whole steps apart, from those steps. So order is kept, and where every step is
    taken (ages in years), most come back as they were.
    """
    import pandas as pd

    streams = np.random.SeedSequence(seed).spawn(len(table.columns))
    made = {}
    for name, stream in zip(table.columns, streams, strict=True):
        column = table[name]
        if not pd.api.types.is_numeric_dtype(column):
            made[name] = column
            continue
        numbers = column.to_numpy(np.float64, na_value=np.nan, copy=True)
        present = ~np.isnan(numbers)
        numbers[present] = _blurred(numbers[present], np.random.default_rng(stream))
        made[name] = pd.Series(numbers, name=name, index=column.index).astype(column.dtype)
    return pd.DataFrame(made, index=table.index)


def _blurred(numbers: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return numbers, (n,), the rare among them drawn anew."""
    values, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    if len(values) < 2:
        return numbers
    step = _step(values)
    middle = (values[:-1] + values[1:]) / 2
    low, high = np.concatenate([values[:1], middle]), np.concatenate([middle, values[-1:]])
    rare = np.flatnonzero((counts < RARE)[inverse])
    place = inverse[rare]
    least, most = low[place], high[place]
    if step:  # whole steps from the least number; a half belongs to the number below
        least, most = np.ceil((least - values[0]) / step), np.floor((most - values[0]) / step)
        most = np.where((most > least) & (place == len(values) - 1), most - 1, most)
        least = np.where((most > least) & (place == 0), least + 1, least)
        drawn = values[0] + step * np.floor(least + (most - least + 1).clip(min=1) * rng.random(len(rare)))
        drawn = np.where(most < least, values[place], drawn)
    else:
        drawn = least + (most - least) * rng.random(len(rare))
    found = numbers.copy()
    found[rare] = drawn
    return found


def _step(values: NDArray[np.float64]) -> float:
    """Return the largest number of which all distances of rising numbers are multiples; 0 if there is none."""
    decimals = decimals_of(values, np.dtype(np.float64))
    if decimals is None or np.abs(values).max() * 10.0**decimals > 2**53:
        return 0.0
    whole = np.round(values * 10.0**decimals).astype(np.int64)
    return float(np.gcd.reduce(np.diff(whole))) / 10.0**decimals


def row_hashes(table: pd.DataFrame) -> NDArray[np.uint64]:
    """Return a hash of each row, shape (n,): equal rows have equal hashes, whatever their dtypes."""
    import pandas as pd

    total = np.zeros(len(table), np.uint64)
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            numbers = column.to_numpy(np.float64, na_value=np.nan) + 0.0  # of -0.0 that is 0.0
            hashes = pd.util.hash_array(numbers)
        else:
            places, values = pd.factorize(column)
            of_values = pd.util.hash_array(np.array([*map(str, values), "\0"], dtype=object), categorize=False)
            hashes = of_values[places]  # a missing value has the place -1, the last
        total = total * np.uint64(1_000_003) + hashes
    return total
