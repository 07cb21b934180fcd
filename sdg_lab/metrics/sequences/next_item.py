"""Next-item prediction: what synthetic sessions are good for in a recommender, tested on held-out real ones.

Every click after the first is one case: the clicks before it are shown, the recommender scores all items, and it is
asked how high the true one stands. Train the recommender on synthetic sessions and test it here; print beside it the
same recommender trained on as many real sessions, and, where the process is known, the truth's own scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import several, whole
from sdg_lab.metrics.rows import Array, reals, whole_numbers

Session = tuple[str, ...]
Integers = npt.NDArray[np.int64]
Recommender = Callable[[Sequence[Session]], Array]
"""Turns n prefixes into scores (n, items); the higher, the likelier next."""

PSEUDO_COUNTS = 5.0
"""Clicks that popularity is worth in each row of counted rules."""


def next_item_cases(sessions: Sequence[Session], items: Sequence[str]) -> tuple[list[Session], Integers]:
    """Return all clicks so far, and the clicks that come next as positions in ``items``, (n,).

    Raises:
        ValueError: if the sessions are one text, a next click is none of the items, or no session has two clicks.
    """
    column = {item: i for i, item in enumerate(items)}
    prefixes: list[Session] = []
    following: list[int] = []
    for number, session in enumerate(several("sessions", sessions)):
        for t in range(1, len(session)):
            if session[t] not in column:
                raise ValueError(
                    f"session {number} has the item {session[t]!r}, which is not among the {len(items)} items"
                )
            prefixes.append(session[:t])
            following.append(column[session[t]])
    if not prefixes:
        raise ValueError("no session has a second click: there is nothing to predict")
    return prefixes, np.array(following, np.int64)


def ranks(scores: npt.ArrayLike, following: npt.ArrayLike) -> Integers:
    """Return the rank of the true next item among all, 1 for the highest score; items with the same score stand above.

    So a recommender that gives all items one score ranks the true one last, and gains nothing from not deciding.

    Args:
        scores: (n, items), finite.
        following: (n,) positions of the true next items.

    Raises:
        ValueError: if the shapes do not fit, a score is not finite, or a position is no whole number in range.
    """
    table = reals(scores, "scores")
    if table.ndim != 2 or np.shape(following) != (len(table),) or table.size == 0:
        shapes = f"{table.shape} and {np.shape(following)}"
        raise ValueError(f"scores must be (n, items) and following (n,), got shapes {shapes}")
    if not np.isfinite(table).all():
        case = int(np.argmin(np.isfinite(table).all(axis=1)))
        raise ValueError(f"case {case} has a score that is not finite; give probabilities, not their logarithms of 0")
    true = whole_numbers(following, "following", least=0, most=table.shape[1] - 1)
    own = table[np.arange(len(table)), true]
    rank: Integers = (table >= own[:, None]).sum(axis=1).astype(np.int64)
    return rank


def hit_rate(scores: npt.ArrayLike, following: npt.ArrayLike, k: int = 10) -> float:
    """Return the share of cases whose true next item is among the k highest scores (recall at k), 0 to 1.

    It catches what follows what, as far as the recommender learns it; it misses where in the list a hit stands
    (:func:`mean_reciprocal_rank` sees that), and favours what is popular.

    Source: Hidasi et al. (2016), Session-based Recommendations with Recurrent Neural Networks.

    Args:
        scores: (n, items).
        following: (n,) positions of the true next items (:func:`next_item_cases`).
        k: length of the list of recommendations. Guessing hits k in the number of items.

    Raises:
        ValueError: as :func:`ranks`, and if k is out of range.
    """
    found = ranks(scores, following)
    whole("k", k, least=1, most=np.shape(scores)[1])
    return float((found <= k).mean())


def mean_reciprocal_rank(scores: npt.ArrayLike, following: npt.ArrayLike) -> float:
    """Return the mean of 1 / rank of the true next item: 1 if it always stands first.

    Source: as :func:`hit_rate`, but over the whole list.

    Raises:
        ValueError: as :func:`ranks`.
    """
    return float((1 / ranks(scores, following)).mean())


def sequential_rules(sessions: Sequence[Session], items: Sequence[str]) -> Recommender:
    """Learn a recommender by counting what follows what: at once, and some time later in the session.

    score(j | clicks) = p(j next | last click) + mean over the earlier clicks i of p(j some time after i), each a row of
    counts with 5 more spread by popularity. The second term is memory: sessions of a generator that looks back by one
    step have none to learn. It learns in a moment, which makes it a handy judge of synthetic sessions.

    Source: after the sequential rules of Ludewig and Jannach (2018), Evaluation of Session-based Recommendation
    Algorithms, which weigh both kinds by their distance.

    Args:
        sessions: what to learn from, real or synthetic.
        items: all items, in the order of the scores' columns.

    Returns:
        A function from n prefixes, each of at least one click, to scores (n, items).

    Raises:
        ValueError: if the sessions are one text or none, or one has an item that is not among ``items``.
    """
    if not several("sessions", sessions):
        raise ValueError("sessions is empty: give at least one to learn from")
    column = {item: i for i, item in enumerate(items)}
    at_once, later, popularity = np.zeros((len(items),) * 2), np.zeros((len(items),) * 2), np.zeros(len(items))
    for number, session in enumerate(sessions):
        unknown = [item for item in session if item not in column]
        if unknown:
            raise ValueError(f"session {number} has the item {unknown[0]!r}, which is not among the {len(items)} items")
        clicks = [column[item] for item in session]
        np.add.at(popularity, clicks, 1)
        for t in range(1, len(clicks)):
            at_once[clicks[t - 1], clicks[t]] += 1
            np.add.at(later, (clicks[: t - 1], clicks[t]), 1)
    prior = PSEUDO_COUNTS * popularity / popularity.sum()
    at_once, later = (((table + prior).T / (table.sum(axis=1) + PSEUDO_COUNTS)).T for table in (at_once, later))

    def score(prefixes: Sequence[Session]) -> Array:
        earlier = np.zeros((len(prefixes), len(items)))
        for row, prefix in zip(earlier, prefixes, strict=True):
            np.add.at(row, [column[item] for item in prefix[:-1]], 1 / max(1, len(prefix) - 1))
        scores: Array = at_once[[column[prefix[-1]] for prefix in prefixes]] + earlier @ later
        return scores

    return score
