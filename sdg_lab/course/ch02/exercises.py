"""Chapter 02: what its notebook's header says, and its exercises."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper, Wrong

Floats = NDArray[np.float64]
Parents = Mapping[str, tuple[str, ...]]
Table = tuple[tuple[str, ...], Floats]

CHAPTER = Chapter(
    number="02",
    title="Bayesian networks",
    builds="A network that draws rows, answers any question exactly and tells seeing from doing; tables and graphs "
    "learned from data, with PyMC as a second opinion; and synthetic tables of mixed types, judged and repaired.",
    read_first="Chapters 00 and 01. What a conditional probability is, and Bayes' rule, will do.",
    papers=(
        Paper(
            "Local Computations with Probabilities on Graphical Structures and Their Application to Expert Systems",
            "Lauritzen and Spiegelhalter",
            1988,
            "https://doi.org/10.1111/j.2517-6161.1988.tb01721.x",
        ),
        Paper(
            "Approximating Discrete Probability Distributions with Dependence Trees",
            "Chow and Liu",
            1968,
            "https://doi.org/10.1109/TIT.1968.1054142",
        ),
        Paper(
            "Learning Bayesian Networks: The Combination of Knowledge and Statistical Data",
            "Heckerman, Geiger and Chickering",
            1995,
            "https://doi.org/10.1007/BF00994016",
        ),
        Paper("Causal Diagrams for Empirical Research", "Pearl", 1995, "https://doi.org/10.1093/biomet/82.4.669"),
        Paper(
            "Sex Bias in Graduate Admissions: Data from Berkeley",
            "Bickel, Hammel and O'Connell",
            1975,
            "https://doi.org/10.1126/science.187.4175.398",
        ),
    ),
)


def _graph(rng: np.random.Generator, names: str, arrows: float) -> dict[str, tuple[str, ...]]:
    """Return a random graph; neither its nodes nor the parents of a node stand in any order."""
    order = rng.permutation(list(names)).tolist()
    parents = {
        node: tuple(rng.permutation([other for other in order[:place] if rng.random() < arrows]).tolist())
        for place, node in enumerate(order)
    }
    return {node: parents[node] for node in rng.permutation(order).tolist()}


def _tables(rng: np.random.Generator, parents: Parents, dtype: Any = np.float64) -> tuple[dict[str, int], Any]:
    """Return random numbers of states, 2 to 4, and random tables of them."""
    sizes = {node: int(rng.integers(2, 5)) for node in parents}
    cpts = {}
    for node, above in parents.items():
        weights = rng.gamma(1.0, size=[sizes[name] for name in (*above, node)]) + 0.05
        cpts[node] = (weights / weights.sum(axis=-1, keepdims=True)).astype(dtype)
    return sizes, cpts


# The probability of a row.


def joint_log_prob(row: Mapping[str, int], parents: Parents, cpts: Mapping[str, Floats]) -> float:
    """Return log P(row), the sum over all nodes of log P(node | its parents)."""
    total = 0.0
    for node, above in parents.items():
        probability = cpts[node][(*(row[parent] for parent in above), row[node])]
        with np.errstate(divide="ignore"):  # log 0 is -inf: the row is impossible
            total += np.log(probability)
    return float(total)


def _row_cases(rng: np.random.Generator) -> Iterator[Case]:
    for names, arrows, dtype in (
        ("ab", 1.0, float),
        ("pqrst", 0.5, float),
        ("cde", 0.9, np.float32),
        ("ghijkl", 0.8, float),
    ):
        parents = _graph(rng, names, arrows)
        sizes, cpts = _tables(rng, parents, dtype)
        yield Case({node: int(rng.integers(sizes[node])) for node in parents}, parents, cpts)
    parents = {"e": ("d", "b", "a", "c"), **dict.fromkeys("abcd", ())}
    sizes, cpts = _tables(rng, parents)
    yield Case({node: int(rng.integers(sizes[node])) for node in parents}, parents, cpts, name="a node of four parents")
    yield Case({"a": 2}, {"a": ()}, {"a": np.array([0.5, 0.2, 0.3])}, name="a single node")
    parents = {"b": ("a",), "a": ()}
    cpts = {"a": np.array([0.4, 0.6]), "b": np.array([[1.0, 0.0], [0.25, 0.75]])}
    yield Case({"a": 0, "b": 1}, parents, cpts, name="an impossible row (log 0 is -inf)")
    parents = {f"x{i}": (f"x{i - 1}",) if i else () for i in range(1200)}
    _, cpts = _tables(rng, parents)
    yield Case(dict.fromkeys(parents, 0), parents, cpts, name="a chain of 1,200 nodes (the product is 0 in a computer)")


def _probabilities(row: Any, parents: Any, cpts: Any) -> list[float]:
    return [float(cpts[node][(*(row[parent] for parent in above), row[node])]) for node, above in parents.items()]


def _safe_log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


# One step of variable elimination.


def eliminate_one(name: str, tables: list[Table]) -> list[Table]:
    """Return the tables left once a variable is multiplied together and summed out."""
    mention = [(names, values) for names, values in tables if name in names]
    number: dict[str, int] = {}
    for names, _ in mention:
        for other in names:
            number.setdefault(other, len(number))
    kept = tuple(other for other in number if other != name)
    factors: list[Any] = []
    for names, values in mention:
        factors += [values, [number[other] for other in names]]
    new = np.einsum(*factors, [number[other] for other in kept])  # Σ over name of Π φ
    return [table for table in tables if name not in table[0]] + [(kept, new)]


def _elimination_cases(rng: np.random.Generator) -> Iterator[Case]:
    for names, arrows, gone, dtype in (
        ("xab", 1.0, "x", float),
        ("mnopq", 0.6, "o", float),
        ("mnopq", 0.9, "m", np.float32),
        ("cdefgh", 0.5, "e", float),
    ):
        parents = _graph(rng, names, arrows)
        _, cpts = _tables(rng, parents, dtype)
        yield Case(gone, [((*above, node), cpts[node]) for node, above in parents.items()])
    a, b, c = rng.random((2, 3)), rng.random((3, 2)), rng.random(4)
    yield Case("x", [(("a", "x"), a), (("x", "a"), b), (("c",), c)], name="two tables of the same two variables")
    yield Case("x", [(("x",), rng.random(3)), (("c",), c)], name="a table of x alone (a number is left of it)")
    yield Case("x", [(("x", "a"), b), (("c",), c), (("c",), 3 * c)], name="a single table that mentions x")
    yield Case("x", [(("x", "a"), 0 * b), (("x",), np.zeros(3))], name="tables of zeros")


def _in_order(got: Any, case: Case) -> Any:
    """Bring the tables, and the axes of each, into one order."""
    gone, tables = case.args
    if not isinstance(got, list | tuple) or not all(
        isinstance(table, list | tuple) and len(table) == 2 for table in got
    ):
        raise Wrong("Return a list of pairs (names, values), the form in which the tables come.")
    sorted_tables = []
    for names, values in got:
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise Wrong(f"The names of a table must be a tuple of text, got {names!r:.60}.")
        array = np.asarray(values.detach() if hasattr(values, "detach") else values, dtype=float)
        if not names and array.size == 1:
            array = array.reshape(())  # a single number, in whatever brackets
        if array.ndim != len(names):
            raise Wrong(f"The table over {_over(names)} must have an axis for each name, got shape {array.shape}.")
        if gone in names:
            raise Wrong(
                f"The table over {_over(names)} still mentions {gone!r}: multiply it in, sum, and leave it out."
            )
        order = sorted(range(len(names)), key=names.__getitem__)
        sorted_tables.append((tuple(names[axis] for axis in order), array.transpose(order)))
    untouched = [tuple(sorted(names)) for names, _ in tables if gone not in names]
    new = tuple(sorted({name for names, _ in tables if gone in names for name in names} - {gone}))
    if sorted(names for names, _ in sorted_tables) != sorted([*untouched, new]):
        yours = "; ".join(_over(names) for names, _ in sorted_tables)
        raise Wrong(
            f"Left should be the {len(untouched)} that do not mention {gone!r}, as they are (that saves the work), and "
            f"one new table over {_over(new)}; yours are over {yours}."
        )
    by_size = sorted(sorted_tables, key=lambda table: (table[0], round(float(table[1].sum()), 2)))
    return [array for _, array in by_size]


def _over(names: Any) -> str:
    return ", ".join(names) or "nothing (a number)"


def _product(tables: Any) -> Any:
    return eliminate_one("*", [(("*", *names), np.asarray(values)[None]) for names, values in tables])[0]


def _without(name: str, table: Any, reduce: Any = np.sum) -> Any:
    """Return a table without one variable: its sum by default, or whatever ``reduce`` makes of the axis."""
    names, values = table
    return tuple(other for other in names if other != name), reduce(values, axis=names.index(name))


def _eliminated(name: str, tables: Any, reduce: Any) -> Any:
    """Make the step with something else in place of the sum."""
    new = _without(name, _product([table for table in tables if name in table[0]]), reduce)
    return [*(table for table in tables if name not in table[0]), new]


def _summed_first(name: str, tables: Any) -> Any:
    new = _product([_without(name, table) for table in tables if name in table[0]])
    return [*(table for table in tables if name not in table[0]), new]


def _scaled(values: Any, axis: int) -> Any:
    return values.sum(axis) / max(values.sum(), 1e-300)


# From prior to posterior.


def dirichlet_posterior(counts: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of every p_k under Dir(α + N)."""
    weights = counts + alpha
    total = weights.sum()
    mean = weights / total
    return mean, np.sqrt(mean * (1 - mean) / (total + 1))


