"""``auto``: which family, by rows that it has not seen: the most faithful of those that attacks learn little from.

A part of the rows to learn from is set aside, each candidate learns the rest, and two questions are asked. Can a
classifier tell its rows from those set aside (a two-sample test)? And do they betray who was among the rows that it
learnt (membership inference)? The second has a limit for the strongest attack, the first decides below it; the first
candidate that passes both ends the search. The rows that are held out for the report play no part: the choice does not
flatter the figures on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.metrics.tables.attacks import LEAST, membership_inference
from sdg_lab.metrics.tables.two_sample import told_apart
from sdg_lab.synth.guard import learnt_by

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 0.53
"""Largest area of the membership attack that is taken; .5 is guessing."""

GOAL = 0.53
"""Rows told apart with this area or less are faithful enough: if the limit is kept, too, nothing else is tried."""

MAX_ROWS = 20_000
"""More rows are not compared on: a share of the table does."""

CUTS = 5
"""The rows are set aside a fifth at a time, each once or until enough are judged."""

TOLD, ASKED = 1_000, 1_500
"""So many rows suffice for the first question, and for the second."""

FOLDS = 3

Candidate: TypeAlias = tuple[str, dict[str, Any]]

ORDERS: tuple[Candidate, ...] = (("trees", {"order": "falling"}), ("trees", {"order": "rising"}))
"""Tried first; of the better order then larger leaves, which are more private and less faithful."""

LEAVES, LEAVES_OF_FEW = (30, 50), (20,)
OTHERS: tuple[Candidate, ...] = (("boosted", {}), ("copula", {}), ("bayesnet", {}))
"""Tried last, by what they cost to sample from, where no trees are good enough."""

FEW = 1_000
"""Rows below which trees have smaller leaves."""

MAX_BOOSTED = 200_000
"""Cells of the table on which boosting is tried: of more it takes minutes."""


@dataclass(frozen=True)
class Trial:
    """What was measured of one candidate.

    Attributes:
        family: its name.
        options: of the family.
        told_apart: area of the two-sample test, .5 at best.
        membership: area of the attack, .5 at best.
        error: standard error of that area, were it .5.
        failed: why it could not be tried, if it could not.
    """

    family: str
    options: Mapping[str, Any]
    told_apart: float = float("nan")
    membership: float = float("nan")
    error: float = float("nan")
    failed: str = ""

    @property
    def betrays(self) -> bool:
        """Whether the attack is beyond its limit by more than its error: few rows cannot tell it from luck."""
        return self.membership - self.error > LIMIT

    def __str__(self) -> str:
        options = ", ".join(f"{key} {value}" for key, value in self.options.items())
        name = f"{self.family} ({options})" if options else self.family
        if self.failed:
            return f"{name}: {self.failed}"
        return f"{name}: told apart {self.told_apart:.3f}, membership {self.membership:.3f}"


@dataclass(frozen=True)
class Choice:
    """A family, and why.

    Attributes:
        family: its name.
        options: of the family.
        why: one line.
        trials: what was measured, if anything.
    """

    family: str
    options: Mapping[str, Any]
    why: str
    trials: tuple[Trial, ...] = ()

    def config(self) -> dict[str, Any]:
        """Return the fields as JSON can say them."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a choice again from its :meth:`config`."""
        trials = tuple(Trial(**trial) for trial in config["trials"])
        return cls(str(config["family"]), dict(config["options"]), str(config["why"]), trials)


def choose(table: pd.DataFrame, *, seed: int = 0, progress: bool = True) -> Choice:
    """Compare the families on an encoded table.

    Args:
        table: the rows to learn from, as a preparation encodes them.
        seed: of the cuts, the fits, the draws and the judges.
        progress: show a bar.

    Raises:
        ValueError: if no family can learn from the table.
    """
    from tqdm.auto import tqdm

    rows, cells = table.shape[0], table.size
    if rows > MAX_ROWS:
        table = table.sample(MAX_ROWS, random_state=seed, ignore_index=True)
    trials: list[Trial] = []
    with tqdm(unit="model", leave=False, disable=not progress) as bar:
        for family, options in _candidates(trials, rows, cells):
            bar.set_postfix_str(family)
            trials.append(_try(family, options, table, seed))
            bar.update()
            if trials[-1].told_apart <= GOAL and not trials[-1].betrays:
                break
    best = _best(trials)
    if best is None:
        reasons = {trial.failed for trial in trials}
        said = reasons if len(reasons) == 1 else map(str, trials)
        raise ValueError(f"no family can learn from this table: {'; '.join(said)}")
    return Choice(best.family, best.options, _why(best, trials), tuple(trials))


