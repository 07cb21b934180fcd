"""Learn a graph from data: how well a graph explains the counts, the best tree, and hill climbing with a memory.

A score adds up over families (a node and its parents), so that a change of one arrow changes one or two terms. That is
what makes a search through graphs affordable.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.models.bayes_net.cpt import Floats
from sdg_lab.models.bayes_net.dag import Parents
from sdg_lab.tables.coded import Coded, Counts

Score: TypeAlias = Literal["bic", "bdeu", "log-likelihood"]


def local_score(counts: Counts, kind: Score, prior: float = 1.0) -> float:
    """Score one family from its counts, in nats; higher is better.

    - log-likelihood: Σ N_jk ln(N_jk / N_j), with j the parents' setting and k the node's state; more parents never
      lower it.
    - BIC: the same minus ½ ln N for each free parameter (Schwarz, 1978).
    - BDeu: the probability of the counts, averaged over all tables, each row's prior being a Dirichlet of weight
      α / (number of cells) a cell (Heckerman, Geiger and Chickering, 1995, equation 28 with their section 6.3).

    Args:
        counts: shape (parents' states..., node's states).
        kind: which score.
        prior: α, the equivalent sample size of BDeu, > 0.
    """
    from scipy.special import gammaln, xlogy

    rows = counts.reshape(-1, counts.shape[-1])
    if kind == "bdeu":
        row, cell = prior / len(rows), prior / rows.size
        per_row = gammaln(row) - gammaln(row + rows.sum(axis=1))
        return float(per_row.sum() + gammaln(cell + rows).sum() - rows.size * gammaln(cell))
    likelihood = float(xlogy(rows, rows).sum() - xlogy(rows.sum(axis=1), rows.sum(axis=1)).sum())
    if kind == "log-likelihood":
        return likelihood
    free = len(rows) * (rows.shape[1] - 1)
    return likelihood - 0.5 * math.log(max(int(rows.sum()), 1)) * free


def structure_score(coded: Coded, parents: Parents, kind: Score = "bic", prior: float = 1.0) -> float:
    """Score a whole graph: the sum over its families, in nats."""
    place = {name: index for index, name in enumerate(coded.names)}
    families = ((place[node], tuple(place[parent] for parent in above)) for node, above in parents.items())
    return sum(local_score(coded.counts(node, above), kind, prior) for node, above in families)


def mutual_information(coded: Coded) -> Floats:
    """Return I(X; Y) of every pair of columns in nats, shape (columns, columns), from the data's own shares.

    On the diagonal is each column's entropy.
    """
    from scipy.special import xlogy

    pairs, n = coded.pair_counts(), coded.codes.shape[1]
    edges = np.cumsum([0, *coded.sizes])
    single = np.diag(pairs)
    entropy = [float(np.log(n) - xlogy(part, part).sum() / n) for part in np.split(single, edges[1:-1])]
    information = np.diag(entropy)
    for a, b in combinations(range(len(coded.names)), 2):
        joint = pairs[edges[a] : edges[a + 1], edges[b] : edges[b + 1]]
        both = np.log(n) - xlogy(joint, joint).sum() / n
        information[a, b] = information[b, a] = max(0.0, entropy[a] + entropy[b] - both)
    return information


def chow_liu(coded: Coded) -> dict[str, tuple[str, ...]]:
    """Return the tree of highest likelihood: the maximum spanning tree, its edges weighed by mutual information.

    Prim's algorithm: the tree grows from the first column, each time by the edge of largest weight that leaves it, and
    every edge points away from where it grew. Which node is the root makes no difference to the distribution. Source:
    Chow and Liu (1968).
    """
    weights = mutual_information(coded)
    inside, outside = [0], list(range(1, len(coded.names)))
    parents: dict[str, tuple[str, ...]] = {coded.names[0]: ()}
    while outside:
        cut = weights[np.ix_(inside, outside)]
        near, far = np.unravel_index(int(cut.argmax()), cut.shape)
        parent, child = inside[near], outside.pop(far)
        parents[coded.names[child]] = (coded.names[parent],)
        inside.append(child)
    return {name: parents[name] for name in coded.names}


def hill_climb(
    coded: Coded, *, kind: Score = "bic", prior: float = 1.0, max_parents: int = 3, patience: int = 50
) -> dict[str, tuple[str, ...]]:
    """Search for the graph of highest score, one arrow added, removed or reversed at a time.

    Always the best change is made, even one that makes matters worse, but never one that leads back to a graph already
    seen: so a search leaves small hills. It ends when ``patience`` changes in a row brought no new best graph, and
    returns the best. Source: Bouckaert (1995), tabu search.

    Args:
        coded: the data.
        kind: the score.
        prior: the equivalent sample size of BDeu.
        max_parents: most parents that a node may have.
        patience: changes without a new best before it stops; 0 is plain hill climbing.
    """
    search = _Search(coded, kind, prior, max_parents)
    best, best_score, since = search.arrows.copy(), 0.0, 0
    score = 0.0
    visited = {search.arrows.tobytes()}
    while since <= patience:
        to_new = (step for step in search.steps() if step[1].tobytes() not in visited)
        gain, after = next(to_new, (-np.inf, best))
        if gain == -np.inf or (gain <= 0 and patience == 0):
            break
        search.become(after)
        visited.add(after.tobytes())
        score += gain
        if score > best_score + 1e-9:
            best, best_score, since = after, score, 0
        else:
            since += 1
    return {
        name: tuple(coded.names[parent] for parent in np.flatnonzero(best[:, node]))
        for node, name in enumerate(coded.names)
    }


@dataclass(eq=False)
class _Search:
    """The graph that a search has reached, and what each single change of it would bring.

    ``arrows[i, j]`` says whether i is a parent of j; ``toggled[i, j]`` is how j's score changes if that is flipped.
    """

    coded: Coded
    kind: Score
    prior: float
    max_parents: int
    arrows: NDArray[np.bool_] = field(init=False)
    toggled: Floats = field(init=False)
    known: dict[tuple[int, tuple[int, ...]], float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        d = len(self.coded.names)
        pairs = self.coded.pair_counts()
        edges = np.cumsum([0, *self.coded.sizes])
        for j in range(d):
            single = np.diag(pairs)[edges[j] : edges[j + 1]]
            self.known[j, ()] = local_score(single, self.kind, self.prior)
            for i in range(d):
                if i != j:
                    counts = pairs[edges[i] : edges[i + 1], edges[j] : edges[j + 1]]
                    self.known[j, (i,)] = local_score(counts, self.kind, self.prior)
        self.arrows = np.zeros((d, d), dtype=bool)
        self.toggled = np.zeros((d, d))
        for j in range(d):
            self._weigh(j)

    def _score(self, node: int, parents: tuple[int, ...]) -> float:
        family = (node, parents)
        if family not in self.known:
            self.known[family] = local_score(self.coded.counts(node, parents), self.kind, self.prior)
        return self.known[family]

    def _weigh(self, node: int) -> None:
        """Compute what each flip of an arrow into a node would bring."""
        above = tuple(np.flatnonzero(self.arrows[:, node]).tolist())
        now = self._score(node, above)
        for i in range(len(self.arrows)):
            if i == node:
                continue
            if i in above:
                changed = tuple(parent for parent in above if parent != i)
            elif len(above) < self.max_parents:
                changed = tuple(sorted((*above, i)))
            else:
                self.toggled[i, node] = -np.inf
                continue
            self.toggled[i, node] = self._score(node, changed) - now

    def become(self, arrows: NDArray[np.bool_]) -> None:
        """Go to another graph."""
        changed = np.flatnonzero((arrows != self.arrows).any(axis=0))
        self.arrows = arrows
        for node in changed.tolist():
            self._weigh(node)

    def steps(self) -> Iterator[tuple[float, NDArray[np.bool_]]]:
        """Yield what every change brings that leaves the graph without a cycle, and where it leads; the best first."""
        arrows, path = self.arrows, self._paths()
        gains = {
            # i → j closes a cycle if there is a way from j to i.
            "add": np.where(arrows | path.T | np.eye(len(arrows), dtype=bool), -np.inf, self.toggled),
            "remove": np.where(arrows, self.toggled, -np.inf),
            # Reversing i → j closes a cycle if there is another way from i to j, through a child of i.
            "reverse": np.where(arrows & ~(arrows @ path), self.toggled + self.toggled.T, -np.inf),
        }
        flat = np.concatenate([gain.ravel() for gain in gains.values()])
        d = len(arrows)
        # Rounded, for i → j and j → i often bring the same, and the last bit of a processor must not choose.
        for place in np.argsort(-flat.round(6), kind="stable").tolist():
            if flat[place] == -np.inf:
                return
            what, (i, j) = tuple(gains)[place // (d * d)], divmod(place % (d * d), d)
            after = arrows.copy()
            after[i, j] = what == "add"
            after[j, i] = what == "reverse"
            yield float(flat[place]), after

    def _paths(self) -> NDArray[np.bool_]:
        """Return which nodes can be reached from which along one arrow or more."""
        path = self.arrows.copy()
        for middle in range(len(path)):
            path |= path[:, middle : middle + 1] & path[middle]
        return path
