"""The VAE: its bounds against closed forms that are not ours, and the contract of every model."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from sdg_lab.data.types import Images
from sdg_lab.models.contract import HasLogProb, HasLogProbBound, NotFittedError
from sdg_lab.models.vae import VAE
from sdg_lab.models.vae.likelihoods import Bernoulli, Gaussian, kl_to_standard_normal, log_normal, reparameterise

SHAPE = (1, 4, 4)


def bars(n: int, seed: int = 0) -> Images:
    """Make pictures of one gray row each; the label says which."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=n)
    pixels = np.full((n, *SHAPE), 0.1, dtype=np.float32)
    pixels[np.arange(n), 0, labels] = rng.uniform(0.7, 1, size=(n, 4))
    return Images(pixels, labels)


def small(**changes: Any) -> VAE:
    arguments: dict[str, Any] = {"shape": SHAPE, "latent": 2, "hidden": (16,)} | changes
    return VAE(**arguments)


@pytest.fixture(scope="module")
def fitted() -> VAE:
    return small(classes=4).fit(bars(200), epochs=40, batch_size=20, lr=5e-3, progress=False)


# The parts, against torch.distributions and quadrature.


def test_kl_and_log_normal_agree_with_torch_distributions() -> None:
    mean, log_variance, z = torch.randn(3, 50, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    p = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    kl = torch.distributions.kl_divergence(q, p).sum(-1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), kl)
    want = q.log_prob(z).sum(-1)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(log_normal(z, mean, log_variance), want)


def test_reparameterised_gradients_are_those_of_the_closed_form() -> None:
    # E[z²] = mean² + σ², so its gradients are 2 mean and σ² with respect to mean and log σ².
    mean = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    log_variance = torch.tensor([-0.4], dtype=torch.float64, requires_grad=True)
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    z = reparameterise(mean, log_variance, torch.from_numpy(nodes))
    (torch.from_numpy(weights / weights.sum()) * z.square()).sum().backward()  # type: ignore[no-untyped-call]
    assert mean.grad is not None
    assert log_variance.grad is not None
    assert mean.grad.item() == pytest.approx(2 * 0.7)
    assert log_variance.grad.item() == pytest.approx(math.exp(-0.4))


def test_bernoulli_gives_a_total_probability_of_one_over_all_bit_pictures() -> None:
    logits = torch.tensor([[[0.3, -1.2], [2.0, -0.1]]])
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4).reshape(16, 1, 2, 2)
    assert Bernoulli().log_prob(logits.expand(16, 1, 2, 2), every).exp().sum().item() == pytest.approx(1, abs=1e-6)


def test_bernoulli_tosses_grays_and_leaves_bits_alone() -> None:
    bits = torch.tensor([0.0, 1.0]).repeat(500)
    assert torch.equal(Bernoulli().observe(bits), bits)
    tossed = Bernoulli().observe(torch.full((20_000,), 0.3), torch.Generator().manual_seed(0))
    assert set(tossed.tolist()) == {0.0, 1.0}
    assert tossed.mean().item() == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 20_000))


def test_gaussian_likelihood_agrees_with_torch_distributions() -> None:
    likelihood = Gaussian()
    with torch.no_grad():
        likelihood.log_scale.fill_(-0.8)
    x, mean = torch.randn(2, 5, 1, 3, 3, generator=torch.Generator().manual_seed(1))
    noise = torch.distributions.Normal(mean, math.exp(-0.8))
    want = noise.log_prob(x).sum((1, 2, 3))  # type: ignore[no-untyped-call]
    torch.testing.assert_close(likelihood.log_prob(mean, x), want)


# The bounds, against probabilistic PCA, whose likelihood is a Gaussian in closed form (Tipping & Bishop 1999).


def linear_gaussian(posterior_scale: float) -> tuple[VAE, Callable[[np.ndarray], np.ndarray]]:
    """Make a VAE with a linear decoder, the exact posterior up to a factor on its spread, and the exact log p(x)."""
    rng = np.random.default_rng(3)
    d, latent, sigma = 6, 2, 0.5
    # Orthogonal columns, so that the exact posterior factorises over the latent dimensions.
    W = np.linalg.qr(rng.normal(size=(d, latent)))[0] * np.array([1.5, 0.8])
    offset = rng.normal(size=d)
    variance = sigma**2 / (sigma**2 + (W**2).sum(axis=0))
    gain = (W / sigma**2 * variance).T
    model = VAE((1, 2, 3), latent=latent, hidden=(), likelihood="gaussian")
    with torch.no_grad():
        decoder, head = model.decoder[0], model.posterior_head[0]
        assert isinstance(decoder, torch.nn.Linear)
        assert isinstance(head, torch.nn.Linear)
        decoder.weight.copy_(torch.from_numpy(W))
        decoder.bias.copy_(torch.from_numpy(offset))
        head.weight[:latent] = torch.from_numpy(gain)
        head.bias[:latent] = torch.from_numpy(-gain @ offset)
        head.weight[latent:] = 0
        head.bias[latent:] = torch.from_numpy(np.log(posterior_scale**2 * variance))
        assert isinstance(model.p_x, Gaussian)
        model.p_x.log_scale.fill_(math.log(sigma))
    exact = multivariate_normal(offset, W @ W.T + sigma**2 * np.eye(d)).logpdf
    return model, exact


