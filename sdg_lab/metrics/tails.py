"""The tails of a distribution: which rare things of the real data a sample still has, and what chance alone would lose.

A sample of n rows lacks some rare things even if its model is perfect: an item of probability p is missing with
probability (1 - p)ⁿ. So each figure stands beside the one expected of a perfect sampler, which draws as many items from
the real data's own frequencies; only what is lost beyond that is the model's fault.

An **item** is whatever can be rare: a whole row, an n-gram of letters (:func:`ngrams`), a value in a column or two
values together (:func:`cells`). For points in the plane, :func:`judge_modes` says what is left of a mixture.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import number, whole
from sdg_lab.metrics.rows import Array, as_points, is_table, same_width
from sdg_lab.tables.columns import as_array

if TYPE_CHECKING:
    import pandas as pd

BOUNDARY = "·"
"""Stands before the first symbol of a sequence and after the last, as in the Markov chain."""


@dataclass(frozen=True)
class Tails:
    """What of the real data's items a sample has.

    Attributes:
        recall: share of the rare items that occur in the sample, 0 to 1.
        expected: the same of a perfect sampler of as many items.
        missing: missing mass, the probability in the real data of all items that the sample lacks.
        expected_missing: the same of a perfect sampler.
        distinct: different items in the sample, new ones included.
        entropy: of the sample's frequencies in nats. It is the plug-in estimate, which is too small in small samples:
            compare equal numbers.
    """

    recall: float
    expected: float
    missing: float
    expected_missing: float
    distinct: int
    entropy: float


def judge_tails(real: Iterable[Hashable], samples: Iterable[Hashable], *, mass: float = 0.1) -> Tails:
    """Compare the items of a sample with those of the real data.

    The perfect sampler draws its items one by one. Where a row holds several of them, as a name does n-grams, they come
    in bunches, and the references are a little too high; a bootstrap of the rows says by how much.

    Args:
        real: items of the real data, as often as they occur.
        samples: items of the sample.
        mass: which items are rare; see :func:`rare_items`.

    Raises:
        TypeError: if one of them is a text, a table, a mapping or a tensor, or has items that cannot be counted.
        ValueError: if one of them is empty, or the mass is out of range.
    """
    ours, theirs = _counted(real, "real"), _counted(samples, "samples")
    total, drawn = ours.total(), theirs.total()
    rare = _rare(ours, mass)
    lost = {
        item: math.exp(drawn * math.log1p(-count / total)) if count < total else 0.0 for item, count in ours.items()
    }
    return Tails(
        recall=sum(item in theirs for item in rare) / len(rare),
        expected=sum(1 - lost[item] for item in rare) / len(rare),
        missing=sum(count for item, count in ours.items() if item not in theirs) / total,
        expected_missing=sum(count * lost[item] for item, count in ours.items()) / total,
        distinct=len(theirs),
        entropy=-sum(count / drawn * math.log(count / drawn) for count in theirs.values()),
    )


def rare_items(real: Iterable[Hashable], mass: float = 0.1) -> set[Hashable]:
    """Return the rarest items, which together hold at most a share ``mass`` of the real data.

    Items that occur equally often are rare together or not at all; those of the lowest count always are.

    Raises:
        TypeError: as for :func:`judge_tails`.
        ValueError: if there are no items, or the mass is not in (0, 1].
    """
    return _rare(_counted(real, "real"), mass)


def heterozygosity(items: Iterable[Hashable]) -> float:
    """Return 1 - Σ p², the probability that two draws with replacement from the items differ (Gini-Simpson index).

    Of all measures of diversity it is the one whose decay by drift has a closed form.

    Raises:
        TypeError: as for :func:`judge_tails`.
        ValueError: if there are no items.
    """
    counts = _counted(items, "items")
    return 1 - sum((count / counts.total()) ** 2 for count in counts.values())


def ngrams(sequences: Iterable[str | tuple[str, ...]], length: int = 3) -> Iterator[tuple[str, ...]]:
    """Yield the n-grams of sequences, one that ends in each symbol and one in the end, as a chain of this length sees.

    >>> ["".join(gram) for gram in ngrams(["ann"], 2)]
    ['·a', 'an', 'nn', 'n·']

    Raises:
        TypeError: if it is one text alone, a table, a mapping or a tensor, or one of them is no sequence.
        ValueError: if the length is below 1.
    """
    whole("length", length, least=1)
    check_items(sequences, "sequences")
    for index, sequence in enumerate(sequences):
        if not isinstance(sequence, Iterable) or _is_tensor(sequence):
            kind = type(sequence).__name__
            raise TypeError(f"sequences[{index}] must be a text or a tuple of symbols, got {kind}")
        padded = (BOUNDARY,) * (length - 1) + tuple(sequence) + (BOUNDARY,)
        yield from zip(*(padded[start:] for start in range(length)), strict=False)


def cells(table: pd.DataFrame, together: int = 1) -> Iterator[tuple[object, ...]]:
    """Yield the values of a table's rows, each with its column, or so many of them that stand together in one row.

    With ``together=2`` each row of d columns gives d (d - 1) / 2 items such as
    ``("educ", "grade school", "religious", "not")``.

    Raises:
        TypeError: if it is no table.
        ValueError: if ``together`` is below 1 or above the number of columns, or two columns have one name.
    """
    if not is_table(table):
        raise TypeError(f"table must be a pandas DataFrame, got {type(table).__name__}")
    if not table.columns.is_unique:
        raise ValueError(f"there are two columns {table.columns[table.columns.duplicated()][0]!r}; rename one")
    whole("together", together, least=1, most=table.shape[1])
    columns = []
    for name in table.columns:
        values = table[name].astype(object).where(table[name].notna(), None)
        columns.append([(name, value) for value in values.tolist()])
    for chosen in combinations(columns, together):
        yield from (tuple(chain.from_iterable(row)) for row in zip(*chosen, strict=True))


@dataclass(frozen=True)
class Modes:
    """What is left of a mixture of equal round Gaussians around the origin, such as the ring.

    Attributes:
        kept: modes with at least a fifth of their equal share of the points, within three standard deviations.
        near: share of all points within three standard deviations of a mode.
        across: variance of the points about their mode's own mean, away from the origin, over the true one.
        along: the same at right angles to that.
        balance: e^entropy of the modes' shares, which is their number if all are equally common.
    """

    kept: int
    near: float
    across: float
    along: float
    balance: float


KEPT = 0.2
"""Of its equal share, which a mode has at least while it counts as kept: 2.5 % of the points where there are eight."""


def judge_modes(points: npt.ArrayLike, centres: npt.ArrayLike, scale: float) -> Modes:
    """Compare points in the plane with the mixture that they should come from; a point belongs to the nearest mode.

    A perfect sample has across and along at 1 on average: each mode that has points gives up one degree of freedom.

    Args:
        points: (n, 2).
        centres: the modes' means, (k, 2), none of them at the origin.
        scale: their standard deviation.

    Raises:
        ValueError: if there are no more points than modes, or a shape or the scale is wrong.
    """
    from scipy.spatial.distance import cdist

    x, means = as_points(as_array(points), "points"), as_points(as_array(centres), "centres")
    same_width(x, means, "points", "centres")
    number("scale", scale, above=0)
    if means.shape[1] != 2 or not np.linalg.norm(means, axis=1).all():
        raise ValueError(f"centres must be points (k, 2) away from the origin, got {means.tolist()}")
    if len(np.unique(means, axis=0)) < len(means):
        raise ValueError(f"centres must be different points, got {means.tolist()}")
    if len(x) <= len(means):
        raise ValueError(f"{len(x)} points say nothing about {len(means)} modes; give more points than modes")
    table = cdist(x, means)
    mode, close = table.argmin(axis=1), table.min(axis=1) <= 3 * scale
    counts = np.bincount(mode, minlength=len(means))
    share = counts[counts > 0] / len(x)
    own = np.stack([np.bincount(mode, weights=axis, minlength=len(means)) for axis in x.T], axis=1)
    deviation = x - (own / np.maximum(counts, 1)[:, None])[mode]
    outward = (means / np.linalg.norm(means, axis=1, keepdims=True))[mode]
    freedom = len(x) - len(share)

    def variance(direction: Array) -> float:
        return float((((deviation * direction).sum(axis=1) / scale) ** 2).sum() / freedom)

    return Modes(
        kept=int((np.bincount(mode[close], minlength=len(means)) >= KEPT * len(x) / len(means)).sum()),
        near=float(close.mean()),
        across=variance(outward),
        along=variance(outward[:, ::-1] * np.array([-1.0, 1.0])),
        balance=float(np.exp(-(share * np.log(share)).sum())),
    )


def _counted(items: Iterable[Hashable], name: str) -> Counter[Hashable]:
    check_items(items, name)
    try:
        found = Counter(items)
    except TypeError as error:
        remedy = "give tuples or single values; for points in the plane there is judge_modes(...)"
        raise TypeError(f"{name} has items that cannot be counted ({error}); {remedy}") from error
    counts: Counter[Hashable] = Counter()
    for item, count in found.items():
        if _has_tensor(item):
            raise TypeError(f"{name} has tensors, none of which equals another; give {name}.tolist() or tuples")
        counts[_with_one_nan(item)] += count
    if not counts:
        raise ValueError(f"{name} is empty; give at least one item")
    return counts


def check_items(items: object, name: str) -> None:
    """Refuse what would be taken apart otherwise than meant: a text by letters, a table by the names of its columns.

    Raises:
        TypeError: for these, and for a mapping, a tensor, and what is one thing alone.
    """
    if isinstance(items, str | bytes | bytearray):
        raise TypeError(
            f"{name} must be several items, such as [{items!r}], got one text, which is not taken by letters"
        )
    if is_table(items):
        raise TypeError(f"{name} must be items, got a table; give its values, cells({name}), or its rows as tuples")
    if _is_tensor(items):
        raise TypeError(f"{name} must be items, got a tensor; give {name}.tolist(), or its rows as tuples")
    if isinstance(items, Mapping):
        kind = type(items).__name__
        raise TypeError(f"{name} must be items, as often as they occur, got a {kind}; of a Counter, {name}.elements()")
    if not isinstance(items, Iterable) or (isinstance(items, np.ndarray) and not items.ndim):
        raise TypeError(f"{name} must be several items, such as a list of them, got {items!r}")


def _is_tensor(thing: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.Tensor)


def _has_tensor(item: Hashable) -> bool:
    return any(map(_has_tensor, item)) if type(item) is tuple else _is_tensor(item)


NUMBERS = float | complex | np.generic | Decimal
"""What may be NaN, or no time (NaT)."""


def _with_one_nan(item: Hashable) -> Hashable:
    """Return an item in which NaN equals NaN: the same object is found again, which another NaN is not."""
    if isinstance(item, NUMBERS) and item != item:
        return math.nan
    if type(item) is tuple and any(isinstance(part, NUMBERS | tuple) for part in item):
        return tuple(_with_one_nan(part) for part in item)
    return item


def _rare(counts: Counter[Hashable], mass: float) -> set[Hashable]:
    most = number("mass", mass, above=0, most=1) * counts.total()
    items_of = Counter(counts.values())  # how many items have each count
    limit = held = 0
    for count in sorted(items_of):
        held += count * items_of[count]
        if limit and held > most * (1 + 1e-12):
            break
        limit = count
    return {item for item, count in counts.items() if count <= limit}
