"""What the exercises of chapter 02 are judged by: references, checks, and the wrong answers that people give."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.course import Wrong
from sdg_lab.course.engine.compare import expect_close, expect_equal, expect_type
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.models.bayes_net.dag import Parents, ancestors, children, d_separated
from sdg_lab.models.bayes_net.inference import Factor, product
from sdg_lab.models.bayes_net.structure import local_score

Floats = NDArray[np.float64]
Table = tuple[tuple[str, ...], Floats]

_GRAPH: dict[str, tuple[str, ...]] = {
    "season": (),
    "sprinkler": ("season",),
    "rain": ("season",),
    "wet": ("sprinkler", "rain"),
    "slip": ("wet",),
}
"""Pearl's garden path: a chain, a fork and a collider in five nodes."""


def _garden(seed: int) -> dict[str, Floats]:
    """Return random tables for the garden path; no two of their numbers are equal."""
    rng = np.random.default_rng(seed)
    sizes = {"season": 4, "sprinkler": 2, "rain": 2, "wet": 2, "slip": 2}
    tables = {}
    for node, above in _GRAPH.items():
        weights = rng.gamma(1.0, size=[sizes[name] for name in (*above, node)]) + 0.05
        tables[node] = weights / weights.sum(axis=-1, keepdims=True)
    return tables


def _expect(got: Any, want: Any, mistakes: Mapping[str, Any], what: str, case: str) -> None:
    """Refuse a wrong number or array; where it is that of a known mistake, say which."""
    for sentence, mistaken in mistakes.items():
        if np.allclose(mistaken, want, rtol=1e-9):
            continue
        if np.shape(got) == np.shape(mistaken) and np.allclose(np.asarray(got, dtype=float), mistaken, rtol=1e-9):
            raise Wrong(f"{what} for {case}: {sentence}")
    expect_close(got, want, what=what, case=case, rtol=1e-8)


# Exercise: factorisation.


def joint_log_prob(row: Mapping[str, int], parents: Parents, cpts: Mapping[str, Floats]) -> float:
    """Return log P(row) = Σᵢ log P(xᵢ | parents of xᵢ); ``row`` holds a state number for each node."""
    return sum(math.log(cpts[node][(*(row[parent] for parent in parents[node]), row[node])]) for node in parents)


def check_factorisation(answer: Answer) -> None:
    """Ask for two rows of two gardens."""
    for seed in (0, 1):
        cpts = _garden(seed)
        for row in (
            {"season": 3, "sprinkler": 0, "rain": 1, "wet": 0, "slip": 1},
            {"season": 0, "sprinkler": 1, "rain": 0, "wet": 1, "slip": 1},
        ):
            factors = {node: cpts[node][(*(row[p] for p in _GRAPH[node]), row[node])] for node in _GRAPH}
            want = math.fsum(map(math.log, factors.values()))
            mistakes = {
                "that is the probability itself; return its logarithm": math.exp(want),
                "the roots are missing: a node without parents has a factor, too": want - math.log(factors["season"]),
                "that sums the probabilities; multiply them (sum their logarithms)": math.log(sum(factors.values())),
                "that is in bits; take the natural logarithm": want / math.log(2),
            }
            _expect(answer(row, _GRAPH, cpts), want, mistakes, "log P(row)", f"the row {row}")


def no_log(row: Mapping[str, int], parents: Parents, cpts: Mapping[str, Floats]) -> float:
    """Return the probability."""
    return math.exp(joint_log_prob(row, parents, cpts))


def no_roots(row: Mapping[str, int], parents: Parents, cpts: Mapping[str, Floats]) -> float:
    """Forget the roots."""
    return joint_log_prob(row, parents, cpts) - sum(math.log(cpts[n][row[n]]) for n in parents if not parents[n])


def summed(row: Mapping[str, int], parents: Parents, cpts: Mapping[str, Floats]) -> float:
    """Sum where it should multiply."""
    return math.log(sum(cpts[node][(*(row[p] for p in parents[node]), row[node])] for node in parents))


def bits(row: Mapping[str, int], parents: Parents, cpts: Mapping[str, Floats]) -> float:
    """Take the logarithm to base 2."""
    return joint_log_prob(row, parents, cpts) / math.log(2)


