"""Attacks in worlds where the answer is known: a perfect sampler, a copier, and one who keeps a fifth of each row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from sdg_lab.metrics.tables.attacks import attribute_inference, membership_inference
from sdg_lab.metrics.tables.copies import copies

MEAN, COV = np.zeros(6), np.full((6, 6), 0.4) + 0.6 * np.eye(6)


def gaussian(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.multivariate_normal(MEAN, COV, n), columns=[f"x{i}" for i in range(6)])


def mixture(n: int, seed: int) -> pd.DataFrame:
    """Two groups of people, coarse numbers, categories and missing values: many rows are equal."""
    rng = np.random.default_rng(seed)
    group = rng.random(n) < 0.3
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.05, np.nan, rng.normal(30 + 20 * group, 5).round()),
            "town": np.array([*"abcd"])[np.minimum(rng.geometric(0.5, n) - 1, 3)],
            "works": rng.random(n) < 0.2 + 0.6 * group,
            "children": pd.array(rng.poisson(1 + group), dtype="Int64"),
        }
    )


def perturbed(table: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Draw a share of all values anew, each from its column."""
    rng = np.random.default_rng(seed)
    changed = {}
    for name in table:
        anew = table[name].array[rng.integers(0, len(table), len(table))]
        changed[name] = table[name].where(rng.random(len(table)) >= share, anew)
    return pd.DataFrame(changed)


@pytest.mark.parametrize("make", [gaussian, mixture])
@pytest.mark.parametrize("seed", range(3))
def test_of_a_perfect_sampler_no_attack_finds_anybody(make, seed):
    synthetic, train, held_out = (make(1200, 3 * seed + i) for i in range(3))
    found = membership_inference(synthetic, train, held_out, seed=seed)
    for attack in (*found.attacks, found.strongest, *found.outlying, found.strongest_outlying):
        half = (attack.auc.high - attack.auc.low) / 2
        assert attack.auc.value == pytest.approx(0.5, abs=2.2 * half), attack  # 4 errors
        assert attack.tpr.low <= 0.02, attack
    assert found.members == 1200  # each half of the held-out rows was asked about
    assert found.reference == 600


def test_a_copier_gives_everybody_away():
    train, held_out = gaussian(1000, 0), gaussian(1000, 1)
    bootstrap = train.sample(1000, replace=True, random_state=0)
    found = membership_inference(bootstrap, train, held_out)
    attacks = {attack.name: attack for attack in found.attacks}
    there = 1 - np.exp(-1)  # the share of rows that a bootstrap has at all
    for name in ("nearest", "nearest, for where it lies", "parts"):
        assert attacks[name].auc.low > 0.75
        assert attacks[name].tpr.value == pytest.approx(there, abs=4 * np.sqrt(there * (1 - there) / 1000))
    assert attacks["density"].auc.low > 0.5
    assert found.strongest.auc.low > 0.75
    assert found.strongest_outlying.tpr.value > 0.4


def test_who_keeps_a_fifth_of_each_row_passes_the_nearest_record_and_is_found():
    train, held_out = gaussian(1500, 0), gaussian(1500, 1)
    synthetic = perturbed(train, 0.8, 2)
    shares = copies(synthetic, train, held_out)
    assert shares.exact.value == 0
    assert shares.nearer.low < 0.53  # no alarm to speak of
    found = membership_inference(synthetic, train, held_out)
    attacks = {attack.name: attack for attack in found.attacks}
    assert attacks["nearest"].auc.value < 0.6
    assert attacks["parts"].auc.low > 0.7
    assert found.strongest.name == "parts"
    assert found.strongest.tpr.low > 0.1


def test_a_likelihood_that_is_too_high_where_it_has_learnt_is_found():
    from sklearn.neighbors import KernelDensity

    train, held_out, fresh = gaussian(800, 0), gaussian(800, 1), gaussian(800, 2)
    narrow = KernelDensity(bandwidth=0.6).fit(train.to_numpy())
    found = membership_inference(fresh, train, held_out, log_prob=lambda table: narrow.score_samples(table.to_numpy()))
    attacks = {attack.name: attack for attack in found.attacks}
    assert attacks["likelihood"].auc.low > 0.5
    assert attacks["likelihood, for where it lies"].auc.value > attacks["likelihood"].auc.value
    assert "likelihood" in found.strongest.name

    law = multivariate_normal(MEAN, COV)
    true = membership_inference(fresh, train, held_out, log_prob=lambda table: law.logpdf(table.to_numpy()))
    likelihood = next(attack for attack in true.attacks if attack.name == "likelihood")
    assert likelihood.auc.value == pytest.approx(0.5, abs=4 * np.sqrt(1601 / 12) / 800)


