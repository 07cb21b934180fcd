"""The scoreboard: each figure is that of its metric, its reference that of real rows, and bad models look bad."""

import dataclasses
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sdg_lab.data.types import Card, Dataset, Images
from sdg_lab.metrics import (
    Likelihood,
    Memorisation,
    Scoreboard,
    c2st,
    memorisation,
    prdc,
    score,
    scoreboard,
    subsample,
)
from sdg_lab.metrics.scoreboard import Line

CARD = Card("blobs", "two blobs", "images", "here", "CC0", "300 x 1 x 2 x 2", "ink", "")


def blobs(n, seed):
    """Two clusters of small pictures."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.2, 0.8, 0.3, 0.5], [0.8, 0.2, 0.6, 0.5]])
    pixels = (centres[rng.integers(0, 2, n)] + rng.normal(0, 0.05, (n, 4))).clip(0, 1)
    return Images(pixels.astype(np.float32).reshape(n, 1, 2, 2))


DATA = Dataset(CARD, blobs(240, 0), blobs(60, 1), blobs(60, 2))


@pytest.fixture(scope="module")
def lines():
    common = {"data": DATA, "parameters": 12, "seconds": 0.5}
    collapsed = Images(np.repeat(blobs(1, 5).pixels, 60, axis=0))
    return {
        "good": score("good", samples=blobs(500, 3), likelihood=Likelihood(3.2, "nats/image", exact=True), **common),
        "copies": score("copies", samples=DATA.train, **common),
        "collapsed": score("collapsed", samples=collapsed, **common),
    }


def test_each_figure_is_that_of_its_metric_on_the_rows_it_is_meant_for():
    samples, seed = blobs(90, 3), 4
    line = score("good", data=DATA, samples=samples, parameters=0, seconds=0.0, seed=seed)
    fake, test, train = (subsample(part, 60, seed=seed) for part in (samples, DATA.test, DATA.train))
    fake_x, test_x, train_x = (part.pixels.reshape(60, 4).astype(float) for part in (fake, test, train))
    assert (line.name, line.data, line.parameters, line.seconds, line.likelihood) == ("good", "blobs", 0, 0.0, None)
    assert line.fidelity == c2st(test_x, fake_x, seed=seed)
    assert line.fidelity_reference == c2st(test_x, train_x, seed=seed)
    assert line.diversity == prdc(test_x, fake_x, 5).coverage != prdc(fake_x, test_x, 5).coverage
    assert line.diversity_reference == prdc(test_x, train_x, 5).coverage
    assert line.memorisation == memorisation(fake, DATA.train, DATA.test)  # copies are looked for in all of train
    assert line.memorisation_reference == memorisation(test, DATA.train, DATA.test).in_train


def test_the_smallest_set_and_a_thousand_rows_are_the_most_that_is_compared(monkeypatch):
    monkeypatch.setattr(sys.modules[Line.__module__], "c2st", lambda a, b, seed: 0.5)
    few, many = blobs(6, 0), blobs(1001, 1)
    for train, test, samples, n in ((few, many, many, 6), (many, few, many, 6), (many, many, few, 6)):
        data = Dataset(CARD, train, few, test)
        assert score("m", data=data, samples=samples, parameters=1, seconds=1.0).n == n
    assert score("m", data=Dataset(CARD, many, few, many), samples=many, parameters=1, seconds=1.0).n == 1000


def test_the_seed_decides_which_rows_are_compared(monkeypatch):
    def shown(real, fake, k):
        return SimpleNamespace(coverage=(real.tolist(), fake.tolist(), k))

    monkeypatch.setattr(sys.modules[Line.__module__], "c2st", lambda real, fake, seed: (real.tolist(), fake.tolist()))
    monkeypatch.setattr(sys.modules[Line.__module__], "prdc", shown)
    samples = blobs(90, 3)
    for seed in (0, 1):
        line = score("m", data=DATA, samples=samples, parameters=1, seconds=1.0, seed=seed)
        fake, test, train = (
            subsample(part, 60, seed=seed).pixels.reshape(60, 4).tolist() for part in (samples, DATA.test, DATA.train)
        )
        assert line.fidelity == (test, fake)
        assert line.fidelity_reference == (test, train)
        assert line.diversity == (test, fake, 5)
        assert line.diversity_reference == (test, train, 5)


def test_everything_is_compared_on_as_many_rows_as_the_smallest_part_has(lines):
    assert [line.n for line in lines.values()] == [60, 60, 60]


def test_the_reference_is_the_same_whatever_the_samples(lines):
    references = {
        (line.fidelity_reference, line.diversity_reference, line.memorisation_reference) for line in lines.values()
    }
    assert len(references) == 1


def test_a_good_model_looks_like_the_reference(lines):
    good = lines["good"]
    assert abs(good.fidelity - good.fidelity_reference) < 0.15
    assert abs(good.diversity - good.diversity_reference) < 0.15
    assert good.memorisation.in_train < 0.3


def test_copies_look_perfect_until_memorisation_is_read(lines):
    copies = lines["copies"]
    assert copies.fidelity == copies.fidelity_reference
    assert copies.diversity == copies.diversity_reference
    assert copies.memorisation.in_train == 1.0
    assert copies.memorisation_reference < 0.3


def test_a_collapsed_model_is_seen_through(lines):
    assert lines["collapsed"].fidelity > 0.9
    assert lines["collapsed"].diversity < 0.3


def test_the_same_seed_gives_the_same_line(lines):
    again = score(
        "good",
        data=DATA,
        samples=blobs(500, 3),
        parameters=12,
        seconds=0.5,
        likelihood=Likelihood(3.2, "nats/image", exact=True),
    )
    assert again == lines["good"]
    other = score("good", data=DATA, samples=blobs(500, 3), parameters=12, seconds=0.5, seed=1)
    assert other.fidelity != again.fidelity


def test_the_basis_is_that_of_train():
    """A category that no test row has is one, and the scale is that of many rows."""
    rng = np.random.default_rng(0)
    train, test, samples = (pd.DataFrame({"kind": rng.choice(list(kinds), 30)}) for kinds in ("abc", "ab", "abc"))
    survey = Dataset(dataclasses.replace(CARD, kind="table"), train, test, test)
    assert score("m", data=survey, samples=samples, parameters=1, seconds=0.0).fidelity > 0.5


def test_a_table_with_gaps_can_be_scored():
    def part(n, seed):
        rng = np.random.default_rng(seed)
        x, kind = rng.normal(size=n), rng.choice(["a", "b"], n).astype(object)
        x[rng.random(n) < 0.2], kind[rng.random(n) < 0.3] = np.nan, None
        return pd.DataFrame({"x": x, "kind": kind})

    survey = Dataset(dataclasses.replace(CARD, kind="table"), part(240, 0), part(60, 1), part(60, 2))
    common = {"data": survey, "parameters": 1, "seconds": 0.0}
    good = score("good", samples=part(60, 3), **common)
    whole = score("no gaps", samples=part(200, 3).dropna().iloc[:60], **common)
    assert good.fidelity < whole.fidelity - 0.1
    assert good.diversity > whole.diversity


def a_line(name="4-gram", data="names", n=500):
    return Line(
        name, data, 12_345, 0.25, Likelihood(2.0854, "nats/char", exact=True), n, 0.61, 0.52, 0.9, 0.97,
        Memorisation(0.3, 0.05, 0.65, 0.4), 0.0,
    )  # fmt: skip


def test_each_data_set_starts_with_its_reference():
    other = dataclasses.replace(a_line("unigram"), data="plays", likelihood=None, fidelity_reference=0.5)
    frame = scoreboard([a_line(), other, a_line("5-gram")]).frame
    assert frame["model"].tolist() == [
        "real against real: the reference", "4-gram", "5-gram", "real against real: the reference", "unigram",
    ]  # fmt: skip
    assert frame["data"].tolist() == ["names"] * 3 + ["plays"] * 2
    assert frame["C2ST"].tolist() == [0.52, 0.61, 0.61, 0.5, 0.61]
    assert frame["coverage"].tolist() == [0.97, 0.9, 0.9, 0.97, 0.9]


def test_lines_with_other_numbers_of_rows_do_not_share_a_reference():
    assert scoreboard([a_line(n=500), a_line(n=100)]).frame["rows"].tolist() == [500, 500, 100, 100]


def test_it_reads_well_as_text_and_as_html():
    board = scoreboard([a_line("<4-gram>")])
    row = board.readable().iloc[1].tolist()
    assert row == ["<4-gram>", "names", "12,345", "0.2", "2.085 nats/char", "0.61", "0.90", "30.0%", "40.0%", "500"]
    assert board.readable().iloc[0]["neg. log-likelihood"] == "–"
    assert "chance moves it by 0.02" in repr(board)
    assert "&lt;4-gram&gt;" in board._repr_html_()
    assert board.readable().iloc[0].tolist()[2:5] == ["–", "–", "–"]
    assert isinstance(board, Scoreboard)
    assert repr(board).split()[0] == "model"  # rows have no numbers
    assert repr(board).splitlines()[1].split()[0] == "real"
    assert "<td>0</td>" not in board._repr_html_()
    assert "<th>0</th>" not in board._repr_html_()
    assert "border=" not in board._repr_html_()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"samples": blobs(5, 0)}, "m: 5 rows are too few to compare; sample at least 6"),
        ({"seconds": -1.0}, "seconds must be >= 0, got -1.0"),
        ({"parameters": -1}, "parameters must be a whole number >= 0, got -1"),
    ],
)
def test_what_cannot_be_scored_is_refused(change, sentence):
    arguments = {"data": DATA, "samples": blobs(60, 3), "parameters": 3, "seconds": 1.0} | change
    with pytest.raises(ValueError, match=sentence):
        score("m", **arguments)


def test_seconds_are_written_to_a_tenth_below_a_hundred():
    lines = [dataclasses.replace(a_line(), seconds=seconds) for seconds in (99.94, 100.4, 0.0)]
    assert scoreboard(lines).readable()["fit (s)"].tolist() == ["–", "99.9", "100", "0.0"]


def test_the_note_names_the_largest_error_of_chance():
    assert "chance moves it by 0.05" in repr(scoreboard([a_line(n=500), a_line(n=50)]))


def test_an_empty_scoreboard_is_refused():
    with pytest.raises(ValueError, match="a scoreboard needs at least one line"):
        scoreboard([])
