"""How fast the tails go when models learn from models, and what share of real data holds them: eight seeds.

Generation 0 learns from the real data, each later one from the samples of the one before, and from a share of real rows
that is drawn anew from the real data each time (0 to 80 %); or from all so far (``accumulate``); or from a tenth that
is the same each time (``kept``), or new from the world (``fresh``, where the world is known). Kinds of data:

- ``whole names``: 4,131 first names, a model that knows them by heart. Its figures are closed forms, too.
- ``names``: the same, a Markov chain of order 2; and drawn at temperature 0.8, which likes what is likely.
- ``table``: 500 women of Fair's survey, five columns of categories, a Bayesian network (a tree, maximum likelihood).
- ``ring``: 240 points, 30 a mode, a mixture of eight Gaussians by EM: no error but that of 240 draws.
- ``ring, kernels``: the same, a narrow Gaussian around each point: a model that errs by itself, towards a blur.

All figures are in ``notebooks/results/15-collapse.csv``, a column a generation; ``python -m benchmarks.collapse``
measures what is missing there (delete the file for all of them), in about six CPU minutes, and prints a summary.
"""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
import torch
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Mixture

from benchmarks.timing import Row
from sdg_lab import data
from sdg_lab.distill import drift
from sdg_lab.distill.drift import Frequencies
from sdg_lab.distill.generations import Generation, Model, Real, Regime, generations
from sdg_lab.metrics import mean_and_error, subsample
from sdg_lab.metrics.tails import cells, judge_modes, judge_tails, ngrams
from sdg_lab.models.bayes_net import BayesNet
from sdg_lab.models.diffusion.mixture import GaussianMixture
from sdg_lab.models.markov import MarkovChain

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "15-collapse.csv"
SEEDS, COUNT = range(8), 20
SHARES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 0.8)
FIELDS = ("kind", "regime", "share", "real", "seed", "measure", *map(str, range(COUNT + 1)))
LAST, TENTH = list(range(COUNT - 4, COUNT + 1)), list(range(8, 13))
"""What is left at last is the mean of these generations, and at the 10th of those around it."""

Floats = np.ndarray[Any, np.dtype[np.float64]]
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Plan:
    """A regime, and what of the real data it uses."""

    regime: Regime = "replace"
    share: float = 0.0
    real: Real = "redrawn"


MIXED = [Plan("mix", share) for share in SHARES[1:]]
PLANS = [Plan(), *MIXED, Plan("accumulate"), Plan("mix", 0.1, "kept")]
FEW = [Plan(), Plan("mix", 0.1), Plan("mix", 0.5), Plan("accumulate")]


@dataclass(frozen=True)
class Kind:
    """A kind of data with its model.

    Attributes:
        model: makes one.
        real: returns the real data for a seed.
        judge: returns the figures of a generation's samples; the generation itself is there for those of its model.
        perfect: draws n rows as a perfect model would, from the real data if the world is not known.
        main: the figure that is held, and of which the summary speaks.
    """

    model: Callable[[], Model[Any]]
    real: Callable[[int], Any]
    judge: Callable[[Any, Any, Generation[Any] | None], Figures]
    perfect: Callable[[Any, int], Any]
    main: str
    plans: Sequence[Plan] = field(default_factory=lambda: PLANS)
    source: Callable[[int, int], Any] | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)


# Names


def judge_whole(real: list[str], samples: list[str], one: Generation[Any] | None) -> Figures:
    return {"recall": judge_tails(real, samples).recall}


def judge_names(real: list[str], samples: list[str], one: Generation[Any] | None) -> Figures:
    return {"recall": judge_tails(trigrams(), ngrams(samples)).recall}


@cache
def names() -> Any:
    return data.names()


@cache
def trigrams() -> tuple[tuple[str, ...], ...]:
    return tuple(ngrams(names().train))


def bootstrap(real: Any, seed: int) -> Any:
    """Draw as many rows as there are, with replacement."""
    chosen = np.random.default_rng(seed).integers(len(real), size=len(real))
    return [real[i] for i in chosen] if isinstance(real, list) else real.iloc[chosen].reset_index(drop=True)


# Table


def women(seed: int) -> Any:
    table = data.fair(deduplicate=False).train
    return subsample(table[[name for name in table.columns if table[name].dtype.name == "category"]], 500, seed=seed)


def judge_table(real: Any, samples: Any, one: Generation[Any] | None) -> Figures:
    return {"recall": judge_tails(cells(real, 2), cells(samples, 2)).recall}


# Ring

RING = GaussianMixture.ring()


def ring(n: int, seed: int) -> Floats:
    """Draw points from the world."""
    return np.asarray(RING.sample(n, torch.Generator().manual_seed(seed)).numpy())


