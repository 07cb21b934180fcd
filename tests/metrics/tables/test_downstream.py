"""Learning from synthetic rows: the best areas are known in closed form, and what is not measurable says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from sdg_lab.metrics.tables.downstream import downstream


def table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sick = rng.random(n) < 0.4
    kind = rng.integers(0, 3, n)
    return pd.DataFrame(
        {
            "x": rng.normal(sick, 1),
            "noise": rng.normal(size=n),
            "centre": rng.normal(3 * kind, 1),
            "kind": pd.Categorical(np.array(["a", "b", "c"])[kind]),
            "sick": np.where(sick, "yes", "no"),
        }
    )


def test_two_classes_are_told_as_well_as_can_be_from_either_kind_of_rows():
    found = downstream(table(4000, 0), table(4000, 1), table(4000, 2), target="sick")
    best = norm.cdf(1 / np.sqrt(2))
    assert found.task == "two classes"
    for figure in (found.real, found.synthetic, found.on_synthetic):
        assert best - 0.05 < figure.value < best + 0.03
    assert abs(found.lost) < 0.03
    assert found.why == ()


def test_several_classes_are_each_told_from_the_others():
    found = downstream(table(2000, 0), table(2000, 1), table(2000, 2), target="kind")
    # a against b and c, from a centre 3 deviations apart: the outer two and the middle one, in closed form
    outer = (norm.cdf(3 / np.sqrt(2)) + norm.cdf(6 / np.sqrt(2))) / 2
    assert found.task == "classes"
    assert outer - 0.04 < found.synthetic.value < 1
    assert found.synthetic.low < found.synthetic.value < found.synthetic.high


def test_a_number_is_asked_for_its_upper_half():
    found = downstream(table(2000, 0), table(2000, 1), table(2000, 2), target="x")
    assert found.task == "number"
    assert 0.6 < found.real.value < 0.75  # of sick or not, half a deviation to both sides of the median


def test_a_target_that_goes_with_nothing_is_not_learnt():
    synthetic = table(2000, 0)
    synthetic["sick"] = synthetic["sick"].sample(frac=1, random_state=0).to_numpy()
    found = downstream(synthetic, table(2000, 1), table(2000, 2), target="sick")
    assert found.synthetic.value == pytest.approx(0.5, abs=0.06)
    assert found.on_synthetic.value == pytest.approx(0.5, abs=0.06)
    assert found.lost > 0.1


def test_the_last_column_that_varies_is_asked_for_if_none_is_named():
    tables = [table(200, seed).assign(always=1.0, gone=np.nan) for seed in range(3)]
    assert downstream(*tables).target == "sick"
    assert downstream(*(t[["sick", "x"]] for t in tables)).target == "x"


def test_a_class_that_the_model_lost_is_guessed():
    synthetic = table(2000, 0).query("kind != 'b'")
    found = downstream(synthetic, table(2000, 1), table(2000, 2), target="kind")
    assert found.synthetic.value < found.real.value - 0.1


def test_a_number_of_which_most_are_the_largest_is_told_from_it():
    rng = np.random.default_rng(0)
    tables = []
    for _ in range(3):
        x = rng.normal(size=500)
        tables.append(pd.DataFrame({"x": x, "full": np.where(x > -0.5, 10, rng.integers(0, 10, 500))}))
    assert downstream(*tables).real.value > 0.99


def test_a_rare_class_is_one_with_the_others():
    tables = [table(600, seed) for seed in range(3)]
    for t in tables:
        t["code"] = [f"{i % 40}" for i in range(600)]
    assert downstream(*tables, target="code").task == "classes"


def test_one_class_left_is_no_crash_but_a_reason():
    synthetic = table(300, 0).assign(sick="yes")
    found = downstream(synthetic, table(300, 1), table(300, 2), target="sick")
    assert found.real is not None
    assert (found.synthetic, found.on_synthetic, found.lost) == (None, None, None)
    assert found.why == (
        "TSTR is not measurable for the target 'sick': it has one value in all synthetic rows to learn from",
        "TRTS is not measurable for the target 'sick': it has one value in all synthetic rows to test on",
    )


def test_a_target_that_hardly_a_row_has_is_a_reason():
    real = table(300, 1)
    real.loc[4:, "sick"] = None
    found = downstream(table(300, 0), real, table(300, 2), target="sick")
    assert found.why[0].endswith("only 4 real rows to learn from have it, 10 are needed")
    assert found.synthetic is not None


def test_the_seed_says_which_rows_are_drawn():
    tables = [table(400, seed) for seed in range(3)]
    first, again, other = (downstream(*tables, target="sick", rows=100, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        (lambda t: t, {"target": "health"}, r"real_train lacks the columns \['health'\]"),
        (lambda t: t[["x"]], {}, "real_train has the one column 'x'; predicting needs another"),
        (lambda t: t.head(0), {}, r"real_train is empty: shape \(0, 5\)"),
        (lambda t: t, {"rows": 5}, "rows must be a whole number >= 10, got 5"),
    ],
)
def test_what_cannot_be_predicted_is_refused(change, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        downstream(*(change(table(50, seed)) for seed in range(3)), **options)
