"""Copies: whether rows of the training table are in the synthetic one, whole or nearly so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.metrics.privacy import COPY_RATIO
from sdg_lab.metrics.rows import Array
from sdg_lab.metrics.tables.intervals import Estimate, difference, proportion
from sdg_lab.metrics.tables.mixed import Mixed, Space, neighbours

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Copies:
    """How many rows are found among the training rows, each share beside that of real rows that were not learnt from.

    Attributes:
        exact: share of synthetic rows that equal a training row.
        exact_by_chance: the same of held-out rows: so common is it for two people to have the same row.
        exact_excess: the difference of the two; above 0 with its interval, rows were copied.
        near: share of synthetic rows that are near copies: not equal to a training row, but at most a third as far from
            the nearest as from the second nearest different one.
        near_by_chance: the same of held-out rows.
        near_excess: the difference of the two.
        nearer: share of synthetic rows nearer to training rows than to as many held-out ones, ties counting half. An
            alarm above 0.5; at 0.5 never a pass.
        is_copy: which synthetic rows equal a training row, (n,).
    """

    exact: Estimate
    exact_by_chance: Estimate
    exact_excess: Estimate
    near: Estimate
    near_by_chance: Estimate
    near_excess: Estimate
    nearer: Estimate
    is_copy: npt.NDArray[np.bool_]


def copies(
    synthetic: pd.DataFrame, train: pd.DataFrame, held_out: pd.DataFrame, *, rows: int = 2_000, seed: int = 0
) -> Copies:
    """Look for training rows among synthetic ones: equal, nearly equal, and nearer than others from the same source.

    A coarse table has equal rows by chance; so each share stands beside that of held-out rows, which cannot have been
    copied. Missing values are equal to each other. Every row is looked at for equal ones; for the distances ``rows`` of
    the synthetic and of the held-out rows are drawn, and compared with all training rows. Distances are Euclidean:
    numbers in deviations of the held-out rows, two categories √2 apart (:class:`~sdg_lab.metrics.tables.mixed.Space`).

    It catches copies of whole rows, exact or slightly moved. It misses rows of which a part is changed (training rows
    with four fifths of their values drawn anew show in none of these shares, and where values are exact they still give
    away who was in: see :func:`~sdg_lab.metrics.tables.attacks.membership_inference`), near copies where training rows
    lie close together, and what was learnt of few people only. No share proves that a table is safe.

    The interval of ``nearer`` takes in that many synthetic rows may share one neighbour: if nothing was remembered,
    each real row might as well have been held out as learnt from. Of a copier it is wider than it need be.

    Source: near copies: Yoon et al. (2023), Diffusion Probabilistic Models Generalize when They Fail to Memorize,
    section 3; nearer: Platzer and Reutterer (2021), Holdout-Based Empirical Assessment of Mixed-Type Synthetic Data;
    why it proves nothing: Yao et al. (2025), The DCR Delusion.

    Args:
        synthetic: what the model made.
        train: what it was fitted on.
        held_out: real rows from the same source that it has not seen.
        rows: how many synthetic, and held-out, rows are asked for their neighbours.
        seed: of the draws.

    Raises:
        TypeError: if a column holds dates.
        ValueError: if the columns of the tables differ in name or kind, train has fewer than 2 different rows, or an
            argument is out of range.
    """
    whole("rows", rows, least=1)
    rng = np.random.default_rng(whole("seed", seed, least=0))
    mixed = Mixed.of({"held_out": held_out, "train": train, "synthetic": synthetic})
    keys = {name: mixed.rows(name) for name in mixed.tables}
    learnt = set(keys["train"])
    equal = {name: np.array([key in learnt for key in keys[name]]) for name in ("synthetic", "held_out")}
    space = Space.of(mixed, "held_out")
    # Twins are one point: the second nearest is another, and rows that are asked share a neighbour if it is the same.
    points = _unlike(mixed.tables["train"], keys["train"])
    if len(points) < 2:
        raise ValueError("train has only 1 different row; near copies need a second one to compare with")
    asked = {name: rng.permutation(len(of))[:rows] for name, of in equal.items()}
    both = np.vstack([mixed.tables[name][places] for name, places in asked.items()])
    apart, _ = neighbours(space, both, points, 2)
    cut = np.split(apart[:, 0] <= COPY_RATIO * apart[:, 1], [len(asked["synthetic"])])
    near = {name: ~equal[name][asked[name]] & of for name, of in zip(asked, cut, strict=True)}
    counts = {name: (int(of.sum()), len(of)) for name, of in equal.items()}
    nears = {name: (int(of.sum()), len(of)) for name, of in near.items()}
    return Copies(
        proportion(*counts["synthetic"]),
        proportion(*counts["held_out"]),
        difference(*counts["synthetic"], *counts["held_out"]),
        proportion(*nears["synthetic"]),
        proportion(*nears["held_out"]),
        difference(*nears["synthetic"], *nears["held_out"]),
        _nearer(space, mixed, keys, asked["synthetic"], rng),
        equal["synthetic"],
    )


def _unlike(rows: Array, keys: list[bytes]) -> Array:
    """Return each different row once."""
    first = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))
    return rows[sorted(first.values())]


def _nearer(
    space: Space, mixed: Mixed, keys: dict[str, list[bytes]], asked: npt.NDArray[np.int64], rng: np.random.Generator
) -> Estimate:
    """Return the share of the rows asked that are nearer to training rows than to as many held-out ones."""
    m = min(len(keys["train"]), len(keys["held_out"]))
    rows = mixed.tables["synthetic"][asked]
    apart, where = {}, {}
    for name in ("train", "held_out"):
        drawn = rng.permutation(len(keys[name]))[:m]
        among = _unlike(mixed.tables[name][drawn], [keys[name][i] for i in drawn])
        distance, place = neighbours(space, rows, among)
        apart[name], where[name] = distance[:, 0], place[:, 0]
    # Were it all the same who was learnt from, each real row's side would be a coin, thrown once for all that it wins.
    won, lost = apart["train"] < apart["held_out"], apart["train"] > apart["held_out"]
    share = float(won.mean() + (~won & ~lost).mean() / 2)
    coins = np.concatenate([np.bincount(where["train"][won]), np.bincount(where["held_out"][lost])])
    half = 1.96 * max(float(np.sqrt((coins.astype(float) ** 2).sum())) / 2, 0.5) / len(rows)
    return Estimate(share, max(0.0, share - half), min(1.0, share + half))