def perfect_ring(real: Floats, seed: int) -> Floats:
    return ring(len(real), 1_000 + seed)


def judge_ring(real: Floats, samples: Floats, one: Generation[Any] | None) -> Figures:
    modes = judge_modes(samples, RING.means.numpy(), float(RING.scales[0]))
    return {"variance": (modes.across + modes.along) / 2, "kept": modes.kept}


class EM:
    """Eight Gaussians by maximum likelihood; the best of several starts, so that what is lost is lost by chance."""

    def fit(self, data: Floats, *, seed: int) -> EM:
        """Fit weights, means and full covariances."""
        self.mixture = Mixture(8, n_init=5, init_params="k-means++", random_state=seed % 2**32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.mixture.fit(data)
        return self

    def sample(self, n: int, *, seed: int) -> Floats:
        """Draw points; they come sorted by component."""
        self.mixture.random_state = seed % 2**32
        return np.asarray(self.mixture.sample(n)[0])


class Kernels:
    """A Gaussian around each point: it keeps all modes, and blurs them a little each time."""

    SCALE = 0.04

    def fit(self, data: Floats, *, seed: int) -> Kernels:
        """Keep the points."""
        self.points = data
        return self

    def sample(self, n: int, *, seed: int) -> Floats:
        """Draw points with replacement, and move them."""
        rng = np.random.default_rng(seed)
        chosen = self.points[rng.integers(len(self.points), size=n)]
        return np.asarray(chosen + self.SCALE * rng.standard_normal(chosen.shape))


NAMES = Kind(partial(MarkovChain, 2), lambda seed: names().train, judge_names, bootstrap, "recall")
FRESH = Plan("mix", 0.1, "fresh")
KINDS: dict[str, Kind] = {
    "whole names": Kind(Frequencies, NAMES.real, judge_whole, bootstrap, "recall"),
    "names": NAMES,
    "table": Kind(partial(BayesNet, "tree", prior=0), women, judge_table, bootstrap, "recall"),
    "ring": Kind(
        EM,
        partial(ring, 240),
        judge_ring,
        perfect_ring,
        "variance",
        plans=[*PLANS, FRESH],
        source=ring,
    ),
    "names, temperature 0.8": Kind(
        NAMES.model, NAMES.real, judge_names, bootstrap, "recall", plans=FEW, sampling={"temperature": 0.8}
    ),
    "ring, kernels": Kind(Kernels, partial(ring, 240), judge_ring, perfect_ring, "variance", plans=FEW),
}


# The table


def measure(kind: Kind, plan: Plan, seed: int) -> dict[str, list[float]]:
    """Return each figure by generation."""
    real, figures = kind.real(seed), []
    options = {"regime": plan.regime, "share": plan.share, "real": plan.real, "sampling": kind.sampling, "seed": seed}
    source = kind.source if plan.real == "fresh" else None
    for one in generations(kind.model(), real, COUNT, source=source, **options):  # type: ignore[arg-type]
        figures.append(kind.judge(real, one.samples, one))
    return {name: [each[name] for each in figures] for name in figures[0]}


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; each run is written when it is there."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    there = {tuple(row[name] for name in FIELDS[:5]) for row in read()}
    for name, kind in KINDS.items():
        for seed in SEEDS:  # all regimes of a seed first: what is there is comparable at any time
            perfect = (name, "perfect", "", "", str(seed))
            if perfect not in there:
                figures = kind.judge(kind.real(seed), kind.perfect(kind.real(seed), seed), None)
                append(perfect, {measure: [value] for measure, value in figures.items()})
            for plan in kind.plans:
                about = (name, plan.regime, f"{plan.share:g}", plan.real, str(seed))
                if about not in there:
                    append(about, measure(kind, plan, seed))
    return read()


def read() -> list[dict[str, str]]:
    """Return the rows of the file, as texts."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(about: tuple[str, ...], figures: Mapping[str, Sequence[float]]) -> None:
    """Write a run at the end of the file, all its rows at once: half a run would be taken for a whole one."""
    lines = [
        [*about, name, *(f"{value:.4g}" for value in values), *[""] * (COUNT + 1 - len(values))]
        for name, values in figures.items()
    ]
    with RESULTS.open("a", encoding="utf-8", newline="") as file:
        file.write("".join(",".join(f'"{x}"' if "," in x else x for x in line) + "\n" for line in lines))
    print(", ".join(about), flush=True)


def curves(rows: Iterable[dict[str, str]], kind: str, plan: Plan, measure: str | None = None) -> Floats:
    """Return a figure by generation, one row a seed: (seeds, generations + 1)."""
    wanted = (kind, plan.regime, f"{plan.share:g}", plan.real, measure or KINDS[kind].main)
    own = [row for row in rows if tuple(row[name] for name in ("kind", "regime", "share", "real", "measure")) == wanted]
    own.sort(key=lambda row: int(row["seed"]))
    return np.array([[float(row[str(g)]) for g in range(COUNT + 1)] for row in own])


def held(rows: Sequence[dict[str, str]], kind: str) -> Floats:
    """Return what is left of the main figure at last, over that of generation 0, for each share: (shares, seeds, 2)."""
    every = [curves(rows, kind, Plan("mix" if share else "replace", share)) for share in SHARES]
    return np.array([np.stack([one[:, LAST].mean(axis=1), one[:, 0]], axis=1) for one in every])


def share_that_holds(
    rows: Sequence[dict[str, str]], kind: str, level: float = 0.9, draws: int = 2000
) -> tuple[float, float, float]:
    """Return the share of real rows at which a level is held at last, with a 95 % interval; inf if all are too small.

    Between the shares that were measured it is interpolated linearly; the interval is the bootstrap's, over seeds.
    """
    both = held(rows, kind)
    seeds = both.shape[1]
    chosen = np.random.default_rng(0).integers(seeds, size=(draws, seeds))
    found = [_crossing(both[:, one].mean(axis=1), level) for one in (np.arange(seeds), *chosen)]
    low, high = np.quantile(found[1:], [0.025, 0.975], method="nearest")
    return found[0], float(low), float(high)


def _crossing(means: Floats, level: float) -> float:
    """Return the least share from which on the level is held, all larger shares included."""
    left = means[:, 0] / means[:, 1]
    below = np.flatnonzero(left < level)
    if not len(below):
        return 0.0
    last = int(below[-1])
    if last == len(SHARES) - 1:
        return math.inf
    part = (level - left[last]) / (left[last + 1] - left[last])
    return float(SHARES[last] + part * (SHARES[last + 1] - SHARES[last]))


def interval(values: Floats) -> str:
    """Return a mean over seeds with its 95 % interval (Student's t)."""
    middle, error = mean_and_error(values)
    return f"{middle:.3f} ± {error * stats.t.ppf(0.975, len(values) - 1):.3f}"


def run() -> list[Row]:
    rows = measured()
    out = []
    for kind in ("names", "table", "ring"):
        plans = {"half real": Plan("mix", 0.5), "replaced": Plan()}
        half, none = (1 - curves(rows, kind, plan)[:, LAST].mean(axis=1) for plan in plans.values())
        perfect = 1 - perfect_of(rows, kind)
        what = f"{kind}: {KINDS[kind].main} lost after {COUNT} generations beyond a perfect sampler"
        out.append(
            Row(
                f"{what}, half of the rows real",
                max(float((half - perfect).mean()), 1e-3),
                "no real rows",
                float((none - perfect).mean()),
                goal=3.0,
                unit=f"mean of {len(half)} seeds",
            )
        )
    return out


def perfect_of(rows: Iterable[dict[str, str]], kind: str) -> Floats:
    """Return the main figure of a perfect sampler, one a seed."""
    main = KINDS[kind].main
    own = [row for row in rows if (row["kind"], row["regime"], row["measure"]) == (kind, "perfect", main)]
    return np.array([float(row["0"]) for row in own])


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return the main figures by generation, and the share that holds them."""
    lines = []
    for name, kind in KINDS.items():
        shown = (0, 1, 5, 10, 20)
        lines.append(
            f"\n{name}: {kind.main} at generations {', '.join(map(str, shown))}; {len(perfect_of(rows, name))} seeds"
        )
        lines.append(f"  perfect sampler             {interval(perfect_of(rows, name))}")
        for plan in kind.plans:
            figures = curves(rows, name, plan)
            lines.append(
                f"  {plan.regime:10} {100 * plan.share:3g} % {plan.real:8}  "
                + "   ".join(interval(figures[:, g]) for g in shown)
                + f"   since the 10th {interval(figures[:, LAST].mean(axis=1) - figures[:, TENTH].mean(axis=1))}"
            )
            if name == "whole names" and plan.regime != "accumulate":
                exact = drift.surviving(1, COUNT, share=plan.share, real=plan.real)
                lines.append(" " * 24 + "exact: " + " ".join(f"{exact[g]:.3f}{' ' * 10}" for g in shown))
        if len(kind.plans) >= len(PLANS):
            for level in (0.7, 0.8, 0.9):
                found, *ends = (
                    f"{100 * x:.1f} %" if math.isfinite(x) else f"more than {SHARES[-1]:.0%}"
                    for x in share_that_holds(rows, name, level)
                )
                lines.append(
                    f"  {level:.0%} of generation 0 are held at last by {found} real rows ({' to '.join(ends)})"
                )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measured()))