# Exercise: one elimination step.


def eliminate_one(name: str, tables: list[Table]) -> list[Table]:
    """Multiply the tables that mention a variable, sum it out, and return the result beside the untouched ones.

    A table is (names, values), one axis of ``values`` for each name.
    """
    spoken = product([Factor(names, values) for names, values in tables if name in names]).sum_out(name)
    return [(names, values) for names, values in tables if name not in names] + [(spoken.names, spoken.values)]


def check_elimination(answer: Answer) -> None:
    """Eliminate a root, a middle and a leaf; what is left must multiply to the sum."""
    cpts = _garden(3)
    tables: list[Table] = [((*above, node), cpts[node]) for node, above in _GRAPH.items()]
    everything = product([Factor(*table) for table in tables])
    for name in ("season", "rain", "slip"):
        got = answer(name, list(tables))
        case = f"the variable {name!r}"
        expect_type(got, list, what="the tables left", case=case)
        if not all(isinstance(t, tuple | list) and len(t) == 2 and isinstance(t[0], tuple | list) for t in got):
            raise Wrong(f"the tables left for {case}: each must be a pair (names, array)")
        for names, values in got:
            if name in names:
                raise Wrong(
                    f"the tables left for {case}: {names} still mentions {name!r}; multiply it in and leave it out"
                )
            if np.ndim(values) != len(names):
                raise Wrong(f"the table {names} for {case}: expected {len(names)} axes, got {np.ndim(values)}")
        left = product([Factor(tuple(names), np.asarray(values, dtype=np.float64)) for names, values in got])
        kept = [other for other in everything.names if other != name]
        if set(left.names) != set(kept):
            raise Wrong(f"the tables left for {case}: they speak of {sorted(left.names)}, expected {sorted(kept)}")
        axis = everything.names.index(name)
        mistakes = {
            "each table was summed by itself; multiply first, then sum": _summed_first(name, tables).onto(kept),
            "that is the largest product; sum over the states": everything.values.max(axis=axis),
            "that is the mean over the states; sum over them": everything.values.mean(axis=axis),
        }
        _expect(left.onto(kept), everything.values.sum(axis=axis), mistakes, "the product of the tables left", case)
        untouched = sum(name not in names for names, _ in tables)
        if len(got) != untouched + 1:
            raise Wrong(
                f"the tables left for {case}: expected the {untouched} that do not mention it and 1 new, got "
                f"{len(got)}; leave the others as they are, that is what saves the work"
            )


def _summed_first(name: str, tables: list[Table]) -> Factor:
    return product([Factor(n, v).sum_out(name) if name in n else Factor(n, v) for n, v in tables])


def sum_each(name: str, tables: list[Table]) -> list[Table]:
    """Sum each table, then multiply."""
    factor = _summed_first(name, [table for table in tables if name in table[0]])
    return [table for table in tables if name not in table[0]] + [(factor.names, factor.values)]


def maximum(name: str, tables: list[Table]) -> list[Table]:
    """Take the largest."""
    spoken = product([Factor(*table) for table in tables if name in table[0]])
    axis = spoken.names.index(name)
    names = spoken.names[:axis] + spoken.names[axis + 1 :]
    return [table for table in tables if name not in table[0]] + [(names, spoken.values.max(axis=axis))]


def old_tables_kept(name: str, tables: list[Table]) -> list[Table]:
    """Keep the old tables, too."""
    return [*tables, eliminate_one(name, tables)[-1]]


def all_multiplied(name: str, tables: list[Table]) -> list[Table]:
    """Multiply everything."""
    whole = product([Factor(*table) for table in tables]).sum_out(name)
    return [(whole.names, whole.values)]


# Exercise: from prior to posterior.


