"""Conditional probability tables: put together to a network, learned from counts, drawn from their posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.data.types import Network
from sdg_lab.models.bayes_net.dag import Parents, topological_order

Floats: TypeAlias = NDArray[np.float64]


def make_network(states: Mapping[str, Sequence[str]], parents: Parents, cpts: Mapping[str, Floats]) -> Network:
    """Put a network together from nodes in any order.

    Args:
        states: the states of each node.
        parents: its parents, in the order of the axes of its table.
        cpts: its table, shape (states of parents..., states of node); the last axis sums to 1.

    Raises:
        ValueError: if there is a cycle (it is walked along), or as :class:`~sdg_lab.data.types.Network` for the tables.
    """
    order = topological_order(parents)
    return Network(
        order,
        {node: tuple(states[node]) for node in order},
        {node: parents[node] for node in order},
        {node: np.asarray(cpts[node], dtype=np.float64) for node in order},
    )


def mean_table(counts: Floats, prior: float) -> Floats:
    """Return the mean of the tables' Dirichlet posterior, (N_jk + α_jk) / (N_j + α_j).

    Args:
        counts: N, shape (parents' states..., states).
        prior: α >= 0, spread evenly over all cells: α_jk = α / cells. With 0 it is maximum likelihood, and a row
            without counts is even.
    """
    weights = counts + prior / counts.size
    total = weights.sum(axis=-1, keepdims=True)
    even = np.full_like(weights, 1 / weights.shape[-1])
    return np.asarray(np.divide(weights, total, out=even, where=total > 0))


def draw_table(counts: Floats, prior: float, rng: np.random.Generator) -> Floats:
    """Draw each row of a table from its Dirichlet posterior, Dir(N_jk + α / cells); arguments as :func:`mean_table`."""
    weights = counts + prior / counts.size
    # Independent gamma variables over their sum are Dirichlet. Γ(a) is Γ(a + 1) U^(1/a): in logarithms, for with the
    # small a of a rare state it would underflow.
    log_gamma = np.log(rng.standard_gamma(weights + 1)) + np.log1p(-rng.random(weights.shape)) / weights
    table = np.exp(log_gamma - log_gamma.max(axis=-1, keepdims=True))
    return np.asarray(table / table.sum(axis=-1, keepdims=True))
