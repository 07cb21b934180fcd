"""The mixture of logistics: probabilities that are scipy's and sum to 1, and draws that follow them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Tensor

from sdg_lab.models.waveforms import mixture
from sdg_lab.models.waveforms.mixture import NARROW, WIDE
from sdg_lab.models.waveforms.mu_law import LEVELS, MOST_LEVELS, decode, edges, encode

CODES, EDGES = torch.arange(LEVELS), edges()
CASES = {
    "usual": ([0.3, -1.0, 0.5], [0.1, -2.0, 1.0], [-1.0, 0.0, -3.0], 0.1, 0.05),
    "silence": ([0.0, 0.0, 0.0], [0.0, 1.0, -1.0], [-2.0, 0.0, 1.0], 0.0, 3e-4),
    "narrow": ([0.0, 1.0, 2.0], [0.0, 0.5, -0.5], [-50.0, -6.0, -5.0], 0.02, 0.1),
    "wide": ([0.0, 1.0, 2.0], [0.0, 3.0, -3.0], [50.0, 6.0, 5.0], 0.5, 2.0),
    "beyond full scale": ([0.0, 1.0, -1.0], [0.0, 1.0, 2.0], [-4.0, -3.0, -2.0], 1.5, 0.3),
    "far out": ([0.0, 1.0, -1.0], [1e3, -1e3, 400.0], [-4.0, 0.0, 6.0], 0.0, 0.3),
}
"""Logits of three components, their shifts and widths; the centre and the step."""

each = pytest.mark.parametrize("case", CASES)


def arguments(case: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return outputs, centre and step, each for all 256 codes."""
    weights, shift, width, centre, step = CASES[case]
    outputs = torch.tensor([*weights, *shift, *width]).expand(LEVELS, -1)
    return outputs, torch.full((LEVELS,), centre), torch.full((LEVELS,), step)


def by_scipy(case: str) -> np.ndarray:
    """Return the logarithms of all codes' probabilities by scipy's distribution function, of either tail."""
    weights, shift, width, centre, step = CASES[case]
    total = np.zeros(LEVELS)
    for weight, m, s in zip(special.softmax(weights), shift, width, strict=True):
        law = stats.logistic(centre + step * m, step * np.exp(np.clip(s, NARROW, WIDE)))
        upper = EDGES[:-1] > law.mean()
        total += weight * np.where(
            upper, law.sf(EDGES[:-1]) - law.sf(EDGES[1:]), law.cdf(EDGES[1:]) - law.cdf(EDGES[:-1])
        )
    with np.errstate(divide="ignore"):
        return np.log(total)


@each
def test_all_codes_together_are_certain(case: str):
    found = mixture.log_prob(CODES, *arguments(case), mixture.edges())
    assert found.shape == (LEVELS,)
    assert float(found.double().exp().sum()) == pytest.approx(1, abs=1e-5)


@each
def test_probabilities_are_differences_of_scipy_s_distribution_function(case: str):
    found, expected = mixture.log_prob(CODES, *arguments(case), mixture.edges()).numpy(), by_scipy(case)
    likely = expected > np.log(1e-6)  # float32 knows where an edge lies, in a narrow component, to some 1e-3 of it
    np.testing.assert_allclose(np.exp(found[likely]), np.exp(expected[likely]), rtol=5e-3, atol=1e-5)
    assert (found[~likely] < np.log(2e-6)).all()


@pytest.mark.parametrize("case", ["usual", "silence", "narrow", "wide"])
def test_many_levels_are_told_apart_in_single_precision(case: str):
    """Intervals are then far smaller than a component; their probabilities are right all the same."""
    weights, shift, width, centre, step = CASES[case]
    codes = torch.arange(MOST_LEVELS)
    given = torch.tensor([*weights, *shift, *width]), torch.tensor(centre), torch.tensor(step)
    outputs, *rest = (x.expand(MOST_LEVELS, *x.shape) for x in given)
    found = mixture.log_prob(codes, outputs, *rest, mixture.edges(MOST_LEVELS)).double()
    assert float(found.exp().sum()) == pytest.approx(1, abs=1e-4)
    ends = torch.from_numpy(np.clip(edges(MOST_LEVELS), -mixture.FAR, mixture.FAR))
    exact = mixture.log_prob(codes, outputs.double(), *(x.double() for x in rest), ends)
    likely = exact > exact.max() - 10
    torch.testing.assert_close(found[likely], exact[likely], rtol=0, atol=2e-2 if case == "narrow" else 2e-3)


