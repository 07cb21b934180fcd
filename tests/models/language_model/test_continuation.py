"""Several texts continued at once, beside each text read anew for every token."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.models.language_model.continuation import Decoding, continuations
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


def written_together(network: Transformer, prompts: list[list[int]], max_tokens: int) -> list[list[int]]:
    written: list[list[int]] = [[] for _ in prompts]
    for pairs in continuations(network, prompts, Decoding(max_tokens=max_tokens), lambda _, token: token == END):
        for row, token in pairs:
            written[row].append(token)
    return written


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


def rows_read(network: Transformer, prompts: list[list[int]], ends: dict[int, int], max_tokens: int) -> list[int]:
    """Return how many texts are read at each step; a text ends at the step that ``ends`` names, by its number."""
    read, written = [], [0] * len(prompts)
    hidden = network.hidden

    def watched(tokens: Any, *rest: Any) -> Any:
        read.append(len(tokens))
        return hidden(tokens, *rest)

    def ended(row: int, token: int) -> bool:
        written[row] += 1
        return written[row] == ends.get(row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "hidden", watched)
        for _ in continuations(network, prompts, Decoding(max_tokens=max_tokens), ended):
            pass
    return read


def test_texts_that_have_ended_are_read_on_until_they_are_half_of_the_batch(network: Transformer) -> None:
    assert rows_read(network, [[1]] * 6, {0: 1, 1: 2, 2: 3}, 6) == [6, 6, 6, 3, 3, 3]
    assert rows_read(network, [[1]] * 6, {0: 1, 1: 2, 2: 3, 3: 3, 4: 4}, 5) == [6, 6, 6, 2, 1]
    assert rows_read(network, [[1]] * 2, {0: 1}, 4) == [2, 1, 1, 1]
    assert rows_read(network, [[1]] * 4, {}, 3) == [4, 4, 4]


def test_texts_that_have_ended_are_dropped_when_one_has_filled_the_context(network: Transformer) -> None:
    assert CONTEXT == 9  # the first text is full after its third token
    assert rows_read(network, [[7] * 7, [1], [1], [1], [1]], {1: 1}, 5) == [5, 5, 5, 3, 3]


def test_a_vocabulary_of_one_symbol_is_enough() -> None:
    one = Transformer(1, d_model=4, n_layers=1, n_heads=1, context=4).eval()
    assert written_together(one, [[0], [0, 0]], 100) == [[0] * 4, [0] * 3]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_may_have_a_gradient(temperature: float) -> None:
    logits = torch.tensor([[0.0, 900.0], [900.0, 0.0]], requires_grad=True)
    assert Decoding(temperature=temperature).choose(logits, torch.Generator()) == [1, 0]


def test_a_temperature_of_1_draws() -> None:
    assert set(Decoding(temperature=1.0).choose(torch.zeros(64, 2), torch.Generator().manual_seed(0))) == {0, 1}
    assert Decoding().choose(torch.zeros(2, 2), torch.Generator()) == [0, 0]


@pytest.mark.parametrize("long", range(1, CONTEXT + 1))
def test_a_short_prompt_beside_a_long_one_still_fills_the_context(network: Transformer, long: int) -> None:
    prompts = [[5], [7] * long]
    written: list[list[int]] = [[], []]
    for pairs in continuations(network, prompts, Decoding(max_tokens=100), lambda row, token: False):
        for row, token in pairs:
            written[row].append(token)
    assert [len(tokens) for tokens in written] == [CONTEXT, CONTEXT + 1 - long]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_tokens": 0}, "max_tokens must be a whole number >= 1, got 0"),
        ({"temperature": -1.0}, r"temperature must be >= 0, got -1\.0"),
        ({"top_k": 0}, "top_k must be a whole number >= 1, got 0"),
        ({"temperature": 1.0, "top_p": 2.0}, r"top_p must be > 0 and <= 1, got 2\.0"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Decoding(**options)
