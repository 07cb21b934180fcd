"""Short convolutions in a GPT: torch's own, nothing before training, and a cache that remembers their inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.course.ch07.convolutions import Convolution, ConvolutionalGPT, ConvolutionalTransformer
from sdg_lab.models.sequences.dropout import LockedDropout
from sdg_lab.models.transformer import GPT, Transformer
from sdg_lab.models.transformer.cache import causal_mask

SYMBOLS, CONTEXT = 11, 12
SIZES: dict[str, Any] = {"d_model": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "context": CONTEXT}
NAMES = ["anna", "hannah", "otto", "nat", "tonna", "ann", "tat", "hanno"]


@pytest.fixture
def network() -> ConvolutionalTransformer:
    torch.manual_seed(0)
    made = ConvolutionalTransformer(SYMBOLS, positions="rotary", **SIZES).eval()
    with torch.no_grad():
        for parameter in made.parameters():  # so large that every part matters
            parameter.copy_(parameter * 3 + 0.3 * torch.randn_like(parameter))
    return made.requires_grad_(False)


def codes(n: int, length: int) -> Tensor:
    return torch.randint(SYMBOLS, (n, length), generator=torch.Generator().manual_seed(0))


def assert_same_logits(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))


def test_a_convolution_is_that_of_torch() -> None:
    torch.manual_seed(0)
    convolution, x = Convolution(6), torch.randn(2, 9, 6)
    assert torch.equal(convolution(x), x)  # its weights begin at 0
    with torch.no_grad():
        convolution.weight.normal_()
    theirs = F.conv1d(F.pad(x.mT, (2, 0)), convolution.weight, groups=6).mT
    torch.testing.assert_close(convolution(x), x + theirs, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_before_training_it_is_the_transformer_without_them() -> None:
    fresh, without = ConvolutionalTransformer(SYMBOLS, **SIZES), Transformer(SYMBOLS, **SIZES)
    left = without.load_state_dict(fresh.state_dict(), strict=False)
    assert len(left.unexpected_keys) == 2 * 3  # three in each block
    assert all("convolution" in key for key in left.unexpected_keys)
    assert_same_logits(fresh(codes(2, 9)), without(codes(2, 9)))


def test_changing_a_token_changes_no_logit_before_it_and_all_from_it_on(network: ConvolutionalTransformer) -> None:
    tokens = codes(1, CONTEXT)
    before = network(tokens)
    for place in range(CONTEXT):
        changed = tokens.clone()
        changed[0, place] = (tokens[0, place] + 1) % SYMBOLS
        differs = (network(changed) - before)[0].abs().amax(dim=-1) > 1e-4 * before.abs().max()
        assert differs.tolist() == [False] * place + [True] * (CONTEXT - place)


def test_the_weights_of_attention_are_what_the_layers_use(network: ConvolutionalTransformer) -> None:
    tokens = codes(2, 7)
    weights = network.attention_weights(tokens)
    assert (weights[..., ~causal_mask(7, 7)] == 0).all()
    x, _ = network._embed(tokens, None)
    for layer, block in enumerate(network.blocks):
        read = block.convolutions[0](block.attention_norm(x))
        qkv = block.attention.convolution(block.attention.qkv(read)).view(2, 7, -1, 4).transpose(1, 2)
        gathered = weights[layer] @ qkv[:, 6:].repeat_interleave(2, dim=1)
        x = x + block.attention.out(gathered.transpose(1, 2).flatten(2))
        x = x + block.feed_forward(block.convolutions[1](block.feed_forward_norm(x)))
    assert_same_logits(network.unembed(network.norm(x)), network(tokens))


@pytest.mark.parametrize("parts", [[1] * 10, [4, 1, 5], [9, 1], [10]], ids=str)
def test_with_a_cache_the_logits_are_those_of_the_whole_pass(
    network: ConvolutionalTransformer, parts: list[int]
) -> None:
    tokens = codes(3, 10)
    cache = network.cache(3)
    found = torch.cat([network(part, cache) for part in tokens.split(parts, dim=1)], dim=1)
    assert_same_logits(found, network(tokens))


def test_rows_of_a_cache_go_on_alone(network: ConvolutionalTransformer) -> None:
    tokens = codes(4, 6)
    cache = network.cache(4)
    network(tokens[:, :4], cache)
    rows = torch.tensor([3, 1])
    found = network(tokens[rows, 4:], cache.keep(rows))
    assert_same_logits(found, network(tokens[rows])[:, 4:])


def test_padding_is_refused(network: ConvolutionalTransformer) -> None:
    with pytest.raises(ValueError, match="padding: a network with convolutions reads unpadded rows only"):
        network.cache(2, padding=torch.tensor([0, 1]))


def test_locked_dropout_drops_the_same_numbers_at_all_positions() -> None:
    model = ConvolutionalGPT(dropout=0.5, locked=True, **SIZES)
    model.fit(NAMES, epochs=1, progress=False)
    kinds = [module for module in model.modules() if isinstance(module, (LockedDropout, torch.nn.Dropout))]
    assert [type(module) for module in kinds] == [LockedDropout] * 3
    assert {module.p for module in kinds} == {0.5}
    torch.manual_seed(0)
    dropped = model.network.train().dropout(torch.ones(3, 9, 16))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert dropped.unique().tolist() == [0.0, 2.0]


def test_it_is_trained_sampled_and_kept_as_every_gpt(tmp_path: Any) -> None:
    model = ConvolutionalGPT(locked=True, dropout=0.1, **SIZES).fit(NAMES, epochs=2, optimizer="muon", progress=False)
    assert model.network.blocks[0].convolutions[0].weight.abs().max() > 0  # it learnt
    drawn = model.sample(5, temperature=0, prompt="ha", max_length=5)
    tokens = model.pad(["ha"])[0][:, :-1]
    for _ in range(5):
        tokens = torch.cat([tokens, model.logits(tokens)[:, -1:].argmax(-1)], dim=1)
        if tokens[0, -1] == 0:
            break
    assert drawn == model.unpad(tokens, torch.tensor([tokens.shape[1] - 1])) * 5
    model.save(tmp_path / "gpt.safetensors")
    again = ConvolutionalGPT.load(tmp_path / "gpt.safetensors")
    assert again.config() == model.config()
    np.testing.assert_array_equal(again.log_prob(NAMES), model.log_prob(NAMES))
    with pytest.raises(TypeError, match="ConvolutionalGPT has no option 'convolution'"):
        ConvolutionalGPT(convolution=3)
    with pytest.raises(ValueError, match="holds a ConvolutionalGPT, not a GPT"):
        GPT.load(tmp_path / "gpt.safetensors")
