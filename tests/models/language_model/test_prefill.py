"""Prompts read together, what they share once, beside each prompt read alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.models.language_model import prefill
from sdg_lab.models.language_model.prefill import read, shared_beginnings
from sdg_lab.models.transformer import Transformer

CONTEXT = 24


@pytest.fixture(scope="module", params=["learned", "rotary"])
def network(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(0)
    made = Transformer(5, d_model=16, n_layers=2, n_heads=2, context=CONTEXT, positions=request.param)
    for parameter in made.requires_grad_(False).parameters():
        parameter.copy_(parameter * 3 + 0.5 * torch.randn_like(parameter))
    return made.double().eval()


few_symbols = st.lists(st.integers(0, 1), min_size=1, max_size=CONTEXT - 2)  # so that many begin alike
shared_parts = st.lists(st.integers(0, 4), max_size=12).flatmap(
    lambda beginning: st.lists(
        st.lists(st.integers(0, 4), min_size=1, max_size=9).map(lambda rest: beginning + rest), min_size=1, max_size=5
    )
)
many_prompts = st.lists(few_symbols, min_size=1, max_size=5) | shared_parts


@settings(max_examples=40)
@given(prompts=many_prompts, worth=st.integers(1, 8), at_once=st.sampled_from([1, 7, 4096]))
def test_prompts_are_read_as_if_alone_and_go_on_so(
    network: Transformer, prompts: list[list[int]], worth: int, at_once: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefill, "WORTH", worth)
        patch.setattr(prefill, "MAX_TOKENS", at_once)
        hidden, cache = read(network, prompts, room=2)
        more = torch.arange(2 * len(prompts)).view(-1, 2) % 5
        with torch.inference_mode():
            after = network.hidden(more, cache)
    for row, prompt in enumerate(prompts):
        alone = network.hidden(torch.tensor([prompt + more[row].tolist()]))[0]
        torch.testing.assert_close(hidden[row], alone[len(prompt) - 1])
        torch.testing.assert_close(after[row], alone[len(prompt) :])


@given(prompts=many_prompts)
def test_groups_of_a_level_share_their_beginning_and_are_parts_of_those_before(prompts: list[list[int]]) -> None:
    different = sorted(set(map(tuple, prompts)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefill, "WORTH", 2)
        levels = shared_beginnings(different)
    for level in levels:
        assert [place for group, _ in level for place in group] == list(range(len(different)))
        for group, length in level:
            assert len({different[place][:length] for place in group}) == 1
            assert length <= min(len(different[place]) for place in group)
    for before, after in pairwise(levels):
        known = {place: length for group, length in before for place in group}
        assert all(known[place] <= length for group, length in after for place in group)


def tokens_read(network: Transformer, prompts: list[list[int]]) -> int:
    read_at: list[int] = []
    hidden = network.hidden

    def watched(tokens: Any, *rest: Any) -> Any:
        read_at.append(tokens.numel())
        return hidden(tokens, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "hidden", watched)
        read(network, prompts)
    return sum(read_at)


def test_what_is_shared_is_read_once(network: Transformer) -> None:
    template, examples = [1, 2, 3, 4] * 4, [[0] * 2, [2] * 2]
    assert tokens_read(network, [template] * 9) == 16
    assert tokens_read(network, [[*template, last] for last in range(5)]) == 16 + 5
    assert tokens_read(network, [[last, *template] for last in range(5)]) == 5 * 17
    # A template, two sets of examples, two questions each: at a gain of 2 tokens each beginning is read apart.
    prompts = [[*template, *shown, last] for shown in examples for last in range(2)]
    assert tokens_read(network, prompts) == 16 + 4 * 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefill, "WORTH", 2)
        assert tokens_read(network, prompts) == 16 + 2 * 2 + 4 * 1


def test_a_shared_beginning_too_short_to_gain_by_is_read_with_the_rest(network: Transformer) -> None:
    assert tokens_read(network, [[1, 2, 3, last] for last in range(4)]) == 16
