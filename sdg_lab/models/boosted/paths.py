"""The states of a column as the leaves of a binary tree: which state it is, asked in yes-or-no questions.

The first question halves the rows, the next one halves each half, and so on; a state that holds many rows is reached
after few questions. Each question is a binary classifier's, and the probability of a state is a product along its path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]
States: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Level:
    """The questions that are asked at one depth of the tree, numbered from the first state to the last.

    Attributes:
        node: the question at which each state is, -1 if its path has ended, shape (states,).
        middle: the first state of each question's right side, shape (questions,).
        odds: log of the odds of right against left among the training rows, shape (questions,).
    """

    node: NDArray[np.int64]
    middle: NDArray[np.int64]
    odds: Floats


@dataclass(frozen=True)
class Paths:
    """The tree of a column's states.

    Attributes:
        levels: its questions, from the root down.
    """

    levels: tuple[Level, ...]

    @classmethod
    def of(cls, counts: Counts, *, apart: bool = False) -> Self:
        """Cut neighbouring states where their rows are nearest to halves, until each stands alone.

        Source: Fano (1949), The Transmission of Information, for the cuts; Mikolov et al. (2013) for such a tree of
        binary classifiers (hierarchical softmax); McCarter (2025), Unmasking Trees for Tabular Data, for boosted ones.

        Args:
            counts: rows of each state, positive, shape (states,).
            apart: whether the last state, a missing value, is told from all others first.
        """
        upto = np.append(0, np.cumsum(counts))
        levels, groups, alone = [], [(0, len(counts))], apart
        while groups := [(first, end) for first, end in groups if end - first > 1]:
            node, halves = np.full(len(counts), -1), list[tuple[int, int]]()
            middles, odds = list[int](), list[float]()
            for first, end in groups:
                half = (upto[first] + upto[end]) / 2
                middle = end - 1 if alone else first + 1 + int(np.argmin(np.abs(upto[first + 1 : end] - half)))
                node[first:end] = len(middles)
                middles.append(middle)
                odds.append(float(np.log(upto[end] - upto[middle]) - np.log(upto[middle] - upto[first])))
                halves += [(first, middle), (middle, end)]
            levels.append(Level(node, np.array(middles), np.array(odds)))
            groups, alone = halves, False
        return cls(tuple(levels))
