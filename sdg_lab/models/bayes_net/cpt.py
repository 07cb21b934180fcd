"""Conditional probability tables: put together and checked, learned from counts, drawn from their posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sdg_lab.data.types import Network
from sdg_lab.models.bayes_net.dag import Parents, topological_order
from sdg_lab.models.bayes_net.inference import Floats, query


def make_network(states: Mapping[str, Sequence[str]], parents: Parents, cpts: Mapping[str, Floats]) -> Network:
    """Put a network together from nodes in any order.

    Args:
        states: the states of each node.
        parents: its parents, in the order of the axes of its table.
        cpts: its table, shape (states of parents..., states of node); the last axis sums to 1.

    Raises:
        ValueError: if there is a cycle (it is walked along), a table has another shape, or a row does not sum to 1 (the
            parents' setting is named).
    """
    order = topological_order(parents)
    for node in order:
        table = np.asarray(cpts[node], dtype=np.float64)
        above = parents[node]
        shape = tuple(len(states[name]) for name in (*above, node))
        if table.shape != shape:
            raise ValueError(f"the table of {node!r} must have shape {shape} (parents..., node), got {table.shape}")
        bad = (table < 0).any(axis=-1) | ~np.isclose(table.sum(axis=-1), 1, rtol=0, atol=1e-9)
        if bad.any():
            setting = tuple(int(place) for place in np.argwhere(bad)[0])
            told = ", ".join(f"{name} = {states[name][at]}" for name, at in zip(above, setting, strict=True))
            row = table[setting]
            what = f"sums to {row.sum():.6g}, not to 1" if (row >= 0).all() else f"holds {row.min():.6g}, below 0"
            raise ValueError(f"the table of {node!r}{f' for {told}' if told else ''} {what}")
    tables = {node: np.asarray(cpts[node], dtype=np.float64) for node in order}
    return Network(
        order, {node: tuple(states[node]) for node in order}, {node: parents[node] for node in order}, tables
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


def table_without(network: Network, parent: str, child: str) -> Floats:
    """Return Σ_p P(child | p, others) P(p | others): the child's table once it no longer listens to one parent."""
    above = network.parents[child]
    others = [name for name in above if name != parent]
    family = query(network, [*others, child], {})
    total = family.sum(axis=-1, keepdims=True)
    plain = network.cpts[child].mean(axis=above.index(parent))  # for settings of the others that never happen
    return np.asarray(np.divide(family, total, out=plain, where=total > 0))
