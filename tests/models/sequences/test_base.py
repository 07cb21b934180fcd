"""What all neural models of sequences share, tried on networks so small that their answers are known."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from sdg_lab import training
from sdg_lab.models.contract import HasLogProb, NotFittedError
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.sequences import base, padding
from sdg_lab.models.sequences.alphabet import Sequences
from sdg_lab.models.sequences.base import SequenceModel

NAMES = ["anna", "ada", "nan", "dan", "dana", "hannah", "a"]
TUNES = [("C4", "D4", "C4"), ("D4", "E4"), ("C4", "E4", "E4", "C4")]
TEXT = "to be, or not to be, that is the question"


class Bigram(SequenceModel):
    """Logits of the next token from the last one only: a Markov chain of order 1 written as a network."""

    def config(self) -> dict[str, Any]:
        return {"context": self.context}

    def build(self, n_symbols: int) -> None:
        self.table = nn.Embedding(n_symbols, n_symbols)

    def logits(self, tokens: Tensor) -> Tensor:
        return self.table(tokens)  # type: ignore[no-any-return]

    def start(self, n: int) -> Tensor:
        return torch.zeros(n, 0)

    def read(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        assert len(tokens) == len(state)
        return self.table(tokens[:, -1]), state

    def keep(self, state: Tensor, rows: Tensor) -> Tensor:
        return state[rows]


class Memory(Bigram):
    """Logits of the next token from the mean of all tokens read; its state is their sum and their number."""

    def logits(self, tokens: Tensor) -> Tensor:
        assert self.context is None or tokens.shape[1] <= self.context
        read = torch.arange(1, tokens.shape[1] + 1)[:, None]
        return self.table(tokens).cumsum(1) / read  # type: ignore[no-any-return]

    def start(self, n: int) -> Tensor:
        return torch.zeros(n, self.table.num_embeddings + 1)

    def read(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        counts = torch.full((len(tokens), 1), float(tokens.shape[1]))
        state = state + torch.cat([self.table(tokens).sum(1), counts], dim=1)
        assert self.context is None or state[:, -1].max() <= self.context
        return state[:, :-1] / state[:, -1:], state


def logits_of(chain: MarkovChain) -> Tensor:
    """Return the log-probabilities of what follows each symbol of a chain of order 1."""
    contexts = ["", *chain.symbols[1:]] if chain.alphabet.characters else [(), *((s,) for s in chain.symbols[1:])]
    return torch.from_numpy(np.log([chain.next_distribution(context) for context in contexts]))


def as_chain(data: Sequences) -> tuple[Bigram, MarkovChain]:
    """Return a bigram network with the probabilities of a smoothed chain."""
    chain = MarkovChain(1, "add").fit(data)
    model = Bigram().fit(data, epochs=1, progress=False)
    with torch.no_grad():
        model.table.weight.copy_(logits_of(chain))
    return model, chain


@functools.cache
def of_abc() -> Bigram:
    return Bigram().fit(["abc"], epochs=1, progress=False)


# Codes to tensors and back.


@given(st.lists(st.text("abc", max_size=6), min_size=1, max_size=5))
def test_padding_can_be_undone(data: list[str]) -> None:
    model = of_abc()
    tokens, lengths = model.pad(data)
    assert tokens.shape == (len(data), max(map(len, data)) + 2)
    assert lengths.tolist() == [len(sequence) + 1 for sequence in data]
    assert model.unpad(tokens, lengths) == data
    some = lengths > 1  # without their ends they are still the same symbols
    if some.any():
        assert model.unpad(tokens[some], lengths[some] - 1) == [sequence for sequence in data if sequence]


@given(st.integers(1, 40), st.integers(2, 12))
def test_windows_of_training_hold_every_character_once(total: int, context: int) -> None:
    codes = np.arange(1, total + 1)
    tokens, lengths = padding.windows(codes, context)
    assert tokens.shape[1] == context + 1
    assert not tokens[:, 0].any()
    assert tokens[:, 1:][padding.mask_of(lengths, context)].tolist() == codes.tolist()


@given(st.integers(1, 40), st.integers(2, 12), st.data())
def test_overlapping_windows_count_every_character_once_after_enough_others(
    total: int, context: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, context))
    codes = np.arange(1, total + 1)
    tokens, lengths, counted = padding.overlapping(codes, context, stride)
    seen = []
    for index, (row, length, known) in enumerate(zip(tokens.tolist(), lengths.tolist(), counted.tolist(), strict=True)):
        assert row[0] == 0
        assert row[1 : length + 1] == list(range(row[1], row[1] + length))
        assert known >= (context - stride if index else 0)
        seen += row[known + 1 : length + 1]
    assert seen == codes.tolist()


# Likelihood and samples, against a Markov chain with the same probabilities.


@pytest.mark.parametrize("data", [NAMES, TUNES], ids=["characters", "tokens"])
def test_log_prob_and_loss_are_those_of_the_chain(data: Sequences, monkeypatch: pytest.MonkeyPatch) -> None:
    model, chain = as_chain(data)
    want = chain.log_prob(data)
    np.testing.assert_allclose(model.log_prob(data), want, rtol=1e-6)
    symbols = sum(len(sequence) + 1 for sequence in data)
    assert model.loss(*model.pad(data)).item() == pytest.approx(-want.mean(), rel=1e-5)
    tokens, lengths = model.pad(data)
    per_token = model.loss(tokens, lengths, padding.weights(lengths)).item()
    assert per_token == pytest.approx(-want.sum() / symbols, rel=1e-5)
    monkeypatch.setattr(padding, "MAX_TOKENS", 6)  # in small parts
    np.testing.assert_allclose(model.log_prob(data), want, rtol=1e-6)


def test_the_probabilities_of_all_sequences_add_up_to_one() -> None:
    model = Memory().fit(["ab", "ba", "aab"], epochs=2, progress=False)
    ended, growing = 0.0, [""]
    for _ in range(6):
        ended += np.exp(model.log_prob(growing)).sum()
        growing = [sequence + symbol for sequence in growing for symbol in "ab"]
    tokens, lengths = model.pad(growing)
    longer = model.token_log_probs(tokens, lengths - 1).sum(1).exp().sum()  # these go on, their ends are not counted
    assert ended + longer.item() == pytest.approx(1, abs=1e-5)


def test_samples_have_the_probabilities_of_log_prob() -> None:
    model, chain = as_chain(NAMES)
    n = 20_000
    found = Counter(model.sample(n, seed=0))
    for name, count in found.most_common(12):
        p = float(np.exp(chain.log_prob([name]))[0])  # type: ignore[list-item]
        assert count == pytest.approx(n * p, abs=5 * np.sqrt(n * p))


def test_sampling_step_by_step_agrees_with_reading_all_at_once() -> None:
    model = Memory().fit(NAMES, epochs=3, progress=False)
    assert model.sample(50, seed=1) == model.sample(50, seed=1)
    assert model.sample(50) != model.sample(50)
    tokens, lengths = model.sample_tokens(30, generator=torch.Generator().manual_seed(0), max_length=5, prompt="an")
    assert tokens.shape[1] <= 1 + 2 + 5
    assert all(name.startswith("an") for name in model.unpad(tokens, lengths))
    # Greedy draws follow the argmax of the logits of what was drawn so far.
    (greedy,) = model.sample(1, temperature=0, max_length=4, prompt="h")
    logits = model.logits(model.pad([greedy])[0][:, :-1])[0]
    drawn = model.alphabet.encode([greedy])[0][1:]
    np.testing.assert_array_equal(logits[1:].argmax(-1)[: len(drawn)].numpy(), drawn)


def test_every_option_of_sample_changes_the_distribution_as_it_says() -> None:
    model = Bigram().fit(["ab", "ba"], epochs=1, progress=False)
    n, p = 4000, torch.tensor([0.1, 0.6, 0.3])  # of the end, a and b, after anything
    with torch.no_grad():
        model.table.weight.copy_(p.log().expand(3, 3))

    def shares(**options: Any) -> Tensor:
        tokens, _ = model.sample_tokens(n, generator=torch.Generator().manual_seed(0), max_length=1, **options)
        return torch.bincount(tokens[:, 1], minlength=3) / n

    error = 5 * math.sqrt(0.25 / n)
    torch.testing.assert_close(shares(), p, rtol=0, atol=error)
    squared = p**2 / (p**2).sum()
    torch.testing.assert_close(shares(temperature=0.5), squared, rtol=0, atol=error)
    assert shares(temperature=0).tolist() == [0, 1, 0]
    torch.testing.assert_close(shares(top_k=2), torch.tensor([0, 2 / 3, 1 / 3]), rtol=0, atol=error)
    assert shares(top_k=2)[0] == 0
    torch.testing.assert_close(shares(top_p=0.7), torch.tensor([0, 2 / 3, 1 / 3]), rtol=0, atol=error)
    assert shares(top_p=0.7)[0] == 0
    assert shares(top_p=0.5).tolist() == [0, 1, 0]
    # And `sample` hands every one of them on.
    assert set(model.sample(200, seed=0, top_p=0.5, max_length=3)) == {"aaa"}
    assert set(model.sample(200, seed=0, top_k=1, max_length=3)) == {"aaa"}
    assert set(model.sample(200, seed=0, temperature=0, max_length=3)) == {"aaa"}
    assert set(model.sample(200, seed=0, temperature=0.01, max_length=4, prompt="b")) == {"baaaa"}


def test_a_cut_sample_has_no_end_and_a_finished_one_has() -> None:
    model, _ = as_chain(NAMES)
    tokens, lengths = model.sample_tokens(200, generator=torch.Generator().manual_seed(0), max_length=3)
    last = tokens.gather(1, lengths[:, None])[:, 0]
    assert set(lengths[last != 0].tolist()) == {3}
    assert (last == 0).any()
    assert max(map(len, model.unpad(tokens, lengths))) == 3


def test_many_samples_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = as_chain(TUNES)
    monkeypatch.setattr(base, "MAX_ROWS", 3)
    found = model.sample(8, seed=0)
    assert len(found) == 8
    assert all(isinstance(tune, tuple) for tune in found)


# Training.


def test_training_finds_the_frequencies() -> None:
    # The maximum of the likelihood of a bigram network is the unsmoothed chain.
    model = Bigram().fit(NAMES, epochs=400, batch_size=7, lr=0.1, progress=False)
    assert model.log_prob(NAMES).sum() == pytest.approx(MarkovChain(1).fit(NAMES).log_prob(NAMES).sum(), abs=0.05)
    assert model.history is not None
    assert model.trained["steps"] == model.history.steps == 400


def test_the_same_seed_gives_the_same_model_and_weight_decay_acts() -> None:
    first, again, other = (Bigram().fit(NAMES, epochs=2, seed=seed, progress=False) for seed in (5, 5, 6))
    assert torch.equal(first.table.weight, again.table.weight)
    assert not torch.equal(first.table.weight, other.table.weight)
    decayed = Bigram().fit(NAMES, epochs=20, seed=5, weight_decay=50.0, progress=False)
    assert decayed.table.weight.abs().mean() < 0.5 * first.table.weight.abs().mean()


def test_patience_keeps_the_best_weights() -> None:
    model = Bigram().fit(NAMES, validation=["nana"], epochs=60, lr=0.3, patience=3, progress=False)
    assert model.history is not None
    best = min(model.history.validation_loss)
    assert -model.log_prob(["nana"])[0] / 5 == pytest.approx(best, rel=1e-5)


def test_the_loss_is_a_mean_over_sequences_whatever_batches_it_is_taken_in() -> None:
    model = Bigram().fit(NAMES, epochs=1, progress=False)
    tokens, lengths = model.pad(NAMES)
    data = (tokens, lengths, padding.weights(lengths))
    losses = [training.evaluate(model, data, batch_size=size) for size in (1, 2, 3, 7)]
    symbols = sum(len(name) + 1 for name in NAMES)
    assert losses == pytest.approx([-model.log_prob(NAMES).sum() / symbols] * 4, rel=1e-5)
    # And so is that of training: at a learning rate of nearly 0, the curve is that mean from the first epoch on.
    for size in (1, 3):
        again = Bigram().fit(NAMES, validation=NAMES, epochs=1, lr=1e-12, batch_size=size, progress=False)
        assert again.history is not None
        want = -again.log_prob(NAMES).sum() / symbols
        assert again.history.validation_loss[0] == pytest.approx(want, rel=1e-4)
        if size == 1:
            assert again.history.train_loss[0] == pytest.approx(want, rel=1e-4)


# What happens to a model whose training does not end well.


def stop_at_once(epoch: int, model: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("text", [False, True], ids=["sequences", "running text"])
def test_an_interrupted_first_fit_leaves_nothing_that_answers(text: bool) -> None:
    model = Bigram()
    fit: Callable[..., Any] = partial(model.fit_text, TEXT) if text else partial(model.fit, NAMES)
    with pytest.raises(KeyboardInterrupt):
        fit(epochs=2, on_epoch=stop_at_once, progress=False)
    questions: list[Callable[[Bigram], Any]] = [
        lambda m: m.sample(1),
        lambda m: m.sample_tokens(1, generator=torch.Generator()),
        lambda m: m.log_prob(["a"]),
        lambda m: m.text_log_prob("a"),
        lambda m: m.pad(["a"]),
        lambda m: m.symbols,
        lambda m: m.state(),
    ]
    for ask in questions:
        with pytest.raises(NotFittedError, match="this Bigram has not been fitted"):
            ask(model)


@pytest.mark.parametrize(
    "options",
    [
        {"on_epoch": stop_at_once},
        {"epochs": 0},
        {"lr": -1.0},
        {"optimizer": "sgd"},
        {"validation": ["z"]},
        {"clp": 1.0},
        {"patience": 3},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_fit_that_fails_leaves_a_fitted_model_as_it_was(options: dict[str, Any]) -> None:
    model = Bigram().fit(NAMES, epochs=2, progress=False)
    before, answers, history = model.state_dict(), model.log_prob(NAMES), model.history
    with pytest.raises((KeyboardInterrupt, ValueError, TypeError)):
        model.fit(["xy", "yx"], **{"epochs": 1, "progress": False} | options)
    assert model.symbols == ("·", "a", "d", "h", "n")
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    np.testing.assert_array_equal(model.log_prob(NAMES), answers)
    assert model.history is history
    assert not model.training


def test_a_hook_may_sample_while_the_training_runs() -> None:
    drawn: list[Sequences] = []
    Bigram().fit(NAMES, epochs=2, ema=0.9, on_epoch=lambda _, m: drawn.append(m.sample(3, seed=0)), progress=False)
    assert [len(names) for names in drawn] == [3, 3]


# Weights alone.


def test_weights_bring_their_alphabet_along() -> None:
    model = Memory(context=50).fit_text(TEXT, context=20, epochs=1, progress=False)
    carried = {name: value.clone() for name, value in model.state_dict().items()}
    again = Memory(context=50)
    again.load_state_dict(carried)
    assert again.symbols == model.symbols
    assert again.text_context == 20
    assert not again.training
    assert again.sample(2, seed=0, max_length=9) == model.sample(2, seed=0, max_length=9)
    # Also where the model is a part of another module, and where the other model has learnt something else.
    whole, other = nn.Sequential(model), nn.Sequential(Memory(context=50).fit(["xyz"], epochs=1, progress=False))
    other.load_state_dict(whole.state_dict())
    assert other[0].symbols == model.symbols
    np.testing.assert_array_equal(other[0].text_log_prob(TEXT), model.text_log_prob(TEXT))
    # Weights that were kept without an alphabet still fit a model that knows it.
    model.load_state_dict(model.state())
    assert model.symbols == again.symbols


@pytest.mark.parametrize("options", [{}, {"ema": 0.9}, {"patience": 5, "validation": ["nana"]}], ids=str)
def test_a_run_goes_on_from_its_checkpoint_to_the_same_weights(options: dict[str, Any], tmp_path: Path) -> None:
    straight = Bigram().fit(NAMES, epochs=4, batch_size=2, progress=False, **options)
    path = tmp_path / "run.safetensors"
    kept: dict[str, Any] = {"epochs": 4, "batch_size": 2, "progress": False, "checkpoint": path} | options

    def stop_in_the_middle(epoch: int, model: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Bigram().fit(NAMES, **kept, on_epoch=stop_in_the_middle)
    resumed = Bigram().fit(NAMES, **kept)
    assert torch.equal(resumed.table.weight, straight.table.weight)
    assert resumed.sample(5, seed=0) == straight.sample(5, seed=0)


def test_what_is_not_known_before_fit_is_refused_and_what_is_known_is_said() -> None:
    model = Bigram(context=9)
    with pytest.raises(NotFittedError, match="the size of this Bigram depends on its data"):
        model.n_parameters  # noqa: B018 - a property that refuses
    assert model.device == torch.device("cpu")
    assert model.config() == {"context": 9}
    assert model.fit(NAMES, epochs=1, progress=False).n_parameters == 25


# Running text.


def test_text_log_prob_predicts_each_character_once() -> None:
    chain = MarkovChain(1, "add").fit([TEXT])
    model = Bigram().fit_text(TEXT, context=8, epochs=1, progress=False)
    with torch.no_grad():
        model.table.weight.copy_(logits_of(chain))
    end = np.log(chain.next_distribution(TEXT)[0])
    for context, stride in ((8, 4), (5, 1), (100, 50)):
        nats = model.text_log_prob(TEXT, context=context, stride=stride)
        assert nats.shape == (len(TEXT),)
        assert nats.sum() == pytest.approx(chain.log_prob([TEXT])[0] - end, rel=1e-6)


def test_the_log_prob_of_running_text_counts_no_end_and_reads_any_length() -> None:
    model = Memory(context=12).fit_text(TEXT, epochs=1, progress=False)
    texts = ["to be", "not", TEXT]
    found = model.log_prob(texts)
    np.testing.assert_allclose(found, [model.text_log_prob(text).sum() for text in texts], rtol=1e-6)
    tokens, lengths = model.pad(["to be"])
    with torch.no_grad():
        assert found[0] == pytest.approx(float(model.token_log_probs(tokens, lengths - 1).sum()), rel=1e-4)
    assert model.log_prob(model.sample(3, seed=0, max_length=20)).shape == (3,)
    with pytest.raises(TypeError, match="data must be a list of strings"):
        model.log_prob("to be")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sequence 1, position 0: symbol 'z' was never seen"):
        model.log_prob(["to", "z"])


def test_unless_told_otherwise_a_text_is_read_in_the_windows_of_training_and_half_of_each_is_new() -> None:
    model = Memory(context=30).fit_text(TEXT, context=12, epochs=1, progress=False)
    nats = model.text_log_prob(TEXT)
    np.testing.assert_array_equal(nats, model.text_log_prob(TEXT, context=12, stride=6))
    for context, stride in ((12, 12), (12, 3), (30, 15)):
        assert np.abs(nats - model.text_log_prob(TEXT, context=context, stride=stride)).max() > 1e-3
    loose = Memory().fit(["ab", "ba"], epochs=1, progress=False)  # no limit, and never a text: 128
    text = "ab" * 100
    np.testing.assert_array_equal(loose.text_log_prob(text), loose.text_log_prob(text, context=128, stride=64))


def test_running_text_has_no_end_and_goes_on_past_the_context() -> None:
    model = Memory(context=6).fit_text(TEXT, epochs=2, progress=False)
    with torch.no_grad():
        model.table.weight[:, 0] += 20  # were it a token like others, the boundary would be drawn at once
    for options in ({}, {"temperature": 0}):
        (text,) = model.sample(1, seed=0, max_length=40, prompt="to be", **options)
        assert len(text) == 45
    assert model.text_log_prob(TEXT).shape == (len(TEXT),)


def test_sequences_end_at_the_context() -> None:
    model = Memory(context=9).fit(NAMES, epochs=1, progress=False)
    assert max(map(len, model.sample(300, seed=0))) == 9


@given(starts=st.lists(st.integers(1, 25), min_size=1, max_size=8), max_length=st.integers(1, 30))
def test_rows_that_end_past_the_context_disturb_no_others(starts: list[int], max_length: int) -> None:
    model = Bigram(context=5)
    model.build(26)
    with torch.no_grad():
        model.table.weight.copy_(torch.eye(26).roll(-1, dims=1))  # after 3 comes 2, after 2 comes 1, and then the end
    begin = torch.tensor([[0, start] for start in starts])
    tokens, lengths = model.generate(begin, max_length, lambda logits: logits.argmax(1))
    for row, start in enumerate(starts):
        want = list(range(start, -1, -1))[: 1 + max_length]
        assert tokens[row, 1 : 1 + int(lengths[row])].tolist() == want


def test_sequences_that_have_ended_are_no_longer_computed() -> None:
    widths: list[int] = []

    class Watched(Bigram):
        def read(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            widths.append(len(tokens))
            return super().read(tokens, state)

    model = Watched().fit(NAMES, epochs=30, lr=0.1, progress=False)
    found = model.sample(64, seed=0)
    lengths = sorted(map(len, found))
    assert widths[0] == 64
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] <= 4
    assert len(widths) == lengths[-1] + 1


def test_past_the_context_the_younger_half_is_read_anew() -> None:
    read: list[list[int]] = []

    class Watched(Memory):
        def start(self, n: int) -> Tensor:
            read.append([])
            return super().start(n)

        def read(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            read[-1] += tokens[0].tolist()
            return super().read(tokens, state)

    model = Watched(context=6).fit_text(TEXT, epochs=1, progress=False)
    text = model.alphabet.encode(model.sample(1, seed=0, max_length=11))[0].tolist()
    # Six positions are the boundary and five letters; then the boundary and the last three, and so on.
    assert [window[0] for window in read] == [0] * len(read)
    assert [window[1:] for window in read] == [text[:5], text[3:8], text[6:10]]


def test_beyond_the_window_of_its_training_nothing_is_read_though_the_network_could() -> None:
    widths: list[int] = []

    class Watched(Memory):
        def read(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            widths.append(tokens.shape[1])
            return super().read(tokens, state)

    model = Watched(context=64).fit_text(TEXT, context=6, epochs=1, progress=False)
    for prompt in ("", "to be or not to be"):
        widths.clear()
        (text,) = model.sample(1, seed=0, max_length=11, prompt=prompt)
        assert text.startswith(prompt)
        assert len(text) == len(prompt) + 11
        begins = [place for place, width in enumerate(widths) if width > 1] or [0]
        for begin, end in zip(begins, [*begins[1:], len(widths)], strict=True):
            assert sum(widths[begin:end]) <= 6


# Keeping.


@pytest.mark.parametrize("text", [False, True])
def test_save_and_load_give_back_the_same_model(text: bool, tmp_path: Path) -> None:
    model = Memory(context=50)
    model = (
        model.fit_text(TEXT, epochs=1, context=20, progress=False)
        if text
        else model.fit(TUNES, epochs=1, progress=False)
    )
    model.save(tmp_path / "model.safetensors")
    again = Memory.load(tmp_path / "model.safetensors")
    assert again.config() == model.config()
    assert again.symbols == model.symbols
    assert again.sample(4, seed=0, max_length=9) == model.sample(4, seed=0, max_length=9)
    if text:
        np.testing.assert_array_equal(again.text_log_prob(TEXT), model.text_log_prob(TEXT))
    else:
        np.testing.assert_array_equal(again.log_prob(TUNES), model.log_prob(TUNES))
    assert isinstance(again, HasLogProb)


# What it refuses, and the sentence.


def test_bad_data_is_refused() -> None:
    with pytest.raises(ValueError, match="data holds no sequences; give at least one"):
        Bigram().fit([])
    with pytest.raises(ValueError, match="sequence 1 is empty"):
        Bigram().fit(["a", ""])
    with pytest.raises(ValueError, match="sequence 0, position 1: symbol 'z' was never seen in training"):
        Bigram().fit(NAMES, validation=["az"])
    with pytest.raises(ValueError, match="sequence 5 has 6 symbols, with its boundary more than the context of 6"):
        Bigram(context=6).fit(NAMES)
    with pytest.raises(ValueError, match="the text is empty"):
        Bigram().fit_text("")
    with pytest.raises(TypeError, match="running text must be one str, or one tuple of tokens, got list"):
        Bigram().fit_text(NAMES)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="context must be a whole number >= 2 and <= 6, got 7"):
        Bigram(context=6).fit_text(TEXT, context=7)
    with pytest.raises(ValueError, match="context must be a whole number >= 2, got 1"):
        Bigram(context=1)
    with pytest.raises(TypeError, match=r"Bigram.fit has no option 'epoch'; did you mean 'epochs'"):
        Bigram().fit(NAMES, epoch=3)


def test_bad_questions_are_refused() -> None:
    for ask in (lambda m: m.sample(1), lambda m: m.log_prob(["a"]), lambda m: m.save("x"), lambda m: m.symbols):
        with pytest.raises(NotFittedError, match="this Bigram has not been fitted: call"):
            ask(Bigram())
    model = Bigram(context=7).fit(NAMES, epochs=1, progress=False)
    with pytest.raises(ValueError, match="n, the number of samples, must be a whole number >= 1, got 0"):
        model.sample(0)
    with pytest.raises(ValueError, match=r"temperature must be >= 0, got -1.0"):
        model.sample(1, temperature=-1.0)
    with pytest.raises(ValueError, match="max_length must be a whole number >= 1, got 0"):
        model.sample(1, max_length=0)
    with pytest.raises(ValueError, match="the prompt has 7 symbols, but this model reads at most 6 before the next"):
        model.sample(1, prompt="hannaha")
    with pytest.raises(ValueError, match="position 2: symbol 'x' was never seen"):
        model.sample(1, prompt="anx")
    with pytest.raises(TypeError, match="the model was fitted on strings, got tuples of tokens"):
        model.sample(1, prompt=("a", "n"))
    for prompt in (None, ["a", "n"]):
        with pytest.raises(TypeError, match=r"^prompt must be a str, or a tuple of tokens, got (None|\['a', 'n'\])$"):
            model.sample(1, prompt=prompt)
    with pytest.raises(ValueError, match="sequence 1, position 0: symbol 'z' was never seen"):
        model.log_prob(["a", "z"])
    with pytest.raises(ValueError, match="sequence 0 has 7 symbols, with its boundary more than the context of 7"):
        model.log_prob(["hannaha"])
    with pytest.raises(ValueError, match="stride must be a whole number >= 1 and <= 5, got 6"):
        model.text_log_prob("anna", context=5, stride=6)
