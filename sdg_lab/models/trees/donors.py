"""What the leaves of a tree hand out: the values of their donors, each within an interval that keeps rare ones back.

A value that many rows share is handed out as it is. A number that few rows share is drawn evenly between the donors
beside it in its leaf, and rounded as the column is recorded: near what was observed, and equal to it only by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.models.trees.cart import Floats, Places

Counts: TypeAlias = NDArray[np.unsignedinteger[Any]]

PAIRS = 2**20
"""So many pairs of a row and an entry of its leaf are looked at at once."""


@dataclass(frozen=True, eq=False)
class Donors:
    """The donors of all leaves, leaf after leaf, those of one leaf in rising order, missing ones last.

    Donors of one leaf that hand out the same are one entry.

    Attributes:
        first: the entry at which each leaf begins, and how many entries there are, shape (leaves + 1,).
        upto: how many donors come before each entry, and how many there are, shape (entries + 1,).
        ends: what intervals begin and end with, rising, NaN last, shape (ends,).
        low: the place among them of the least value that an entry hands out, shape (entries,).
        high: of the largest; equal to ``low`` where the value itself is handed out.
    """

    first: Counts
    upto: Counts
    ends: Floats
    low: Counts
    high: Counts

    @classmethod
    def of(cls, leaves: Places, n_leaves: int, values: Floats, *, rare: NDArray[np.bool_], reach: int) -> Donors:
        """Collect the donors.

        Args:
            leaves: of each donor, (n,).
            n_leaves: how many there are.
            values: of the column, (n,), NaN where missing; for categories their numbers.
            rare: of each donor, whether its value is not handed out as it is, (n,).
            reach: such a one is drawn between the rare donors so many places below and above in the leaf.
        """
        order = np.lexsort((values, leaves))
        leaf, low = leaves[order], values[order]
        high = low.copy()
        at = np.flatnonzero(rare[order])
        if len(at):
            among, own = leaf[at], low[at]
            begin, end = (np.searchsorted(among, among, side) for side in ("left", "right"))
            here = np.arange(len(at))
            below, above = own[np.maximum(here - reach, begin)], own[np.minimum(here + reach, end - 1)]
            # A donor without another beside it in its leaf is drawn between its neighbours in the whole column.
            numbers = np.unique(own)
            numbers = numbers if len(numbers) > 1 else np.unique(values[~np.isnan(values)])
            place, alone = np.searchsorted(numbers, own), below == above
            low[at] = np.where(alone, numbers[np.maximum(place - 1, 0)], below)
            high[at] = np.where(alone, numbers[np.minimum(place + 1, len(numbers) - 1)], above)
        ends, places = np.unique(np.concatenate([low, high]), return_inverse=True, equal_nan=True)
        pairs = np.stack([leaf, *places.reshape(2, -1)])
        upto = np.flatnonzero(np.append(True, (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)))
        leaf, low_at, high_at = pairs[:, upto]
        first = np.searchsorted(leaf, np.arange(n_leaves + 1))
        return cls(_small(first), _small(np.append(upto, len(values))), ends, _small(low_at), _small(high_at))

    def draw(self, leaves: Places, rng: np.random.Generator) -> Floats:
        """Draw a value for each row from a donor of its leaf, shape (n,)."""
        begin = self.upto[self.first[leaves]].astype(np.int64)
        count = self.upto[self.first[leaves + 1]] - begin
        donor = begin + (rng.random(len(leaves)) * count).astype(np.int64)
        entry = np.searchsorted(self.upto, donor.astype(self.upto.dtype), side="right") - 1
        low, high = self.ends[self.low[entry]], self.ends[self.high[entry]]
        if not (low < high).any():
            return low
        share = rng.random(len(leaves))
        return np.where(low < high, low * (1 - share) + high * share, low)

    def mass(self, leaves: Places, least: Floats, most: Floats) -> Floats:
        """Return how likely each row's leaf hands out a number > ``least`` and <= ``most``, shape (n,).

        Both are NaN where the row asks for a missing value.
        """
        found = np.empty(len(leaves))
        first = self.first.astype(np.int64)
        sizes = (first[1:] - first[:-1])[leaves]
        cuts = np.searchsorted(np.cumsum(sizes), np.arange(0, sizes.sum(), PAIRS), side="right")
        for rows in np.split(np.arange(len(leaves)), np.unique(cuts[1:])):
            size, leaf = sizes[rows], leaves[rows]
            row = np.repeat(np.arange(len(rows)), size)
            entry = np.arange(len(row)) - (np.cumsum(size) - size - first[leaf])[row]
            low, high = self.ends[self.low[entry]], self.ends[self.high[entry]]
            a, b = least[rows][row], most[rows][row]
            with np.errstate(invalid="ignore", divide="ignore"):
                within = (np.minimum(high, b) / 2 - np.maximum(low, a) / 2) / (high / 2 - low / 2)
            single = np.where(np.isnan(low), np.isnan(a), (low > a) & (low <= b))
            share = np.where(low < high, np.fmax(within, 0), single)
            count = np.diff(self.upto.astype(np.int64))[entry]
            found[rows] = np.bincount(row, count * share, minlength=len(rows)) / np.bincount(row, count)
        return found

    def check(self, n_leaves: int) -> None:
        """Refuse arrays that are no donors of so many leaves.

        Raises:
            ValueError: if they are none.
        """
        first, upto = (part.astype(np.int64) for part in (self.first, self.upto))
        fits = len(first) == n_leaves + 1 and first[0] == 0 and first[-1] == len(self.low) == len(self.high)
        fits = fits and len(upto) == len(self.low) + 1 and upto[0] == 0
        if not fits or min(np.diff(first).min(), np.diff(upto).min()) < 1 or self.high.max() >= len(self.ends):
            raise ValueError("the donors of a tree do not fit its leaves")
        if (self.low > self.high).any():
            raise ValueError("an interval of the donors of a tree ends before it begins")


def is_rare(values: Floats, common: int) -> NDArray[np.bool_]:
    """Say of each number whether fewer than ``common`` share it, (n,); a missing one is not rare."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True, equal_nan=True)
    return (counts[place] < common) & ~np.isnan(values)


def _small(counts: NDArray[Any]) -> Counts:
    """Return whole numbers >= 0 in the smallest type that holds them."""
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
