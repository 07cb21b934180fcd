"""The arithmetic of the benchmark of tables; nothing is timed here, and nothing learnt."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import tables
from benchmarks.peers.arf import decimals
from benchmarks.table_figures import Figures, limited, plain, quality
from sdg_lab import data
from sdg_lab.synth import Synthesizer


def mixed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n).round(1)
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            "y": x + rng.normal(size=n),
            "colour": pd.Categorical(rng.choice(["red", "green", None], n), ["red", "green", "blue"]),
            "size": pd.Categorical(rng.choice(["s", "m", "l"], n, p=[0.6, 0.3, 0.1])),
        }
    )


def by_pandas(real: pd.DataFrame, made: pd.DataFrame) -> float:
    """The score again, by the words of sdmetrics' documentation and with what pandas and scipy count."""
    from scipy.stats import ks_2samp

    parts = (real, made)
    numbers = [name for name in real if real[name].dtype == float]
    edges = {name: np.histogram_bin_edges(real[name].dropna()) for name in numbers}

    def words(table: pd.DataFrame, name: str) -> pd.Series:
        column = table[name]
        if name in numbers:
            return pd.Series(np.digitize(column, edges[name]), index=column.index).where(column.notna(), -1).astype(str)
        return column.astype(object).fillna("missing").astype(str)

    def variation(columns: list[str]) -> float:
        shares = [
            pd.concat([words(table, name) for name in columns], axis=1).value_counts(normalize=True) for table in parts
        ]
        return float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2)

    shapes = [
        1 - (ks_2samp(real[name].dropna(), made[name].dropna()).statistic if name in numbers else variation([name]))
        for name in real
    ]
    trends = []
    for a, b in itertools.combinations(real, 2):
        if a in numbers and b in numbers:
            trends.append(1 - abs(real[a].corr(real[b]) - made[a].corr(made[b])) / 2)
        else:
            trends.append(1 - variation([a, b]))
    return float((np.mean(shapes) + np.mean(trends)) / 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 200), st.integers(20, 200), st.integers(0, 2**32 - 1))
def test_the_quality_score_is_what_its_documentation_says(n: int, m: int, seed: int) -> None:
    real, made = mixed(n, seed), mixed(m, seed + 1)
    assert quality(real, made) == pytest.approx(by_pandas(real, made), abs=1e-9)
    assert quality(real, real) == 1


def test_the_correlation_of_a_constant_is_no_trend() -> None:
    real = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 2.0], "z": [0.0, 2.0, 1.0]})
    made = real.assign(z=1.0)
    # Of x, y and z the shapes are 1, 1 and 1 - 1/3; of the pairs only x, y has two correlations.
    assert quality(real, made) == pytest.approx((8 / 9 + 1) / 2)


def test_times_are_seconds_and_whole_numbers_with_gaps_are_floats() -> None:
    table = pd.DataFrame(
        {
            "time": pd.to_datetime(["1970-01-02T00:00:00Z", "1970-01-01T00:00:01Z"], utc=True),
            "count": pd.array([1, None], "Int64"),
            "kind": pd.Categorical(["a", "b"]),
        }
    )
    found = plain(table)
    assert found["time"].tolist() == [86_400.0, 1.0]
    assert found["count"].iloc[0] == 1.0
    assert np.isnan(found["count"].iloc[1])
    assert found["kind"].dtype == table["kind"].dtype
    assert str(table["count"].dtype) == "Int64"


def test_of_many_categories_the_commonest_are_kept() -> None:
    codes = [f"{i:03}" for i in range(300) for _ in range(1 + (i >= 100))]
    train = pd.DataFrame({"code": pd.Categorical(codes), "kind": pd.Categorical(["a"] * len(codes))})
    other = pd.DataFrame({"code": pd.Categorical(["299", "000", None], train["code"].cat.categories)})
    found = limited(train, train)
    assert len(found["code"].cat.categories) == 255
    assert found["kind"].dtype == train["kind"].dtype
    assert set(codes[100:]) < set(found["code"])  # those that occur twice
    assert limited(other, train)["code"].isna().tolist() == [False, False, True]
    assert limited(other, train)["code"].iloc[0] == "299"


