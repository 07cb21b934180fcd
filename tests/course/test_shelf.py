"""The shelf keeps several models in one file; melodies are told in semitones above their last note."""

from pathlib import Path

import numpy as np
import pytest

from sdg_lab.course.shelf import Shelf, in_common_key, warm
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


def test_a_melody_is_told_from_its_last_note() -> None:
    assert in_common_key(("G4:1.0", "R:0.5", "F#4:0.5", "B-4:1.0", "G5:2.0")) == ("-12", "-13", "-9", "+0")


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    assert [warm(share) for share in (0.0, 0.025, 0.05, 0.5, 1.0)] == pytest.approx([0, 0.4875, 0.95, 0.5, 0])