def test_what_a_model_holds_impossible_is_less_likely_than_all_else():
    train, held_out = gaussian(300, 0), gaussian(300, 1)
    known = {tuple(row) for row in train.to_numpy()}

    def log_prob(table):
        return np.array([0.0 if tuple(row) in known else -np.inf for row in table.to_numpy()])

    found = membership_inference(gaussian(300, 2), train, held_out, log_prob=log_prob)
    assert next(attack for attack in found.attacks if attack.name == "likelihood").auc.value == 1


def test_where_held_out_rows_are_many_half_of_them_are_for_reference_only():
    found = membership_inference(mixture(100, 0), mixture(300, 1), mixture(400, 2), rows=50)
    assert (found.members, found.reference) == (50, 200)


def test_the_seed_says_who_is_asked_about():
    tables = mixture(200, 0), mixture(200, 1), mixture(200, 2)
    first, again, other = (membership_inference(*tables, rows=60, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("sizes", "options", "sentence"),
    [
        ((50, 50, 19), {}, "held_out has 19 rows; the attacks need at least 20"),
        ((50, 9, 50), {}, "train has 9 rows; the attacks need at least 10"),
        ((4, 50, 50), {}, "synthetic has 4 rows; the attacks need at least 5"),
        ((50, 50, 50), {"rows": 9}, "rows must be a whole number >= 10, got 9"),
        ((50, 50, 50), {"log_prob": lambda table: np.zeros(3)}, r"log_prob must return 25 numbers.*got shape \(3,\)"),
        (
            (50, 50, 50),
            {"log_prob": lambda table: np.full(len(table), np.nan)},
            "log_prob must return 25 numbers, one a row and none NaN",
        ),
    ],
)
def test_an_attack_that_cannot_be_made_is_refused(sizes, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        membership_inference(*(mixture(n, i) for i, n in enumerate(sizes)), **options)


@pytest.mark.parametrize("seed", range(3))
def test_of_a_perfect_sampler_no_secret_of_those_learnt_from_is_guessed_better(seed):
    found = attribute_inference(*(mixture(800, 3 * seed + i) for i in range(3)))
    assert len(found) == 4
    for line in found:
        half = (line.advantage.high - line.advantage.low) / 2
        assert line.advantage.value == pytest.approx(0, abs=1.7 * half)  # 4 errors: half is 2.5 of them
        assert line.advantage.value == pytest.approx(line.train - line.held_out)


def test_what_a_copier_gives_away_is_the_secret_of_those_learnt_from():
    train, held_out = gaussian(500, 0), gaussian(500, 1)
    (found,) = attribute_inference(train, train, held_out, secret="x3")
    assert found.column == "x3"
    assert found.train == 1
    assert found.held_out < 0.2
    assert found.advantage.low > 0.7


def test_a_guess_is_the_value_of_the_nearest_row_without_the_secret():
    synthetic = pd.DataFrame({"x": [0.0, 1.0, 5.0], "secret": ["a", None, "c"]})
    train = pd.DataFrame({"x": [0.1, 0.9, 4.0, 0.2], "secret": ["a", None, "a", "c"]})
    (found,) = attribute_inference(synthetic, train, train, secret="secret")
    assert found.train == 0.5  # the first two


def test_a_number_is_guessed_within_a_tenth_of_a_deviation():
    held_out = pd.DataFrame({"x": [0.0, 0.0], "secret": [-1.0, 1.0]})
    made = pd.DataFrame({"x": [0.0], "secret": [1.05]})
    (found,) = attribute_inference(made, held_out, held_out, secret="secret")
    assert found.held_out == 0.5
    (found,) = attribute_inference(made.assign(secret=1.15), held_out, held_out, secret="secret")
    assert found.held_out == 0


def test_a_secret_needs_a_name_and_something_to_guess_it_from():
    table = mixture(30, 0)
    with pytest.raises(ValueError, match=r"train lacks the columns \['name'\]"):
        attribute_inference(table, table, table, secret="name")
    with pytest.raises(ValueError, match="train has the one column 'age'; guessing it needs another"):
        attribute_inference(*[table[["age"]]] * 3)
