"""Sequential CART on tables: how well it is told from real rows, and whether it gives away whom it has seen.

Each table is cut once by a permutation: four fifths to learn from, one fifth held out, on which nothing was chosen.
(``python -m benchmarks.trees`` prints the frontier by leaf size, order and number of trees on a fifth of the four: the
defaults of :class:`~sdg_lab.models.trees.Trees` were chosen on such fifths.) Beside the trees stand three references:
real rows (those to learn from, themselves), independent columns (each shuffled), and a bootstrap of the rows to learn
from.

C2ST is the cross-validated AUC of gradient boosting that tells held-out rows from as many synthetic ones, 0.5 at best.
TSTR is the AUC on held-out rows of gradient boosting trained on synthetic rows; a target that is a number asks whether
it is above its median (prices) or 0 (affairs). Membership is the AUC of the distance to the nearest synthetic row, for
training rows against held-out ones, 0.5 at best. Copies are synthetic rows that equal a training row; the share of
held-out rows that do is the reference. Figures are means of three seeds, of the fit, the draw and the judges; ± is
their deviation. (Of wine 35 rows are held out, of breast cancer 113: too few to tell C2ST or membership from chance.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.timing import Row
from sdg_lab import data
from sdg_lab.metrics.distances import nearest
from sdg_lab.metrics.features import fit_features
from sdg_lab.metrics.rows import keys
from sdg_lab.models.trees import Trees

if TYPE_CHECKING:
    import pandas as pd

SEEDS = (0, 1, 2)
ASKED = 3_000
"""So many training rows, and held-out rows, are asked for their distance to the nearest synthetic one."""

TARGETS = {"fair": "affairs", "diamonds": "price", "breast_cancer": "diagnosis", "wine": "cultivar"}
LEAVES = (10, 20, 30, 50)


@dataclass(frozen=True)
class Figures:
    """What is measured of one synthetic table; all but the seconds are shares or areas."""

    c2st: float
    tstr: float
    membership: float
    tpr: float
    copies: float
    seconds: float


def rows_of(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return four fifths of a table, and the fifth that is held out; equal rows are different people and stay."""
    import pandas as pd

    parts = getattr(data, name)(deduplicate=False)
    table = pd.concat([parts.train, parts.validation, parts.test], ignore_index=True)
    return cut(table, seed=0)


