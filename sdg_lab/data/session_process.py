"""A stated process that click sessions are drawn from: its likelihood and its predictions are exact.

Logs of real shops are not to be had offline, so the truth is written down instead. A visitor comes with a hidden taste,
which mostly stays and now and then changes; at each click they either follow a link from the item before, or choose by
their taste; and they leave with a probability that depends on the taste. Given the clicks the taste is never certain,
and each further click says more of it: what comes next depends on the whole session, so that no Markov chain of any
order is this process. It is a hidden Markov model whose emissions also see the click before (an autoregressive one);
sums over all paths of the taste are done by the forward recursion (Rabiner 1989, equations 19 to 21).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import whole

Session = tuple[str, ...]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SessionProcess:
    """Sessions x₁ … x_n of a visitor whose taste z moves in secret.

    p(x, end) = Σ_z p(z₁) p(x₁|z₁) · Π_{t>1} (1 - e(z_{t-1})) p(z_t|z_{t-1}) p(x_t|z_t, x_{t-1}) · e(z_n). The first
    click is chosen, p(x₁|z) = choices[z, x₁], and a later one may be a link's,
    p(x_t|z, x_{t-1}) = follow · links[x_{t-1}, x_t] + (1 - follow) · choices[z, x_t].

    Attributes:
        items: names of the items.
        prior: (tastes,) of the taste of the first click.
        moves: (tastes, tastes) from one click to the next.
        choices: (tastes, items), what each taste chooses.
        links: (items, items), where the links of each item lead.
        follow: probability that a click follows a link.
        ending: (tastes,) probability that a click is the last, e(z), above 0.

    Raises:
        ValueError: if a shape does not fit, or a row is no distribution, or a probability is out of range.
    """

    items: tuple[str, ...]
    prior: Floats
    moves: Floats
    choices: Floats
    links: Floats
    follow: float
    ending: Floats

    def __post_init__(self) -> None:
        tastes, items = len(self.prior), len(self.items)
        shapes = {"prior": (tastes,), "moves": (tastes, tastes), "choices": (tastes, items), "links": (items, items)}
        for name, shape in shapes.items():
            table = getattr(self, name)
            if table.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {table.shape}")
            if not (table >= 0).all() or not np.allclose(table.sum(axis=-1), 1, rtol=0, atol=1e-9):
                raise ValueError(f"each row of {name} must be probabilities that sum to 1")
        if self.ending.shape != (tastes,) or not ((self.ending > 0) & (self.ending <= 1)).all():
            raise ValueError(f"ending must hold {tastes} probabilities in (0, 1], got {self.ending}")
        if not 0 <= self.follow <= 1:
            raise ValueError(f"follow must lie in [0, 1], got {self.follow}")

    def sample(self, n: int, seed: int) -> list[Session]:
        """Draw n sessions, each of at least one click.

        Raises:
            ValueError: if n is no whole number >= 1, or the seed none >= 0.
        """
        rng = np.random.default_rng(whole("seed", seed, least=0))
        n = whole("n", n, least=1)
        taste = _draw(np.broadcast_to(self.prior, (n, len(self.prior))), rng)
        click = _draw(self.choices[taste], rng)
        sessions: list[list[str]] = [[self.items[i]] for i in click]
        here = np.arange(n)  # the sessions that go on
        while len(here):
            stays = rng.random(len(here)) >= self.ending[taste]
            here, taste, click = here[stays], taste[stays], click[stays]
            taste = _draw(self.moves[taste], rng)
            followed = rng.random(len(here)) < self.follow
            click = _draw(np.where(followed[:, None], self.links[click], self.choices[taste]), rng)
            for session, i in zip(here, click, strict=True):
                sessions[session].append(self.items[i])
        return [tuple(session) for session in sessions]

    def log_prob(self, sessions: Sequence[Session]) -> Floats:
        """Return the exact log-probability of each session with its end, nats, (n,); -inf for an impossible one.

        Raises:
            ValueError: if there is no session, one without clicks, or an item that the process does not know.
        """
        belief, log_clicks = self._forward(sessions)
        with np.errstate(divide="ignore"):
            return log_clicks + np.log(belief @ self.ending)

    def belief(self, sessions: Sequence[Session]) -> Floats:
        """Return p(taste at the last click | all clicks), (n, tastes).

        Raises:
            ValueError: as :meth:`log_prob`, and for a session that cannot happen.
        """
        belief, log_clicks = self._forward(sessions)
        if not np.isfinite(log_clicks).all():
            raise ValueError(f"session {int(np.argmin(np.isfinite(log_clicks)))} cannot happen in this process")
        return belief

    def next_item(self, prefixes: Sequence[Session]) -> Floats:
        """Return p(next click | clicks so far, and there is a next one), (n, items).

        No recommender that sees the clicks can know more; its hit rate is the best to be had.

        Raises:
            ValueError: as :meth:`belief`, and for a session that ends for certain.
        """
        going_on = self.belief(prefixes) * (1 - self.ending)
        if not (going_on.sum(axis=1) > 0).all():
            raise ValueError(f"session {int(np.argmin(going_on.sum(axis=1)))} has no next click: it ends for certain")
        taste = going_on / going_on.sum(axis=1, keepdims=True) @ self.moves
        last = np.array([self._codes[prefix[-1]] for prefix in prefixes])
        distribution: Floats = self.follow * self.links[last] + (1 - self.follow) * taste @ self.choices
        return distribution

    def _forward(self, sessions: Sequence[Session]) -> tuple[Floats, Floats]:
        """Return p(taste | clicks) at the last click, (n, tastes), and log p(clicks, and going on until the last)."""
        codes, lengths = self._encode(sessions)
        belief = np.zeros((len(sessions), len(self.prior)))
        total = np.zeros(len(sessions))
        for t in range(codes.shape[1]):
            there = np.flatnonzero(lengths > t)
            click = codes[there, t]
            if t == 0:
                joint = self.prior * self.choices[:, click].T
            else:
                linked = self.follow * self.links[codes[there, t - 1], click]
                emission = linked[:, None] + (1 - self.follow) * self.choices[:, click].T
                joint = (belief[there] * (1 - self.ending)) @ self.moves * emission
            mass = joint.sum(axis=1)
            with np.errstate(divide="ignore"):
                total[there] += np.log(mass)
            # Where a session is impossible any belief will do: its log-probability stays -inf.
            belief[there] = np.where(mass[:, None] > 0, joint, self.prior) / np.where(mass > 0, mass, 1)[:, None]
        return belief, total

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {item: code for code, item in enumerate(self.items)}

    def _encode(self, sessions: Sequence[Session]) -> tuple[Integers, Integers]:
        """Return the items' positions, (n, longest), and the lengths, (n,)."""
        if len(sessions) == 0:
            raise ValueError("there is no session: give at least one")
        lengths = np.array([len(session) for session in sessions], np.int64)
        if lengths.min() < 1:
            raise ValueError(f"session {int(lengths.argmin())} is empty; a session has at least one click")
        codes = np.zeros((len(sessions), lengths.max()), np.int64)
        for row, session in enumerate(sessions):
            for column, item in enumerate(session):
                if item not in self._codes:
                    raise ValueError(f"session {row} has the item {item!r}, which the process does not know")
                codes[row, column] = self._codes[item]
        return codes, lengths


def _draw(distributions: Floats, rng: np.random.Generator) -> Integers:
    """Draw one outcome from each row, by inverting its cumulative sum."""
    uniform = rng.random((len(distributions), 1))
    drawn = (distributions.cumsum(axis=1) <= uniform).sum(axis=1)
    # A sum of 1 - 1e-16 could be passed by a draw: the last possible outcome is meant then.
    last = distributions.shape[1] - 1 - (distributions[:, ::-1] > 0).argmax(axis=1)
    outcome: Integers = np.minimum(drawn, last).astype(np.int64)
    return outcome
