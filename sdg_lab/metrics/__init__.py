"""Judge samples by figures, each beside its reference: fidelity, diversity, utility, privacy and likelihood.

The order of work: turn rows into features on a basis fitted on the real training data (``fit_features``), compare equal
numbers of rows (``subsample``), and print every figure beside that of real data (``score``, ``scoreboard``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdg_lab.metrics.diversity import PRDC, prdc, unique_fraction
from sdg_lab.metrics.features import fit_features
from sdg_lab.metrics.fidelity import c2st, frechet_by_size, frechet_distance, kernel_distance, total_variation
from sdg_lab.metrics.images.quality import ImageFigures, ImageQuality, judge_images
from sdg_lab.metrics.images.table import ImageQualityTable, image_quality_table
from sdg_lab.metrics.likelihood import Likelihood, bits_per_dim, nats_per_symbol
from sdg_lab.metrics.privacy import Memorisation, memorisation, near_copies, nearest_training
from sdg_lab.metrics.rows import subsample
from sdg_lab.metrics.scoreboard import Line, Scoreboard, score, scoreboard
from sdg_lab.metrics.sequences.next_item import hit_rate, mean_reciprocal_rank, next_item_cases, sequential_rules
from sdg_lab.metrics.tables.dependence import mean_pair_distance, pair_distances
from sdg_lab.metrics.tables.privacy import ClosestRecord, closest_record
from sdg_lab.metrics.tables.utility import table_utility
from sdg_lab.metrics.uncertainty import chance_error, mean_and_error
from sdg_lab.metrics.utility import train_on_synthetic

if TYPE_CHECKING:
    from sdg_lab.metrics.images.classifier import ImageClassifier

__all__ = [
    "PRDC",
    "ClosestRecord",
    "ImageClassifier",
    "ImageFigures",
    "ImageQuality",
    "ImageQualityTable",
    "Likelihood",
    "Line",
    "Memorisation",
    "Scoreboard",
    "bits_per_dim",
    "c2st",
    "chance_error",
    "closest_record",
    "fit_features",
    "frechet_by_size",
    "frechet_distance",
    "hit_rate",
    "image_quality_table",
    "judge_images",
    "kernel_distance",
    "mean_and_error",
    "mean_pair_distance",
    "mean_reciprocal_rank",
    "memorisation",
    "nats_per_symbol",
    "near_copies",
    "nearest_training",
    "next_item_cases",
    "pair_distances",
    "prdc",
    "score",
    "scoreboard",
    "sequential_rules",
    "subsample",
    "table_utility",
    "total_variation",
    "train_on_synthetic",
    "unique_fraction",
]


def __getattr__(name: str) -> Any:
    """Load the one torch module of this package when it is asked for: torch takes seconds."""
    if name == "ImageClassifier":
        from sdg_lab.metrics.images.classifier import ImageClassifier

        return ImageClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
