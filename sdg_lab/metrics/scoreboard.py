"""The scoreboard: one line a model, the same columns in every chapter, each figure beside that of real data.

Everything is measured on equally many rows of samples, test and train, drawn with the seed, because these figures move
with the number of rows. The reference is the same measurement with real training rows in place of samples: no model
needs to be better, and one that looks better by a lot is copying.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdg_lab.checks import number, whole
from sdg_lab.data.types import Dataset
from sdg_lab.metrics.diversity import prdc
from sdg_lab.metrics.features import fit_features
from sdg_lab.metrics.fidelity import c2st
from sdg_lab.metrics.likelihood import Likelihood
from sdg_lab.metrics.privacy import Memorisation, memorisation
from sdg_lab.metrics.rows import Rows, subsample
from sdg_lab.metrics.uncertainty import chance_error

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 1000
"""Rows that are compared at most: enough for an accuracy to ± 0.01, and a few seconds."""

NEIGHBOUR = 5
"""k of coverage."""


@dataclass(frozen=True)
class Line:
    """What was measured of one model on one data set.

    Attributes:
        name: of the model.
        data: name of the data set.
        parameters: numbers that were fitted.
        seconds: to fit, wall clock.
        likelihood: of the test data, or None if the model has none.
        n: rows of samples, of test, and of train (for the reference) that were compared.
        fidelity: C2ST accuracy of samples against test; 0.5 is best.
        fidelity_reference: the same of train against test.
        diversity: coverage of test by samples; 1 is best.
        diversity_reference: the same by train.
        memorisation: samples found in train, in test, and new.
        memorisation_reference: share of test rows found in train.
    """

    name: str
    data: str
    parameters: int
    seconds: float
    likelihood: Likelihood | None
    n: int
    fidelity: float
    fidelity_reference: float
    diversity: float
    diversity_reference: float
    memorisation: Memorisation
    memorisation_reference: float


def score(
    name: str,
    *,
    data: Dataset[Any],
    samples: Rows,
    parameters: int,
    seconds: float,
    likelihood: Likelihood | None = None,
    seed: int = 0,
) -> Line:
    """Measure a model's samples, and real data in their place, on equally many rows.

    Args:
        name: of the model, for the first column.
        data: what it was trained on; train fits the features, test is what samples are compared with.
        samples: what the model made, of the type of ``data.train``; as many as the test rows, up to 1,000, are used,
            but to find copies all of train and test are searched.
        parameters: numbers that were fitted: weights, or cells of count tables.
        seconds: to fit.
        likelihood: of ``data.test``; None for a model that has none.
        seed: of the subsamples and of the C2ST classifier.

    Raises:
        TypeError: if the data are no rows (a series, one text): cut them into rows first.
        ValueError: if parameters or seconds is negative, or there are too few rows to compare.
    """
    whole("parameters", parameters, least=0)
    number("seconds", seconds, least=0)
    n = min(len(samples), len(data.test), len(data.train), MAX_ROWS)
    if n <= NEIGHBOUR:
        raise ValueError(f"{name}: {n} rows are too few to compare; sample at least {NEIGHBOUR + 1}")
    featurise = fit_features(data.train)
    fake, test, train = (subsample(rows, n, seed=seed) for rows in (samples, data.test, data.train))
    fake_x, test_x, train_x = featurise(fake), featurise(test), featurise(train)
    return Line(
        name=name,
        data=data.card.name,
        parameters=parameters,
        seconds=seconds,
        likelihood=likelihood,
        n=n,
        fidelity=c2st(test_x, fake_x, seed=seed),
        fidelity_reference=c2st(test_x, train_x, seed=seed),
        diversity=prdc(test_x, fake_x, NEIGHBOUR).coverage,
        diversity_reference=prdc(test_x, train_x, NEIGHBOUR).coverage,
        memorisation=memorisation(fake, data.train, data.test),
        memorisation_reference=memorisation(test, data.train, data.test).in_train,
    )


@dataclass(frozen=True, repr=False)
class Scoreboard:
    """Lines as a table: numbers in ``frame``, figures rounded for reading wherever it is printed."""

    frame: pd.DataFrame
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join([self.readable().to_string(index=False), "", *self.notes])

    def readable(self) -> pd.DataFrame:
        """Return the table as text: rounded, with "–" where there is no figure."""
        import pandas as pd

        frame = self.frame
        return pd.DataFrame({name: [_readable(name, cell) for cell in frame[name]] for name in frame.columns})

    def _repr_html_(self) -> str:
        notes = "<br>".join(html.escape(note) for note in self.notes)
        return f'{self.readable().to_html(index=False, border=0)}<p style="max-width: 60em">{notes}</p>'


def scoreboard(lines: Sequence[Line]) -> Scoreboard:
    """Set lines out as a table; each data set starts with its reference, real training rows in place of samples.

    Raises:
        ValueError: if there is no line.
    """
    import pandas as pd

    if not lines:
        raise ValueError("a scoreboard needs at least one line; make one with metrics.score")
    rows: list[dict[str, object]] = []
    for place in dict.fromkeys((line.data, line.n) for line in lines):
        here = [line for line in lines if (line.data, line.n) == place]
        rows += [_row(here[0], reference=True), *map(_row, here)]
    return Scoreboard(pd.DataFrame(rows), _notes(lines))


def _row(line: Line, *, reference: bool = False) -> dict[str, object]:
    return {
        "model": "real against real: the reference" if reference else line.name,
        "data": line.data,
        "parameters": None if reference else line.parameters,
        "fit (s)": None if reference else line.seconds,
        "neg. log-likelihood": None if reference else line.likelihood,
        "C2ST": line.fidelity_reference if reference else line.fidelity,
        "coverage": line.diversity_reference if reference else line.diversity,
        "in train": line.memorisation_reference if reference else line.memorisation.in_train,
        "by chance": None if reference else line.memorisation.by_chance,
        "rows": line.n,
    }


def _readable(column: object, cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    if column in ("parameters", "rows"):
        return f"{int(cell):,}"
    if column == "fit (s)":
        return f"{cell:.1f}" if cell < 100 else f"{cell:.0f}"
    if column in ("in train", "by chance"):
        return f"{cell:.1%}"
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def _notes(lines: Sequence[Line]) -> tuple[str, ...]:
    error = max(chance_error(line.n) for line in lines)
    return (
        f"C2ST: accuracy of a classifier that tells samples from test rows; 0.5 is best, and chance moves it by "
        f"{error:.2f}.",
        f"coverage: share of test rows with a sample within reach of their {NEIGHBOUR}th neighbour; 1 is best.",
        "in train: share of samples found in the training data (for images: near copies); by chance: the share that "
        "a model which remembers nothing would have there, estimated from how many are found in test.",
    )
