"""Chapter 06's experiment on the order of reading: its figures against sums by hand, and its file."""

from pathlib import Path

import numpy as np
import pytest

from sdg_lab.course.ch06 import reversal
from sdg_lab.course.ch06.reversal import PLACES, RATES, Results, by_place, compare_orders, long_words
from sdg_lab.course.engine import weights as trained
from sdg_lab.models.recurrent.seq2seq import Pairs, Seq2Seq

WORDS: Pairs = [("ab", ("B", "A")), ("abc", ("C", "B", "A")), ("cab", ("B", "A", "C")), ("acb", ("B", "C", "A"))]


def model_of(pairs: Pairs) -> Seq2Seq:
    return Seq2Seq(width=8, embedding=4, attention=False).fit(pairs, epochs=1, progress=False)


def test_a_place_is_counted_from_either_end_and_only_where_there_is_one() -> None:
    model = model_of(WORDS)
    with np.errstate(invalid="ignore"):  # no word here has a fourth phoneme
        from_start, from_end = by_place(model, WORDS)
    nats = [-model.log_prob_by_token([pair])[0] for pair in WORDS]
    assert from_start.shape == from_end.shape == (PLACES,)
    assert from_start[0] == pytest.approx(np.mean([row[0] for row in nats]), abs=1e-5)
    assert from_start[2] == pytest.approx(np.mean([row[2] for row in nats[1:]]), abs=1e-5)
    last = [row[len(target) - 1] for row, (_, target) in zip(nats, WORDS, strict=True)]
    assert from_end[0] == pytest.approx(np.mean(last), abs=1e-5)


def test_both_orders_are_tried_with_every_rate_and_seed() -> None:
    long = [(word * 3, target * 3) for word, target in WORDS]  # as many phonemes as places are looked at
    results = compare_orders(long * 4, long, long, seeds=2, epochs=2, batch_size=8)
    assert results["nats"].shape == results["errors"].shape == results["seconds"].shape == (2, 2)
    assert results["validation"].shape == (2, 2, 2)
    assert results["learning"].shape == (2, 2, 2, PLACES)
    assert results["words"].tolist() == [16, 4]
    chosen = np.argmin(results["tried"], axis=1)
    assert results["rate"].tolist() == [RATES[place] for place in chosen]
    # The first seed is the training that was tried, and its validation loss is what was chosen on.
    assert results["validation"][:, 0, -1].tolist() == results["tried"].min(axis=1).tolist()
    # Validation and test are the same words here.
    assert results["learning"][:, :, -1].ravel() == pytest.approx(results["from_start"].ravel(), abs=1e-6, nan_ok=True)


def test_the_file_holds_every_figure(tmp_path: Path) -> None:
    results = Results(nats=np.array([[0.5, 0.25]]), rate=np.array([1e-3]))
    results.save(tmp_path / "results.safetensors")
    again = Results.load(tmp_path / "results.safetensors")
    assert {name: value.tolist() for name, value in again.items()} == {"nats": [[0.5, 0.25]], "rate": [1e-3]}


def test_short_words_are_left_out() -> None:
    assert long_words([("cat", ("K",)), ("letterhead", ("L",))]) == [("letterhead", ("L",))]


def test_what_ships_was_made_with_these_settings() -> None:
    results = trained.load("06-reversal", Results)
    assert results["validation"].shape == (len(reversal.ORDERS), reversal.SEEDS, reversal.EPOCHS)
    assert set(results["rate"].tolist()) <= set(RATES)


def test_the_pronouncer_that_ships_is_read_and_pronounces() -> None:
    assert trained.load("06-seq2seq", Seq2Seq).translate(["hello"]) == [("HH", "EH1", "L", "OW0")]