def test_in_double_precision_they_are_the_same_numbers():
    """The tails too, where a probability itself would be 0: there its logarithm goes on as a line."""
    outputs, centre, step = (x.double() for x in arguments("usual"))
    ends = torch.from_numpy(np.clip(EDGES, -mixture.FAR, mixture.FAR))
    found = mixture.log_prob(CODES, outputs, centre, step, ends).numpy()
    np.testing.assert_allclose(found, by_scipy("usual"), rtol=1e-6)


@each
def test_every_code_has_a_finite_log_probability_and_gradient(case: str):
    given = [x.clone().requires_grad_() for x in arguments(case)]
    found = mixture.log_prob(CODES, *given, mixture.edges())
    assert torch.isfinite(found).all()
    gradients = torch.autograd.grad(found.sum(), given)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_gradients_are_those_of_finite_differences():
    outputs, centre, step = (x[90:110].double() for x in arguments("usual"))
    ends = torch.from_numpy(np.clip(EDGES, -mixture.FAR, mixture.FAR))
    given = [x.clone().requires_grad_() for x in (outputs, centre, step)]
    assert torch.autograd.gradcheck(lambda *x: mixture.log_prob(CODES[90:110], *x, ends), given)


def drawn(case: str, n: int, temperature: float, seed: int = 0) -> np.ndarray:
    outputs, centre, step = (x[:1].numpy() for x in arguments(case))
    rows = [np.repeat(x, n, axis=0) for x in (outputs, centre, step)]
    return mixture.draw(*rows, temperature, np.random.default_rng(seed))


@each
def test_draws_follow_the_probabilities(case: str):
    n = 20_000
    expected = n * mixture.log_prob(CODES, *arguments(case), mixture.edges()).double().exp().numpy()
    counts = np.bincount(drawn(case, n, 1.0), minlength=LEVELS)
    often = expected >= 10
    if often.all() or expected[~often].sum() < 1:
        expected, counts, rare = expected[often], counts[often], counts[~often].sum()
        assert rare < 10
    else:
        expected, counts = (np.append(x[often], x[~often].sum()) for x in (expected, counts))
    if len(expected) == 1:
        assert counts[0] > n - 10
        return
    assert stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue > 1e-4


def test_at_temperature_0_the_heaviest_component_s_middle_is_taken():
    weights, shift, _, centre, step = CASES["usual"]
    middle = centre + step * shift[int(np.argmax(weights))]
    assert set(drawn("usual", 50, 0.0).tolist()) == {int(encode(np.array(middle)))}
    assert set(drawn("beyond full scale", 5, 0.0).tolist()) == {255}


def test_a_temperature_narrows_components_and_the_choice_among_them():
    spread = [decode(drawn("usual", 2_000, temperature)).std() for temperature in (0.3, 1.0, 2.0)]
    assert spread[0] < spread[1] < spread[2]
    _, shift, _, centre, step = CASES["usual"]
    from_the_lightest = [
        np.mean(np.abs(decode(drawn("usual", 5_000, t)) - (centre + step * shift[1])) < step / 2) for t in (0.3, 1.0)
    ]
    assert from_the_lightest[0] < from_the_lightest[1]


def test_draws_of_many_levels_are_the_same_waves_rounded_less():
    outputs, centre, step = (x[:1].numpy() for x in arguments("usual"))
    rows = [np.repeat(x, 100, axis=0) for x in (outputs, centre, step)]
    fine = mixture.draw(*rows, 1.0, np.random.default_rng(0), MOST_LEVELS)
    np.testing.assert_array_equal(encode(decode(fine, MOST_LEVELS)), drawn("usual", 100, 1.0))


def test_the_seed_decides():
    np.testing.assert_array_equal(drawn("usual", 100, 1.0, seed=1), drawn("usual", 100, 1.0, seed=1))
    assert not np.array_equal(drawn("usual", 100, 1.0, seed=1), drawn("usual", 100, 1.0, seed=2))
