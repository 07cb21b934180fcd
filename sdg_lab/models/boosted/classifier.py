"""One question's classifier: trees are added while rows that are held out say that they help, and not one longer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.models.boosted.forest import Forest
from sdg_lab.models.boosted.paths import Floats
from sdg_lab.threads import choose

PATIENCE = 10
"""Rounds without an improvement on the rows held out, after which no more are tried."""

SHRINKAGE = 10.0
"""By how much a leaf's hessian counts as more than it is: rows that agree by chance move the odds less."""


@dataclass(frozen=True)
class Growth:
    """How trees are grown.

    Attributes:
        learning_rate: by which each tree's step is shortened.
        leaves: most leaves of a tree.
        least: fewest rows of a leaf.
        rounds: most trees.
    """

    learning_rate: float
    leaves: int
    least: int
    rounds: int

    def parameters(self, seed: int) -> dict[str, Any]:
        """Return LightGBM's words for it; all that could differ from run to run is fixed."""
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least,
            "min_sum_hessian_in_leaf": 1e-3,
            "lambda_l2": SHRINKAGE,
            "min_data_in_bin": 1,
            "min_data_per_group": 2 * self.least,
            "feature_pre_filter": False,
            "num_threads": choose(),
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            "seed": seed,
        }


def grow(
    rows: NDArray[np.float32],
    right: NDArray[np.bool_],
    odds: Floats,
    held: NDArray[np.bool_],
    *,
    categories: list[int],
    growth: Growth,
    seed: int,
) -> Forest:
    """Boost trees that say which rows go right; none at all if the odds alone do as well on the rows held out.

    Source: Friedman (2001), Greedy Function Approximation: A Gradient Boosting Machine; Ke et al. (2017), LightGBM.

    Args:
        rows: what the trees may ask for, shape (n, features).
        right: what is to be predicted, shape (n,).
        odds: log odds to which the trees add, shape (n,).
        held: rows that do not teach but say when to stop, shape (n,).
        categories: features whose numbers have no order.
        growth: how trees are grown.
        seed: of LightGBM's ties.
    """
    taught = ~held
    if min(right[taught].sum(), (~right[taught]).sum()) == 0 or taught.sum() < 2 * growth.least or not held.any():
        return Forest.from_text("")
    import lightgbm

    parameters = growth.parameters(seed)

    def of(part: NDArray[np.bool_], like: Any = None) -> Any:
        return lightgbm.Dataset(
            rows[part],
            right[part],
            init_score=odds[part],
            reference=like,
            categorical_feature=categories,
            params=parameters,
        )

    learned = of(taught)
    booster = lightgbm.Booster(parameters, learned)
    booster.add_valid(of(held, learned), "held")
    least, best = float(np.logaddexp(0, np.where(right[held], -odds[held], odds[held])).mean()), 0
    for trees in range(1, growth.rounds + 1):
        if booster.update():
            break
        loss = booster.eval_valid()[0][2]
        if loss < least:
            least, best = loss, trees
        elif trees - best >= PATIENCE:
            break
    return Forest.from_text(booster.model_to_string(num_iteration=best) if best else "")
