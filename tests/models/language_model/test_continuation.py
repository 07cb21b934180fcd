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
