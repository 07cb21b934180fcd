"""The shelf keeps several models in one file; melodies are told in semitones above their last note."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sdg_lab.course.ch07.convolutions import ConvolutionalGPT
from sdg_lab.course.ch07.shelf import TEMPERATURES, Shelf, calibrated, in_common_key
from sdg_lab.course.engine import weights as trained
from sdg_lab.files import write_tensors
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.transformer import GPT

WORDS = ["ab", "abba", "b", "aab"]


def test_models_of_several_kinds_come_back_as_they_were(tmp_path: Path) -> None:
    sizes = {"d_model": 8, "n_layers": 1, "n_heads": 2, "context": 8}
    shelf = Shelf(words=GPT(**sizes), other=Recurrent("gru", width=6, embedding=4), mixed=ConvolutionalGPT(**sizes))
    for model in shelf.values():
        model.fit(WORDS, epochs=1, progress=False)
    shelf.save(tmp_path / "shelf.safetensors")
    loaded = Shelf.load(tmp_path / "shelf.safetensors")
    kinds = {"words": GPT, "other": Recurrent, "mixed": ConvolutionalGPT}
    assert {name: type(model) for name, model in loaded.items()} == kinds
    for name, model in shelf.items():
        np.testing.assert_array_equal(loaded[name].log_prob(WORDS), model.log_prob(WORDS))
        assert loaded[name].trained == model.trained


def test_a_shelf_of_the_first_version_is_read(tmp_path: Path) -> None:
    gpt = ConvolutionalGPT(d_model=8, n_layers=1, n_heads=2, context=8, locked=True)
    lstm = Recurrent("lstm", width=6, embedding=4)
    extra = {"GPT 0": {"convolution": 3}, "LSTM 0": {"fused": True}}
    tensors, headers = {}, {}
    for name, model in {"GPT 0": gpt, "LSTM 0": lstm}.items():
        model.fit(WORDS, epochs=1, progress=False)
        tensors |= {f"{name}/{key}": value for key, value in model.state().items()}
        config = {"arguments": model.config() | extra[name], **model.facts(), "trained": {"temperature": 1.5}}
        headers[name] = {"kind": "GPT" if model is gpt else "Recurrent", "config": config}
    write_tensors(tmp_path / "old.safetensors", tensors, headers)
    loaded = Shelf.load(tmp_path / "old.safetensors")
    assert [type(model) for model in loaded.values()] == [ConvolutionalGPT, Recurrent]
    for name, model in {"GPT 0": gpt, "LSTM 0": lstm}.items():
        np.testing.assert_array_equal(loaded[name].log_prob(WORDS), model.log_prob(WORDS))
        assert loaded[name].trained == {"temperature": 1.5}
    write_tensors(tmp_path / "odd.safetensors", tensors, {"GPT 0": {"kind": "Transformer", "config": {}}})
    with pytest.raises(ValueError, match="is damaged, or no shelf of models: GPT 0"):
        Shelf.load(tmp_path / "odd.safetensors")


@pytest.mark.parametrize("name", ["07-names", "07-melodies", "07-molecules"])
def test_the_shelves_that_ship_are_read_and_answer(name: str) -> None:
    shelf = trained.load(name, Shelf)
    for model in shelf.values():
        (drawn,) = model.sample(1, seed=0, max_length=9)
        assert -1000 < model.log_prob([drawn])[0] < 0
        assert {"cpu_seconds", "temperature"} <= model.trained.keys()
    assert {type(model) for model in shelf.values()} == {ConvolutionalGPT, Recurrent}


@pytest.mark.parametrize(("name", "kind"), [("07-plays", GPT), ("07-plays-lstm", Recurrent), ("08-molecules", GPT)])
def test_the_models_that_ship_are_read_and_answer(name: str, kind: type[GPT | Recurrent]) -> None:
    model = trained.load(name, kind)
    (drawn,) = model.sample(1, seed=0, max_length=20)
    assert len(drawn) <= 20
    assert model.trained["epochs"] >= 1


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
    [
        Recurrent("lstm", width=16, embedding=8),
        GPT(d_model=16, n_layers=1, n_heads=2, context=8),
        GPT(d_model=16, n_layers=1, n_heads=2, context=8, norm="rms", tied=False),
    ],
    ids=["LSTM", "GPT", "untied"],
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
