"""The Gaussian copula: its correlations against integrals and a published matrix, its samples against the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from sdg_lab.models.copula import GaussianCopula
from sdg_lab.models.copula.scores import behind, edges_of, nearest_correlation, scores_of, series_of

masses = st.lists(st.integers(0, 50), min_size=2, max_size=6).filter(lambda counts: sum(map(bool, counts)) > 1)


@given(masses)
def test_scores_are_means_of_the_cells(counts: list[int]) -> None:
    mass = np.array(counts, float)
    edges, share = edges_of(mass), mass / mass.sum()
    for state, score in enumerate(scores_of(mass)):
        if share[state]:
            inside = quad(lambda z: z * norm.pdf(z), edges[state], edges[state + 1])[0]
            assert score == pytest.approx(inside / share[state], abs=1e-6)


def test_the_covariance_of_scores_is_the_integral_that_mehler_expands() -> None:
    first, second, correlation = np.array([3.0, 5, 2]), np.array([1.0, 1, 6, 2]), 0.6
    corners = [np.clip(edges_of(mass), -9, 9) for mass in (first, second)]
    normal = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
    upto = np.array([[normal.cdf([x, y]) for y in corners[1]] for x in corners[0]])
    cells = np.diff(np.diff(upto, axis=0), axis=1)
    wanted = scores_of(first) @ cells @ scores_of(second)
    by_series = (series_of(first) * series_of(second)) @ correlation ** np.arange(1, 41)
    assert by_series == pytest.approx(wanted, abs=1e-5)
    found = behind(np.array([[1, wanted], [wanted, 1]]), np.stack([series_of(first), series_of(second)]))
    assert found[0, 1] == pytest.approx(correlation, abs=1e-4)


def test_the_nearest_correlation_matrix_is_the_published_one() -> None:
    # Higham (2002), section 4.
    found = nearest_correlation(np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]]))
    assert np.round(found[np.triu_indices(3, 1)], 4) == pytest.approx([0.7607, 0.1573, 0.7607], abs=2e-4)


def test_a_matrix_that_is_one_stays() -> None:
    matrix = np.array([[1.0, 0.3, -0.2], [0.3, 1, 0.5], [-0.2, 0.5, 1]])
    assert nearest_correlation(matrix) == pytest.approx(matrix, abs=1e-12)


def normals(n: int, correlation: float, seed: int = 0) -> np.ndarray:
    cov = [[1, correlation], [correlation, 1]]
    return np.random.default_rng(seed).multivariate_normal([0, 0], cov, size=n)


@pytest.mark.parametrize("correlation", [-0.8, 0.0, 0.5])
def test_it_finds_the_correlation_behind_coarse_columns(correlation: float) -> None:
    z = normals(20_000, correlation)
    table = pd.DataFrame({"yes": z[:, 0] > 0.5, "grade": np.digitize(z[:, 1], [-1, 0, 1.5])})
    found = GaussianCopula().fit(table, progress=False).correlations().loc["yes", "grade"]
    assert found == pytest.approx(correlation, abs=0.05)  # four deviations of a polychoric correlation


def test_samples_have_the_margins_and_the_pairs_of_the_table() -> None:
    z = normals(20_000, 0.7)
    table = pd.DataFrame(
        {"a": np.digitize(z[:, 0], [-0.5, 1]), "b": pd.cut(z[:, 1], [-9, 0, 1, 9], labels=list("xyz"))}
    )
    drawn = GaussianCopula().fit(table, progress=False).sample(20_000, seed=1)
    shares = [pd.crosstab(rows["a"], rows["b"], normalize=True).to_numpy() for rows in (table, drawn)]
    assert shares[1] == pytest.approx(shares[0], abs=0.02)  # four deviations of a share of 20,000
    assert drawn.dtypes.equals(table.dtypes)


def test_what_is_missing_together_stays_missing_together() -> None:
    rng = np.random.default_rng(0)
    lacks = rng.random(4_000) < 0.3
    table = pd.DataFrame({name: np.where(lacks, np.nan, rng.normal(size=4_000)) for name in ("a", "b")})
    drawn = GaussianCopula().fit(table, progress=False).sample(4_000, seed=0)
    both = drawn["a"].isna() & drawn["b"].isna()
    either = drawn["a"].isna() | drawn["b"].isna()
    assert both.sum() / either.sum() > 0.9
    assert either.mean() == pytest.approx(0.3, abs=0.05)


def test_a_category_without_an_order_goes_with_the_others() -> None:
    rng = np.random.default_rng(0)
    kind = rng.choice(list("abcd"), 4_000)
    size = rng.normal(pd.Series(kind).map({"a": 3, "b": -3, "c": 1, "d": -1}).to_numpy(), 0.5)
    table = pd.DataFrame({"kind": kind, "size": size})
    drawn = GaussianCopula().fit(table, progress=False).sample(4_000, seed=0)
    means = drawn.groupby("kind")["size"].mean()
    assert means[["b", "d", "c", "a"]].is_monotonic_increasing


def test_no_rare_number_is_handed_out() -> None:
    table = pd.DataFrame({"income": np.random.default_rng(0).lognormal(10, 1, 2_000), "yes": [True, False] * 1_000})
    drawn = GaussianCopula().fit(table, progress=False).sample(5_000, seed=0)
    assert not set(drawn["income"]) & set(table["income"])


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1, 2, 3, 1], "b": list("xyxy")})
    model = GaussianCopula().fit(table, progress=False)
    with pytest.raises(ValueError, match="correlations do not fit"):
        model.restore({**model.state(), "correlation": np.eye(3)}, model.facts())
    with pytest.raises(ValueError, match="shares of the states"):
        model.restore({**model.state(), "0.mass": np.array([1.0, -1, 1])}, model.facts())
    with pytest.raises(ValueError, match="bins"):
        GaussianCopula(bins=1)
