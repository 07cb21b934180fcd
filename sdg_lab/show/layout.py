"""Place the boxes of a directed graph: parents above children, few crossings, nothing on top of anything.

The method of Sugiyama, Tagawa and Toda (1981): layers by the longest way from a root, an invisible box wherever an
arrow passes through a layer, the order in each layer by the mean place of the neighbours, and then the places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from sdg_lab.models.bayes_net.dag import Parents, topological_order

Point: TypeAlias = tuple[float, float]
Size: TypeAlias = tuple[float, float]
Unit: TypeAlias = str | tuple[str, str, int]
"""A node, or the invisible box of an arrow (parent, child) in a layer."""

SWEEPS = 24
TO_MIDDLE = 0.4
"""How many neighbours the middle of the page counts for: it keeps what hangs together loosely from drifting apart."""

BEND = 0.12
"""Width that an arrow is given where it passes through a layer, inches."""


@dataclass(frozen=True)
class Layout:
    """Where everything is, in inches; y runs downwards.

    Attributes:
        centre: of each node's box.
        way: the points that each arrow (parent, child) passes on its way, its ends left out.
        size: of the whole drawing.
    """

    centre: dict[str, Point]
    way: dict[tuple[str, str], list[Point]]
    size: Size


def place(parents: Parents, sizes: Mapping[str, Size], *, gap: Size = (0.22, 0.42)) -> Layout:
    """Place boxes of given sizes.

    Args:
        parents: the graph, without a cycle.
        sizes: width and height of each node's box, inches.
        gap: least room between boxes beside each other, and between layers.
    """
    depth: dict[str, int] = {}
    for node in topological_order(parents):
        depth[node] = max((depth[parent] + 1 for parent in parents[node]), default=0)
    for node in reversed(topological_order(parents)):  # a root comes down to just above its first child
        below = [depth[child] for child in parents if node in parents[child]]
        if below and not parents[node]:
            depth[node] = min(below) - 1
    layers: list[list[Unit]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in parents:
        layers[depth[node]].append(node)
    links: list[tuple[Unit, Unit]] = []
    bends: dict[tuple[str, str], list[Unit]] = {}
    for child, above in parents.items():
        for parent in above:
            through = range(depth[parent] + 1, depth[child])
            bends[parent, child] = [(parent, child, level) for level in through]
            for bend, level in zip(bends[parent, child], through, strict=True):
                layers[level].append(bend)
            chain: list[Unit] = [parent, *bends[parent, child], child]
            links += pairwise(chain)
    width = {unit: sizes[unit][0] if isinstance(unit, str) else BEND for layer in layers for unit in layer}
    layers = _ordered(layers, links)
    x = _across(layers, links, width, gap[0])
    y, top = {}, 0.0
    for layer in layers:
        tallest = max((sizes[unit][1] for unit in layer if isinstance(unit, str)), default=0.0)
        y.update(dict.fromkeys(layer, top + tallest / 2))
        top += tallest + gap[1]
    left = min(x[unit] - width[unit] / 2 for unit in x)
    right = max(x[unit] + width[unit] / 2 for unit in x)
    points = {unit: (x[unit] - left, y[unit]) for unit in x}
    return Layout(
        {node: points[node] for node in parents},
        {arrow: [points[unit] for unit in units] for arrow, units in bends.items()},
        (right - left, top - gap[1]),
    )


def _ordered(layers: list[list[Unit]], links: list[tuple[Unit, Unit]]) -> list[list[Unit]]:
    """Sweep down and up, sorting each layer by the mean place of its neighbours; keep the order of fewest crossings."""
    best, fewest = layers, _crossings(layers, links)
    for sweep in range(SWEEPS):
        towards = 1 if sweep % 2 else -1
        layers = [list(layer) for layer in layers]
        for level in range(len(layers)) if towards < 0 else reversed(range(len(layers))):
            if not 0 <= level + towards < len(layers):
                continue
            at = {unit: index for index, unit in enumerate(layers[level + towards])}
            mean = {}
            for index, unit in enumerate(layers[level]):
                ends = [at[a if b == unit else b] for a, b in links if unit in (a, b) and (a in at or b in at)]
                mean[unit] = float(np.mean(ends)) if ends else float(index)
            layers[level].sort(key=mean.__getitem__)
        crossings = _crossings(layers, links)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers: list[list[Unit]], links: list[tuple[Unit, Unit]]) -> int:
    count = 0
    for upper, lower in pairwise(layers):
        high = {unit: index for index, unit in enumerate(upper)}
        low = {unit: index for index, unit in enumerate(lower)}
        ends = np.array([(high[a], low[b]) for a, b in links if a in high and b in low])
        if len(ends):
            a, b = ends.T
            count += int(((a[:, None] < a) & (b[:, None] > b)).sum())
    return count


def _across(
    layers: list[list[Unit]], links: list[tuple[Unit, Unit]], width: Mapping[Unit, float], gap: float
) -> dict[Unit, float]:
    """Draw every box towards its neighbours, as far as order and width allow.

    For boxes in a row with least distances between centres, the nearest places to the wished ones, by least squares,
    are an isotonic regression once the distances are taken off.
    """
    from scipy.optimize import isotonic_regression

    x: dict[Unit, float] = {}
    offsets = []
    for layer in layers:
        steps = [0.0, *((width[a] + width[b]) / 2 + gap for a, b in pairwise(layer))]
        offsets.append(np.cumsum(steps))
        x.update(zip(layer, offsets[-1] - offsets[-1][-1] / 2, strict=True))
    neighbours: dict[Unit, list[Unit]] = {unit: [] for unit in x}
    for a, b in links:
        neighbours[a].append(b)
        neighbours[b].append(a)
    for _ in range(SWEEPS):
        for layer, offset in zip(layers, offsets, strict=True):
            wish = [sum(x[other] for other in neighbours[unit]) / (len(neighbours[unit]) + TO_MIDDLE) for unit in layer]
            x.update(zip(layer, (isotonic_regression(wish - offset).x + offset).tolist(), strict=True))
    return x
