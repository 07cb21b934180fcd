"""The VAE: its bounds against closed forms that are not ours, and what it does with images, labels and latents."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import multivariate_normal
from torch import nn

from sdg_lab.data.types import Images
from sdg_lab.models.vae import VAE
from sdg_lab.models.vae.likelihoods import Gaussian
from sdg_lab.models.vae.networks import build_networks
from tests.models.toy_images import SHAPE, bars


def small(**changes: Any) -> VAE:
    arguments: dict[str, Any] = {"shape": SHAPE, "latent": 2, "hidden": (16,)} | changes
    return VAE(**arguments)


# The networks.


def test_dense_layers_mirror_each_other() -> None:
    features, head, decoder = build_networks("dense", (2, 3, 4), (16, 8), latent=5, classes=3)

    def widths(layers: nn.Sequential) -> list[tuple[int, int]]:
        assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU] * (len(layers) // 2) + [nn.Linear]
        return [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]

    assert features(torch.zeros(7, 2, 3, 4)).shape == (7, 24)
    assert widths(head) == [(24 + 3, 16), (16, 8), (8, 10)]
    assert widths(decoder) == [(5 + 3, 8), (8, 16), (16, 24)]


def test_convolutions_halve_and_double() -> None:
    features, head, decoder = build_networks("convolutional", (2, 8, 12), (4, 6), latent=5, classes=3)
    sides = []
    for layer in features:
        layer.register_forward_hook(lambda _, __, out: sides.append(tuple(out.shape[1:])))
    flat = features(torch.zeros(7, 2, 8, 12))
    assert sides[::2] == [(4, 4, 6), (6, 2, 3), (36,)]
    assert head(torch.cat([flat, torch.zeros(7, 3)], dim=1)).shape == (7, 10)
    assert decoder(torch.zeros(7, 8)).shape == (7, 2, 8, 12)


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
    model.fitted = True
    exact = multivariate_normal(offset, W @ W.T + sigma**2 * np.eye(d)).logpdf
    return model, exact


def test_with_the_exact_posterior_every_bound_is_the_likelihood() -> None:
    model, exact = linear_gaussian(posterior_scale=1.0)
    x = np.random.default_rng(4).normal(size=(40, 6))
    images = torch.from_numpy(x.reshape(-1, 1, 2, 3).astype(np.float32))
    with torch.no_grad():
        np.testing.assert_allclose(model.iwae(1, images).numpy(), exact(x), rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(model.iwae(50, images).numpy(), exact(x), rtol=1e-4, atol=1e-3)
        # The ELBO's reconstruction term is sampled: right on average.
        elbo = torch.stack([model.elbo(images, generator=torch.Generator().manual_seed(s)) for s in range(400)])
    error = elbo.mean(0).numpy() - exact(x)
    assert np.abs(error).max() < 5 * (elbo.std(0) / 20).max().item()


def test_with_a_wrong_posterior_the_bound_lies_below_and_tightens_with_k() -> None:
    scale = 1.6
    model, exact = linear_gaussian(posterior_scale=scale)
    x = np.random.default_rng(5).normal(size=(2_000, 6))
    images = torch.from_numpy(x.reshape(-1, 1, 2, 3).astype(np.float32))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        gaps = {k: exact(x) - model.iwae(k, images, None, generator).double().numpy() for k in (1, 5, 50, 500)}
    means = [gap.mean() for gap in gaps.values()]
    # log p(x) - ELBO = KL(q || posterior), in closed form for two Gaussians of the same mean.
    kl = 2 * 0.5 * (scale**2 - 1 - math.log(scale**2))
    assert means[0] == pytest.approx(kl, abs=5 * gaps[1].std() / math.sqrt(len(x)))
    assert means[0] > 4 * means[1] > 16 * means[2] > 0
    assert abs(means[3]) < 0.01


def test_the_bound_of_images_is_the_elbo_for_one_draw_and_the_iwae_bound_for_more() -> None:
    model, exact = linear_gaussian(posterior_scale=1.6)
    x = np.random.default_rng(6).random((500, 6)).astype(np.float32)
    images = Images(x.reshape(-1, 1, 2, 3))
    single = np.stack([model.log_prob_bound(images, seed=seed) for seed in range(20)])
    many = np.stack([model.log_prob_bound(images, 100, seed=seed) for seed in range(2)])
    kl = 1.6**2 - 1 - math.log(1.6**2)
    gap = exact(x) - single.mean(0)
    assert gap.mean() == pytest.approx(kl, abs=5 * single.std(0).mean() / math.sqrt(single.size))
    assert abs((exact(x) - many).mean()) < 0.05
    assert not np.allclose(single[0], single[1])  # the seed is of the draws
    np.testing.assert_array_equal(single[0], model.log_prob_bound(images, seed=0))
    assert single.dtype == np.float64
    # With the exact posterior an importance weight is p(x) itself; the ELBO still samples its reconstruction term.
    model, exact = linear_gaussian(posterior_scale=1.0)
    assert np.abs(model.log_prob_bound(images, 2) - exact(x)).max() < 1e-2
    assert np.abs(model.log_prob_bound(images, 1) - exact(x)).mean() > 0.1


def test_the_mean_of_the_posterior_is_what_encodes_an_image() -> None:
    model, _ = linear_gaussian(posterior_scale=1.0)
    x = np.random.default_rng(7).random((4, 6)).astype(np.float32)
    head = model.posterior_head[0]
    assert isinstance(head, nn.Linear)
    W, b = head.weight.detach().numpy(), head.bias.detach().numpy()
    np.testing.assert_allclose(model.encode(x.reshape(-1, 2, 3)), x @ W[:2].T + b[:2], rtol=1e-4, atol=1e-4)


def test_beta_scales_the_kl_in_the_loss_and_in_no_bound() -> None:
    images = torch.from_numpy(bars(8).pixels).round()
    torch.manual_seed(0)
    plain, heavy = small(), small(beta=4.0)
    heavy.load_state_dict(plain.state_dict())
    with torch.no_grad():
        log_likelihood, kl = plain.elbo_terms(images, generator=torch.Generator().manual_seed(1))
        torch.manual_seed(1)
        loss = heavy.loss(images)
        torch.testing.assert_close(loss, (4 * kl - log_likelihood).mean())
        elbo = heavy.elbo(images, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(elbo, log_likelihood - kl)
    assert kl.mean() > 0.01  # else 4 KL could not be told from KL


@pytest.mark.parametrize("bound", ["elbo_terms", "iwae"])
def test_encoder_and_likelihood_see_the_same_bits(bound: str) -> None:
    model, seen = small(), []
    model.features.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        for name, weight in (*model.decoder.named_parameters(), *model.posterior_head.named_parameters()):
            weight.fill_(1.5 if name == "2.bias" and weight.shape == (16,) else 0)
    greys = torch.full((50, *SHAPE), 0.4)
    with torch.no_grad():
        # The decoder says 1.5 for every pixel, and q is the prior: what is left is log p(x|z).
        got = model.elbo_terms(greys)[0] if bound == "elbo_terms" else model.iwae(3, greys)
    (bits,) = seen
    assert set(bits.unique().tolist()) == {0.0, 1.0}
    ones = bits.sum((1, 2, 3)).double().numpy()
    want = ones * math.log(expit(1.5)) + (16 - ones) * math.log(expit(-1.5))
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-4)


# Images, labels and latents.


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_what_is_decoded_is_the_mean_of_the_likelihood_for_latent_and_label(likelihood: str) -> None:
    model = small(hidden=(), classes=3, likelihood=likelihood)
    model.fitted = True
    layer = model.decoder[0]
    assert isinstance(layer, nn.Linear)
    z, y = np.random.default_rng(0).normal(size=(5, 2)), np.array([0, 2, 1, 1, 0])
    W, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    out = np.hstack([z, np.eye(3)[y]]) @ W.T + b  # latents first, then the label as indicators
    want = expit(out) if likelihood == "bernoulli" else out.clip(0, 1)
    np.testing.assert_allclose(model.decode(z, y).pixels.reshape(5, -1), want, atol=1e-5)


def test_the_posterior_too_is_conditioned_on_the_label() -> None:
    model = small(hidden=(), classes=3)
    head = model.posterior_head[0]
    assert isinstance(head, nn.Linear)
    x, y = torch.rand(5, *SHAPE), torch.tensor([0, 2, 1, 1, 0])
    with torch.no_grad():
        want = torch.cat([x.flatten(1), torch.eye(3)[y]], dim=1) @ head.weight.T + head.bias
        mean, log_variance = model.posterior(x, y)
    torch.testing.assert_close(torch.cat([mean, log_variance], dim=1), want)


def test_training_raises_the_bound_and_the_label_decides_the_image() -> None:
    held_out = bars(100, seed=1)
    options: dict[str, Any] = {"batch_size": 20, "lr": 5e-3, "progress": False}
    fitted = small(classes=4).fit(bars(200), epochs=40, **options)
    untrained = small(classes=4).fit(bars(200), epochs=1, lr=1e-9, progress=False)
    assert fitted.log_prob_bound(held_out).mean() > untrained.log_prob_bound(held_out).mean() + 2
    for label in range(4):
        rows = fitted.sample(20, seed=2, labels=label).pixels.mean(axis=(0, 1, 3))
        assert rows.argmax() == label


@pytest.mark.parametrize(
    "changes",
    [
        {"likelihood": "gaussian", "beta": 2.0},
        {"architecture": "convolutional", "hidden": (4, 8), "classes": 4},
        {"hidden": ()},
    ],
    ids=str,
)
def test_every_kind_is_saved_and_fitted_anew(changes: dict[str, Any], tmp_path: Any) -> None:
    data = bars(30)
    model = small(**changes).fit(data, epochs=1, progress=False)
    model.save(tmp_path / "vae.safetensors")
    again = VAE.load(tmp_path / "vae.safetensors")
    assert again.config() == model.config()
    np.testing.assert_array_equal(again.log_prob_bound(data, k=3), model.log_prob_bound(data, k=3))
    twice = model.fit(data, epochs=1, progress=False)
    for name, tensor in again.state().items():
        torch.testing.assert_close(twice.state()[name], tensor, rtol=1e-5, atol=1e-6)


def test_bounds_do_not_depend_on_how_the_images_are_cut_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model, exact = linear_gaussian(posterior_scale=1.0)
    x = np.random.default_rng(8).random((60, 6)).astype(np.float32)
    sizes: list[int] = []
    model.features.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    monkeypatch.setattr("sdg_lab.models.vae.model.MAX_LATENTS", 50)
    bounds = model.log_prob_bound(x.reshape(-1, 2, 3), k=2)
    np.testing.assert_allclose(bounds, exact(x), rtol=1e-4, atol=1e-3)
    assert sizes == [25, 25, 10]


# What it refuses, and the sentence.


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"latent": 0}, "latent must be a whole number >= 1, got 0"),
        ({"hidden": (16, 0)}, "each of hidden must be a whole number >= 1, got 0"),
        ({"hidden": 16}, r"hidden must be several whole numbers, such as \(16, 16\), got 16"),
        ({"beta": -1.0}, r"beta must be >= 0, got -1\.0"),
        ({"beta": float("nan")}, "beta must be >= 0, got nan"),
        ({"likelihood": "poisson"}, "likelihood must be one of bernoulli, gaussian, got 'poisson'"),
        (
            {"architecture": "convolutional", "hidden": (4, 4, 4)},
            r"height and width must be multiples of 8, got 4×4: each of the hidden layers halves them; give fewer",
        ),
        ({"architecture": "convolutional", "hidden": (4,), "shape": (1, 3, 4)}, "layers halves them; pad the images$"),
        ({"architecture": "convolutional", "hidden": ()}, "hidden must not be empty"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**changes)


def test_bad_questions_are_refused() -> None:
    model = small(classes=4)
    model.fitted = True
    with pytest.raises(ValueError, match="conditional on 4 classes: pass the labels y too"):
        model.elbo(torch.zeros(2, *SHAPE))
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match="k, the number of draws per image, must be a whole number >= 1, got"):
            model.log_prob_bound(bars(2), k=wrong)  # type: ignore[arg-type]
