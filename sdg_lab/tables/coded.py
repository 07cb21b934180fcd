"""A table as numbers of states, and how often they occur together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coded:
    """A table as numbers of states.

    Attributes:
        names: the columns.
        codes: integers, shape (columns, rows), each column's rows side by side in memory.
        sizes: how many states each column has.
    """

    names: tuple[str, ...]
    codes: NDArray[np.uint8]
    sizes: tuple[int, ...]

    def counts(self, node: int, parents: tuple[int, ...]) -> Counts:
        """Count the rows in each state of a node for each setting of its parents, shape (sizes of parents..., size)."""
        cell = np.zeros(self.codes.shape[1], dtype=np.int64)
        for column in (*parents, node):
            cell *= self.sizes[column]
            cell += self.codes[column]
        shape = [self.sizes[column] for column in (*parents, node)]
        return np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)

    def pair_counts(self) -> Counts:
        """Count all pairs of states of all pairs of columns at once, shape (sum of sizes, sum of sizes)."""
        offsets = np.cumsum([0, *self.sizes[:-1]])
        total = np.zeros((sum(self.sizes), sum(self.sizes)))
        for start in range(0, self.codes.shape[1], 2**13):  # in blocks: the indicators of all rows would be wide
            block = self.codes[:, start : start + 2**13].T + offsets
            indicators = np.zeros((len(block), sum(self.sizes)), dtype=np.float32)
            np.put_along_axis(indicators, block, 1, axis=1)
            total += indicators.T @ indicators  # whole numbers below 2²⁴: exact in float32
        return total.astype(np.int64)
