"""Single columns: scipy's test statistic and shares counted by hand are the oracles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from sdg_lab.metrics.tables.marginals import column_distances


def test_numbers_are_as_far_apart_as_scipy_says():
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=300).round(1), rng.normal(0.3, 1, size=200).round(1)
    found = column_distances(pd.DataFrame({"x": real}), pd.DataFrame({"x": synthetic}))
    assert found.loc["x", "distance"] == pytest.approx(ks_2samp(real, synthetic).statistic)


def test_categories_are_half_the_sum_of_the_gaps_apart():
    real = pd.DataFrame({"kind": list("aaab"), "yes": [True, True, False, False]})
    synthetic = pd.DataFrame({"kind": list("abbc"), "yes": [True] * 4})
    found = column_distances(real, synthetic)
    assert found["distance"].tolist() == [(0.5 + 0.25 + 0.25) / 2, 0.5]  # 1 - these are TVComplements
    assert found["kind"].tolist() == ["categories", "categories"]


def test_missing_values_are_compared_by_themselves():
    real = pd.DataFrame({"x": [1.0, 2.0, np.nan, np.nan], "kind": ["a", None, "b", "b"]})
    synthetic = pd.DataFrame({"x": [1.0, 2.0, 1.0, 2.0], "kind": [None, None, None, None]}).astype({"kind": object})
    found = column_distances(real, synthetic)
    assert found.loc["x", "distance"] == 0
    assert np.isnan(found.loc["kind", "distance"])
    assert found["missing_real"].tolist() == [0.5, 0.25]
    assert found["missing_synthetic"].tolist() == [0, 1]


@pytest.mark.parametrize(("n", "m"), [(200, 200), (1000, 100)])
def test_chance_brings_what_it_is_said_to_bring(n, m):
    rng = np.random.default_rng(n)

    def table(rows):
        return pd.DataFrame({"x": rng.normal(size=rows), "kind": rng.choice(list("abcdefgh"), rows)})

    draws = [column_distances(table(n), table(m)) for _ in range(60)]
    mean = np.mean([draw["distance"] for draw in draws], axis=0)
    said = np.mean([draw["by_chance"] for draw in draws], axis=0)
    np.testing.assert_allclose(mean, said, rtol=0.15)  # 4 errors of 60 draws, and Kolmogorov's law is of many rows


def test_of_more_rows_some_are_drawn_by_the_seed():
    rng = np.random.default_rng(0)
    tables = [pd.DataFrame({"x": rng.normal(size=500)}) for _ in range(2)]
    first, again, other = (column_distances(*tables, rows=50, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert first.loc["x", "distance"] != other.loc["x", "distance"]


def test_no_rows_are_refused():
    table = pd.DataFrame({"x": [1.0]})
    with pytest.raises(ValueError, match="rows must be a whole number >= 1, got 0"):
        column_distances(table, table, rows=0)
