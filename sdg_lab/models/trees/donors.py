"""What the leaves of a tree hand out: the values of their donors, each within an interval that keeps rare ones back.

A value that many rows share is handed out as it is; it tells of nobody. A number that few rows share is drawn evenly
between the donors beside it in its leaf, and rounded as the column is recorded: near what was observed, and equal to it
only by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdg_lab.models.trees.cart import Floats, Places


@dataclass(frozen=True, eq=False)
class Donors:
    """The donors of all leaves, leaf after leaf, those of one leaf in rising order, missing ones last.

    Attributes:
        first: where each leaf's donors begin, and where the last leaf's end, shape (leaves + 1,).
        low: least value that is drawn for a donor, NaN for a missing one, shape (donors,).
        high: largest; equal to ``low`` where the value itself is handed out.
    """

    first: NDArray[np.int64]
    low: Floats
    high: Floats

    @classmethod
    def of(cls, leaves: Places, n_leaves: int, values: Floats, *, common: int, reach: int) -> Donors:
        """Collect the donors.

        Args:
            leaves: of each training row, (n,).
            n_leaves: how many there are.
            values: of the column, (n,), NaN where missing; for categories their numbers, with ``common`` 1.
            common: a value that so many rows of the table share is handed out as it is.
            reach: others are drawn between the donors so many places below and above in the leaf.
        """
        order = np.lexsort((values, leaves))
        leaf, low = leaves[order], values[order]
        first = np.searchsorted(leaf, np.arange(n_leaves + 1))
        distinct, place, counts = np.unique(low, return_inverse=True, return_counts=True, equal_nan=True)
        rare = np.flatnonzero((counts[place] < common) & ~np.isnan(low))
        high = low.copy()
        if len(rare):
            among = leaf[rare]
            begin, end = (np.searchsorted(among, among, side) for side in ("left", "right"))
            here = np.arange(len(rare))
            below, above = np.maximum(here - reach, begin), np.minimum(here + reach, end - 1)
            # A donor without another beside it in its leaf is drawn between its neighbours in the whole column.
            numbers = np.unique(low[rare])
            numbers = numbers if len(numbers) > 1 else distinct[~np.isnan(distinct)]
            place, alone = np.searchsorted(numbers, low[rare]), low[rare[below]] == low[rare[above]]
            least = np.where(alone, numbers[np.maximum(place - 1, 0)], low[rare[below]])
            most = np.where(alone, numbers[np.minimum(place + 1, len(numbers) - 1)], low[rare[above]])
            low[rare], high[rare] = least, most
        return cls(first.astype(np.int64), low, high)

    def draw(self, leaves: Places, rng: np.random.Generator) -> Floats:
        """Draw a value for each row from a donor of its leaf, shape (n,)."""
        begin = self.first[leaves]
        donor = begin + (rng.random(len(leaves)) * (self.first[leaves + 1] - begin)).astype(np.int64)
        low, high = self.low[donor], self.high[donor]
        if not (self.low < self.high).any():
            return low
        share = rng.random(len(leaves))
        return np.where(low < high, low * (1 - share) + high * share, low)

    def check(self, n_leaves: int) -> None:
        """Refuse arrays that are no donors of so many leaves.

        Raises:
            ValueError: if they are none.
        """
        fits = len(self.first) == n_leaves + 1 and self.first[0] == 0 and self.first[-1] == len(self.low)
        if not fits or (np.diff(self.first) < 1).any() or len(self.low) != len(self.high):
            raise ValueError("the donors of a tree do not fit its leaves")