def _dirichlet_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case(np.array([3.0, 0.0, 7.0]), np.array([0.5, 2.5, 1.5]))
    yield Case(np.array([12, 5]), np.array([2.0, 0.5]))
    yield Case(np.zeros(2), np.array([2.0, 3.0]), name="no data at all")
    yield Case(np.array([1.0, 2.0, 3.0]), np.ones(3))
    for size, dtype in ((2, float), (7, np.float32), (20, float)):
        yield Case(rng.poisson(9, size).astype(dtype), (rng.gamma(2.0, size=size) + 0.1).astype(dtype))
    yield Case(np.array([4e6, 1e6]), np.array([0.3, 0.7]), name="five million rows")


def _posterior(counts: Any, alpha: Any, *, mean: Any = None, spread: Any = None) -> Any:
    """Return the posterior with another mean or another spread; both are functions of counts and alpha."""
    right = dirichlet_posterior(counts, alpha)
    with np.errstate(all="ignore"):
        return (mean(counts, alpha) if mean else right[0], spread(counts, alpha) if spread else right[1])


# d-separation.


def my_d_separated(parents: Parents, a: str, b: str, known: set[str]) -> bool:
    """Return True if every path between a and b is blocked."""
    children: dict[str, list[str]] = {node: [] for node in parents}
    for child, above in parents.items():
        for parent in above:
            children[parent].append(child)
    waiting = [(a, "up")]  # "up": the walk came from a child; "down": from a parent
    seen = set()
    while waiting:
        node, came = step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        if node == b:
            return False
        if came == "up" and node not in known:  # a chain or a fork that is open
            waiting += [(parent, "up") for parent in parents[node]]
            waiting += [(child, "down") for child in children[node]]
        elif came == "down" and node not in known:  # a chain, or towards a collider
            waiting += [(child, "down") for child in children[node]]
        elif came == "down":  # known: this collider, and every one above it, is open
            waiting += [(parent, "up") for parent in parents[node]]
    return True


