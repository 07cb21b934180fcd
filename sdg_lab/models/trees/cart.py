"""Decision trees as a few arrays: scikit-learn grows them, some lines walk them, and a file of arrays holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Places: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]

BLOCK = 2**14
"""So many rows are walked at once: their columns stay near the processor."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Binary trees side by side in one array of nodes; a child has a larger number than its parent.

    Attributes:
        roots: the node at which each tree begins, shape (trees,).
        feature: the column that a node asks for, -1 in a leaf, shape (nodes,).
        threshold: a row goes left if its number there is at most this.
        left: the child on the left; a leaf names itself.
        right: the child on the right; a leaf names itself.
        leaf: the number of a leaf among the leaves of all trees, -1 elsewhere.
    """

    roots: Places
    feature: Places
    threshold: Floats
    left: Places
    right: Places
    leaf: Places

    @classmethod
    def of(cls, trees: Sequence[Forest]) -> Forest:
        """Put trees side by side: their nodes and their leaves are numbered on."""
        nodes = np.cumsum([0, *(len(tree.feature) for tree in trees)])
        leaves = np.cumsum([0, *(tree.n_leaves for tree in trees)])
        return cls(
            np.concatenate([tree.roots + node for tree, node in zip(trees, nodes, strict=False)]).astype(np.int32),
            np.concatenate([tree.feature for tree in trees]),
            np.concatenate([tree.threshold for tree in trees]),
            np.concatenate([tree.left + node for tree, node in zip(trees, nodes, strict=False)]).astype(np.int32),
            np.concatenate([tree.right + node for tree, node in zip(trees, nodes, strict=False)]).astype(np.int32),
            np.concatenate(
                [np.where(tree.leaf < 0, -1, tree.leaf + leaf) for tree, leaf in zip(trees, leaves, strict=False)]
            ).astype(np.int32),
        )

    def leaf_of(self, row: Floats, tree: int = 0) -> int:
        """Walk one row (columns,) from a tree's root to its leaf; the plain way."""
        node = self.roots[tree]
        while self.feature[node] >= 0:
            side = self.left if row[self.feature[node]] <= self.threshold[node] else self.right
            node = side[node]
        return int(self.leaf[node])

    def leaves(self, rows: NDArray[np.float32], trees: NDArray[np.integer[Any]]) -> Places:
        """Walk n rows (columns, n) at once, each through its tree (n,); return the number of each leaf, (n,)."""
        found = np.empty(len(trees), np.int32)
        for start in range(0, len(trees), BLOCK):
            block = rows[:, start : start + BLOCK]
            node = self.roots[trees[start : start + BLOCK]]
            walking = np.flatnonzero(self.feature[node] >= 0)
            while len(walking):
                here = node[walking]
                goes_left = block[self.feature[here], walking] <= self.threshold[here]
                here = np.where(goes_left, self.left[here], self.right[here])
                node[walking] = here
                walking = walking[self.feature[here] >= 0]
            found[start : start + BLOCK] = self.leaf[node]
        return found

    @property
    def n_leaves(self) -> int:
        """How many leaves there are."""
        return int(self.leaf.max()) + 1

    def check(self, columns: int) -> None:
        """Refuse arrays that are no trees over so many columns: a walk through them might never end.

        Raises:
            ValueError: if they are none.
        """
        inner = np.flatnonzero(self.feature >= 0)
        below = np.concatenate([self.left[inner], self.right[inner]])
        nodes = len(self.feature)
        same = {len(part) for part in (self.threshold, self.left, self.right, self.leaf)} == {nodes} and nodes > 0
        rooted = len(self.roots) > 0 and self.roots.min() >= 0 and self.roots.max() < nodes
        if (
            not (same and rooted)
            or (np.tile(inner, 2) >= below).any()
            or (below >= nodes).any()
            or self.feature.max() >= columns
        ):
            raise ValueError("the arrays of a tree do not fit together")
        if not np.array_equal(self.leaf[self.feature < 0], np.arange((self.feature < 0).sum())):
            raise ValueError("the leaves of a tree are not numbered one after another")


def grow(rows: NDArray[np.float32], target: Floats, *, leaf: int, seed: int) -> Forest:
    """Grow a tree that splits wherever the target's variance falls, until leaves would be too small.

    Of indicators of categories the variance, summed over them, is the Gini impurity: one rule serves both.

    Source: Breiman et al. (1984), Classification and Regression Trees, sections 4.3 and 8.4.

    Args:
        rows: what the tree may ask for, shape (columns, n).
        target: what should vary little within a leaf, shape (n, outputs).
        leaf: fewest rows of a leaf.
        seed: which of two equally good splits is taken.
    """
    if len(rows) == 0:
        stay = np.zeros(1, np.int32)
        return Forest(stay, stay - 1, np.zeros(1), stay, stay, stay)
    from sklearn.tree import DecisionTreeRegressor

    regressor = DecisionTreeRegressor(min_samples_leaf=leaf, random_state=seed)
    grown = regressor.fit(rows.T, target).tree_
    nodes = np.arange(grown.node_count)
    is_leaf = grown.children_left < 0
    return Forest(
        np.zeros(1, np.int32),
        np.where(is_leaf, -1, grown.feature).astype(np.int32),
        grown.threshold.copy(),
        np.where(is_leaf, nodes, grown.children_left).astype(np.int32),
        np.where(is_leaf, nodes, grown.children_right).astype(np.int32),
        np.where(is_leaf, np.cumsum(is_leaf) - 1, -1).astype(np.int32),
    )


def order_of(codes: NDArray[np.int64], size: int, target: Floats, *, least: int = 1) -> NDArray[np.float32]:
    """Return a place for each category by which a tree may split them, shape (size,): those with like targets together.

    With one output that is the mean of the target, and a split of the categories so ordered is the best of all 2^size;
    with more it is the mean along the direction in which the categories differ most. Categories of fewer rows than
    ``least`` share the place in the middle: of their few targets a tree would learn the rows, not the category.

    Source: Breiman et al. (1984), section 4.2.2; Coppersmith, Hong and Hosking (1999), Partitioning Nominal Attributes
    in Decision Trees.
    """
    counts = np.bincount(codes, minlength=size).astype(np.float64)
    sums = np.stack([np.bincount(codes, output, minlength=size) for output in target.T], axis=1)
    away = sums / counts.clip(min=1)[:, None] - target.mean(axis=0)
    away[counts < max(least, 1)] = 0
    if away.shape[1] > 1:
        weighted = away * np.sqrt(counts)[:, None]
        away = away @ np.linalg.eigh(weighted.T @ weighted)[1][:, -1:]
    place: NDArray[np.float32] = away[:, 0].astype(np.float32)
    return place
