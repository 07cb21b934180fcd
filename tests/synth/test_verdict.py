"""Verdicts in worlds whose faults are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.metrics.tables.attacks import Attack, Disclosure
from sdg_lab.metrics.tables.intervals import Estimate
from sdg_lab.metrics.tables.two_sample import Giveaway
from sdg_lab.synth.judgement import Judgement, judge
from sdg_lab.synth.verdict import Finding, Verdict, legible, verdict_of


def world(n: int, seed: int) -> pd.DataFrame:
    """People of whom nearly all hangs on age; incomes are exact enough to be one person's."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    return pd.DataFrame(
        {
            "age": age,
            "income": np.round(100.0 * age + rng.normal(0, 300, n), 2),
            "height": np.round(rng.normal(170, 10, n), 2),
            "town": pd.Categorical(rng.choice(["Köln", "Bonn", "Aachen"], n)),
            "smokes": pd.Categorical(np.where(age + rng.normal(0, 15, n) > 50, "yes", "no")),
        }
    )


TRAIN, HELD_OUT = world(600, 0), world(500, 1)


def verdict(synthetic: pd.DataFrame, held_out: pd.DataFrame | None = HELD_OUT) -> Verdict:
    return verdict_of(judge(TRAIN, synthetic, held_out, target="smokes", progress=False))


def about(found: Verdict, *topics: str) -> list[str]:
    return [finding.says for finding in found.findings if finding.about in topics and finding.level != "good"]


@pytest.fixture(scope="module")
def good() -> Judgement:
    return judge(TRAIN, world(600, 2), HELD_OUT, target="smokes", progress=False)


@pytest.mark.slow
def test_other_rows_of_the_same_law_are_good(good: Judgement) -> None:
    found = verdict_of(good)
    assert found.level == "good", str(found)
    assert found.headline == (
        "It is like your table, and no attack that was tried did much better than guessing who is in it."
    )


@pytest.mark.slow
def test_copies_give_people_away() -> None:
    found = verdict(TRAIN.sample(frac=1, random_state=0))
    assert found.headline.startswith("Do not share it: it gives away who is in your table.")
    assert found.worst_of("fidelity") == "good"
    assert any("equal a row of your table" in says for says in about(found, "privacy"))
    assert "more than chance brings. → Raise --min-count." in str(found)


@pytest.mark.slow
def test_independent_columns_are_no_table() -> None:
    rng = np.random.default_rng(0)
    found = verdict(pd.DataFrame({name: rng.permutation(TRAIN[name]) for name in TRAIN}))
    assert found.worst_of("fidelity") == "bad"
    assert found.worst_of("use") == "bad"
    assert "age with income (they do not go together" in str(found)


@pytest.mark.slow
def test_one_broken_column_is_named_alone() -> None:
    found = verdict(world(600, 2).assign(income=lambda table: table["income"].round()))
    (says,) = about(found, "fidelity")
    assert "What betrays it: income (its numbers are rounded differently)." in says


@pytest.mark.slow
def test_two_columns_that_were_parted_are_named() -> None:
    made = world(600, 2)
    found = verdict(made.assign(income=np.random.default_rng(0).permutation(made["income"])))
    (says,) = about(found, "fidelity")
    assert "What betrays it: age with income" in says


@pytest.mark.slow
def test_without_held_out_rows_privacy_is_not_judged() -> None:
    found = verdict(world(600, 3), None)
    assert found.worst_of("privacy") is None
    assert found.headline == "It is like your table. Whether it gives away who is in your table was not measured."
    assert "--holdout" in str(found)


@pytest.mark.slow
def test_few_rows_are_said_to_be_few() -> None:
    found = verdict(world(600, 2), HELD_OUT[:50])
    assert found.level == "look"
    assert "would fit what was seen" in str(found)
    assert "With only 50 rows of each kind" in str(found)


def apart(judged: Judgement, area: Estimate, *found: Giveaway) -> Verdict:
    ours = replace(judged.synthetic, apart=replace(judged.synthetic.apart, auc=area))
    return verdict_of(replace(judged, synthetic=ours, giveaways=found))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("area", "level"),
    [
        ((0.55, 0.52, 0.58), "good"),
        ((0.551, 0.52, 0.58), "look"),
        ((0.65, 0.6, 0.7), "look"),
        ((0.651, 0.6, 0.7), "bad"),
        ((0.6, 0.49, 0.7), "good"),  # it may be luck
    ],
)
def test_the_levels_of_likeness(good: Judgement, area: tuple[float, float, float], level: str) -> None:
    assert apart(good, Estimate(*area)).worst_of("fidelity") == level


@pytest.mark.slow
def test_what_betrays_it_is_named_up_to_three(good: Judgement) -> None:
    area = Estimate(0.7, 0.68, 0.72)
    says = str(apart(good, area, *(Giveaway((f"c{i}",), area, 0.2, "values") for i in range(5))))
    assert "c2" in says
    assert "c3" not in says
    assert "and 2 more." in says
    assert "no two together" in str(apart(good, area))


