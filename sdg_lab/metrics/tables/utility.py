"""Utility: whether a classifier learns from a synthetic table what holds in the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdg_lab.checks import whole
from sdg_lab.metrics.features import fit_features
from sdg_lab.tables.columns import check_columns, check_same_columns

if TYPE_CHECKING:
    import pandas as pd


def table_utility(
    synthetic: pd.DataFrame,
    real_test: pd.DataFrame,
    *,
    target: str,
    classifier: Any = None,
    seed: int = 0,
) -> float:
    """Train on synthetic rows, test on real ones (TSTR): the area under the ROC curve, 0.5 (guessing) to 1.

    It catches a lost dependence of the target on the other columns; it misses everything that does not help to predict
    it, and copies of the training rows, which are as useful as real rows. Scale and categories are those of the
    synthetic rows; a category that the generator has lost is no category to the classifier. Rows without a target are
    left out.

    Source: Esteban et al. (2017), Real-valued Medical Time Series Generation, section 4.2, with the area in place of
    the accuracy, which says little where one class is rare.

    Args:
        synthetic: what to train on.
        real_test: real rows that the generator has not seen.
        target: the column to predict; it must have two values.
        classifier: a scikit-learn classifier; by default gradient boosting over histograms.
        seed: of the default classifier.

    Raises:
        ValueError: if the tables have different columns, or the target has not the same two values in both.
    """
    from sklearn.base import clone
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    whole("seed", seed, least=0)
    tables = {"synthetic": synthetic, "real_test": real_test}
    check_same_columns(tables)
    check_columns(synthetic, [target], "synthetic")
    (rows, labels), (test_rows, test_labels) = (_without_target(table, target) for table in tables.values())
    values = {name: set(found.unique().tolist()) for name, found in zip(tables, (labels, test_labels), strict=True)}
    if len(values["real_test"]) != 2 or values["synthetic"] != values["real_test"]:
        found = ", ".join(f"{sorted(of, key=str)} in {name}" for name, of in values.items())
        raise ValueError(f"the target {target!r} must have the same 2 values in both tables, got {found}")
    positive = max(values["real_test"])
    featurise = fit_features(rows, unseen=True)
    judge = HistGradientBoostingClassifier(random_state=seed) if classifier is None else clone(classifier)
    judge.fit(featurise(rows), labels.to_numpy() == positive)
    features = featurise(test_rows)  # the area asks for an order only: a margin is as good as a probability
    scores = (
        judge.predict_proba(features)[:, 1] if hasattr(judge, "predict_proba") else judge.decision_function(features)
    )
    return float(roc_auc_score(test_labels.to_numpy() == positive, scores))


def _without_target(table: pd.DataFrame, target: str) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Return the other columns and the target, of the rows that have one."""
    known = table[table[target].notna()]
    return known.drop(columns=target), known[target]