def cut(table: pd.DataFrame, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = np.random.default_rng(seed).permutation(len(table))
    held = len(table) // 5
    return table.iloc[order[held:]].reset_index(drop=True), table.iloc[order[:held]].reset_index(drop=True)


Maker = Callable[["pd.DataFrame", int], "pd.DataFrame"]


def shuffled(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return train.apply(lambda column: column.iloc[rng.permutation(len(train))].array)


def trees(**options: Any) -> Maker:
    def make(train: pd.DataFrame, seed: int) -> pd.DataFrame:
        return Trees(**options).fit(train, seed=seed, progress=False).sample(len(train), seed=seed)

    return make


MAKERS: dict[str, Maker] = {
    "real rows": lambda train, seed: train.sample(frac=1, random_state=seed, ignore_index=True),
    "independent columns": shuffled,
    "bootstrap": lambda train, seed: train.sample(frac=1, replace=True, random_state=seed, ignore_index=True),
    "trees": trees(),
}


def measure(make: Maker, train: pd.DataFrame, held_out: pd.DataFrame, target: str, seed: int) -> Figures:
    begin = time.process_time()
    synthetic = make(train, seed)
    seconds = time.process_time() - begin
    known = set(keys(train))
    return Figures(
        told_apart(synthetic.iloc[: len(held_out)], held_out, seed),
        useful(synthetic, held_out, target, float(train[target].median()) if target == "price" else 0, seed),
        *membership(synthetic, train, held_out, seed),
        float(np.mean([row in known for row in keys(synthetic, like=train)])),
        seconds,
    )


def told_apart(synthetic: pd.DataFrame, held_out: pd.DataFrame, seed: int) -> float:
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    both = pd.concat([synthetic, held_out], ignore_index=True)
    label = np.arange(len(both)) < len(synthetic)
    judge = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return float(cross_val_score(judge, both, label, cv=folds, scoring="roc_auc").mean())


def useful(synthetic: pd.DataFrame, held_out: pd.DataFrame, target: str, above: float, seed: int) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    judge = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    labels = [part[target] if hasattr(part[target], "cat") else part[target] > above for part in (synthetic, held_out)]
    judge.fit(synthetic.drop(columns=target), labels[0].astype(str))
    shares = judge.predict_proba(held_out.drop(columns=target))
    scores = shares if shares.shape[1] > 2 else shares[:, 1]
    return float(roc_auc_score(labels[1].astype(str), scores, multi_class="ovr"))


def membership(synthetic: pd.DataFrame, train: pd.DataFrame, held_out: pd.DataFrame, seed: int) -> tuple[float, float]:
    """Return the area, and the share of training rows that are found where 1 % of held-out ones are accused."""
    from sklearn.metrics import roc_auc_score, roc_curve

    featurise = fit_features(train, unseen=True)
    there = featurise(synthetic)
    m = min(ASKED, len(held_out))
    asked = [part.sample(m, random_state=seed) for part in (train, held_out)]
    near = np.concatenate([-nearest(featurise(part), there)[0][:, 0] for part in asked])
    is_train = np.repeat([True, False], m)
    wrong, right, _ = roc_curve(is_train, near)
    return float(roc_auc_score(is_train, near)), float(right[wrong <= 0.01].max())


def summary(found: list[Figures]) -> tuple[Figures, Figures]:
    """Return the mean over the seeds, and the deviation."""
    columns = list(zip(*map(astuple, found), strict=True))
    return Figures(*map(mean, columns)), Figures(*map(stdev, columns))


def line(who: str, found: list[Figures]) -> str:
    """Return one line: each figure, and how much it varies."""
    middle, spread = (astuple(part) for part in summary(found))
    return f"{who:34}" + "".join(f"{m:8.3f} ±{s:5.3f}" for m, s in zip(middle, spread, strict=True))


HEADINGS = " " * 34 + "".join(f"{name:>15}" for name in ("C2ST", "TSTR", "membership", "TPR at 1 %", "copies", "CPU s"))


def compared(makers: dict[str, Maker], train: pd.DataFrame, held_out: pd.DataFrame, name: str) -> dict[str, Any]:
    known = set(keys(train))
    chance = np.mean([row in known for row in keys(held_out, like=train)])
    print(
        f"\n{name}: {len(train):,} rows, {train.shape[1]} columns; copies among held-out rows: {chance:.3f}\n{HEADINGS}"
    )
    found = {}
    for who, make in makers.items():
        found[who] = [measure(make, train, held_out, TARGETS[name], seed) for seed in SEEDS]
        print(line(who, found[who]), flush=True)
    return found


def run() -> list[Row]:
    """Set the trees beside the references, on rows that chose nothing."""
    rows = []
    for name in TARGETS:
        train, held_out = rows_of(name)
        found = {who: summary(figures)[0] for who, figures in compared(MAKERS, train, held_out, name).items()}
        ours, real = found["trees"], found["real rows"]
        small = len(train) < 1_000
        rows += [
            _away(f"{name}, {ours.seconds:.2g} CPU s: C2ST {ours.c2st:.3f}", ours.c2st - 0.5, 0.1 if small else 0.03),
            _away(f"{name}: TSTR {ours.tstr:.3f}, of real rows", real.tstr - ours.tstr, 0.03 if small else 0.01),
            _away(f"{name}: membership {ours.membership:.3f}, copies {ours.copies:.1%}", ours.membership - 0.5, 0.03),
        ]
    return rows


def _away(what: str, by: float, aim: float) -> Row:
    """Return how far a figure is from its ideal, beside how far it may be."""
    return Row(what, max(abs(by), 1e-4), "the aim", aim, goal=1, unit="away")


def frontier() -> None:
    """Print the figures by leaf size and order, judged on a fifth of the rows to learn from."""
    settings = [
        *({"leaf": leaf, "order": order} for order in ("falling", "rising") for leaf in LEAVES),
        *({"leaf": leaf, "trees": trees} for trees in (1, 4) for leaf in LEAVES),
        *({"min_count": count, "reach": reach} for count, reach in ((1, 1), (10, 5), (50, 1))),
    ]
    for name in TARGETS:
        makers = {
            ", ".join(f"{key} {value}" for key, value in options.items()): trees(**options) for options in settings
        }
        compared(makers, *cut(rows_of(name)[0], seed=1), name)


if __name__ == "__main__":
    frontier()