_GARDEN = {"season": (), "sprinkler": ("season",), "rain": ("season",), "wet": ("sprinkler", "rain"), "slip": ("wet",)}
"""Pearl's garden path: a chain, a fork and a collider in five nodes."""


def _separation_cases(rng: np.random.Generator) -> Iterator[Case]:
    def asked(parents: Any, a: str, b: str, known: Any) -> Case:
        arrows = ", ".join(f"{parent} → {node}" for node, above in parents.items() for parent in above)
        given = ", ".join(sorted(known)) or "nothing"
        return Case(
            dict(parents), a, b, set(known), name=f"{a} and {b} given {given}, where {arrows or 'no arrows are'}"
        )

    yield asked({"x": (), "y": (), "m": ("x", "y")}, "x", "y", ())
    yield asked({"x": (), "y": (), "m": ("x", "y")}, "x", "y", "m")
    yield asked({"d": ("m",), "m": ("x", "y"), "x": (), "y": ()}, "x", "y", "d")
    yield asked({"e": ("d",), "d": ("m",), "m": ("x", "y"), "x": (), "y": ()}, "x", "y", "e")
    for a, b, known in (
        ("sprinkler", "rain", ()),
        ("sprinkler", "rain", ("season",)),
        ("sprinkler", "rain", ("season", "slip")),
        ("season", "slip", ("wet",)),
        ("season", "slip", ("rain",)),
        ("season", "slip", ()),
    ):
        yield asked(_GARDEN, a, b, known)
    yield asked({"m": ("x", "y", "z"), "x": (), "y": (), "z": ()}, "x", "z", "m")
    for a, b in combinations("wxyz", 2):  # each pair of parents, the others known: none stands between them
        others = set("wxyz") - {a, b}
        yield asked({"m": tuple("wxyz"), **dict.fromkeys("wxyz", ())}, a, b, {"m", *others})
    for above in (("r", "c"), ("c", "r")):  # m is met from above first, and only from below does it lead to b
        yield asked({"a": above, "c": ("m",), "m": ("r", "b"), "r": (), "b": ()}, "a", "b", ())
    # Of random questions, as many whose answer is yes as whose answer is no.
    yes, no = deque[Case](), deque[Case]()
    while min(len(yes), len(no)) < 35:
        names = "abcdefghij"[: rng.integers(4, 10)]
        parents = _graph(rng, names, rng.uniform(1.2, 3.0) / len(names))
        a, b, *others = rng.permutation(list(names)).tolist()
        known = others[: rng.integers(0, min(4, len(others)) + 1)]
        (yes if my_d_separated(parents, a, b, set(known)) else no).append(asked(parents, a, b, known))
    for pair in zip(list(yes)[:35], list(no)[:35], strict=True):
        yield from pair


