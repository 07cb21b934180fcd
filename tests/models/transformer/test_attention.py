"""The parts of a transformer, each against an implementation that is not ours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.transformer import TransformerConfig
from sdg_lab.models.transformer.attention import SelfAttention, attention, rotate, rotations
from sdg_lab.models.transformer.cache import KVCache, causal_mask
from sdg_lab.models.transformer.config import Pairs
from sdg_lab.models.transformer.layers import FeedForward, RMSNorm, SwiGLU


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# softmax(Q Kᵀ / √d) V


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_and_its_gradients_are_those_of_torch(kv_heads: int, causal: bool) -> None:
    mask = causal_mask(5, 5) if causal else None
    found = []
    for ours in (True, False):
        q, k, v = (
            normal(3, heads, 5, 4, seed=seed).requires_grad_() for seed, heads in enumerate((6, kv_heads, kv_heads))
        )
        if ours:
            out = attention(q, k, v, mask)[0]
        else:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)
        out.backward(normal(3, 6, 5, 4, seed=9))  # type: ignore[no-untyped-call]
        found.append((out, q.grad, k.grad, v.grad))
    torch.testing.assert_close(found[0], found[1])


def test_attention_with_a_mask_of_its_own_a_row_is_that_of_torch() -> None:
    q, k, v = normal(2, 3, 4, 8), normal(2, 3, 6, 8, seed=1), normal(2, 3, 6, 8, seed=2)
    mask = normal(2, 1, 4, 6, seed=3) > -0.5
    mask[..., 0] = True
    out, weights = attention(q, k, v, mask)
    torch.testing.assert_close(out, F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 4, dtype=torch.float64))
    assert (weights[~mask.expand_as(weights)] == 0).all()


def test_a_query_that_fits_one_key_only_returns_its_value() -> None:
    k, v = 50 * torch.eye(4, dtype=torch.float64), normal(4, 4)
    out, weights = attention(k[None, None], k[None, None], v[None, None])
    torch.testing.assert_close(out[0, 0], v)
    torch.testing.assert_close(weights[0, 0], torch.eye(4, dtype=torch.float64))


def test_the_causal_mask_ends_at_the_last_key() -> None:
    assert causal_mask(3, 3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(2, 4).tolist() == [[True, True, True, False], [True, True, True, True]]


def test_heads_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(ValueError, match="heads must be a multiple of kv_heads, got 4 heads and 3 kv_heads"):
        attention(normal(1, 4, 2, 2), normal(1, 3, 2, 2), normal(1, 3, 2, 2))


def test_self_attention_is_the_multi_head_attention_of_torch() -> None:
    ours = SelfAttention(TransformerConfig(d_model=12, n_heads=3, bias=True)).double()
    theirs = nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    x = normal(2, 7, 12)
    want, weights = theirs(x, x, x, attn_mask=~causal_mask(7, 7), average_attn_weights=False)
    torch.testing.assert_close(ours(x), want)
    torch.testing.assert_close(ours.weights(x), weights)


# Rotary positions


def test_rotation_is_that_of_transformers() -> None:
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    q, k = normal(2, 3, 5, 8).float(), normal(2, 1, 5, 8, seed=1).float()
    turns = rotations(torch.arange(5), 8, 10_000.0)
    angles = torch.cat([turns.angle(), turns.angle()], dim=-1)[None]
    want = apply_rotary_pos_emb(q, k, angles.cos(), angles.sin())
    torch.testing.assert_close((rotate(q, turns), rotate(k, turns)), want)


def test_the_angles_are_those_of_the_paper() -> None:
    turns = rotations(torch.tensor([0, 1, 7]), 6, 100.0)
    want = np.outer([0, 1, 7], 100.0 ** (-2 * np.arange(3) / 6))
    np.testing.assert_allclose(turns.numpy(), np.exp(1j * want), atol=1e-6)


@pytest.mark.parametrize("pairs", ["halves", "neighbours"])
def test_only_the_distance_between_query_and_key_counts(pairs: Pairs) -> None:
    q, k = normal(1, 8).float(), normal(1, 8, seed=1).float()

    def product(t: int, s: int) -> float:
        at_t, at_s = rotations(torch.tensor([[t], [s]]), 8, 500.0)
        return float((rotate(q, at_t, pairs) * rotate(k, at_s, pairs)).sum())

    assert product(9, 4) == pytest.approx(product(105, 100), abs=1e-4)
    assert product(9, 4) != pytest.approx(product(9, 5), abs=1e-2)


def test_the_two_layouts_are_one_rotation_of_numbers_in_another_order() -> None:
    x = normal(2, 3, 4, 8).float()
    turns = rotations(torch.arange(4), 8, 10_000.0)
    order = torch.arange(8).reshape(2, 4).T.flatten()  # 0 4 1 5 2 6 3 7: the halves, zipped
    torch.testing.assert_close(rotate(x[..., order], turns, "neighbours"), rotate(x, turns, "halves")[..., order])


@pytest.mark.parametrize("pairs", ["halves", "neighbours"])
def test_a_rotation_keeps_lengths_and_dtype(pairs: Pairs) -> None:
    x = normal(2, 3, 4, 8).bfloat16()
    turned = rotate(x, rotations(torch.arange(4), 8, 10.0), pairs)
    assert turned.dtype == torch.bfloat16
    torch.testing.assert_close(turned.float().norm(dim=-1), x.float().norm(dim=-1), rtol=0.02, atol=0.02)


# Norms and feed-forward networks


def test_rms_norm_is_that_of_torch_and_of_transformers() -> None:
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    ours = RMSNorm(6, eps=1e-3)
    with torch.no_grad():
        ours.weight.copy_(normal(6, seed=1))
    x = normal(4, 6).float() * 0.05
    torch.testing.assert_close(ours(x), F.rms_norm(x, (6,), ours.weight, eps=1e-3))
    theirs = LlamaRMSNorm(6, eps=1e-3)  # type: ignore[no-untyped-call]
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(x), theirs(x))


def test_feed_forward_networks_are_their_equations() -> None:
    x = normal(3, 4).float()
    gelu = FeedForward(TransformerConfig(d_model=4, n_heads=1, d_ff=10, bias=True))
    hidden = x @ gelu.up.weight.T + gelu.up.bias
    gauss = 0.5 * (1 + torch.erf(hidden / 2**0.5))  # Φ, the standard normal's distribution function
    want = hidden * gauss @ gelu.down.weight.T + gelu.down.bias
    torch.testing.assert_close(gelu(x), want, rtol=1e-4, atol=1e-5)
    swiglu = SwiGLU(TransformerConfig(d_model=4, n_heads=1, d_ff=6))
    gate, up = swiglu.gate_up.weight.split(6)
    hidden = (x @ gate.T) * torch.sigmoid(x @ gate.T) * (x @ up.T)
    torch.testing.assert_close(swiglu(x), hidden @ swiglu.down.weight.T, rtol=1e-4, atol=1e-5)


# The cache


def cache_of(n: int, *, layers: int = 1, padding: list[int] | None = None, kind: type[KVCache] = KVCache) -> KVCache:
    config = TransformerConfig(d_model=4, n_heads=1, n_layers=layers, context=6)
    return kind(config, n, like=torch.zeros(1), padding=None if padding is None else torch.tensor(padding))


def test_the_cache_returns_all_that_was_stored_and_keeps_rows() -> None:
    cache = cache_of(3, layers=2, padding=[0, 1, 2])
    k, v = normal(3, 1, 5, 4).float(), normal(3, 1, 5, 4, seed=1).float()
    for layer in range(2):
        cache.append(layer, k[:, :, :3], v[:, :, :3])
    cache.advance(3)
    found = cache.append(1, k[:, :, 3:], v[:, :, 3:])
    assert torch.equal(found[0], k)
    assert torch.equal(found[1], v)
    cache.advance(2)
    assert cache.longest() == 5
    assert cache.positions(1).tolist() == [[5], [4], [3]]
    two = cache.keep(torch.tensor([2, 0]))
    assert two.length == 5
    assert torch.equal(two.keys[1][:, :, :5], k[[2, 0]])
    assert torch.equal(two.values[1][:, :, :5], v[[2, 0]])
    assert two.padding is not None
    assert two.padding.tolist() == [2, 0]
    assert cache.padding is not None
    assert (len(cache.padding), len(cache.keys[0])) == (3, 3)  # the whole one is as it was
    assert cache.keep(torch.tensor([1])).longest() == 4


def test_kept_rows_are_of_the_same_kind_and_forget_nothing() -> None:
    class Named(KVCache):
        name = ""

    cache = cache_of(2, kind=Named)
    cache.name = "mine"  # type: ignore[attr-defined]
    kept = cache.keep(torch.tensor([1]))
    assert isinstance(kept, Named)
    assert vars(kept).keys() == vars(cache).keys()
    assert (kept.name, kept.capacity, kept.length) == ("mine", 6, 0)


def test_the_mask_of_a_padded_row_hides_its_padding() -> None:
    cache = cache_of(2, padding=[0, 2])
    assert cache.positions(3).tolist() == [[0, 1, 2], [0, 0, 0]]
    mask = cache.mask(3)
    assert mask is not None
    assert torch.equal(mask[0, 0], causal_mask(3, 3))
    assert mask[1, 0].tolist() == [[True, False, False], [False, True, False], [False, False, True]]
    cache.advance(3)
    mask = cache.mask(1)
    assert mask is not None
    assert mask[:, 0, 0].tolist() == [[True] * 4, [False, False, True, True]]


def test_one_new_token_needs_no_mask() -> None:
    cache = cache_of(2)
    cache.advance(3)
    assert cache.mask(1) is None
    mask = cache.mask(2)
    assert mask is not None
    assert mask.tolist() == [[True, True, True, True, False], [True] * 5]
