"""Sequential CART in thirty lines: every column is drawn from a tree on those before it.

The joint probability of a row is a product with one factor a column ::

    P(x₁ … x_d) = ∏ⱼ P(xⱼ | x₁ … xⱼ₋₁)

A decision tree cuts the training rows into leaves in which the column varies little. Training rows of one leaf are
**donors**: a new row falls into a leaf by what has been drawn of it, and takes over the value of one of its donors.

This is the method alone, on a table of numbers. It hands out the training values themselves; what else a table holds,
and how rare values are kept back, is :class:`sdg_lab.models.trees.Trees`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sequential_cart(
    table: NDArray[np.float64], n: int, *, leaf: int = 20, seed: int = 0, tree_seed: int = 0
) -> NDArray[np.float64]:
    """Draw ``n`` rows like those of a table (rows, columns), the columns in their order.

    Source: Reiter (2005), Using CART to Generate Partially Synthetic Public Use Microdata, section 3; there the
    donors are drawn from a Bayesian bootstrap, here evenly.

    Args:
        table: numbers, none of them missing, shape (rows, columns).
        n: how many rows to draw.
        leaf: fewest donors of a leaf.
        seed: of the draws.
        tree_seed: of the trees: which of two equally good splits is taken.
    """
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(seed)
    new = np.empty((n, table.shape[1]))
    for column in range(table.shape[1]):
        donors_at, rows_at = np.zeros(len(table), int), np.zeros(n, int)  # the first column has one leaf
        if column > 0:
            tree = DecisionTreeRegressor(min_samples_leaf=leaf, random_state=tree_seed)
            tree.fit(table[:, :column], table[:, column])
            donors_at, rows_at = tree.apply(table[:, :column]), tree.apply(new[:, :column])
        luck = rng.random(n)
        for place in np.unique(rows_at):
            donors = np.sort(table[donors_at == place, column])
            here = rows_at == place
            new[here, column] = donors[(luck[here] * len(donors)).astype(int)]
    return new
