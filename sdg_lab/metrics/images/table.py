"""A table of image quality: one row a model, mean ± standard error over seeds, the reference first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdg_lab.metrics.images.quality import NEIGHBOUR, ImageFigures, ImageQuality
from sdg_lab.metrics.scoreboard import Scoreboard
from sdg_lab.metrics.uncertainty import mean_and_error

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "frechet": "Fréchet",
    "kernel": "kernel × 1000",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "imbalance": "imbalance",
    "rarest": "rarest class",
    "copies": "near copies",
    "label_consistency": "label consistency",
}
"""Name in :class:`ImageFigures`, heading in the table."""


@dataclass(frozen=True, repr=False)
class ImageQualityTable(Scoreboard):
    """Means over seeds in ``frame``, their standard errors in ``errors`` (NaN where there is but one value)."""

    errors: pd.DataFrame

    def readable(self) -> pd.DataFrame:
        """Return the table as text: "mean ± standard error", with "–" where there is no figure."""
        import pandas as pd

        return pd.DataFrame(
            {
                name: [_readable(str(name), *pair) for pair in zip(self.frame[name], self.errors[name], strict=True)]
                for name in self.frame.columns
            }
        )


def image_quality_table(results: Mapping[str, Sequence[ImageQuality]]) -> ImageQualityTable:
    """Set the judgements of several models, each over some seeds, out as a table whose first row is their reference.

    Args:
        results: for each model its judgements (:func:`metrics.judge_images`), one a seed of model, classifier or both.

    Raises:
        ValueError: if there is no model or one without judgement, or they are of several data sets or several n.
    """
    import pandas as pd

    every = [quality for qualities in results.values() for quality in qualities]
    if not every or not all(results.values()):
        empty = [name for name, qualities in results.items() if not qualities]
        raise ValueError(f"each model needs at least one judgement of metrics.judge_images, got none for {empty}")
    places = sorted({(quality.data, quality.n) for quality in every})
    if len(places) > 1:
        raise ValueError(f"one table holds one data set and one n, got {places}; make a table of each")
    # Models judged by the same classifier and seed share one reference: it is one measurement, not several.
    references = list(dict.fromkeys(quality.reference for quality in every))
    rows = [_row("real, held out: the reference", references, references)]
    for name, qualities in results.items():
        rows.append(_row(name, [one.samples for one in qualities], [one.reference for one in qualities]))
    means, errors = (pd.DataFrame([row[i] for row in rows]) for i in (0, 1))
    return ImageQualityTable(means, _notes(every[0]), errors)


def _row(
    name: str, figures: Sequence[ImageFigures], references: Sequence[ImageFigures]
) -> tuple[dict[str, object], dict[str, object]]:
    """Return a row's means and its errors."""
    ratios = [ours.frechet / real.frechet for ours, real in zip(figures, references, strict=True)]
    means: dict[str, object] = {"images": name}
    errors: dict[str, object] = {"images": None}
    for field, heading in COLUMNS.items():
        values = [getattr(one, field) for one in figures]
        means[heading], errors[heading] = (None, None) if None in values else _mean_and_error(values, heading)
        if field == "frechet":
            means["× floor"], errors["× floor"] = _mean_and_error(ratios, "× floor")
    means["seeds"], errors["seeds"] = len(figures), None
    return means, errors


def _mean_and_error(values: Sequence[float], heading: str) -> tuple[float, float | None]:
    factor = 1000 if heading == COLUMNS["kernel"] else 1
    scaled = [factor * value for value in values]
    if len(set(scaled)) == 1:
        return scaled[0], None
    return mean_and_error(scaled)


def _readable(column: str, mean: object, error: object) -> str:
    if not isinstance(mean, float):
        return "–" if mean is None else str(mean)
    if math.isnan(mean):
        return "–"
    percent = column in (COLUMNS["rarest"], COLUMNS["copies"], COLUMNS["label_consistency"])
    text = f"{mean:.1%}" if percent else f"{mean:.2f}"
    if not isinstance(error, float) or math.isnan(error):
        return text
    return f"{text} ± {error:.1%}" if percent else f"{text} ± {error:.2f}"


def _notes(one: ImageQuality) -> tuple[str, ...]:
    return (
        f"{one.data}: batches of {one.n:,} images against the real training images, in the features of a classifier "
        "trained on these; the reference is real images held out from both.",
        "Fréchet distance (FID-like), kernel distance (KID-like): the lower the better. Precision, recall, density, "
        f"coverage (k = {NEIGHBOUR}): the nearer the reference the better.",
        "imbalance: total variation of the predicted classes from the true shares; near copies: of a training image, "
        "in pixels; label consistency: the class predicted is the one asked for (real images: the classifier's "
        "accuracy).",
        "A distance well below the reference is no triumph: copies of the training images look so.",
    )
