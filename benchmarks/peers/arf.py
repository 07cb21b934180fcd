"""Adversarial random forests (Watson et al. 2023) as arfpy has them, with what it needs to run on today's libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

TREES = 30
"""Its default."""


def learnt(train: pd.DataFrame, seed: int) -> Callable[[int, int], pd.DataFrame]:
    """Fit arfpy; return what draws rows.

    Columns go by number, since it looks its own up by place, which pandas 3 no longer does. It returns floats for whole
    numbers, by which every row would be told from a real one: they are rounded to the decimals that a column has.
    """
    if not hasattr(np, "in1d"):
        setattr(np, "in1d", np.isin)  # its old name, which NumPy 2.4 has no longer  # noqa: B010
    from arfpy import arf

    np.random.seed(seed)  # noqa: NPY002  # its draws are the global generator's
    model = arf.arf(train.set_axis(range(train.shape[1]), axis=1), num_trees=TREES, verbose=False, random_state=seed)
    model.forde()

    def draw(n: int, seed: int) -> pd.DataFrame:
        np.random.seed(seed)  # noqa: NPY002
        drawn = model.forge(n).set_axis(train.columns, axis=1)
        for name, column in train.items():
            if column.dtype.kind == "f":
                drawn[name] = drawn[name].astype(float).round(decimals(column.to_numpy()))
        return drawn.astype(train.dtypes)

    return draw


def decimals(values: np.ndarray, most: int = 8) -> int:
    """Return with how many decimals all numbers are written."""
    known = values[~np.isnan(values)]
    return next((places for places in range(most) if np.array_equal(np.round(known, places), known)), most)
