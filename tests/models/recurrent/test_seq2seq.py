"""Sequence to sequence: its pieces against torch and enumeration, and the contract of every model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sdg_lab import training
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.recurrent import seq2seq
from sdg_lab.models.recurrent.encoder_decoder import Attention, Encoder, Memory, reversed_along
from sdg_lab.models.recurrent.seq2seq import Pairs, Seq2Seq

WORDS: Pairs = [("ab", ("B", "A")), ("abc", ("C", "B", "A")), ("c", ("C",)), ("cab", ("B", "A", "C")), ("b", ("B",))]


def small(**changes: Any) -> Seq2Seq:
    arguments: dict[str, Any] = {"width": 12, "embedding": 6} | changes
    return Seq2Seq(**arguments)


@pytest.fixture(scope="module")
def fitted() -> Seq2Seq:
    return small().fit(WORDS * 8, epochs=60, batch_size=8, lr=2e-2, progress=False)


@given(st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=4))
def test_turning_a_batch_round_turns_each_sequence(words: list[str]) -> None:
    width = max(map(len, words))
    rows = torch.tensor([[ord(c) for c in word.ljust(width)] for word in words])
    lengths = torch.tensor([len(word) for word in words])
    turned = reversed_along(rows, lengths)
    assert ["".join(map(chr, row)).rstrip() for row in turned.tolist()] == [word[::-1] for word in words]
    assert torch.equal(reversed_along(turned, lengths), rows)
    assert torch.equal(reversed_along(rows[..., None], lengths)[..., 0], turned)


def test_the_encoder_is_torchs_on_packed_sequences() -> None:
    torch.manual_seed(0)
    ours = Encoder(5, embedding=3, width=4, bidirectional=True, dropout=0.0)
    theirs = nn.GRU(3, 4, bidirectional=True, batch_first=True)
    for suffix, cell in (("l0", ours.forwards), ("l0_reverse", ours.backwards)):
        assert cell is not None
        for name, value in cell.named_parameters():
            getattr(theirs, f"{name}_{suffix}").data = value.data
    source, lengths = torch.tensor([[1, 2, 3, 4], [4, 3, 0, 0], [2, 0, 0, 0]]), torch.tensor([4, 2, 1])
    packed = nn.utils.rnn.pack_padded_sequence(ours.embed(source), lengths, batch_first=True)
    states, last = theirs(packed)
    want, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
    memory = ours(source, lengths)
    torch.testing.assert_close(memory.states[memory.there], want[memory.there], rtol=1e-4, atol=1e-5)
    first = torch.tanh(ours.to_first(torch.cat([last[0], last[1]], dim=1)))
    torch.testing.assert_close(memory.first, first, rtol=1e-4, atol=1e-5)


def test_attention_is_torchs_scaled_dot_product_without_the_scale() -> None:
    torch.manual_seed(0)
    attention, h = Attention(6, 4), torch.randn(2, 3, 4)
    states, there = torch.randn(2, 5, 6), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]).bool()
    got, weights = attention(h, Memory(states, there, torch.zeros(2, 4)))
    want = nn.functional.scaled_dot_product_attention(
        attention.query(h), states, states, attn_mask=there[:, None], scale=1.0
    )
    torch.testing.assert_close(weights @ states, want)
    torch.testing.assert_close(got, torch.tanh(attention.mix(torch.cat([want, h], dim=-1))))
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))
    assert not weights[1, :, 2:].any()


def test_the_symbols_log_probabilities_make_up_the_targets(fitted: Seq2Seq) -> None:
    by_symbol = fitted.log_prob_by_token(WORDS)
    assert by_symbol.shape == (len(WORDS), 4)  # the longest target, and its end
    np.testing.assert_allclose(by_symbol.sum(1), fitted.log_prob(WORDS))
    for row, (_, target) in zip(by_symbol, WORDS, strict=True):
        assert (row[: len(target) + 1] < 0).all()
        assert not row[len(target) + 1 :].any()
    (first,) = fitted.log_prob_by_token([("ab", ("B",))])
    (longer,) = fitted.log_prob_by_token([("ab", ("B", "A"))])
    assert first[0] == pytest.approx(longer[0], abs=1e-6)  # what follows a symbol does not change its probability


@pytest.mark.parametrize(
    "changes",
    [{}, {"attention": False, "bidirectional": False}, {"reverse_source": True}],
    ids=["attention", "plain", "reversed"],
)
def test_padding_and_company_change_no_likelihood(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = small(**changes).fit(WORDS, epochs=2, batch_size=3, progress=False)
    alone = [model.log_prob([pair])[0] for pair in WORDS]
    np.testing.assert_allclose(model.log_prob(WORDS), alone, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(seq2seq, "MAX_SOURCES", 2)
    np.testing.assert_allclose(model.log_prob(WORDS), alone, rtol=1e-4, atol=1e-4)
    # The loss of all pairs, in groups the last of which is filled up, is their nats per token, in any batches.
    tensors = seq2seq._grouped(model._tensors(model.alphabets, WORDS), 2, seed=0)
    assert tensors[0].shape[:2] == (3, 2)
    tokens = sum(len(target) + 1 for _, target in WORDS)
    assert model.loss(*tensors).item() == pytest.approx(-np.sum(alone) / tokens, rel=1e-4)
    losses = [training.evaluate(model, tensors, batch_size=size) for size in (1, 2, 3)]
    assert losses == pytest.approx([-np.sum(alone) / tokens] * 3, rel=1e-4)


def test_a_reversed_source_is_read_from_its_end() -> None:
    plain, turned = small(), small(reverse_source=True)
    plain.fit(WORDS, epochs=1, progress=False)
    turned.fit(WORDS, epochs=1, progress=False)
    turned.load_state_dict(plain.state_dict())
    backwards: Pairs = [(source[::-1], target) for source, target in WORDS]
    np.testing.assert_allclose(turned.log_prob(backwards), plain.log_prob(WORDS), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        turned.attention_weights("abc", ("A",)), plain.attention_weights("cba", ("A",))[:, ::-1], rtol=1e-4, atol=1e-5
    )


def test_it_learns_to_turn_letters_round(fitted: Seq2Seq) -> None:
    sources = [source for source, _ in WORDS]
    assert fitted.translate(sources) == [target for _, target in WORDS]  # type: ignore[arg-type]
    assert fitted.log_prob(WORDS).min() > -0.5
    weights = fitted.attention_weights("abc", ("C", "B", "A"))
    assert weights.shape == (4, 3)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_translating_takes_the_likeliest_token_at_each_step(fitted: Seq2Seq) -> None:
    for source in ("abc", "b", "ca"):
        (written,) = fitted.translate([source])
        prefix: tuple[str, ...] = ()
        while len(prefix) < len(written) + 1:
            options = [fitted.log_prob_by_token([(source, (*prefix, letter))])[0, len(prefix)] for letter in "ABC"]
            # What a target that ends here says of its end, against each letter that could follow.
            end = fitted.log_prob_by_token([(source, prefix)])[0, len(prefix)] if prefix else -np.inf
            if end > max(options):
                break
            prefix = (*prefix, "ABC"[int(np.argmax(options))])
        assert written == prefix
        assert fitted.sample(3, source=source, temperature=0) == [(source, written)] * 3


def test_many_sources_are_translated_in_parts(fitted: Seq2Seq, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = ["ab", "c", "cab", "bb"]
    want = [fitted.translate([source])[0] for source in sources]
    assert fitted.translate(sources) == want
    monkeypatch.setattr(seq2seq, "MAX_SOURCES", 3)
    assert fitted.translate(sources) == want


def test_under_two_processes_each_takes_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Any] = {}

    def learn(self: Seq2Seq, batch: tuple[torch.Tensor, ...], **options: Any) -> None:
        taken.update(options["recipe"], groups=batch[0].shape[:2])

    monkeypatch.setattr(Seq2Seq, "learn", learn)
    monkeypatch.setenv("WORLD_SIZE", "2")
    small().fit(WORDS * 2, batch_size=4)
    assert (taken["batch_size"], taken["groups"]) == (2, (5, 2))
    with pytest.raises(ValueError, match="batch_size must be a multiple of the 2 processes, got 5"):
        small().fit(WORDS, batch_size=5)


def test_samples_have_the_probabilities_of_log_prob() -> None:
    model = small().fit(WORDS, epochs=10, lr=1e-2, progress=False)
    n = 4_000
    samples = model.sample(n, seed=0, source="c")
    assert samples == model.sample(n, seed=0, source="c")
    assert samples != model.sample(n, source="c")
    for (source, target), count in Counter(samples).most_common(6):
        p = float(np.exp(model.log_prob([(source, target)]))[0])
        assert count == pytest.approx(n * p, abs=5 * np.sqrt(n * p))


def test_every_option_of_sample_changes_the_distribution_as_it_says() -> None:
    model, n = small().fit(WORDS, epochs=3, progress=False), 4_000
    source = torch.from_numpy(model.alphabets[0].encode(["cab"])[0])[None]
    with torch.no_grad():
        p = model.logits(source, torch.tensor([3]), torch.zeros(1, 1, dtype=torch.int64))[0][0, 0].softmax(-1)
    likely = p.argsort(descending=True)

    def shares(**options: Any) -> torch.Tensor:
        first = [target[:1] for _, target in model.sample(n, seed=0, source="cab", max_length=1, **options)]
        counts = Counter(first)
        return torch.tensor([counts[()], *(counts[(letter,)] for letter in model.alphabets[1].letters)]) / n

    error = 5 * np.sqrt(0.25 / n)
    torch.testing.assert_close(shares(), p, rtol=0, atol=error)
    torch.testing.assert_close(shares(temperature=0.2), p**5 / (p**5).sum(), rtol=0, atol=error)
    assert shares(temperature=0)[likely[0]] == 1
    two = torch.zeros_like(p).index_copy(0, likely[:2], p[likely[:2]] / p[likely[:2]].sum())
    torch.testing.assert_close(shares(top_k=2), two, rtol=0, atol=error)
    assert shares(top_k=2)[likely[2:]].sum() == 0
    enough = float(p[likely[:2]].sum()) - 1e-3  # the first alone has less
    torch.testing.assert_close(shares(top_p=enough), two, rtol=0, atol=error)
    assert shares(top_p=enough)[likely[2:]].sum() == 0


@pytest.mark.parametrize("size", [2, 5])
def test_the_curves_are_nats_per_token_of_what_they_name(size: int) -> None:
    options: dict[str, Any] = {"epochs": 1, "lr": 1e-12, "batch_size": size, "progress": False}
    model = small().fit(WORDS, validation=WORDS[:2], **options)  # it stays as it begins
    assert model.history is not None
    for pairs, found in ((WORDS, model.history.train_loss), (WORDS[:2], model.history.validation_loss)):
        tokens = sum(len(target) + 1 for _, target in pairs)
        assert found == pytest.approx([-model.log_prob(pairs).sum() / tokens], rel=1e-4)


def test_pairs_with_sources_of_like_length_meet() -> None:
    pairs: Pairs = [("a" * n, ("A",)) for n in range(1, 9)]
    model = small().fit(pairs, epochs=1, progress=False)
    _, lengths, *_ = seq2seq._grouped(model._tensors(model.alphabets, pairs), 2, seed=0)
    assert sorted(lengths.tolist()) == [[1, 2], [3, 4], [5, 6], [7, 8]]


def test_the_same_seed_gives_the_same_model() -> None:
    first, again, other = (small(dropout=0.1).fit(WORDS, epochs=2, seed=s, progress=False) for s in (3, 3, 4))
    for name, tensor in first.state().items():
        assert torch.equal(tensor, again.state()[name]), name
    assert not torch.equal(first.state()["decoder.head.weight"], other.state()["decoder.head.weight"])


def test_save_and_load_give_back_the_same_model(fitted: Seq2Seq, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model.safetensors")
    again = Seq2Seq.load(tmp_path / "model.safetensors")
    assert again.config() == fitted.config()
    assert again.trained["epochs"] == 60
    np.testing.assert_array_equal(again.log_prob(WORDS), fitted.log_prob(WORDS))


def test_weights_bring_their_alphabets_along(fitted: Seq2Seq) -> None:
    again = small()
    again.load_state_dict({name: value.clone() for name, value in fitted.state_dict().items()})
    assert again.alphabets == fitted.alphabets
    assert again.sample(5, seed=0, source="ab") == fitted.sample(5, seed=0, source="ab")


def test_a_fit_that_fails_leaves_the_model_as_it_was() -> None:
    def stop(epoch: int, model: Any) -> None:
        raise KeyboardInterrupt

    fresh = small()
    with pytest.raises(KeyboardInterrupt):
        fresh.fit(WORDS, on_epoch=stop, progress=False)
    for ask in (lambda: fresh.translate(["ab"]), lambda: fresh.log_prob(WORDS), lambda: fresh.sample(1, source="a")):
        with pytest.raises(NotFittedError, match="this Seq2Seq has not been fitted"):
            ask()
    model = small().fit(WORDS, epochs=1, progress=False)
    before = model.log_prob(WORDS)
    others: Pairs = [("xy", ("Q",)), ("y", ("R", "Q"))]
    for options in ({"on_epoch": stop}, {"epochs": 0}, {"batch_size": 0}, {"lr": -1.0}, {"dropout": 0.5}):
        with pytest.raises((KeyboardInterrupt, ValueError, TypeError)):
            model.fit(others, progress=False, **options)
        np.testing.assert_array_equal(model.log_prob(WORDS), before)


# What it refuses, and the sentence.


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="width must be a whole number >= 1, got 0"):
        small(width=0)
    with pytest.raises(ValueError, match="embedding must be a whole number >= 1, got 0"):
        small(embedding=0)
    with pytest.raises(ValueError, match="dropout must be >= 0 and < 1, got 1"):
        small(dropout=1)
    for name in ("attention", "bidirectional", "reverse_source"):
        with pytest.raises(ValueError, match=f"{name} must be True or False, got 'no'"):
            small(**{name: "no"})


def test_bad_data_is_refused() -> None:
    with pytest.raises(TypeError, match=r"data must be a list of pairs \(source, target\), got dict"):
        small().fit({})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="data holds no pairs; give at least one"):
        small().fit([])
    with pytest.raises(TypeError, match=r"pair 0 is 'ab'; it must be a tuple \(source, target\)"):
        small().fit(["ab"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="sequence 0 is empty"):
        small().fit([("a", ())])
    with pytest.raises(ValueError, match="sequence 0, position 1: symbol 'z' was never seen in training"):
        small().fit(WORDS, validation=[("az", ("A",))])


def test_bad_questions_are_refused(fitted: Seq2Seq) -> None:
    with pytest.raises(NotFittedError, match="this Seq2Seq has not been fitted"):
        small().translate(["ab"])
    codes = torch.ones(1, 2, dtype=torch.int64)
    with pytest.raises(NotFittedError, match="this Seq2Seq has not been fitted"):
        small().logits(codes, torch.tensor([2]), codes)
    with pytest.raises(ValueError, match=r"targets depend on a source: give one, as in sample\(n, source=...\)"):
        fitted.sample(3)
    with pytest.raises(ValueError, match="n, the number of samples, must be a whole number >= 1, got 0"):
        fitted.sample(0, source="a")
    with pytest.raises(ValueError, match="temperature must be >= 0, got -1"):
        fitted.sample(1, source="a", temperature=-1)
    with pytest.raises(ValueError, match="max_length must be a whole number >= 1, got 0"):
        fitted.translate(["a"], max_length=0)
    with pytest.raises(ValueError, match="source 1 is empty; leave it out"):
        fitted.translate(["a", ""])
    with pytest.raises(ValueError, match="position 0: symbol '9' was never seen in training"):
        fitted.translate(["9"])
    with pytest.raises(ValueError, match=r"no attention; make it with Seq2Seq\(attention=True\)"):
        small(attention=False).fit(WORDS, epochs=1, progress=False).attention_weights("a", ("A",))


def test_a_batch_size_beyond_the_pairs_is_all_of_them_and_a_seed_is_a_whole_number() -> None:
    one, other = (small().fit(WORDS, epochs=1, batch_size=size, progress=False) for size in (len(WORDS), 10**12))
    torch.testing.assert_close(one.state_dict(), other.state_dict())
    for seed in (1.5, "a", True):
        with pytest.raises(ValueError, match="seed must be a whole number >= 0"):
            small().fit(WORDS, seed=seed, progress=False)
