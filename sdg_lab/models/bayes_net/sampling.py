"""Draw rows from a network: parents first, or, when something is known, in the reverse order of its elimination.

Both are exact, and neither rejects anything: a condition that one row in a million meets costs no more than another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.data.types import Network
from sdg_lab.models.bayes_net.cpt import Floats
from sdg_lab.models.bayes_net.dag import ancestors
from sdg_lab.models.bayes_net.inference import Evidence, eliminate, factors_of

Codes: TypeAlias = NDArray[np.uint8]
"""The number of a state for each row."""

BLOCK = 2**16
"""Rows that are drawn together: their numbers stay in the processor's cache."""


class RowDrawer:
    """Draw states from the rows of a table of probabilities, by inversion: one uniform number each.

    Args:
        names: the variables that choose the row, in the order of the table's axes.
        table: shape (states of names..., states of the drawn variable), >= 0; rows need not be normalised. A row of
            zeros must never be asked for.
    """

    def __init__(self, names: tuple[str, ...], table: Floats) -> None:
        self.names = names
        self.sizes = table.shape[:-1]
        cumulative = np.cumsum(table.reshape(-1, table.shape[-1]), axis=1)
        with np.errstate(invalid="ignore"):
            # Exactly 1 from the last possible state on, so that no uniform number below 1 draws an impossible one.
            self.boundaries = np.ascontiguousarray((cumulative / cumulative[:, -1:]).T[:-1])

    def draw(self, codes: Mapping[str, Codes], n: int, rng: np.random.Generator) -> Codes:
        """Draw one state for each of n rows, given the states of the variables that choose the table's row."""
        row = np.zeros(n, dtype=np.intp)
        for name, size in zip(self.names, self.sizes, strict=True):
            row *= size
            row += codes[name]
        uniform = rng.random(n)
        drawn = np.zeros(n, dtype=np.uint8)
        for boundary in self.boundaries:
            drawn += uniform >= boundary.take(row)
        return drawn


def sample_codes(
    network: Network, n: int, rng: np.random.Generator, evidence: Evidence | None = None
) -> dict[str, Codes]:
    """Draw n rows from P(all variables | evidence), as state numbers.

    Without evidence it is ancestral sampling: every node after its parents, from its table's row. With evidence, the
    known nodes and all above them are first summed out one after another; the product φ(x, S) that each step leaves
    behind is, up to a factor, P(x | S, evidence), where S is eliminated later. Drawing in the reverse order therefore
    never needs anything that is not there yet. What is below is drawn by its own tables.

    The evidence must be possible: whoever draws on it asks :func:`sdg_lab.models.bayes_net.inference.query` first.
    """
    drawers: dict[str, RowDrawer] = {}
    fixed: dict[str, int] = {}
    if evidence:
        above = ancestors(network.parents, evidence)
        factors = factors_of(network, evidence, above)
        free = {name for factor in factors for name in factor.names}
        fixed = {name: int(evidence[name].argmax()) for name in evidence if name not in free}
        for name, factor in reversed(eliminate(factors)[0]):
            given = tuple(other for other in factor.names if other != name)
            drawers[name] = RowDrawer(given, factor.onto((*given, name)))
    for node in network.nodes:
        if node not in drawers and node not in fixed:
            drawers[node] = RowDrawer(network.parents[node], network.cpts[node])
    codes = {node: np.full(n, fixed.get(node, 0), dtype=np.uint8) for node in network.nodes}
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        here = {node: drawn[rows] for node, drawn in codes.items()}
        for node, drawer in drawers.items():
            here[node][:] = drawer.draw(here, rows.stop - rows.start, rng)
    return codes
