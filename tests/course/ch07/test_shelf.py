"""The shelf keeps several models in one file; melodies are told in semitones above their last note."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sdg_lab.course.ch07.shelf import TEMPERATURES, Shelf, calibrated, in_common_key
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.transformer import GPT

WORDS = ["ab", "abba", "b", "aab"]


def test_models_of_several_kinds_come_back_as_they_were(tmp_path: Path) -> None:
    gpt = GPT(d_model=8, n_layers=1, n_heads=2, context=8).fit(WORDS, epochs=1, progress=False)
    shelf = Shelf(words=gpt, other=Recurrent("gru", width=6, embedding=4).fit(WORDS, epochs=1, progress=False))
    shelf.save(tmp_path / "shelf.safetensors")
    loaded = Shelf.load(tmp_path / "shelf.safetensors")
    assert {name: type(model) for name, model in loaded.items()} == {"words": GPT, "other": Recurrent}
    for name, model in shelf.items():
        np.testing.assert_array_equal(loaded[name].log_prob(WORDS), model.log_prob(WORDS))
        assert loaded[name].trained == model.trained


def test_a_model_that_learnt_nothing_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="GPT has not been fitted"):
        Shelf(empty=GPT(d_model=8, n_layers=1, n_heads=2)).save(tmp_path / "shelf.safetensors")
    assert not list(tmp_path.iterdir())


def test_models_are_grouped_by_kind_in_the_order_of_their_seeds() -> None:
    first, second, other = (GPT(d_model=8, n_layers=1, n_heads=2) for _ in range(3))
    shelf = Shelf({"small GPT 0": first, "LSTM 0": other, "small GPT 1": second})
    assert shelf.by_kind() == {"small GPT": [first, second], "LSTM": [other]}


@pytest.mark.parametrize(
    "model",
    [Recurrent("lstm", width=16, embedding=8), GPT(d_model=16, n_layers=1, n_heads=2, context=8, norm="rms")],
    ids=["LSTM", "GPT"],
)
def test_a_network_that_is_too_sure_is_divided_by_one_temperature(model: GPT | Recurrent) -> None:
    model.fit(WORDS, epochs=60, lr=2e-2, progress=False)  # by heart
    held_out = ["ba", "bb", "aba"]
    tokens, _ = model.pad(held_out)
    before, surprised = model.logits(tokens).detach(), -model.log_prob(held_out).sum()
    assert calibrated(model, held_out) is model
    temperature = model.trained["temperature"]
    assert temperature > 1
    torch.testing.assert_close(model.logits(tokens).detach(), before / temperature, rtol=1e-4, atol=1e-5)
    found = -model.log_prob(held_out).sum()
    assert found < surprised
    # No other temperature is better: divide the scores by each, by hand.
    follow = torch.nn.functional.cross_entropy
    lengths = [len(word) + 1 for word in held_out]
    for other in TEMPERATURES:
        by_hand = sum(
            float(follow(row[:n] / other, word[1 : n + 1], reduction="sum"))
            for row, word, n in zip(before, tokens, lengths, strict=True)
        )
        assert found <= by_hand + 1e-3


def test_a_melody_is_told_from_its_last_note() -> None:
    assert in_common_key(("G4:1.0", "R:0.5", "F#4:0.5", "B-4:1.0", "G5:2.0")) == ("-12", "-13", "-9", "+0")
