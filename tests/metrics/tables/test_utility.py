"""Utility of tables: scikit-learn's pipeline is the oracle, trained on the synthetic rows and tested on the real."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sdg_lab.metrics import table_utility


def numbers(n: int, seed: int, scale: float = 1.0) -> pd.DataFrame:
    """Two numbers of different scale, both of which tell the target a little."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, n))
    return pd.DataFrame({"x": scale * x, "y": 30 * y, "ill": x + y + rng.normal(size=n) > 0})


def test_it_is_the_area_of_a_classifier_that_was_trained_and_scaled_on_the_synthetic_rows():
    synthetic, test = numbers(300, 0), numbers(100, 1, scale=4.0)
    scaler = StandardScaler().fit(synthetic[["x", "y"]].to_numpy())
    rows, test_rows = (scaler.transform(table[["x", "y"]].to_numpy()) for table in (synthetic, test))
    theirs = KNeighborsClassifier(9).fit(rows, synthetic["ill"]).predict_proba(test_rows)[:, 1]
    ours = table_utility(synthetic, test, target="ill", classifier=KNeighborsClassifier(9))
    assert ours == pytest.approx(roc_auc_score(test["ill"], theirs), abs=1e-9)
    assert ours != pytest.approx(table_utility(test, synthetic, target="ill", classifier=KNeighborsClassifier(9)))


def test_a_classifier_learns_from_good_rows_and_not_from_shuffled_ones():
    synthetic, test = numbers(2000, 0), numbers(1000, 1)
    shuffled = synthetic.assign(ill=np.random.default_rng(0).permutation(synthetic["ill"]))
    assert table_utility(shuffled, test, target="ill") < 0.6 < 0.75 < table_utility(synthetic, test, target="ill")


def test_the_seed_decides_what_the_default_classifier_draws():
    many, test = numbers(11_000, 0), numbers(500, 1)  # above 10,000 rows it holds some back, and stops early by them
    seeds = ({}, {"seed": 0}, {"seed": 1})
    first, again, other = (table_utility(many, test, target="ill", **seed) for seed in seeds)
    assert first == again != other


def test_a_missing_number_is_seen_by_the_classifier():
    synthetic, test = numbers(200, 0)[["x", "ill"]], numbers(100, 1)[["x", "ill"]]
    rng = np.random.default_rng(2)
    for table in (synthetic, test):
        table["x"] = np.where(table["ill"], np.nan, rng.permutation(table["x"]))
    assert table_utility(synthetic, test, target="ill", classifier=LogisticRegression(C=1e6)) > 0.99


def test_rows_without_a_target_are_left_out():
    synthetic, test = numbers(200, 0).astype({"ill": object}), numbers(100, 1).astype({"ill": object})
    judge = KNeighborsClassifier(5)
    gaps = [table.assign(ill=table["ill"].where(np.arange(len(table)) % 3 > 0, None)) for table in (synthetic, test)]
    whole = [table[np.arange(len(table)) % 3 > 0] for table in (synthetic, test)]
    found, want = (table_utility(*pair, target="ill", classifier=judge) for pair in (gaps, whole))
    assert found == want


def test_a_category_that_the_generator_has_lost_does_not_stop_the_classifier():
    synthetic = pd.DataFrame({"kind": ["a", "b"] * 20, "same": 1.0, "y": [0, 1] * 20})
    test = pd.DataFrame({"kind": ["a", "b", "c", None] * 5, "same": 1.0, "y": [0, 1] * 10})
    assert table_utility(synthetic, test, target="y", classifier=LogisticRegression()) == pytest.approx(0.875)


def test_a_classifier_that_knows_a_margin_and_no_probability_will_do():
    synthetic = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0] * 5, "y": [0, 0, 1, 1] * 5})
    test = pd.DataFrame({"x": [0.1, 1.6, 1.4, 2.9], "y": [0, 0, 1, 1]})
    assert table_utility(synthetic, test, target="y", classifier=LinearSVC()) == pytest.approx(0.75)


def test_the_classifier_that_is_given_is_left_as_it_was():
    judge = DummyClassifier()
    assert table_utility(numbers(50, 0), numbers(50, 1), target="ill", classifier=judge) == 0.5
    assert not hasattr(judge, "classes_")


TABLE = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [0, 1, 0, 1]})


@pytest.mark.parametrize(
    ("synthetic", "real", "sentence"),
    [
        ({"y": list("0101")}, {}, r"target 'y' must have the same 2 values .* \['0', '1'\] in synthetic, \[0, 1\] in"),
        ({"y": 1}, {}, r"got \[1\] in synthetic, \[0, 1\] in real_test"),
        ({"y": [0, 1, 2, 1]}, {}, r"got \[0, 1, 2\] in synthetic"),
        ({"y": [0, 2, 0, 2]}, {"y": [0, 1, 2, 0]}, r"got \[0, 2\] in synthetic, \[0, 1, 2\] in real_test"),
        ({"z": 1}, {}, r"real_test lacks the columns \['z'\]"),
        ({}, {"z": 1}, r"synthetic lacks the columns \['z'\]"),
        ({"x": list("1234")}, {}, "column 'x' holds numbers, what it is compared with text; give both one type"),
        ({}, {"x": list("1234")}, "column 'x' holds text, what it is compared with numbers"),
    ],
)
def test_tables_that_cannot_be_compared_are_refused(synthetic, real, sentence):
    with pytest.raises(ValueError, match=sentence):
        table_utility(TABLE.assign(**synthetic), TABLE.assign(**real), target="y")


@pytest.mark.parametrize("other", [None, TABLE.to_numpy()])
def test_what_is_no_table_is_refused(other):
    with pytest.raises(TypeError, match=f"real_test must be a pandas DataFrame, got {type(other).__name__}"):
        table_utility(TABLE, other, target="y")
    with pytest.raises(TypeError, match=f"synthetic must be a pandas DataFrame, got {type(other).__name__}"):
        table_utility(other, TABLE, target="y")
    with pytest.raises(ValueError, match="seed must be a whole number >= 0, got True"):
        table_utility(TABLE, TABLE, target="y", seed=True)


def test_a_target_that_is_no_column_is_refused():
    with pytest.raises(ValueError, match=r"synthetic lacks the columns \['z'\]; it has \['x', 'y'\]"):
        table_utility(TABLE, TABLE, target="z")