def dirichlet_posterior(counts: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each probability under Dir(α + N)."""
    weights = np.asarray(alpha) + np.asarray(counts)
    total = weights.sum()
    mean = weights / total
    return mean, np.sqrt(mean * (1 - mean) / (total + 1))


def check_dirichlet(answer: Answer) -> None:
    """Compare with the closed form, digit by digit."""
    for counts, alpha in (((3.0, 0.0, 7.0), (1.0, 1.0, 1.0)), ((12.0, 5.0), (0.5, 2.5)), ((0.0, 0.0), (2.0, 3.0))):
        case = f"counts {counts} and alpha {alpha}"
        n, a = np.array(counts), np.array(alpha)
        got = answer(n.copy(), a.copy())
        if not isinstance(got, tuple) or len(got) != 2:
            raise Wrong(f"the answer for {case}: expected a pair (mean, standard deviation), got {got!r:.60}")
        total = math.fsum(counts) + math.fsum(alpha)
        mean = np.array([(x + y) / total for x, y in zip(counts, alpha, strict=True)])
        spread = np.array([math.sqrt(m * (1 - m) / (total + 1)) for m in mean])
        mistakes = {
            "α is in the numerator only; the total is ΣN + Σα": (n + a) / max(n.sum(), 1),
            "those are the shares; the prior's α is missing": n / max(n.sum(), 1),
            "α is added once to the total; add all of it, Σα": (n + a) / (n.sum() + a[0]),
        }
        _expect(got[0], mean, mistakes, "the mean", case)
        mistakes = {
            "that is the variance; take its root": spread**2,
            "the total in the denominator needs + 1: the variance is m (1 - m) / (ΣN + Σα + 1)": np.sqrt(
                mean * (1 - mean) / total
            ),
        }
        _expect(got[1], spread, mistakes, "the standard deviation", case)


def prior_on_top(counts: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """Forget α in the total."""
    return (counts + alpha) / max(counts.sum(), 1), dirichlet_posterior(counts, alpha)[1]


def no_prior(counts: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """Forget the prior."""
    return counts / max(counts.sum(), 1), dirichlet_posterior(counts, alpha)[1]


def variance(counts: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """Return the variance."""
    mean, spread = dirichlet_posterior(counts, alpha)
    return mean, spread**2


def no_plus_one(counts: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """Forget the + 1."""
    mean, _ = dirichlet_posterior(counts, alpha)
    return mean, np.sqrt(mean * (1 - mean) / (counts.sum() + alpha.sum()))


# Exercise: d-separation.


def check_d_separation(answer: Answer) -> None:
    """Ask for every pair given every set of the others."""
    for a, b in itertools.combinations(_GRAPH, 2):
        others = [node for node in _GRAPH if node not in (a, b)]
        for size in range(len(others) + 1):
            for known in itertools.combinations(others, size):
                want = _separated_by_moralising(a, b, set(known))
                got = answer(_GRAPH, a, b, set(known))
                case = f"{a} and {b} given {set(known) or '{}'} in the garden path"
                if not isinstance(got, bool | np.bool_):
                    raise Wrong(f"the answer for {case}: expected True or False, got {got!r:.60}")
                if bool(got) != want:
                    raise Wrong(f"{case}: they are{'' if want else ' not'} d-separated. {_why(a, b, set(known), want)}")
    collider = {"x": (), "y": (), "m": ("x", "y")}
    expect_equal(bool(answer(collider, "x", "y", set())), True, what="x -> m <- y, nothing known")


def _separated_by_moralising(a: str, b: str, known: set[str]) -> bool:
    """Say it by another road than the library: cut the graph down to ancestors, marry parents, and look for a path."""
    kept = ancestors(_GRAPH, {a, b, *known})
    joined = {frozenset((parent, node)) for node in kept for parent in _GRAPH[node]}
    joined |= {frozenset(pair) for node in kept for pair in itertools.combinations(_GRAPH[node], 2)}
    reached, waiting = {a}, [a]
    while waiting:
        node = waiting.pop()
        for edge in joined:
            (other,) = edge - {node} if node in edge else (node,)
            if other not in reached and other not in known:
                reached.add(other)
                waiting.append(other)
    return b not in reached


def _why(a: str, b: str, known: set[str], separated: bool) -> str:
    if separated and not known & {"wet", "slip"} and {a, b} & {"sprinkler", "rain"}:
        return "A collider (sprinkler -> wet <- rain) that is not known, nor anything below it, blocks the path"
    if separated:
        return "A chain or a fork is blocked by knowing its middle"
    if "slip" in known and "wet" not in known:
        return "A collider is opened by knowing something below it, too: slip tells about wet"
    if "wet" in known:
        return "Knowing a collider opens the path between its parents"
    return "There is a path on which nothing blocks; separation is about paths of any length"


def no_edge(parents: Parents, a: str, b: str, known: set[str]) -> bool:
    """Look for an arrow between them."""
    return a not in parents[b] and b not in parents[a]


def plain_path(parents: Parents, a: str, b: str, known: set[str]) -> bool:
    """Look for any path around the known nodes, as if arrows had no heads."""
    below, reached, waiting = children(parents), {a}, [a]
    while waiting:
        node = waiting.pop()
        for other in (*parents[node], *below[node]):
            if other not in reached and other not in known:
                reached.add(other)
                waiting.append(other)
    return b not in reached


def descendants_forgotten(parents: Parents, a: str, b: str, known: set[str]) -> bool:
    """Walk every path, and open a collider only where it is known itself."""
    below = children(parents)

    def open_from(path: list[str]) -> bool:
        if path[-1] == b:
            return True
        for node in (*parents[path[-1]], *below[path[-1]]):
            if node in path:
                continue
            if len(path) > 1:
                collider = path[-2] in parents[path[-1]] and node in parents[path[-1]]
                if collider != (path[-1] in known):
                    continue
            if open_from([*path, node]):
                return True
        return False

    return not open_from([a])


def turned_round(parents: Parents, a: str, b: str, known: set[str]) -> bool:
    """Return the opposite."""
    return not d_separated(parents, a, b, known)


# Exercise: the BIC of one family.


def bic_of_family(counts: NDArray[np.int64]) -> float:
    """Return the BIC of a node from its counts (parents' settings, states): likelihood minus ½ ln N a parameter."""
    return local_score(counts, "bic")


def check_bic(answer: Answer) -> None:
    """Score tables with and without empty cells and empty rows."""
    for rows in ([[4, 1, 6], [1, 8, 1], [2, 2, 16]], [[4, 0, 6], [0, 0, 0]], [[30, 10], [5, 55]], [[7, 3]]):
        counts = np.array(rows)
        case = f"counts {rows}"
        got = answer(counts.copy())
        q, r = counts.shape
        n = int(counts.sum())
        fit = math.fsum(x * math.log(x / sum(row)) for row in rows for x in row if x)
        joint = math.fsum(x * math.log(x / n) for row in rows for x in row if x)
        penalty = 0.5 * math.log(n) * q * (r - 1)
        want = fit - penalty
        if np.shape(got) == () and isinstance(got, float | np.floating) and math.isnan(got):
            raise Wrong(f"the score for {case}: got nan; a count of 0 contributes 0, for x ln x goes to 0")
        mistakes = {
            "the penalty is added; take it away": fit + penalty,
            "a row of r states that sum to 1 has r - 1 free numbers, not r": fit - 0.5 * math.log(n) * q * r,
            "the penalty is ½ ln N for each free number; the ½ is missing": fit - 2 * penalty,
            "N_jk / N is the joint share; divide by the row's own sum, N_jk / N_j": joint - penalty,
            "the penalty is missing": fit,
        }
        _expect(got, want, mistakes, "the score", case)


def bic_variant(counts: NDArray[np.int64], *, sign: float = -1, free: int = -1, half: float = 0.5) -> float:
    """Add the penalty with another sign, another number of free cells or another factor."""
    likelihood = local_score(counts, "log-likelihood")
    return float(likelihood + sign * half * math.log(int(counts.sum())) * len(counts) * (counts.shape[1] + free))


def bic_joint(counts: NDArray[np.int64]) -> float:
    """Divide by the number of all rows."""
    joint = local_score(counts.reshape(1, -1), "log-likelihood")
    return float(joint - 0.5 * math.log(int(counts.sum())) * len(counts) * (counts.shape[1] - 1))


def bic_nan(counts: NDArray[np.int64]) -> float:
    """Let 0 ln 0 be nan."""
    with np.errstate(all="ignore"):
        fit = (counts * np.log(counts / counts.sum(axis=1, keepdims=True))).sum()
    return float(fit - 0.5 * np.log(counts.sum()) * len(counts) * (counts.shape[1] - 1))
