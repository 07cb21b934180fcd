"""The invented shop behind ``data.sessions``: its items, its visitors' tastes, its links, as one process."""

from __future__ import annotations

import numpy as np

from sdg_lab.data.session_process import Floats, SessionProcess

CATEGORIES = ("books", "music", "games", "garden", "kitchen", "sport", "tools", "toys")
ITEMS_EACH = 8

PRIOR = (0.3, 0.22, 0.17, 0.13, 0.1, 0.08)
"""How common the six tastes are."""

FIRST_LOVE, SECOND_LOVE = 0.6, 0.25
"""Share of a taste's own choices that falls on its first and its second category; the others share the rest evenly."""

STAYS = 0.95
"""Probability that the taste is the same at the next click; otherwise one of the others, each as likely."""

FOLLOWS = 0.35
"""Probability that a click follows one of the three links of the item before."""

LINK_SHARES = (0.5, 0.3, 0.2)

ENDING = (0.10, 0.12, 0.15, 0.18, 0.22, 0.26)
"""Probability that a click is the last, by taste."""


def session_process() -> SessionProcess:
    """Return the process behind ``data.sessions``: the truth that a model of them is held against."""
    tastes, categories = len(PRIOR), len(CATEGORIES)
    loves = np.full((tastes, categories), (1 - FIRST_LOVE - SECOND_LOVE) / (categories - 2))
    for taste in range(tastes):
        loves[taste, taste] = FIRST_LOVE
        loves[taste, (taste + 3) % categories] = SECOND_LOVE
    popularity = 1 / np.arange(1, ITEMS_EACH + 1)  # Zipf's law
    choices = np.kron(loves, popularity / popularity.sum())
    moves = np.full((tastes, tastes), (1 - STAYS) / (tastes - 1))
    np.fill_diagonal(moves, STAYS)
    return SessionProcess(
        items=tuple(f"{category}-{rank}" for category in CATEGORIES for rank in range(1, ITEMS_EACH + 1)),
        prior=np.array(PRIOR),
        moves=moves,
        choices=choices,
        links=_links(categories * ITEMS_EACH),
        follow=FOLLOWS,
        ending=np.array(ENDING),
    )


def _links(items: int) -> Floats:
    """Give each item links to three others, scattered over the shop by fixed strides so that no seed is in them."""
    links = np.zeros((items, items))
    for item in range(items):
        for share, stride in zip(LINK_SHARES, (1 + 2 * (item % 5), 11 + item % 7, 29 + 3 * (item % 4)), strict=True):
            links[item, (item + stride) % items] += share
    return links
