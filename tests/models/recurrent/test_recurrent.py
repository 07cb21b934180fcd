"""Recurrent cells against torch.nn's with the same weights, and the network that is made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.files import write_tensors
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.recurrent.cells import CELLS, State
from sdg_lab.models.sequences.dropout import LockedDropout

NAMES = ["anna", "ada", "nan", "dan", "dana", "hannah"]
KINDS = sorted(CELLS)
THEIR_CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
THEIR_LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def small(kind: str = "gru", *, dropout: float = 0.0) -> Recurrent:
    return Recurrent(kind, width=6, layers=2, embedding=4, dropout=dropout)  # type: ignore[arg-type]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_state(kind: str, n: int, width: int) -> State:
    return tuple(noise(n, width, seed=part) for part in range(CELLS[kind].tensors))


# The cells, against torch.nn.


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_that_of_torch_with_the_same_weights(kind: str) -> None:
    ours, theirs = CELLS[kind](5, 7), THEIR_CELLS[kind](5, 7)
    ours.load_state_dict(theirs.state_dict())
    x, state = noise(3, 5, seed=9), random_state(kind, 3, 7)
    want = theirs(x, state if kind == "lstm" else state[0])
    for mine, other in zip(ours(x, state), want if kind == "lstm" else (want,), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["along", "fused"])
def test_a_whole_sequence_and_its_gradients_are_those_of_torch(kind: str, way: str) -> None:
    ours, theirs = CELLS[kind](5, 7), THEIR_LAYERS[kind](5, 7, batch_first=True)
    ours.load_state_dict({name.removesuffix("_l0"): value for name, value in theirs.state_dict().items()})
    x, state = noise(3, 11, 5, seed=9), random_state(kind, 3, 7)
    first = tuple(part[None] for part in state)
    want, last = theirs(x, first if kind == "lstm" else first[0])
    got, after = getattr(ours, way)(x, state)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    for mine, other in zip(after, last if kind == "lstm" else (last,), strict=True):
        torch.testing.assert_close(mine, other[0], rtol=1e-4, atol=1e-5)
    for output in (got, want):
        output.square().sum().backward()
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, getattr(theirs, f"{name}_l0").grad, rtol=1e-4, atol=1e-4)


def test_weights_start_within_the_bounds_of_torch() -> None:
    for kind in KINDS:
        weights = torch.cat([p.detach().flatten() for p in CELLS[kind](10, 25).parameters()])
        assert weights.abs().max() <= 0.2
        assert weights.std().item() == pytest.approx(0.2 / np.sqrt(3), rel=0.05)


# The network.


@pytest.mark.parametrize("kind", KINDS)
def test_reading_at_once_our_loop_and_single_steps_agree(kind: str) -> None:
    model = small(kind).fit(NAMES, epochs=2, progress=False)
    tokens, _ = model.pad(NAMES)
    at_once = model.logits(tokens)
    state, one_by_one = model.start(len(NAMES)), []
    for column in tokens.T:
        logits, state = model.read(column[:, None], state)
        one_by_one.append(logits)
    torch.testing.assert_close(at_once, torch.stack(one_by_one, dim=1), rtol=1e-4, atol=1e-5)
    some, state = model.read(tokens[:, :3], model.start(len(NAMES)))
    torch.testing.assert_close(some, at_once[:, 2], rtol=1e-4, atol=1e-5)
    rest, _ = model.read(tokens[:, 3:], state)
    torch.testing.assert_close(rest, at_once[:, -1], rtol=1e-4, atol=1e-5)
    for cell in model.cells:
        cell.fused = cell.along  # the plain loop over steps in the place of torch's kernel
    torch.testing.assert_close(model.logits(tokens), at_once, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_later_changes_nothing_before(kind: str) -> None:
    model = small(kind).fit(NAMES, epochs=1, progress=False)
    tokens, _ = model.pad(["dana", "danh"])
    logits = model.logits(tokens)
    torch.testing.assert_close(logits[0, :4], logits[1, :4], rtol=1e-4, atol=1e-5)
    assert (logits[0, 4] - logits[1, 4]).abs().max() > 1e-3


def test_dropped_rows_of_a_state_are_dropped_in_every_layer() -> None:
    model = small("lstm").fit(NAMES, epochs=1, progress=False)
    logits, state = model.read(torch.tensor([[0, 1], [0, 2], [0, 3]]), model.start(3))
    rows = torch.tensor([2, 0])
    want, _ = model.read(torch.tensor([[1], [2], [3]]), state)
    got, _ = model.read(torch.tensor([[3], [1]]), model.keep(state, rows))
    torch.testing.assert_close(got, want[rows], rtol=1e-4, atol=1e-5)
    assert logits.shape == (3, len(model.symbols))


def test_it_learns_more_than_an_untrained_one_and_sorts_out_what_comes_next() -> None:
    words = ["abab", "cdcd"] * 20
    model = Recurrent("lstm", width=16, embedding=4).fit(words, epochs=100, batch_size=40, lr=3e-2, progress=False)
    assert model.log_prob(["abab", "cdcd"]) == pytest.approx([-np.log(2)] * 2, abs=0.1)
    assert model.sample(1, temperature=0, prompt="c") == ["cdcd"]
    assert model.sample(1, temperature=0, prompt="a") == ["abab"]


def test_muon_steps_the_matrices_of_the_cells_and_of_no_other_layer() -> None:
    model = Recurrent("lstm", width=8, layers=2, embedding=4).fit(
        ["ab", "ba"], epochs=1, optimizer="muon", progress=False
    )
    assert [tuple(matrix.shape) for matrix in model.matrices()] == [(32, 4), (32, 8), (32, 8), (32, 8)]


def test_hidden_units_are_shown_for_each_symbol() -> None:
    model = small(dropout=0.5).fit(NAMES, epochs=1, progress=False)
    units = model.hidden("dana")
    assert units.shape == (5, 6)
    np.testing.assert_allclose(units[:3], model.hidden("da"), rtol=1e-4, atol=1e-5)


def test_units_are_dropped_in_training_and_not_in_answers() -> None:
    model = Recurrent("gru", width=6, layers=2, embedding=4, dropout=0.9).fit(NAMES, epochs=1, progress=False)
    tokens, lengths = model.pad(NAMES)
    with torch.no_grad():
        answers, again = model.loss(tokens, lengths), model.loss(tokens, lengths)
        model.train()
        dropped, otherwise = model.loss(tokens, lengths), model.loss(tokens, lengths)
    assert answers == again
    assert dropped != otherwise


def test_dropout_drops_the_same_units_all_along_a_sequence() -> None:
    layer = LockedDropout(0.25)
    torch.manual_seed(0)
    dropped = layer(torch.ones(400, 3, 50))
    assert torch.equal(dropped[:, 0], dropped[:, 2])
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(layer.eval()(torch.ones(2, 3, 4)), torch.ones(2, 3, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_save_and_load_give_back_the_same_model(kind: str, tmp_path: Path) -> None:
    model = small(kind, dropout=0.1).fit(NAMES, epochs=1, progress=False)
    model.save(tmp_path / "model.safetensors")
    again = Recurrent.load(tmp_path / "model.safetensors")
    assert again.config() == model.config()
    np.testing.assert_array_equal(again.log_prob(NAMES), model.log_prob(NAMES))
    assert again.sample(5, seed=0) == model.sample(5, seed=0)


def test_a_file_of_the_first_version_is_read(tmp_path: Path) -> None:
    model = small("lstm").fit(NAMES, epochs=1, progress=False)
    arguments, facts = model.config() | {"fused": True}, model.facts()
    config = {"arguments": arguments, **facts, "trained": {"seconds": 1.5}}
    write_tensors(tmp_path / "old.safetensors", model.state(), {"model": "Recurrent", "config": config})
    again = Recurrent.load(tmp_path / "old.safetensors")
    np.testing.assert_array_equal(again.log_prob(NAMES), model.log_prob(NAMES))
    assert again.trained == {"seconds": 1.5}


# What it refuses, and the sentence.


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cell": "lstn"}, "cell must be one of rnn, lstm, gru, got 'lstn'"),
        ({"width": 0}, "width must be a whole number >= 1, got 0"),
        ({"layers": 0}, "layers must be a whole number >= 1, got 0"),
        ({"embedding": -1}, "embedding must be a whole number >= 1, got -1"),
        ({"dropout": 1.0}, "dropout must be >= 0 and < 1, got 1.0"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Recurrent(**changes)  # type: ignore[arg-type]


def test_hidden_units_need_a_fitted_model_and_so_does_its_size() -> None:
    model, tokens = small(), torch.zeros(1, 3, dtype=torch.int64)
    for ask in (lambda: model.hidden("anna"), lambda: model.logits(tokens), lambda: model.start(1), model.matrices):
        with pytest.raises(NotFittedError, match="this Recurrent has not been fitted"):
            ask()
    with pytest.raises(NotFittedError, match="the size of this Recurrent depends on its data"):
        small().n_parameters  # noqa: B018 - a property that refuses
    assert small().device == torch.device("cpu")