def test_four_values_of_five_are_changed_and_stay_in_their_column() -> None:
    train = pd.DataFrame({name: np.arange(5_000.0) for name in "ab"})
    found = tables.changed(train, seed=0)
    for name in "ab":
        assert set(found[name]) <= set(train[name])
        assert abs((found[name] != train[name]).mean() - 0.8) < 0.02
    both = (found == train).all(axis=1).mean()
    assert abs(both - 0.04) < 0.01  # each value for itself


def test_a_cut_holds_out_a_fifth_and_loses_no_row() -> None:
    table = pd.DataFrame({"x": np.arange(103), "year": 2013})
    parts = tables.cut(table, seed=0)
    assert list(parts.train) == ["x"]
    assert len(parts.held_out) == 21
    assert sorted([*parts.train["x"], *parts.held_out["x"]]) == table["x"].tolist()
    assert parts.train["x"].tolist() == table["x"].iloc[parts.learnt].tolist()
    assert np.array_equal(Synthesizer(held_out=tables.HELD_OUT).rows_of(table, seed=0).train, parts.learnt)
    assert tables.cut(table, seed=1).held_out["x"].tolist() != parts.held_out["x"].tolist()


def test_the_targets_are_those_of_the_cards() -> None:
    cards = data.catalog()
    assert {name: cards.loc[name, "target"] for name in tables.TARGETS} == tables.TARGETS


def test_what_takes_too_long_is_stopped() -> None:
    def work_on() -> None:
        while True:
            pass

    with pytest.raises(TimeoutError, match=r"^not done after 0\.05 CPU s$"), tables.patience(0.05):
        work_on()


def test_who_fails_is_said_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(cut: tables.Cut, seed: int) -> tables.Learnt:
        raise ValueError("no such\ncolumn")

    def figures(*args: object, seed: int, **options: object) -> Figures:
        return Figures(0.5, 0.75, 0.5, 0.25, 0.0, 0.5, 1.0, 2.0, float(seed))

    monkeypatch.setattr(tables, "figures", figures)
    monkeypatch.setattr(tables, "CONTESTANTS", {"real rows": tables.CONTESTANTS["real rows"], "auto": broken})
    table = pd.DataFrame({"x": np.arange(2_000.0)})
    found = tables.compete(table, "x")
    assert found["auto"].failed == "ValueError: no such column"
    assert found["real rows"].mean.draw == 1.0
    text = tables.details("fair", table, found)
    assert "fair: 1,600 rows to learn from, 400 held out, 1 columns; mean ± deviation of 3 seeds." in text
    assert "| 0.500 ± 0.000 | 0.750 ± 0.000 |" in text
    assert "| auto | ValueError: no such column |" in text
    assert "| TabDDPM, recorded | 0.59 | 0.719 |" in text
    assert tables.goals("fair", 2_000, found) == []


def test_goals_are_wider_for_small_tables() -> None:
    real = Figures(0.5, 0.9, 1.0, 1.0, 1.0, 0.6, 0.99, 0.0, 0.0)
    ours = Figures(0.55, 0.88, 0.52, 0.01, 0.0, 0.48, 0.985, 2.0, 0.5)
    found = {
        name: tables.Outcome([of], [""]) for name, of in (("real rows", real), ("bootstrap", real), ("auto", ours))
    }
    found["arfpy"] = tables.Outcome([], [], "TimeoutError: not done")
    reached = {size: [row.reached for row in tables.goals("fair", size, found)] for size in (1_000, 2_000)}
    assert reached == {1_000: [True] * 8, 2_000: [False, False] + [True] * 6}


@pytest.mark.parametrize(
    ("values", "places"), [([1.0, 20.0, np.nan], 0), ([0.25, 1.5], 2), ([1 / 3], 8), ([np.nan], 0)]
)
def test_decimals_are_those_that_all_numbers_fit_in(values: list[float], places: int) -> None:
    assert decimals(np.array(values)) == places
