"""Chapter 07: its references against torch's own functions and the samplers of the library."""

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from sdg_lab.course.ch07.exercises import attention, cache_step, causal_mask, nucleus, rms_norm
from sdg_lab.course.engine import registry
from sdg_lab.course.engine.grade import verdict
from sdg_lab.models.sequences.sampling import filter_logits


def _normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_attention_is_torch_s() -> None:
    q, k, v = _normal(2, 3, 5, 4, seed=0), _normal(2, 3, 6, 4, seed=1), _normal(2, 3, 6, 4, seed=2)
    for mask in (None, causal_mask(5, 6)):
        outputs, weights = attention(q, k, v, mask)
        torch.testing.assert_close(outputs, F.scaled_dot_product_attention(q, k, v, mask))
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5, dtype=torch.float64))
        torch.testing.assert_close(weights @ v, outputs)


def test_a_query_sees_itself_and_what_came_before() -> None:
    for queries, keys in ((4, 4), (1, 5), (3, 7)):
        for query, key in itertools.product(range(queries), range(keys)):
            assert causal_mask(queries, keys)[query, key] == (key <= keys - queries + query)


def test_steps_with_a_cache_are_one_pass_with_the_causal_mask() -> None:
    q, k, v = _normal(3, 2, 4, 7, 8, seed=3)
    keys = values = torch.empty(2, 4, 0, 8, dtype=torch.float64)
    outputs = []
    for new in zip(*(part.split(1, dim=2) for part in (q, k, v)), strict=True):
        output, keys, values = cache_step(*new, keys, values)
        outputs.append(output)
    at_once = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(torch.cat(outputs, 2), at_once)
    assert torch.equal(keys, k)
    assert torch.equal(values, v)


@pytest.mark.parametrize("p", [0.21, 0.55, 0.83, 1.0])
def test_the_nucleus_is_the_smallest_set_that_reaches_p(p: float) -> None:
    """Of all sets of symbols that reach p, none is smaller, and none of its size weighs more."""
    given = torch.tensor([0.1, 0.37, 0.05, 0.3, 0.18], dtype=torch.float64)
    sets = [s for n in range(1, 6) for s in itertools.combinations(range(5), n)]
    mass = {s: math.fsum(given[list(s)].tolist()) for s in sets}
    best = min((s for s in sets if mass[s] >= p - 1e-12), key=lambda s: (len(s), -mass[s]))
    want = torch.zeros(5, dtype=torch.float64)
    want[list(best)] = given[list(best)] / mass[best]
    torch.testing.assert_close(nucleus(given, p), want)
    torch.testing.assert_close(filter_logits(given.log()[None], top_p=p).softmax(-1)[0], want)


def test_the_norm_is_that_of_torch_s_layer() -> None:
    x, layer = 3 * _normal(2, 5, 8, seed=5) + 1, torch.nn.RMSNorm(8, eps=0.1, dtype=torch.float64)
    layer.weight.data = _normal(8, seed=6).exp()
    torch.testing.assert_close(rms_norm(x, layer.weight, 0.1), layer(x))


def _attention(largest: bool = False, fill: float = -math.inf):
    def answer(q, k, v, mask=None):
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        scores = scores if mask is None else scores.masked_fill(~mask, fill)
        powers = (scores - scores.max()).exp() if largest else None
        weights = scores.softmax(-1) if powers is None else powers / (powers.sum(-1, keepdim=True) + 1e-9)
        return weights @ v, weights

    return answer


def _step_of_the_newest(q, k, v, keys, values):
    return cache_step(q, k, v, keys[:, :, -8:], values[:, :, -8:])


@pytest.mark.parametrize(
    ("key", "answer", "says"),
    [
        ("07.attention", _attention(largest=True), "those above them masked"),
        ("07.attention", _attention(fill=-100.0), "Masked scores were made low, but not low enough"),
        ("07.attention", _attention(fill=-1e4), "those above them masked"),
        ("07.attention", lambda *case: attention(*case)[0], "expected 2 things"),
        ("07.cache_step", _step_of_the_newest, "45 tokens in the cache"),
        ("07.cache_step", lambda q, k, v, *old: (old[1].mean(2, True), *cache_step(q, k, v, *old)[1:]), "old values"),
    ],
)
def test_what_only_the_extremes_tell_is_refused_on_every_seed(key, answer, says) -> None:
    for seed in range(4):
        result = verdict(registry.find(key), answer, seed=seed)
        assert result.status == "failed"
        assert says in result.message


def test_any_number_that_no_score_can_undercut_hides_a_key() -> None:
    for fill in (-1e9, torch.finfo(torch.float32).min):
        assert verdict(registry.find("07.attention"), _attention(fill=fill)).status == "passed"
