"""Attacks: whether the synthetic rows give away who was learnt from, or a value that one of them keeps secret.

An attacker has the synthetic table, some rows of the same source that were not learnt from, and the row of the person
he asks about. None of these attacks is trained on rows that it is judged by. That all of them fail proves nothing: it
says that these did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.metrics.rows import Array
from sdg_lab.metrics.tables.intervals import Estimate, area, difference, found
from sdg_lab.metrics.tables.mixed import Mixed, Space, boosted, forest, neighbours, some
from sdg_lab.tables.columns import check_columns, check_table

if TYPE_CHECKING:
    import pandas as pd

LogProb = Callable[["pd.DataFrame"], npt.NDArray[np.float64]]

RATE = 0.01
"""The share of people who were not learnt from that may be accused."""

K = 5
"""Densities are measured by the distance to the 5th neighbour; the outlying tenth, too."""

REFERENCE = 10_000
"""More rows for reference would hardly help an attack."""

OUTLYING, LIKELIHOOD = "outlying", "likelihood"
LEAST = 20
"""So many held-out rows an attack needs: half of them for reference, half to be asked about."""


@dataclass(frozen=True)
class Attack:
    """How well one attack tells rows that were learnt from (members) from rows that were not.

    Attributes:
        name: of the attack.
        auc: how often a member looks more like one than another does; 0.5: it cannot tell.
        tpr: share of members found where 1 % of the others are accused; 0.01: it cannot tell.
    """

    name: str
    auc: Estimate
    tpr: Estimate


@dataclass(frozen=True)
class Membership:
    """What several attacks find, over all rows that were asked about and over the tenth that lies farthest out.

    Attributes:
        attacks: one each, over all rows; intervals are each attack's own, of 95 %.
        strongest: the attack with the largest area, and that with the largest share found, each chosen on one half of
            the rows and measured on the other, both ways: so the luck of the best of several is not in it.
        outlying: the same of the tenth of rows whose 5th real neighbour is farthest.
        strongest_outlying: the strongest there, chosen as above.
        by_table: the strongest of those attacks that have the table alone, and not the likelihood of the model.
        by_table_outlying: the same of the outlying tenth.
        members: how many rows that were learnt from were asked about; as many of the others were.
        reference: how many held-out rows the attacks had to compare with. Where held-out rows are few, each half of
            them is asked about with the other half for reference; over 150 perfect samplers the areas of *density* then
            varied 1.1 to 1.2 times as much as their intervals say, all others no more than that.
    """

    attacks: tuple[Attack, ...]
    strongest: Attack
    outlying: tuple[Attack, ...]
    strongest_outlying: Attack
    by_table: Attack
    by_table_outlying: Attack
    members: int
    reference: int


def membership_inference(
    synthetic: pd.DataFrame,
    train: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    log_prob: LogProb | None = None,
    rows: int = 2_000,
    seed: int = 0,
) -> Membership:
    """Guess from the synthetic rows who was learnt from, in several ways, on as many training as held-out rows.

    - *nearest*: who has a synthetic row close by (Chen et al. 2020, GAN-Leaks, section 4.3).
    - *nearest, for where it lies*: closer than the nearest of the held-out rows that are kept for reference.
    - *density*: the same by the 5th neighbours, which ranks rows as the ratio of two densities does (van Breugel et al.
      2023, Membership Inference Attacks against Synthetic Data through Overfitting Detection, DOMIAS).
    - *density, by trees*: the ratio again, from boosted trees that tell synthetic rows from reference rows.
    - *parts*: who shares values with one synthetic row that it is strange to share, as exact prices or rare towns; each
      shared value counts by how rare it is, -log of its share, as in record linkage (Fellegi and Sunter 1969).
    - *parts, for where it lies*: the same beyond what is shared with one of the reference rows.
    - *likelihood*, if the model's is given: who is likely (Hayes et al. 2019, LOGAN).
    - *likelihood, for where it lies*: more likely than such rows are, by a regression on the reference rows (Bertran et
      al. 2023, Scalable Membership Inference Attacks via Quantile Regression, with the mean).

    It catches copies, near copies, rows that were changed in part, and densities that are too high where training rows
    lie. It misses what a stronger attacker would find (one who knows the model's code and trains it again), and
    on average what is given away of a few: see the outlying tenth, and the share found at 1 % false accusations, which
    is what counts for a person (Carlini et al. 2022). The reference of every area is 0.5, of every share 0.01 (or less,
    where many rows are equal): a perfect sampler has them, whatever the table.

    All synthetic rows are searched; of the real rows so many as ``rows`` are asked about, of which the interval tells.

    Args:
        synthetic: what the model made.
        train: what it was fitted on: members are drawn from here.
        held_out: rows from the same source, which it has not seen: one half is for reference, those who are no members
            are drawn from the other.
        log_prob: of the model, table -> (n,) nats, ``-inf`` for what it holds impossible.
        rows: how many of each at most are asked about; a few hundred cannot tell 1 % from 3 %.
        seed: of the draws.

    Raises:
        TypeError: if a column holds dates.
        ValueError: if the columns of the tables differ in name or kind, there are fewer than 20 held-out rows, 10
            training rows or 5 synthetic rows, or ``log_prob`` returns another shape or NaN.
    """
    rng = np.random.default_rng(whole("seed", seed, least=0))
    whole("rows", rows, least=LEAST // 2)
    for name, table, least in (
        ("held_out", held_out, LEAST),
        ("train", train, LEAST // 2),
        ("synthetic", synthetic, K),
    ):
        check_table(table, name)
        if len(table) < least:
            raise ValueError(f"{name} has {len(table)} rows; the attacks need at least {least}")
    half = len(held_out) // 2
    halves = [some(held_out, len(held_out), rng)]
    halves = [halves[0].iloc[:half], halves[0].iloc[half:]]
    # Few held-out rows are used twice: each half is asked about, with the other for reference.
    rounds = [halves] if half >= rows else [halves, halves[::-1]]
    members = some(train, min(rows, len(held_out), len(train)), rng)
    m = len(members) // len(rounds)
    parts = []
    for i, (others, reference) in enumerate(rounds):
        people = {"members": members.iloc[i * m : (i + 1) * m], "others": some(others, m, rng)}
        parts.append(_scored(synthetic, people, reference.iloc[:REFERENCE], log_prob, rng))
    scores = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    outlying = scores.pop(OUTLYING) == 1
    is_member = np.concatenate([np.repeat([True, False], len(part[OUTLYING]) // 2) for part in parts])
    coin = rng.permutation(len(is_member)) % 2 == 0
    everyone = np.ones(len(is_member), dtype=bool)
    of_table = {name: of for name, of in scores.items() if not name.startswith(LIKELIHOOD)}
    return Membership(
        _each(scores, is_member, everyone),
        _strongest(scores, is_member, everyone, coin),
        _each(scores, is_member, outlying),
        _strongest(scores, is_member, outlying, coin),
        _strongest(of_table, is_member, everyone, coin),
        _strongest(of_table, is_member, outlying, coin),
        int(is_member.sum()),
        min(REFERENCE, len(rounds[0][1])),
    )


def _scored(
    synthetic: pd.DataFrame,
    people: dict[str, pd.DataFrame],
    reference: pd.DataFrame,
    log_prob: LogProb | None,
    rng: np.random.Generator,
) -> dict[str, Array]:
    """Return the score of every attack for all members, then all others; and which of them lie far out."""
    mixed = Mixed.of({"reference": reference, "synthetic": synthetic, **people})
    asked = np.vstack([mixed.tables[name] for name in people])
    space = Space.of(mixed, "reference")
    to_synthetic, _ = neighbours(space, asked, mixed.tables["synthetic"], K)
    to_reference, _ = neighbours(space, asked, mixed.tables["reference"], K)
    # Equal rows are at distance 0: a small one, the same for all, lets them be compared.
    little = 0.01 * float(np.median(to_reference[:, -1])) + 1e-9
    ours, theirs = np.log(to_synthetic + little), np.log(to_reference + little)
    shared, usual = _parts(mixed, asked)
    scores = {
        "nearest": -ours[:, 0],
        "nearest, for where it lies": theirs[:, 0] - ours[:, 0],
        "density": theirs[:, -1] - ours[:, -1],
        "density, by trees": _by_trees(mixed, rng),
        "parts": shared,
        "parts, for where it lies": shared - usual,
    }
    if log_prob is not None:
        scores |= _by_likelihood(log_prob, people, some(reference, 5_000, rng), rng)
    # Of rows that lie equally far some are drawn, so that it is a tenth; both kinds of people must be in it.
    order = np.lexsort((rng.random(len(asked)), -to_reference[:, -1]))
    far = np.zeros(len(asked))
    far[order[: max(4, len(asked) // 10)]] = 1
    return scores | {OUTLYING: far}


RARE = 0.02
"""A value that more than one in fifty have is no sign of a person."""

PRODUCTS = 1e8


def _parts(mixed: Mixed, asked: Array) -> tuple[Array, Array]:
    """Return what each row shares with the synthetic row that shares most, and with such a reference row, in nats."""
    import pandas as pd
    from scipy.sparse import csr_array

    size = {name: len(mixed.tables[name]) for name in ("synthetic", "reference")}
    n = sum(size.values())
    rows = np.vstack([*(mixed.tables[name] for name in size), asked])
    places, surprises = [], []
    for i, categories in enumerate(mixed.sizes):
        # The place of each value, at first among all of its column; -1 where it is common.
        if categories:
            place = np.where(np.isnan(rows[:, i]), categories, rows[:, i]).astype(np.int64)
        else:
            place = pd.factorize(rows[:, i], use_na_sentinel=False)[0]
        count = np.bincount(place[:n], minlength=place.max() + 1)
        products = np.where(count <= RARE * n, count, 0) * np.bincount(place[n:], minlength=len(count))
        rarest_first = np.argsort(count, kind="stable")
        kept = np.zeros(len(count), dtype=bool)
        # In a large table, what is shared must be rarer still.
        kept[rarest_first] = np.cumsum(products[rarest_first]) <= PRODUCTS / len(mixed.sizes)
        kept &= (count > 0) & (count <= RARE * n)
        if kept.any():
            places.append(np.where(kept, np.cumsum(kept) - 1, -1)[place])
            surprises.append(-np.log(count[kept] / n))
    if not places:
        return np.zeros(len(asked)), np.zeros(len(asked))
    surprise = np.concatenate(surprises)
    starts = np.cumsum([0, *(len(of) for of in surprises)])[:-1]
    column = np.column_stack([np.where(of < 0, -1, of + start) for of, start in zip(places, starts, strict=True)])

    def has(part: slice) -> csr_array:
        """One column for each rare value of each column of the table, 1 where a row has it."""
        where = column[part]
        pointer = np.concatenate([[0], np.cumsum((where >= 0).sum(axis=1))])
        return csr_array((np.ones(pointer[-1]), where[where >= 0], pointer), shape=(len(where), len(surprise)))

    people = has(slice(n, None)).multiply(surprise).tocsr()
    most = []
    for part in (slice(0, size["synthetic"]), slice(size["synthetic"], n)):
        others = has(part).T.tocsr()
        blocks = [(people[i : i + 200] @ others).max(axis=1).toarray().ravel() for i in range(0, len(asked), 200)]
        most.append(np.concatenate(blocks))
    return most[0], most[1]


def _each(scores: dict[str, Array], is_member: npt.NDArray[np.bool_], who: npt.NDArray[np.bool_]) -> tuple[Attack, ...]:
    return tuple(Attack(name, *_figures(of[who & is_member], of[who & ~is_member])) for name, of in scores.items())


def _figures(members: Array, others: Array) -> tuple[Estimate, Estimate]:
    return area(members, others), found(members, others, rate=RATE)


def _strongest(
    scores: dict[str, Array],
    is_member: npt.NDArray[np.bool_],
    who: npt.NDArray[np.bool_],
    half: npt.NDArray[np.bool_],
) -> Attack:
    """Choose an attack on one half of the rows and measure it on the other, both ways; by area, and by share found."""
    best: list[Estimate] = []
    names: list[str] = []
    for figure in (0, 1):
        measured = {True: np.empty(0), False: np.empty(0)}
        for choose in (half, ~half):
            sides = [who & choose & is_member, who & choose & ~is_member]
            judge = [who & ~choose & is_member, who & ~choose & ~is_member]
            if not all(side.any() for side in sides + judge):
                continue
            chosen = max(scores, key=lambda name: _figures(*(scores[name][side] for side in sides))[figure].value)
            # Each half is ranked by its own others, so that scores of two attacks can stand in one list.
            level = np.sort(scores[chosen][judge[1]])
            for member, side in zip((True, False), judge, strict=True):
                ranks = np.searchsorted(level, scores[chosen][side], side="left") + np.searchsorted(
                    level, scores[chosen][side], side="right"
                )
                measured[member] = np.concatenate([measured[member], ranks / (2 * len(level))])
            names.append(chosen)
        if not measured[True].size:  # too few rows for two halves
            return max(_each(scores, is_member, who), key=lambda attack: attack.auc.value)
        best.append(_figures(measured[True], measured[False])[figure])
    return Attack("; ".join(dict.fromkeys(names)), *best)


def _by_trees(mixed: Mixed, rng: np.random.Generator, most: int = 5_000) -> Array:
    """Return the log odds that a row is synthetic and not one of the reference, by trees that learnt from both."""
    names = ("reference", "synthetic", "members", "others")
    trees = forest(mixed, *names)
    sizes = [len(mixed.tables[name]) for name in names]
    n = min(most, *sizes[:2])
    learn = np.concatenate([rng.permutation(sizes[0])[:n], sizes[0] + rng.permutation(sizes[1])[:n]])
    classifier = boosted(trees.x[learn], np.repeat([0, 1], n), trees.categorical, seed=int(rng.integers(2**31)))
    scores: Array = classifier.decision_function(trees.x[sizes[0] + sizes[1] :])
    return scores


def _by_likelihood(
    log_prob: LogProb, people: dict[str, pd.DataFrame], reference: pd.DataFrame, rng: np.random.Generator
) -> dict[str, Array]:
    """Return how likely each row is, and how much more likely than such a row would be if it was not learnt from."""
    likely = np.concatenate([_nats(log_prob, table) for table in people.values()])
    unlearnt = _nats(log_prob, reference)
    least = min(likely[np.isfinite(likely)].min(initial=0.0), unlearnt[np.isfinite(unlearnt)].min(initial=0.0))
    likely, unlearnt = np.maximum(likely, least - 10), np.maximum(unlearnt, least - 10)  # what was held impossible
    trees = forest(Mixed.of({"reference": reference, **people}), "reference", *people)
    usual = boosted(
        trees.x[: len(reference)], unlearnt, trees.categorical, seed=int(rng.integers(2**31)), regression=True
    )
    return {
        LIKELIHOOD: likely,
        f"{LIKELIHOOD}, for where it lies": likely - usual.predict(trees.x[len(reference) :]),
    }


def _nats(log_prob: LogProb, table: pd.DataFrame) -> Array:
    values = np.asarray(log_prob(table), dtype=np.float64)
    if values.shape != (len(table),) or np.isnan(values).any():
        raise ValueError(f"log_prob must return {len(table)} numbers, one a row and none NaN, got shape {values.shape}")
    return values


CLOSE = 0.1
"""A number is guessed if the guess is within so many deviations of the real rows."""


@dataclass(frozen=True)
class Disclosure:
    """How often one column of a person's row is guessed from the other columns and the synthetic table.

    Attributes:
        column: what was guessed.
        train: share of rows that were learnt from for which the guess was right.
        held_out: the same for rows that were not: what is true of people of that kind.
        advantage: the difference: what is given away of those who were learnt from. Intervals of all columns that were
            asked for hold together, in 95 of 100 cases.
    """

    column: str
    train: float
    held_out: float
    advantage: Estimate


def attribute_inference(
    synthetic: pd.DataFrame,
    train: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    secret: str | None = None,
    rows: int = 1_000,
    among: int = 10_000,
    seed: int = 0,
) -> tuple[Disclosure, ...]:
    """Guess a column of real rows from the synthetic row that is nearest in all other columns.

    A guess may be right because the column follows from the others, which is no one's secret. So training rows stand
    beside held-out rows: only where the guess is right more often for those who were learnt from has the table given
    them away. A category is right if it is the same, as a missing value is; a number if it is within a tenth of a
    deviation.

    It catches values that were copied together with most of their row. It misses what is true of whole groups (which
    may hurt, too), columns that a better guesser would find, and in a large table copies of rows that were not drawn:
    ``among`` of the synthetic rows are searched. The reference of an advantage is 0, which a perfect sampler has.

    Source: Giomi et al. (2023), A Unified Framework for Quantifying Privacy Risk in Synthetic Data (Anonymeter),
    section 3.3; difference of proportions by Newcombe (1998).

    Args:
        synthetic: what the model made.
        train: what it was fitted on.
        held_out: rows from the same source, which it has not seen.
        secret: the column to guess; by default each in turn.
        rows: how many training rows, and held-out rows, are asked about; equally many of both are.
        among: at most so many synthetic rows are drawn.
        seed: of the draws.

    Returns:
        One line for each column, the largest advantage first.

    Raises:
        TypeError: if a column holds dates.
        ValueError: if the columns of the tables differ in name or kind, there is only one or none of the name
            ``secret``, or an argument is out of range.
    """
    rng = np.random.default_rng(whole("seed", seed, least=0))
    for name, table in (("train", train), ("held_out", held_out), ("synthetic", synthetic)):
        check_table(table, name)
    if train.shape[1] < 2:
        raise ValueError(f"train has the one column {train.columns[0]!r}; guessing it needs another")
    if secret is not None:
        check_columns(train, [secret], "train")
    m = min(whole("rows", rows, least=1), len(train), len(held_out))
    mixed = Mixed.of(
        {
            "held_out": some(held_out, m, rng),
            "train": some(train, m, rng),
            "synthetic": some(synthetic, whole("among", among, least=1), rng),
        }
    )
    columns = range(len(mixed.names)) if secret is None else [mixed.names.index(secret)]
    right = {name: _guessed(mixed, name, columns) for name in ("train", "held_out")}
    lines = []
    for c, column in enumerate(columns):
        hits = {name: int(of[c].sum()) for name, of in right.items()}
        by = difference(hits["train"], m, hits["held_out"], m, level=1 - 0.05 / len(columns))
        lines.append(Disclosure(mixed.names[column], hits["train"] / m, hits["held_out"] / m, by))
    return tuple(sorted(lines, key=lambda line: -line.advantage.value))


def _guessed(mixed: Mixed, name: str, columns: Sequence[int], block: int = 200) -> npt.NDArray[np.bool_]:
    """Say for each column, and each row of a table, whether the nearest synthetic row without it has the same value."""
    space = Space.of(mixed, "held_out")
    asked, made = mixed.tables[name], mixed.tables["synthetic"]
    here, there = (space.points(rows).astype(np.float32) for rows in (asked, made))
    edges = np.cumsum([0, *space.widths])
    right = np.zeros((len(columns), len(asked)), dtype=bool)
    for start in range(0, len(asked), block):
        rows = slice(start, start + block)
        whole_row = _apart(here[rows], there)
        for c, column in enumerate(columns):
            part = slice(edges[column], edges[column + 1])
            guess = (whole_row - _apart(here[rows, part], there[:, part])).argmin(axis=1)
            truth, said = asked[rows, column], made[guess, column]
            both_missing = np.isnan(truth) & np.isnan(said)
            off = 0.0 if mixed.sizes[column] else CLOSE * space.blocks[column][1]
            right[c, rows] = both_missing | (np.abs(truth - said) <= off)
    return right


def _apart(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return squared distances of all pairs (n, m), without |a|², which changes no order."""
    apart: npt.NDArray[np.float32] = (b * b).sum(axis=1) - 2 * (a @ b.T)
    return apart