def _candidates(trials: list[Trial], rows: int, cells: int) -> Iterator[Candidate]:
    """Yield what is to be tried next, by what was found."""
    yield from ORDERS
    order = min(trials, key=lambda trial: np.nan_to_num(trial.told_apart, nan=1.0)).options["order"]
    yield from (("trees", {"order": order, "leaf": leaf}) for leaf in (LEAVES_OF_FEW if rows < FEW else LEAVES))
    yield from (candidate for candidate in OTHERS if candidate[0] != "boosted" or cells <= MAX_BOOSTED)


def _try(family: str, options: Mapping[str, Any], table: pd.DataFrame, seed: int) -> Trial:
    """Let one candidate learn all but a fifth, and judge it by that fifth; then by the next, while rows are wanted."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    parts = np.array_split(rng.permutation(len(table)), CUTS)
    table = table[[name for name in table.columns if _varies(table[name], parts)]]
    if not len(table.columns):
        return Trial(family, options, failed="hardly a row differs from the others; bring columns that vary")
    real: list[pd.DataFrame] = []
    made: list[pd.DataFrame] = []
    found: list[tuple[int, float]] = []
    judged = asked = 0
    try:
        for aside in parts:
            if judged >= TOLD and asked >= ASKED:
                break
            unseen = table.iloc[aside].reset_index(drop=True)
            learnt = table.drop(index=table.index[aside]).reset_index(drop=True)
            model = learnt_by(family, options, learnt, seed=seed)
            drawn = model.sample(len(learnt), seed=seed)
            if judged < TOLD:
                real.append(unseen)
                made.append(drawn.iloc[: len(unseen)])
                judged += len(unseen)
            if len(unseen) >= LEAST:
                attacked = membership_inference(drawn, learnt, unseen, rows=ASKED, seed=seed)
                found.append((attacked.members, attacked.strongest.auc.value))
                asked += attacked.members
        both = (pd.concat(rows, ignore_index=True) for rows in (real, made))
        apart = told_apart(*both, rows=2 * TOLD, folds=FOLDS, importance=False, seed=seed).auc.value
    except (ImportError, TypeError, ValueError) as error:
        return Trial(family, options, failed=str(error))
    members = float(np.average([value for _, value in found], weights=[m for m, _ in found])) if found else 0.5
    return Trial(family, options, apart, members, chance_error(max(asked, 1)))


def _varies(column: pd.Series[Any], parts: Sequence[NDArray[np.int64]]) -> bool:
    """Say whether a column has two values whichever part is set aside: of one value alone no family learns."""
    return all(len(column.drop(index=column.index[aside]).unique()) > 1 for aside in parts)


def chance_error(m: int) -> float:
    """Return the standard error of the area of scores that tell nothing, of ``m`` rows of each kind.

    Source: Mann and Whitney (1947), the variance of U.
    """
    return float(np.sqrt((2 * m + 1) / (12 * m * m)))


def _best(trials: list[Trial]) -> Trial | None:
    """Return the most faithful within the limit; if all are beyond it, the one that gives away least."""
    tried = [trial for trial in trials if not trial.failed]
    within = [trial for trial in tried if not trial.betrays]
    if within:
        return min(within, key=lambda trial: trial.told_apart)
    return min(tried, key=lambda trial: trial.membership, default=None)


def _why(best: Trial, trials: list[Trial]) -> str:
    """Return the reason in one line."""
    tried = [trial for trial in trials if not trial.failed]
    if best.betrays:
        return f"{best}; all {len(tried)} that were tried betray their rows beyond {LIMIT}, and this one least"
    if best.told_apart <= GOAL:
        return f"{best}; both are at {LIMIT} or below, or beyond it by no more than luck"
    kept = sum(not trial.betrays for trial in tried)
    betray = f", since the others betray theirs beyond {LIMIT}" if kept < len(tried) else ""
    return f"{best}; the least told apart of {kept} (of {len(tried)} that were tried){betray}"
