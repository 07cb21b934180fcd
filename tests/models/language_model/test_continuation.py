"""Several texts continued at once, beside each text read anew for every token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.models.language_model import prefill
from sdg_lab.models.language_model.continuation import MAX_ROWS, Continuation, continuations, together
from sdg_lab.models.language_model.decoding import Decoding
from sdg_lab.models.transformer import Transformer

SYMBOLS, CONTEXT, END = 11, 9, 3

POSITIONS: dict[str, dict[str, Any]] = {
    "learned": {},
    "rotary": {"positions": "rotary", "norm": "rms", "n_kv_heads": 1},
}


@pytest.fixture(scope="module", params=POSITIONS, ids=str)
def network(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(0)
    made = Transformer(SYMBOLS, d_model=16, n_layers=2, n_heads=2, context=CONTEXT, **POSITIONS[request.param])
    for parameter in made.requires_grad_(False).parameters():
        parameter.copy_(parameter * 3 + 0.5 * torch.randn_like(parameter))
    return made.double().eval()  # so precise that no two tokens are equally likely


def new_texts(prompts: list[list[int]], seeds: list[int] | None = None) -> list[Continuation]:
    return [
        Continuation(prompt, np.random.default_rng(seed))
        for prompt, seed in zip(prompts, seeds or range(len(prompts)), strict=True)
    ]


def continued(
    network: Transformer,
    prompts: list[list[int]],
    seeds: list[int] | None = None,
    end: int | None = END,
    **options: Any,
) -> list[Continuation]:
    texts = new_texts(prompts, seeds)
    for _ in continuations(network, texts, Decoding(**options), lambda text: "end" if text.tokens[-1] == end else None):
        pass
    return texts


def written_together(network: Transformer, prompts: list[list[int]], max_tokens: int) -> list[list[int]]:
    return [text.tokens for text in continued(network, prompts, max_tokens=max_tokens)]


def written_alone(network: Transformer, prompt: list[int], max_tokens: int) -> list[int]:
    """Continue one text by the definition, without a cache: until it ends, has its tokens, or fills the context."""
    written: list[int] = []
    while len(written) < max_tokens and len(prompt) + len(written) <= CONTEXT and END not in written:
        written.append(int(network(torch.tensor([prompt + written]))[0, -1].argmax()))
    return written


@settings(max_examples=60)
@given(
    prompts=st.lists(st.lists(st.integers(0, SYMBOLS - 1), min_size=1, max_size=CONTEXT), min_size=1, max_size=6),
    max_tokens=st.integers(1, 2 * CONTEXT),
)
def test_each_prompt_gets_what_it_would_get_alone(
    network: Transformer, prompts: list[list[int]], max_tokens: int
) -> None:
    alone = [written_alone(network, prompt, max_tokens) for prompt in prompts]
    assert written_together(network, prompts, max_tokens) == alone


@settings(max_examples=25)
@given(
    prompts=st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=CONTEXT), min_size=1, max_size=6),
    temperature=st.sampled_from([0.5, 1.5]),
    filters=st.sampled_from([{}, {"top_k": 4}, {"top_p": 0.8}, {"min_p": 0.1}, {"repetition_penalty": 1.5}]),
)
def test_a_drawn_text_depends_on_its_prompt_and_its_generator_alone(
    network: Transformer, prompts: list[list[int]], temperature: float, filters: dict[str, Any]
) -> None:
    options = {"max_tokens": 6, "temperature": temperature, **filters}
    side_by_side = continued(network, prompts, **options)
    for number, (prompt, text) in enumerate(zip(prompts, side_by_side, strict=True)):
        (alone,) = continued(network, [prompt], [number], **options)
        assert (text.tokens, text.reason) == (alone.tokens, alone.reason)
        assert text.log_prob == pytest.approx(alone.log_prob, abs=1e-9)


def test_in_single_precision_too_neighbours_change_nothing() -> None:
    torch.manual_seed(1)
    network = Transformer(500, d_model=16, n_layers=2, n_heads=2, context=64, positions="rotary").eval()
    prompts = [[7, place % 5, 3] for place in range(40)]
    texts = continued(network, prompts, end=None, max_tokens=25, temperature=1.0)
    for number in (0, 1, 39):
        (alone,) = continued(network, [prompts[number]], [number], end=None, max_tokens=25, temperature=1.0)
        assert alone.tokens == texts[number].tokens
    assert len({tuple(text.tokens) for text in texts}) == 40


def test_the_log_probability_is_that_of_the_model_itself_however_tokens_were_chosen(network: Transformer) -> None:
    for options in ({}, {"temperature": 0.7, "top_k": 3}, {"temperature": 2.0, "repetition_penalty": 1.3}):
        for text in continued(network, [[1, 2], [4]], max_tokens=5, **options):
            log_p = network(torch.tensor([[*text.prompt, *text.tokens]]))[0].log_softmax(-1)
            at = [len(text.prompt) - 1 + place for place in range(len(text.tokens))]
            want = sum(float(log_p[place, token]) for place, token in zip(at, text.tokens, strict=True))
            assert text.log_prob == pytest.approx(want, abs=1e-9)


def test_each_text_says_why_it_ends(network: Transformer) -> None:
    whole, short, full = ([1], [2], [7] * (CONTEXT - 1))
    texts = continued(network, [whole, short, full], end=None, max_tokens=4)
    assert [text.reason for text in texts] == ["length", "length", "context"]
    assert [len(text.tokens) for text in texts] == [4, 4, 2]
    first = texts[0].tokens[0]
    assert continued(network, [whole], end=first, max_tokens=4)[0].reason == "end"
    assert continued(network, [whole], end=first, max_tokens=1)[0].reason == "end"  # before its length is asked


def test_a_penalty_is_for_the_tokens_of_the_prompt_and_of_the_text_so_far(network: Transformer) -> None:
    texts = continued(network, [[1, 2], [5]], end=None, max_tokens=7, repetition_penalty=1.7)
    for text in texts:
        tokens = list(text.prompt)
        for _ in range(7):
            logits = network(torch.tensor([tokens]))[0, -1].tolist()
            for seen in set(tokens):
                logits[seen] = logits[seen] / 1.7 if logits[seen] > 0 else logits[seen] * 1.7
            tokens.append(logits.index(max(logits)))
        assert text.tokens == tokens[len(text.prompt) :]


def test_groups_hold_every_text_once_and_fit_into_memory(network: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    decoding = Decoding(max_tokens=5)
    texts = new_texts([[place % 3] * (1 + place % 7) for place in range(MAX_ROWS + 10)])
    sizes = [len(group) for group in together(texts, decoding, network)]
    assert sizes == [MAX_ROWS, 10]
    monkeypatch.setattr(prefill, "MAX_BYTES", 30 * prefill.MAX_BYTES // prefill.max_cached(network.config))
    groups = list(together(texts, decoding, network))
    assert {id(text) for group in groups for text in group} == {id(text) for text in texts}
    for group in groups:
        widest = max(len(text.prompt) + text.room(decoding, CONTEXT) for text in group)
        assert len(group) == 1 or len(group) * widest <= prefill.max_cached(network.config)


def rows_read(network: Transformer, prompts: list[list[int]], ends: dict[int, int], max_tokens: int) -> list[int]:
    """Return how many texts are read at each step; a text ends at the step that ``ends`` names, by its number."""
    read: list[int] = []
    hidden = network.hidden

    def watched(tokens: Any, *rest: Any) -> Any:
        read.append(len(tokens))
        return hidden(tokens, *rest)

    texts = new_texts(prompts)
    last = {id(text): ends.get(row) for row, text in enumerate(texts)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "hidden", watched)
        for _ in continuations(
            network,
            texts,
            Decoding(max_tokens=max_tokens),
            lambda text: "end" if len(text.tokens) == last[id(text)] else None,
        ):
            pass
    return read


def test_texts_that_have_ended_are_read_on_until_they_are_half_of_the_batch(network: Transformer) -> None:
    assert rows_read(network, [[1], [2], [3], [4], [5], [6]], {0: 1, 1: 2, 2: 3}, 6) == [6, 6, 6, 3, 3, 3]
    assert rows_read(network, [[1], [2], [3], [4], [5], [6]], {0: 1, 1: 2, 2: 3, 3: 3, 4: 4}, 5) == [6, 6, 6, 2, 1]
    assert rows_read(network, [[1], [2]], {0: 1}, 4) == [2, 1, 1, 1]
    assert rows_read(network, [[1], [2], [3], [4]], {}, 3) == [4, 4, 4]


def test_texts_that_have_ended_are_dropped_when_one_has_filled_the_context(network: Transformer) -> None:
    assert CONTEXT == 9  # the first text is full after its third token
    assert rows_read(network, [[7] * 7, [1], [2], [3], [4]], {1: 1}, 5) == [5, 5, 5, 3, 3]


def test_a_vocabulary_of_one_symbol_is_enough() -> None:
    one = Transformer(1, d_model=4, n_layers=1, n_heads=1, context=4).eval()
    assert written_together(one, [[0], [0, 0]], 100) == [[0] * 4, [0] * 3]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_may_have_a_gradient(temperature: float) -> None:
    logits = torch.tensor([[0.0, 900.0], [900.0, 0.0]], requires_grad=True)
    assert Decoding(temperature=temperature).choose(logits, [np.random.default_rng(0)] * 2) == [1, 0]


def test_a_temperature_of_1_draws() -> None:
    assert set(Decoding(temperature=1.0).choose(torch.zeros(64, 2), [np.random.default_rng(0)] * 64)) == {0, 1}
    assert Decoding().choose(torch.zeros(2, 2), [np.random.default_rng(0)] * 2) == [0, 0]


@pytest.mark.parametrize("long", range(1, CONTEXT + 1))
def test_a_short_prompt_beside_a_long_one_still_fills_the_context(network: Transformer, long: int) -> None:
    texts = continued(network, [[5], [7] * long], end=None, max_tokens=100)
    assert [len(text.tokens) for text in texts] == [CONTEXT, CONTEXT + 1 - long]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_tokens": 0}, "max_tokens must be a whole number >= 1, got 0"),
        ({"temperature": -1.0}, r"temperature must be >= 0, got -1\.0"),
        ({"top_k": 0}, "top_k must be a whole number >= 1, got 0"),
        ({"temperature": 1.0, "top_p": 2.0}, r"top_p must be > 0 and <= 1, got 2\.0"),
        ({"min_p": 0.0}, r"min_p must be > 0 and <= 1, got 0\.0"),
        ({"repetition_penalty": 0.0}, r"repetition_penalty must be > 0, got 0\.0"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Decoding(**options)


@pytest.mark.parametrize("options", [{"temperature": 2.0}, {"top_k": 2}, {"top_p": 0.5}, {"min_p": 0.3}])
def test_each_filter_acts(options: dict[str, Any]) -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 2.5]])
    plain = Decoding(temperature=1.0).filter(logits)
    assert not torch.equal(Decoding(**{"temperature": 1.0, **options}).filter(logits), plain)
