"""Exact inference in a discrete network: factors, and the elimination of one variable after another.

A factor is a table of numbers >= 0 over a few variables. A network is the product of its conditional tables, and every
question to it is a sum of that product. Variable elimination pulls each sum in as far as it goes ::

    Σ_x φ₁(x, a) φ₂(x, b) φ₃(c) = φ₃(c) · Σ_x φ₁(x, a) φ₂(x, b)

so that no table ever spans all variables (Zhang and Poole, 1994). Evidence on a variable is a weight for each of its
states: 1 for the one that was seen and 0 for the others, or, for a number within a bin, the part of the bin that fits.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from sdg_lab.data.types import Network
from sdg_lab.models.bayes_net.cpt import Floats
from sdg_lab.models.bayes_net.dag import ancestors

Evidence: TypeAlias = Mapping[str, Floats]
"""For each known variable its weights, shape (states,), in [0, 1]."""

LARGEST = 2**27
"""Entries of the largest table that is ever made: 1 GiB."""


@dataclass(frozen=True, eq=False)
class Factor:
    """A table over variables.

    Attributes:
        names: the variables, one for each axis.
        values: the numbers, >= 0.
    """

    names: tuple[str, ...]
    values: Floats

    def onto(self, names: Sequence[str]) -> Floats:
        """Return the values with one axis for each of ``names``, of length 1 where the factor does not depend on it."""
        here = [name for name in names if name in self.names]
        values = self.values.transpose([self.names.index(name) for name in here])
        axis = iter(values.shape)
        return values.reshape([next(axis) if name in self.names else 1 for name in names])

    def at(self, name: str, state: int) -> Factor:
        """Return the slice in which a variable has a state."""
        axis = self.names.index(name)
        return Factor(self.names[:axis] + self.names[axis + 1 :], np.asarray(self.values.take(state, axis=axis)))

    def sum_out(self, name: str) -> Factor:
        """Return the factor without a variable, summed over its states."""
        axis = self.names.index(name)
        return Factor(self.names[:axis] + self.names[axis + 1 :], np.asarray(self.values.sum(axis=axis)))


def product(factors: Sequence[Factor]) -> Factor:
    """Multiply factors: the result spans all their variables, in order of appearance.

    Raises:
        ValueError: if the result would be larger than memory.
    """
    sizes = {name: size for factor in factors for name, size in zip(factor.names, factor.values.shape, strict=True)}
    if math.prod(sizes.values()) > LARGEST:
        raise ValueError(
            f"exact inference needs a table over {', '.join(sizes)} of {math.prod(sizes.values()):,} numbers; "
            "fit with fewer bins or a smaller max_parents"
        )
    names = tuple(sizes)
    values = factors[0].onto(names)
    for factor in factors[1:]:
        values = values * factor.onto(names)
    return Factor(names, values)


class Step(NamedTuple):
    """One elimination: the variable, and the product of all factors that mention it, before the sum."""

    name: str
    factor: Factor


def eliminate(factors: Iterable[Factor], keep: Iterable[str] = ()) -> tuple[list[Step], Factor, float]:
    """Sum out all variables but some, each time the one whose product is smallest.

    Args:
        factors: the tables; their product is the distribution.
        keep: variables that stay.

    Returns:
        The steps in order; the factor over ``keep``, scaled so that its largest value is 1; and the logarithm of the
        scale that was taken out, in nats (a product of hundreds of probabilities would underflow).
    """
    left = list(factors)
    sizes = {name: size for factor in left for name, size in zip(factor.names, factor.values.shape, strict=True)}
    kept = [name for name in keep if name in sizes]
    cost = {name: _cost(name, left) for name in sizes if name not in kept}
    steps: list[Step] = []
    scale = 0.0
    while cost:
        name = min(cost, key=cost.__getitem__)
        del cost[name]
        together = product([factor for factor in left if name in factor.names])
        steps.append(Step(name, together))
        message, nats = _scaled(together.sum_out(name))
        scale += nats
        left = [factor for factor in left if name not in factor.names] + [message]
        for other in message.names:
            if other in cost:
                cost[other] = _cost(other, left)
    rest = product([*left, *(Factor((name,), np.ones(sizes[name])) for name in kept)])
    rest, nats = _scaled(Factor(tuple(kept), rest.onto(kept)))
    return steps, rest, scale + nats


def _cost(name: str, factors: Iterable[Factor]) -> int:
    """Return how many numbers the product of all factors that mention a variable has."""
    sizes: dict[str, int] = {}
    for factor in factors:
        if name in factor.names:
            sizes.update(zip(factor.names, factor.values.shape, strict=True))
    return math.prod(sizes.values())


def _scaled(factor: Factor) -> tuple[Factor, float]:
    largest = float(factor.values.max())
    if largest <= 0:
        return factor, -math.inf
    return Factor(factor.names, factor.values / largest), math.log(largest)


def factors_of(network: Network, evidence: Evidence, nodes: Container[str]) -> list[Factor]:
    """Return the tables of some nodes with the evidence put in: a sure state is cut out, weights are multiplied on."""
    sure = {name: int(weights.argmax()) for name, weights in evidence.items() if _is_sure(weights)}
    factors = [Factor((name,), weights) for name, weights in evidence.items() if name not in sure]
    for node in (node for node in network.nodes if node in nodes):
        factor = Factor((*network.parents[node], node), network.cpts[node])
        for name in factor.names:
            if name in sure:
                factor = factor.at(name, sure[name])
        factors.append(factor)
    return factors


def _is_sure(weights: Floats) -> bool:
    return bool(weights.max() == 1 and np.count_nonzero(weights) == 1)


def query(network: Network, wanted: Sequence[str], evidence: Evidence) -> Floats:
    """Return P(wanted | evidence), one axis for each wanted variable in its order, by variable elimination.

    Nodes that are neither wanted nor known nor above such a node sum to 1 and are left out from the start.

    Raises:
        ValueError: if the evidence has probability zero; the message says which part of it first makes it so.
    """
    relevant = ancestors(network.parents, [*wanted, *evidence])
    _, rest, nats = eliminate(factors_of(network, evidence, relevant), keep=wanted)
    if nats == -math.inf:
        raise ValueError(_impossible(network, evidence))
    values = np.zeros([len(network.states[name]) for name in wanted])
    # Sure evidence was cut out of every table: a wanted variable that is known puts all its mass on one state.
    place = tuple(slice(None) if name in rest.names else int(evidence[name].argmax()) for name in wanted)
    values[place] = rest.values / rest.values.sum()
    return values


def log_evidence(network: Network, evidence: Evidence) -> float:
    """Return log P(evidence) in nats; ``-inf`` if it is impossible, 0 if there is none."""
    if not evidence:
        return 0.0
    _, _, nats = eliminate(factors_of(network, evidence, ancestors(network.parents, evidence)))
    return nats


def table_without(network: Network, parent: str, child: str) -> Floats:
    """Return Σ_p P(child | p, others) P(p | others): the child's table once it no longer depends on one parent."""
    above = network.parents[child]
    others = [name for name in above if name != parent]
    family = query(network, [*others, child], {})
    total = family.sum(axis=-1, keepdims=True)
    plain = network.cpts[child].mean(axis=above.index(parent))  # for settings of the others that never happen
    return np.asarray(np.divide(family, total, out=plain, where=total > 0))


def _impossible(network: Network, evidence: Evidence) -> str:
    """Say which part of impossible evidence, taken in order, first makes it so."""
    names = list(evidence)
    for end in range(1, len(names) + 1):
        if log_evidence(network, {name: evidence[name] for name in names[:end]}) == -math.inf:
            break
    last, before = names[end - 1], names[: end - 1]
    seen = [state for state, weight in zip(network.states[last], evidence[last], strict=True) if weight > 0]
    what = f"{last} = {' or '.join(seen)}" if seen else f"what is asked of {last}"
    beside = f" together with the evidence on {', '.join(before)}" if before else ""
    return f"the evidence has probability zero: {what} never happens{beside}; drop or change it"