def test_with_the_exact_posterior_every_bound_is_the_likelihood() -> None:
    model, exact = linear_gaussian(posterior_scale=1.0)
    x = np.random.default_rng(4).normal(size=(40, 6))
    pictures = torch.from_numpy(x.reshape(-1, 1, 2, 3).astype(np.float32))
    with torch.no_grad():
        np.testing.assert_allclose(model.iwae(1, pictures).numpy(), exact(x), atol=1e-4)
        np.testing.assert_allclose(model.iwae(50, pictures).numpy(), exact(x), atol=1e-4)
        # The ELBO's reconstruction term is sampled: right on average.
        elbo = torch.stack([model.elbo(pictures, generator=torch.Generator().manual_seed(s)) for s in range(400)])
    error = elbo.mean(0).numpy() - exact(x)
    assert np.abs(error).max() < 5 * (elbo.std(0) / 20).max().item()


def test_with_a_wrong_posterior_the_bound_lies_below_and_tightens_with_k() -> None:
    scale = 1.6
    model, exact = linear_gaussian(posterior_scale=scale)
    x = np.random.default_rng(5).normal(size=(2_000, 6))
    pictures = torch.from_numpy(x.reshape(-1, 1, 2, 3).astype(np.float32))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        gaps = {k: exact(x) - model.iwae(k, pictures, None, generator).double().numpy() for k in (1, 5, 50, 500)}
    means = [gap.mean() for gap in gaps.values()]
    # log p(x) - ELBO = KL(q || posterior), in closed form for two Gaussians of the same mean.
    kl = 2 * 0.5 * (scale**2 - 1 - math.log(scale**2))
    assert means[0] == pytest.approx(kl, abs=4 * gaps[1].std() / math.sqrt(len(x)))
    assert means[0] > 4 * means[1] > 16 * means[2] > 0
    assert abs(means[3]) < 0.01


def test_beta_scales_the_kl_in_the_loss_and_in_no_bound() -> None:
    pictures = torch.from_numpy(bars(8).pixels).round()
    torch.manual_seed(0)
    plain, heavy = small(), small(beta=4.0)
    heavy.load_state_dict(plain.state_dict())
    with torch.no_grad():
        log_likelihood, kl = plain.elbo_terms(pictures, generator=torch.Generator().manual_seed(1))
        torch.manual_seed(1)
        loss = heavy.loss(pictures)
        torch.testing.assert_close(loss, (4 * kl - log_likelihood).mean())
        elbo = heavy.elbo(pictures, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(elbo, log_likelihood - kl)


# The contract.


def test_training_raises_the_bound_and_the_label_decides_the_picture(fitted: VAE) -> None:
    held_out = bars(100, seed=1)
    untrained = small(classes=4).fit(bars(200), epochs=1, lr=1e-9, progress=False)
    assert fitted.log_prob_bound(held_out).mean() > untrained.log_prob_bound(held_out).mean() + 2
    for label in range(4):
        rows = fitted.sample(20, seed=2, labels=label).pixels.mean(axis=(0, 1, 3))
        assert rows.argmax() == label


def test_samples_are_images_of_the_same_form(fitted: VAE) -> None:
    samples = fitted.sample(7, seed=0, labels=[0, 1, 2, 3, 0, 1, 2])
    assert samples.shape == SHAPE
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 1, 2, 3, 0, 1, 2]
    np.testing.assert_array_equal(samples.pixels, fitted.sample(7, seed=0, labels=samples.labels).pixels)
    assert not np.array_equal(fitted.sample(7).pixels, fitted.sample(7).pixels)


def test_free_labels_follow_the_training_set() -> None:
    data = bars(60)
    assert data.labels is not None
    model = small(classes=4).fit(data[data.labels < 2], epochs=1, progress=False)
    labels = model.sample(200, seed=0).labels
    assert labels is not None
    assert set(labels.tolist()) == {0, 1}