def attacked(
    judged: Judgement,
    area: tuple[float, float, float] = (0.5, 0.48, 0.52),
    share: tuple[float, float, float] = (0.01, 0.005, 0.02),
    outlying: tuple[float, float, float] = (0.5, 0.45, 0.55),
) -> Verdict:
    found = judged.synthetic.membership
    assert found is not None
    strongest = Attack("nearest", Estimate(*area), Estimate(*share))
    there = replace(strongest, auc=Estimate(*outlying))
    membership = replace(found, by_table=strongest, by_table_outlying=there)
    return verdict_of(replace(judged, synthetic=replace(judged.synthetic, membership=membership)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("figures", "level"),
    [
        ({}, "good"),
        ({"area": (0.53, 0.51, 0.55)}, "good"),
        ({"area": (0.54, 0.51, 0.57)}, "look"),
        ({"area": (0.54, 0.49, 0.59)}, "good"),
        ({"area": (0.61, 0.58, 0.64)}, "bad"),
        ({"area": (0.55, 0.4, 0.7)}, "look"),  # too few rows to see more
        ({"share": (0.03, 0.015, 0.05)}, "look"),
        ({"share": (0.03, 0.005, 0.06)}, "good"),
        ({"share": (0.09, 0.06, 0.12)}, "bad"),
        ({"outlying": (0.6, 0.54, 0.66)}, "look"),
        ({"outlying": (0.72, 0.6, 0.8)}, "bad"),
        ({"outlying": (0.72, 0.49, 0.9)}, "good"),
    ],
)
def test_the_levels_of_attacks(good: Judgement, figures: dict[str, tuple[float, float, float]], level: str) -> None:
    assert attacked(good, **figures).worst_of("privacy") == level


@pytest.mark.slow
@pytest.mark.parametrize(
    ("excess", "level"), [((0.02, -0.01, 0.05), "good"), ((0.008, 0.001, 0.02), "look"), ((0.02, 0.01, 0.03), "bad")]
)
@pytest.mark.parametrize("which", ["exact_excess", "near_excess"])
def test_the_levels_of_copies(good: Judgement, which: str, excess: tuple[float, float, float], level: str) -> None:
    assert good.synthetic.copies is not None
    copied = replace(good.synthetic.copies, **{which: Estimate(*excess)})  # type: ignore[arg-type]
    assert verdict_of(replace(good, synthetic=replace(good.synthetic, copies=copied))).worst_of("privacy") == level


@pytest.mark.slow
def test_nearer_is_an_alarm_and_never_a_pass(good: Judgement) -> None:
    assert good.synthetic.copies is not None
    for nearer, level in ((Estimate(0.9, 0.8, 1.0), "look"), (Estimate(0.5, 0.45, 0.55), "good")):
        copied = replace(good.synthetic.copies, nearer=nearer)
        found = verdict_of(replace(good, synthetic=replace(good.synthetic, copies=copied)))
        assert found.worst_of("privacy") == level
        assert ("nearer" in str(found)) == (level == "look")


@pytest.mark.slow
@pytest.mark.parametrize(("low", "level"), [(-0.01, "good"), (0.01, "look"), (0.06, "bad")])
def test_the_levels_of_guessed_values(good: Judgement, low: float, level: str) -> None:
    guessed = Disclosure("town", 0.8, 0.7, Estimate(0.1, low, 0.2))
    found = verdict_of(replace(good, disclosures=(guessed,)))
    assert found.worst_of("privacy") == level
    assert ("Leave out town" in str(found)) == (level != "good")


@pytest.mark.slow
def test_what_cannot_be_learnt_is_said(good: Judgement) -> None:
    assert good.synthetic.downstream is not None
    none = replace(good.synthetic.downstream, synthetic=None, why=("TSTR is not measurable for 'smokes'",))
    found = verdict_of(replace(good, synthetic=replace(good.synthetic, downstream=none)))
    assert "was not measured: TSTR is not measurable" in str(found)
    assert found.worst_of("use") == "look"


def test_headlines_put_people_first() -> None:
    def headline(**levels: str) -> str:
        findings = tuple(Finding(topic, level, "") for topic, level in levels.items())  # type: ignore[arg-type]
        return Verdict("look", findings).headline

    assert headline(fidelity="bad", privacy="bad").startswith("Do not share it")
    assert headline(fidelity="bad", privacy="look").startswith("Look before you share it")
    assert headline(fidelity="bad", privacy="good").startswith("It is not like your table")
    assert "but much less can be learnt from it" in headline(fidelity="good", use="bad", privacy="good")


@given(st.text(max_size=100))
def test_a_legible_name_is_one_line_that_obeys_nothing(name: str) -> None:
    shown = legible(name)
    assert shown
    assert shown.isprintable()
    assert len(shown) <= 60
    assert legible(shown) == shown


@pytest.mark.slow
def test_what_the_model_gives_away_is_said_by_itself(good: Judgement) -> None:
    def likely(table: pd.DataFrame) -> np.ndarray:
        members = set(TRAIN["income"])
        return np.array([1.0 if value in members else 0.0 for value in table["income"]])

    class Model:
        log_prob = staticmethod(likely)

    found = verdict_of(judge(TRAIN, world(600, 2), HELD_OUT, target="smokes", model=Model(), progress=False))
    assert found.worst_of("privacy") == verdict_of(good).worst_of("privacy")
    assert found.worst_of("model") == "look"
    assert "Hand out the table, not the model" in str(found)
