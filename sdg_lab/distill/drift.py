"""Model collapse where everything is known: whole items drawn by their frequencies, generation after generation.

A model that knows items by heart, fitted by maximum likelihood on n draws of the model before it, is the process by
which genes and family names die out in a small population (Wright 1931, *Evolution in Mendelian Populations*; Galton &
Watson 1874). Nobody errs and yet everything is lost, by chance alone. With X the vector of frequencies and
H = 1 - Σ X² their heterozygosity, one generation of n draws S has E[S] = X and::

    E[1 - Σ S²] = H (1 - 1/n)                 a step of drift
    P(an item of frequency p is lost) = (1 - p)ⁿ

What keeps them is what keeps genes: migrants. With m rows in each training set that are drawn anew from the real data,
or from the world, H comes to rest at about 2m / (2m + 1) of what it was, however large the set is: ten rows hold 95 %.
Rare items need more, for each of them needs its own copies among the m (:func:`surviving`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.checks import number, one_of, seed_or_none, whole
from sdg_lab.distill.generations import MOST, REAL_ROWS, Real, Regime, real_rows
from sdg_lab.metrics.rows import reals
from sdg_lab.metrics.tails import check_items
from sdg_lab.tables.columns import as_array

Floats = NDArray[np.float64]
Item = TypeVar("Item", bound=Hashable)


class Frequencies(Generic[Item]):
    """The smallest model that can collapse: items are drawn as often as they were seen, and nothing else is."""

    items: tuple[Item, ...] = ()

    def fit(self, data: Iterable[Item], *, seed: int = 0, progress: bool = True) -> Self:
        """Remember all items, as often as they occur; nothing is random and nothing takes long.

        Raises:
            TypeError: if it is one text alone, a table, a mapping or a tensor.
            ValueError: if there are none.
        """
        check_items(data, "data")
        seen = tuple(data)
        if not seen:
            raise ValueError("data is empty; give at least one item")
        self.items = seen
        return self

    def sample(self, n: int, *, seed: int | None = None) -> list[Item]:
        """Draw ``n`` items with replacement.

        Raises:
            ValueError: if n < 1, or nothing has been seen yet.
        """
        if not self.items:
            raise ValueError("nothing has been seen yet; call fit(data) first")
        rng = np.random.default_rng(seed_or_none(seed))
        return [self.items[index] for index in rng.integers(len(self.items), size=whole("n", n, least=1))]


def lost(p: ArrayLike, n: int) -> Floats:
    """Return (1 - p)ⁿ, the probability that items of probability p are not among n draws; the shape of ``p``.

    Raises:
        TypeError: if p holds text or complex numbers.
        ValueError: if a p is no probability, or n is below 1.
    """
    chances = reals(as_array(p), "p")
    if not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError(f"p must be probabilities in [0, 1], got {p!r}")
    with np.errstate(divide="ignore"):  # log 0 is -inf, and e to that is 0
        return np.asarray(
            np.exp(float(whole("n", n, least=1, most=MOST)) * np.log1p(-chances))
        )  # 1 - p would lose a small p


def surviving(copies: int, generations: int, *, share: float = 0.0, real: Real = "redrawn") -> Floats:
    """Return P(the samples of a generation have an item), for an item with so many copies in the real data.

    It is the limit of many rows: each copy in a training set leaves a Poisson number of copies in the samples, 1 on
    average, and 1 - s in the next training set; the real rows bring others. If z is the probability that one copy
    leaves none in the samples of a generation, then e^((1 - s)(z - 1)) is that of the generation after it, beginning
    with e⁻¹, and an item is gone when all its copies have left none (Galton & Watson 1874; with real rows, a branching
    process with immigration). Without them about 2 / t of single copies are left after t draws.

    Args:
        copies: of the item among the real rows; "fresh" rows have as many on average.
        generations: G.
        share: s, of real rows in each training set; 0 is the regime "replace".
        real: which rows these are.

    Returns:
        (G + 1,); generation 0 is trained on the real data.

    Raises:
        ValueError: if copies is below 1, generations below 0, or the share not in [0, 1].
    """
    (
        whole("copies", copies, least=1, most=MOST),
        number("share", share, least=0, most=1),
        one_of("real", real, REAL_ROWS),
    )
    z, none, kept = math.exp(-1), 1.0, 1.0
    out = []
    for _ in range(whole("generations", generations, least=0) + 1):
        # "kept" rows are the same each time, so that they are there or not for all generations together.
        absent = (1 - share + share * kept) ** copies if real == "kept" else none
        out.append(1 - absent * z**copies)
        kept *= z
        none *= math.exp(copies * share * (z - 1)) if real == "fresh" else (1 - share + share * z) ** copies
        z = math.exp((1 - share) * (z - 1))
    return np.array(out)


def heterozygosity_left(
    n: int,
    generations: int,
    regime: Regime = "replace",
    *,
    share: float = 0.0,
    real: Real = "redrawn",
) -> Floats:
    """Return E[H] of what generations 0, 1, … are trained on, over H of the real data, exactly.

    Where real rows come fresh from the world, H is that of the world, and generation 0 has 1 - 1/n of it. With S of
    n - m draws and R of m real rows a mixed training set is X' = s R + (1 - s) S, so that::

        h' = s² E[H(R)]/H + 2 s (1 - s) (1 - Σ R X)/H + (1 - s)² (1 - 1/(n - m)) h

    Accumulated, generation t is trained on t + 1 sets of n rows, the newest of which weighs 1/(t + 1):
    h' = h (1 - 1/(n (t + 1)²)), and as Σ 1/t² is finite something is left for ever.

    Args:
        n: rows of the real data, and of each generation's training set unless they accumulate.
        generations: G.
        regime: see :func:`~sdg_lab.distill.generations.generations`.
        share: s, of real rows in each training set.
        real: which rows these are.

    Returns:
        (G + 1,).

    Raises:
        ValueError: if an argument is out of range.
    """
    whole("generations", generations, least=0)
    m = real_rows(whole("n", n, least=1), regime, share, real)
    if regime == "accumulate":
        steps = 1 - 1 / (n * np.arange(2, generations + 2, dtype=np.float64) ** 2)
        return np.cumprod(np.concatenate([[1.0], steps]))
    s, rows, _ = _moments(n, m, real)
    h, cross = 1 - (real == "fresh") / n, 1.0
    out = [h]
    for _ in range(generations):
        h = s**2 * rows + 2 * s * (1 - s) * cross + (1 - s) ** 2 * h * (1 - 1 / max(n - m, 1))
        if real == "kept":  # each generation draws the mean a little nearer to the rows that are kept
            cross = s * rows + (1 - s) * cross
        out.append(h)
    return np.array(out)


def heterozygosity_at_last(n: int, regime: Regime = "replace", *, share: float = 0.0, real: Real = "redrawn") -> float:
    """Return the limit of :func:`heterozygosity_left`: 0 without real rows, about 2m / (2m + 1) with m of them.

    Accumulated it is sin(π / √n) / (π / √n) / (1 - 1/n), by Euler's product.

    Raises:
        ValueError: if an argument is out of range.
    """
    m = real_rows(whole("n", n, least=1), regime, share, real)
    if regime == "accumulate":
        a = math.pi / math.sqrt(n)
        return math.sin(a) / a / (1 - 1 / n) if n > 1 else 0.5
    s, rows, cross = _moments(n, m, real)
    inflow = s**2 * rows + 2 * s * (1 - s) * cross
    return inflow / (1 - (1 - s) ** 2 * (1 - 1 / max(n - m, 1))) if m else 0.0


def share_that_holds(n: int, level: float = 0.95, *, real: Real = "redrawn") -> float:
    """Return the least share of real rows at which so much of the heterozygosity is left for ever.

    Raises:
        ValueError: if the level is not in (0, 1), or not even all rows would hold it.
    """
    number("level", level, above=0, below=1)
    for m in range(1, whole("n", n, least=1) + 1):
        if heterozygosity_at_last(n, "mix", share=m / n, real=real) >= level:
            return m / n
    raise ValueError(f"level must be lower: {n} rows, all of them real, hold less than {level}")


def _moments(n: int, m: int, real: Real) -> tuple[float, float, float]:
    """Return s; E[H(R)] / H of m real rows; and (1 - Σ E[R X]) / H in the limit."""
    if not m:
        return 0.0, 0.0, 1.0
    # Drawn without replacement from n rows, m of them vary by (n - m) / (n - 1) of what m draws from the world do.
    rows = 1 - 1 / m if real == "fresh" else 1 - (n - m) / (m * max(n - 1, 1))
    return m / n, rows, rows if real == "kept" else 1.0