def _above(parents: Any, nodes: Any) -> set[str]:
    """Return the nodes and all their ancestors."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += parents[node]
    return found


def _reaches(edges: Any, a: str, b: str, known: Any) -> bool:
    """Say whether a way along undirected edges leads from a to b past none of the known."""
    reached, waiting = {a}, [a]
    while waiting:
        node = waiting.pop()
        for edge in edges:
            for other in edge if node in edge else ():
                if other not in reached and other not in known:
                    reached.add(other)
                    waiting.append(other)
    return b in reached


def _edges(parents: Any, kept: Any) -> set[frozenset[str]]:
    return {frozenset((parent, node)) for node in kept for parent in parents[node]}


def _married(parents: Any, kept: Any, most: int = 99) -> set[frozenset[str]]:
    return {frozenset(pair) for node in kept for pair in combinations(parents[node][:most], 2)}


def _plain_path(parents: Any, a: str, b: str, known: Any) -> bool:
    return not _reaches(_edges(parents, parents), a, b, known)


def _all_married(parents: Any, a: str, b: str, known: Any) -> bool:
    return not _reaches(_edges(parents, parents) | _married(parents, parents), a, b, known)


def _none_married(parents: Any, a: str, b: str, known: Any) -> bool:
    return not _reaches(_edges(parents, _above(parents, {a, b, *known})), a, b, known)


def _two_married(parents: Any, a: str, b: str, known: Any) -> bool:
    kept = _above(parents, {a, b, *known})
    return not _reaches(_edges(parents, kept) | _married(parents, kept, most=2), a, b, known)


def _open_paths(parents: Any, a: str, b: str, opened: Any, blocks: Any) -> bool:
    """Say whether a path from a to b, no node twice, passes; at a collider ``opened`` decides, elsewhere ``blocks``."""
    children = {node: [child for child in parents if node in parents[child]] for node in parents}

    def goes_on(path: list[str]) -> bool:
        node = path[-1]
        if node == b:
            return True
        for other in (*parents[node], *children[node]):
            collider = len(path) > 1 and path[-2] in parents[node] and other in parents[node]
            passes = len(path) == 1 or (node in opened if collider else node not in blocks)
            if other not in path and passes and goes_on([*path, other]):
                return True
        return False

    return goes_on([a])


def _below_forgotten(parents: Any, a: str, b: str, known: Any) -> bool:
    return not _open_paths(parents, a, b, known, known)


def _one_generation(parents: Any, a: str, b: str, known: Any) -> bool:
    return not _open_paths(parents, a, b, {*known, *(p for node in known for p in parents[node])}, known)


def _collider_known_blocks(parents: Any, a: str, b: str, known: Any) -> bool:
    return not _open_paths(parents, a, b, (), known)


def _chain_stays_open(parents: Any, a: str, b: str, known: Any) -> bool:
    return not _open_paths(parents, a, b, _above(parents, known), ())


def _one_set_for_both_ways(parents: Any, a: str, b: str, known: Any) -> bool:
    children = {node: [child for child in parents if node in parents[child]] for node in parents}
    opens = _above(parents, known)
    waiting, seen = deque([(a, "up")]), set()
    while waiting:
        node, came = waiting.popleft()
        if node in seen:
            continue
        seen.add(node)
        if node == b:
            return False
        if came == "up" and node not in known:
            waiting += [(parent, "up") for parent in parents[node]]
        if node not in known:
            waiting += [(child, "down") for child in children[node]]
        if came == "down" and node in opens:
            waiting += [(parent, "up") for parent in parents[node]]
    return True


# The score of one family.


def bic_of_family(counts: NDArray[np.int64]) -> float:
    """Return the log-likelihood of the counts minus ½ ln N for each free number."""
    totals = counts.sum(axis=1, keepdims=True)
    # 0 ln 0 is 0, whatever the share is.
    share = np.divide(counts, totals, out=np.ones(counts.shape), where=counts > 0)
    settings, states = counts.shape
    free = settings * (states - 1)
    return float((counts * np.log(share)).sum() - 0.5 * np.log(counts.sum()) * free)


def _bic_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case(np.array([[4, 1, 6], [1, 8, 1], [2, 2, 16]]))
    yield Case(np.array([[4, 0, 6], [0, 0, 0]]), name="counts of 0, and a setting that never occurs")
    yield Case(np.array([[7, 3]]), name="a node without parents")
    yield Case(np.array([[30.0, 10.0], [5.0, 55.0]]))
    for settings, states, mean in ((2, 4, 8.0), (12, 2, 2.0), (40, 5, 0.7), (3, 3, 1e5)):
        yield Case(rng.poisson(mean, size=(settings, states)))


def _fit(counts: Any, axis: Any = 1) -> Any:
    totals = counts.sum(axis=axis, keepdims=True)
    share = np.divide(counts, totals, out=np.ones(counts.shape), where=counts > 0)
    return (counts * np.log(share)).sum()


def _penalty(counts: Any) -> Any:
    return 0.5 * np.log(counts.sum()) * counts.shape[0] * (counts.shape[1] - 1)


def _not_a_number(counts: Any) -> Any:
    with np.errstate(all="ignore"):
        return (counts * np.log(counts / counts.sum(axis=1, keepdims=True))).sum() - _penalty(counts)


EXERCISES = (
    Exercise(
        key="02.factorisation",
        title="The probability of a row",
        task="Return log P(row), the sum over all nodes of log P(node | its parents), in nats.",
        points=2,
        minutes=8,
        hints=(
            "One factor for each node; a root's table has no axis for parents.",
            "cpts[node] has one axis for each parent, in the order of parents[node], and the node's own axis last.",
            "Index the table with the tuple (*(row[p] for p in parents[node]), row[node]), and sum the logarithms.",
        ),
        reference=joint_log_prob,
        cases=_row_cases,
        returns="log P(row)",
        mistakes=(
            Mistake(
                "That is the probability itself; return its logarithm.",
                lambda row, parents, cpts: math.prod(_probabilities(row, parents, cpts)),
            ),
            Mistake(
                "The roots are missing: a node without parents has a factor, too.",
                lambda row, parents, cpts: sum(
                    _safe_log(p)
                    for p, above in zip(_probabilities(row, parents, cpts), parents.values(), strict=True)
                    if above
                ),
            ),
            Mistake(
                "That is the logarithm of a sum. The probabilities are multiplied: sum their logarithms.",
                lambda row, parents, cpts: _safe_log(sum(_probabilities(row, parents, cpts))),
            ),
            Mistake(
                "That is in bits; take the natural logarithm.",
                lambda row, parents, cpts: joint_log_prob(row, parents, cpts) / math.log(2),
            ),
            Mistake(
                "The product of many probabilities is 0 in a computer: sum their logarithms instead.",
                lambda row, parents, cpts: _safe_log(math.prod(_probabilities(row, parents, cpts))),
            ),
            Mistake(
                "A small number inside the logarithm makes impossible rows possible. log 0 is -inf, and that is right.",
                lambda row, parents, cpts: sum(math.log(p + 1e-9) for p in _probabilities(row, parents, cpts)),
            ),
            Mistake(
                "math.log refuses 0. An impossible row has log-probability -inf; np.log says so.",
                lambda row, parents, cpts: sum(math.log(p) for p in _probabilities(row, parents, cpts)),
            ),
        ),
    ),
    Exercise(
        key="02.elimination",
        title="One step of variable elimination",
        task="Return the tables after one variable has been summed out: those that do not mention it as they were, and "
        "one new table in place of the others.",
        points=3,
        minutes=15,
        hints=(
            "Multiply all tables that mention the variable, then sum over it. All others stay as they are.",
            "Give every name a letter; np.einsum('ab,bc->ac', one, other) multiplies two tables and sums b out.",
            "np.einsum also takes axes as lists of whole numbers: np.einsum(one, [0, 1], other, [1, 2], [0, 2]).",
        ),
        reference=eliminate_one,
        cases=_elimination_cases,
        form=_in_order,
        returns="the list of tables",
        mistakes=(
            Mistake("Each table was summed by itself; multiply first, then sum.", _summed_first),
            Mistake(
                "That is the largest product over the states; take the sum.",
                lambda name, tables: _eliminated(name, tables, np.max),
            ),
            Mistake(
                "That is the mean over the states; take the sum.",
                lambda name, tables: _eliminated(name, tables, np.mean),
            ),
            Mistake(
                "The new table was scaled to sum to 1; leave the sum as it is, or P(known) is lost.",
                lambda name, tables: _eliminated(name, tables, _scaled),
            ),
            Mistake(
                "The tables that mention the variable are still there; the new one takes their place.",
                lambda name, tables: [*tables, eliminate_one(name, tables)[-1]],
            ),
            Mistake(
                "That multiplies everything. Leave the tables that do not mention the variable as they are.",
                lambda name, tables: [_without(name, _product(tables))],
            ),
            Mistake(
                "There is a table of ones too many; the tables left are the untouched ones and the new one.",
                lambda name, tables: [*eliminate_one(name, tables), ((), np.float64(1))],
            ),
        ),
    ),
    Exercise(
        key="02.dirichlet",
        title="From prior to posterior",
        task="Return the mean and the standard deviation of each probability, given counts and the prior Dir(α).",
        points=2,
        minutes=8,
        hints=(
            "The posterior is a Dirichlet again: the counts are added to α.",
            "Its mean is (N + α) divided by the total of N + α.",
            "The variance of a probability with mean m is m (1 - m) / (total + 1).",
        ),
        reference=dirichlet_posterior,
        cases=_dirichlet_cases,
        returns=("the mean", "the standard deviation"),
        mistakes=(
            Mistake(
                "α is in the numerator only; the total is ΣN + Σα.",
                lambda counts, alpha: _posterior(counts, alpha, mean=lambda n, a: (n + a) / n.sum()),
            ),
            Mistake(
                "Those are the shares of the data; the prior's α is missing.",
                lambda counts, alpha: _posterior(counts, alpha, mean=lambda n, a: n / n.sum()),
            ),
            Mistake(
                "α is added once to the total; add all of it, Σα.",
                lambda counts, alpha: _posterior(counts, alpha, mean=lambda n, a: (n + a) / (n.sum() + a[0])),
            ),
            Mistake(
                "That is the mode of the posterior, (N + α - 1) / (ΣN + Σα - K); return its mean.",
                lambda counts, alpha: _posterior(
                    counts, alpha, mean=lambda n, a: (n + a - 1) / (n.sum() + a.sum() - len(n))
                ),
            ),
            Mistake(
                "The second is the variance; take its square root.",
                lambda counts, alpha: _posterior(counts, alpha, spread=lambda n, a: dirichlet_posterior(n, a)[1] ** 2),
            ),
            Mistake(
                "The total in the denominator needs + 1: the variance is m (1 - m) / (ΣN + Σα + 1).",
                lambda counts, alpha: _posterior(
                    counts,
                    alpha,
                    spread=lambda n, a: dirichlet_posterior(n, a)[1] * np.sqrt(1 + 1 / (n.sum() + a.sum())),
                ),
            ),
        ),
    ),
    Exercise(
        key="02.d_separation",
        title="Read independence off the graph",
        task="Return True if every path between a and b is blocked once the nodes in known are known.",
        points=3,
        minutes=20,
        hints=(
            "Follow paths node by node, and remember whether you came from a child (upwards) or a parent (downwards).",
            "Coming from below, a node that is not known lets you on to its parents and children. Coming from above, a "
            "node that is not known lets you on to its children.",
            "Coming from above, a node that is known, or has something known below it, is an open collider: go up to "
            "its parents. A node may be met from both sides: remember each by itself.",
        ),
        reference=my_d_separated,
        cases=_separation_cases,
        returns="the answer",
        mistakes=(
            Mistake(
                "You look for an arrow between the two; separation is about paths of any length.",
                lambda parents, a, b, known: a not in parents[b] and b not in parents[a],
            ),
            Mistake("You take arrows for lines: a collider (x → m ← y) blocks unless it is known.", _plain_path),
            Mistake("A collider that is known opens the path between its parents.", _collider_known_blocks),
            Mistake("A collider is opened by knowing something below it, too.", _below_forgotten),
            Mistake("A collider is opened by anything known below it, grandchildren included.", _one_generation),
            Mistake("A chain or a fork is blocked by knowing its middle.", _chain_stays_open),
            Mistake(
                "A node may be met from above and from below, and lets you on to other places each time: remember the "
                "pair (node, direction).",
                _one_set_for_both_ways,
            ),
            Mistake("All parents of a child are to be joined, each with each.", _two_married),
            Mistake(
                "Only ancestors of the nodes asked about and of those known count: a child that nobody knows joins "
                "nobody.",
                _all_married,
            ),
            Mistake(
                "The parents of a child that is known, or above something known, are to be joined.",
                _none_married,
            ),
            Mistake("You return True whatever is asked; look for a path that is open.", lambda *asked: True),
            Mistake("You return False whatever is asked; look whether each path is blocked.", lambda *asked: False),
            Mistake(
                "It is the other way round: return True if they are separated.",
                lambda parents, a, b, known: not my_d_separated(parents, a, b, known),
            ),
        ),
    ),
    Exercise(
        key="02.bic",
        title="The score of one family",
        task="Return Σ N_jk ln(N_jk / N_j) - ½ ln N · (free numbers) for counts of shape (parents' settings, states).",
        points=2,
        minutes=10,
        hints=(
            "The first term is the log-likelihood of the node under its own shares, row by row.",
            "A table of q rows and r states has q (r - 1) free numbers; N is the number of all rows of data.",
            "0 ln 0 is 0: scipy.special.xlogy(n, n) does it, and Σ N_jk ln N_jk - Σ N_j ln N_j is the first term.",
        ),
        reference=bic_of_family,
        cases=_bic_cases,
        returns="the score",
        mistakes=(
            Mistake("The penalty is added; take it away.", lambda counts: _fit(counts) + _penalty(counts)),
            Mistake(
                "A row of r states that sum to 1 has r - 1 free numbers, not r.",
                lambda counts: _fit(counts) - 0.5 * np.log(counts.sum()) * counts.size,
            ),
            Mistake(
                "The penalty is ½ ln N for each free number; the ½ is missing.",
                lambda counts: _fit(counts) - 2 * _penalty(counts),
            ),
            Mistake(
                "N_jk / N is the joint share; divide by the row's own sum, N_jk / N_j.",
                lambda counts: _fit(counts, axis=None) - _penalty(counts),
            ),
            Mistake("The penalty is missing.", _fit),
            Mistake("A count of 0 contributes 0, for x ln x goes to 0; yours is nan.", _not_a_number),
            Mistake(
                "That is k ln N - 2 ln L, where less is better. Here the score is -½ of it, and more is better.",
                lambda counts: 2 * _penalty(counts) - 2 * _fit(counts),
            ),
            Mistake(
                "N is the number of rows of data, the sum of all counts, not the number of settings.",
                lambda counts: _fit(counts) - 0.5 * np.log(len(counts)) * len(counts) * (counts.shape[1] - 1),
            ),
        ),
    ),
)
