"""Measure functions against each other in one run: interleaved, so that a noisy machine is noisy to all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sdg_lab.checks import whole


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: the work that both do, on the same data.
        ours: seconds, median; or another figure of which less is better.
        peer: who else does it.
        theirs: the same of the peer.
        goal: least wanted value of ``theirs / ours``.
        unit: of both figures.
    """

    what: str
    ours: float
    peer: str
    theirs: float
    goal: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        """How many times faster, or otherwise less, than the peer."""
        return self.theirs / self.ours

    @property
    def reached(self) -> bool:
        """Whether the goal is met."""
        return self.ratio >= self.goal


class Rows(list[Row]):
    """Lines of the table, and what stands below it in ``results.md``, as Markdown."""

    def __init__(self, rows: Iterable[Row] = (), *, details: str = "") -> None:
        super().__init__(rows)
        self.details = details


def interleaved(work: Mapping[str, Callable[[], object]], *, repeats: int = 5) -> dict[str, float]:
    """Return the median wall-clock seconds of each function, after one warm-up call of each.

    The functions take turns: first, second, …, first, second, …; a slow moment of the machine then hits all of them.

    Raises:
        ValueError: if there is no turn to measure.
    """
    whole("repeats", repeats, least=1)
    for function in work.values():
        function()
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, function in work.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