def test_the_same_seed_gives_the_same_model() -> None:
    first, again, other = (small().fit(bars(40), epochs=2, seed=seed, progress=False) for seed in (5, 5, 6))
    for name, tensor in first.state().items():
        assert torch.equal(tensor, again.state()[name]), name
    assert not torch.equal(first.state()["decoder.0.weight"], other.state()["decoder.0.weight"])


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": 4},
        {"likelihood": "gaussian", "beta": 2.0},
        {"architecture": "convolutional", "hidden": (4, 8), "classes": 4},
        {"hidden": ()},
    ],
    ids=str,
)
def test_save_and_load_give_back_the_same_model(changes: dict[str, Any], tmp_path: Path) -> None:
    data = bars(30)
    model = small(**changes).fit(data, epochs=1, progress=False)
    model.save(tmp_path / "vae.safetensors")
    again = VAE.load(tmp_path / "vae.safetensors")
    assert again.config() == model.config()
    np.testing.assert_array_equal(again.sample(3, seed=0).pixels, model.sample(3, seed=0).pixels)
    np.testing.assert_array_equal(again.log_prob_bound(data, k=3), model.log_prob_bound(data, k=3))
    assert again.encode(data).shape == (30, 2)


def test_a_bound_is_not_passed_off_as_a_likelihood(fitted: VAE) -> None:
    assert isinstance(fitted, HasLogProbBound)
    assert not isinstance(fitted, HasLogProb)


def test_bounds_do_not_depend_on_how_the_pictures_are_cut_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small().fit(bars(30), epochs=1, progress=False)
    data = bars(2_000)
    whole = model.log_prob_bound(data, k=5)
    monkeypatch.setattr("sdg_lab.models.vae.model.MOST_LATENTS", 50)
    parts = model.log_prob_bound(data, k=5)
    assert parts.shape == whole.shape == (2_000,)
    assert parts.mean() == pytest.approx(whole.mean(), abs=4 * whole.std() * math.sqrt(2 / 2_000))


# What it refuses, and the sentence.


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shape": (8, 8)}, r"shape must be \(channels, height, width\), each >= 1, got \(8, 8\)"),
        ({"latent": 0}, "latent must be >= 1, got 0"),
        ({"hidden": (16, 0)}, "hidden must be >= 1, got 0"),
        ({"classes": 1}, "classes must be >= 2, got 1"),
        ({"beta": -1.0}, "beta must be >= 0, got -1.0"),
        ({"beta": float("nan")}, "beta must be >= 0, got nan"),
        ({"likelihood": "poisson"}, "likelihood must be one of bernoulli, gaussian, got 'poisson'"),
        ({"architecture": "recurrent"}, "architecture must be dense or convolutional, got 'recurrent'"),
        (
            {"architecture": "convolutional", "hidden": (4, 4, 4)},
            "height and width must be multiples of 8 and hidden must not be empty",
        ),
        ({"architecture": "convolutional", "hidden": ()}, "hidden must not be empty"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**changes)


def test_bad_data_is_refused() -> None:
    data = bars(10)
    with pytest.raises(TypeError, match=r"learns from sdg_lab.data.Images, got ndarray"):
        small().fit(data.pixels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="data is empty"):
        small().fit(data[:0])
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), this VAE was made for \(1, 8, 8\)"):
        VAE().fit(data)
    with pytest.raises(ValueError, match="conditional on 4 classes: its pictures need labels"):
        small(classes=4).fit(Images(data.pixels))
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2, got 3"):
        small(classes=3).fit(data)


def test_bad_questions_are_refused(fitted: VAE) -> None:
    plain = small().fit(bars(10), epochs=1, progress=False)
    with pytest.raises(NotFittedError, match="has not been fitted"):
        small().sample(1)
    with pytest.raises(ValueError, match="n, the number of samples, must be a whole number >= 1, got 0"):
        plain.sample(0)
    with pytest.raises(ValueError, match="labels were given to a VAE without classes"):
        plain.sample(2, labels=1)
    with pytest.raises(ValueError, match="labels must be 3 whole numbers, got int64 of shape"):
        fitted.sample(3, labels=[0, 1])
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.3, got -1"):
        fitted.sample(3, labels=-1)
    with pytest.raises(ValueError, match="pass the labels y too"):
        fitted.elbo(torch.from_numpy(bars(2).pixels))
    with pytest.raises(ValueError, match=r"z must have shape \(n, 2\) with n >= 1, got \(3, 5\)"):
        plain.decode(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="z is not finite at point 1"):
        plain.decode([[0.0, 0.0], [0.0, np.nan]])
    with pytest.raises(ValueError, match="k, the number of draws a picture, must be a whole number >= 1, got 0"):
        plain.log_prob_bound(bars(2), k=0)
