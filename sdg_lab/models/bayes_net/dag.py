"""Directed acyclic graphs: order, ancestors, d-separation, and what data alone can tell about the arrows.

A graph is a mapping from each node to its parents, as in :class:`sdg_lab.data.types.Network`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from typing import TypeAlias

from sdg_lab.checks import several

Parents: TypeAlias = Mapping[str, tuple[str, ...]]
Edge: TypeAlias = tuple[str, str]


def topological_order(parents: Parents) -> tuple[str, ...]:
    """Return the nodes, parents before children; among those that are free, in the order of the mapping.

    Raises:
        ValueError: if a parent is not a node, or there is a cycle; the message walks along it.
    """
    for node, above in parents.items():
        for parent in above:
            if parent not in parents:
                raise ValueError(f"parent {parent!r} of {node!r} is not a node; there are {', '.join(parents)}")
    try:
        return tuple(TopologicalSorter(parents).static_order())
    except CycleError as error:
        raise ValueError(f"the graph has a cycle: {' -> '.join(error.args[1])}; remove one of its arrows") from None


def children(parents: Parents) -> dict[str, list[str]]:
    """Return the children of every node."""
    below: dict[str, list[str]] = {node: [] for node in parents}
    for node, above in parents.items():
        for parent in above:
            below[parent].append(node)
    return below


def ancestors(parents: Parents, nodes: Iterable[str]) -> set[str]:
    """Return the nodes and everything above them."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(parents[node])
    return found


def d_separated(parents: Parents, a: str, b: str, given: Iterable[str] = ()) -> bool:
    """Say whether every path between two nodes is blocked once some nodes are known.

    A chain (x → m → y) and a fork (x ← m → y) are blocked by knowing m; a collider (x → m ← y) is blocked unless m or
    something below it is known. If a and b are d-separated, they are independent given the rest in every network on
    this graph. The walk keeps track of the direction in which it arrives: that decides where it may go on. Coming from
    above, it is thrown back by a node that is known; so it gets past an open collider, and past one that is opened from
    below, by going down to what is known there and up again.

    Source: Shachter (1998), Bayes-ball.

    Raises:
        ValueError: if a node is unknown, or a or b is itself given.
    """
    known = set(several("given", given))
    for node in (a, b, *known):
        if node not in parents:
            raise ValueError(f"{node!r} is not a node; there are {', '.join(parents)}")
    if a in known or b in known or a == b:
        raise ValueError(f"{a!r} and {b!r} must be two different nodes, and neither of them given")
    below = children(parents)
    waiting, seen = [(a, "from below")], set()
    while waiting:
        node, arrived = step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        if node == b:
            return False
        if arrived == "from below" and node not in known:
            waiting += [(parent, "from below") for parent in parents[node]]
            waiting += [(child, "from above") for child in below[node]]
        elif arrived == "from above" and node not in known:
            waiting += [(child, "from above") for child in below[node]]
        elif arrived == "from above":
            waiting += [(parent, "from below") for parent in parents[node]]
    return True


def compelled_edges(parents: Parents) -> tuple[set[Edge], set[frozenset[str]]]:
    """Return what independences alone can tell: arrows that all equivalent graphs share, and reversible edges.

    Two graphs mean the same independences if they have the same edges and the same colliders whose parents are not
    joined (Verma and Pearl, 1990). Those colliders point, Meek's rules (1995) carry their arrows on, and whatever is
    left could point either way without any data set noticing. The result is called the graph's CPDAG.
    """
    undirected = {frozenset((parent, node)) for node, above in parents.items() for parent in above}
    joined = set(undirected)
    arrows: set[Edge] = set()

    def point(tail: str, head: str) -> None:
        arrows.add((tail, head))
        undirected.discard(frozenset((tail, head)))

    for node, above in parents.items():
        for one, other in combinations(above, 2):
            if frozenset((one, other)) not in joined:
                point(one, node)
                point(other, node)
    changed = True
    while changed:
        changed = False
        for edge in list(undirected):
            for tail, head in (tuple(edge), tuple(edge)[::-1]):
                if _must_point(tail, head, arrows, undirected, joined):
                    point(tail, head)
                    changed = True
                    break
    return arrows, undirected


def _must_point(
    tail: str, head: str, arrows: set[Edge], undirected: set[frozenset[str]], joined: set[frozenset[str]]
) -> bool:
    """Apply Meek's rules 1 to 3; the fourth is needed only where arrows are known from elsewhere."""
    into_head = [x for x, y in arrows if y == head]
    if any(y == tail and frozenset((x, head)) not in joined for x, y in arrows):
        return True  # 1: x → tail — head, x and head not joined: else a new collider
    if any((tail, middle) in arrows for middle in into_head):
        return True  # 2: tail → middle → head: else a cycle
    return any(
        frozenset((one, other)) not in joined
        and frozenset((tail, one)) in undirected
        and frozenset((tail, other)) in undirected
        for one, other in combinations(into_head, 2)
    )  # 3: tail — one → head ← other — tail: else a new collider or a cycle


def structural_hamming_distance(a: Parents, b: Parents) -> int:
    """Return how many edges must be added, removed or reversed to make two graphs mean the same independences.

    It compares what data can tell (:func:`compelled_edges`): an arrow that could as well point the other way does not
    count. Source: Tsamardinos, Brown and Aliferis (2006), section 9.1.2.

    Raises:
        ValueError: if the graphs have different nodes.
    """
    if set(a) != set(b):
        raise ValueError(f"the graphs must have the same nodes; only one of them has {sorted(set(a) ^ set(b))}")
    marks_a, marks_b = _marks(a), _marks(b)
    return sum(marks_a.get(edge) != marks_b.get(edge) for edge in marks_a.keys() | marks_b.keys())


def _marks(parents: Parents) -> dict[frozenset[str], str]:
    """Return, for each joined pair, the node that its arrow points to, or "" if it may point either way."""
    arrows, undirected = compelled_edges(parents)
    return {**{frozenset(edge): edge[1] for edge in arrows}, **dict.fromkeys(undirected, "")}
