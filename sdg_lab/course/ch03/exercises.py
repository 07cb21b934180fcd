"""Chapter 03: what its notebook's header says, and its exercises."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

CHAPTER = Chapter(
    number="03",
    title="Autoencoders",
    builds="An autoencoder, the holes in it, and the variational autoencoder that answers them: in nats, every term "
    "checked, convolutional, conditional, and with sliders over its latent plane.",
    read_first="Chapter 00; the expectation and the density of a Gaussian; what a gradient step does.",
    papers=(
        Paper("Auto-Encoding Variational Bayes", "Kingma and Welling", 2014, "https://arxiv.org/abs/1312.6114"),
        Paper(
            "Importance Weighted Autoencoders",
            "Burda, Grosse and Salakhutdinov",
            2016,
            "https://arxiv.org/abs/1509.00519",
        ),
        Paper(
            "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
            "Higgins et al.",
            2017,
            "https://openreview.net/forum?id=Sy2fzU9gl",
        ),
        Paper("Fixing a Broken ELBO", "Alemi et al.", 2018, "https://arxiv.org/abs/1711.00464"),
        Paper(
            "Don't Blame the ELBO! A Linear VAE Perspective on Posterior Collapse",
            "Lucas et al.",
            2019,
            "https://arxiv.org/abs/1911.02469",
        ),
        Paper(
            "The continuous Bernoulli: fixing a pervasive error in variational autoencoders",
            "Loaiza-Ganem and Cunningham",
            2019,
            "https://arxiv.org/abs/1907.06845",
        ),
    ),
)


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


# A draw that gradients pass through.


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return z = mean + σ · noise with σ = exp(log σ² / 2)."""
    return mean + torch.exp(0.5 * log_variance) * noise


def _reparameterise_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((4, 3), (1, 1), (7, 2), (5, 2, 8)):
        yield Case(*(_normal(rng, *shape) for _ in range(3)))
    yield Case(*(_normal(rng, 6, 4, dtype=torch.float32) for _ in range(3)))
    mean, log_variance = _normal(rng, 3, 2), _normal(rng, 3, 2)
    yield Case(mean, log_variance, torch.zeros_like(mean), name="noise that is 0 everywhere")
    yield Case(mean, torch.full_like(mean, -60.0), _normal(rng, 3, 2), name="a posterior without width")


def _own_noise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return reparameterise(mean, log_variance, torch.randn(noise.shape, generator=generator, dtype=noise.dtype))


# The Kullback-Leibler divergence from the prior.


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, σ²) || N(0, I)) = ½ Σ (σ² + mean² - 1 - log σ²), (n,)."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(dim=-1)


def _kl_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, latent in ((6, 5), (1, 3), (4, 1), (3, 16), (9, 2)):
        yield Case(_normal(rng, n, latent), _normal(rng, n, latent))
    yield Case(_normal(rng, 5, 4, dtype=torch.float32), _normal(rng, 5, 4, dtype=torch.float32))
    yield Case(torch.zeros(2, 5).double(), torch.zeros(2, 5).double(), name="N(0, I) itself")
    yield Case(3 * _normal(rng, 2, 3), torch.full((2, 3), -20.0).double(), name="very narrow posteriors")
    yield from (Case(codes, log_variance, name=name) for name, codes, log_variance in _extreme_codes())


def _extreme_codes() -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield means and log-variances of which exp, in one precision or the other, is 0 or very large."""
    for log_variance, dtype in ((-200.0, torch.float32), (-800.0, torch.float64), (80.0, torch.float32)):
        codes = torch.ones(2, 3, dtype=dtype)
        yield f"log σ² = {log_variance:g} in {str(dtype)[6:]}", codes, torch.full_like(codes, log_variance)


NARROW = "exp(log σ²) underflows where a code is narrow, and its logarithm is -∞: take log σ² as it was given."


def _through_variance(mean: Tensor, log_variance: Tensor) -> Tensor:
    variance = log_variance.exp()
    return 0.5 * (variance + mean.square() - 1 - variance.log()).sum(dim=-1)


# The evidence lower bound.


def elbo(logits: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log p(x|z) - KL(q(z|x) || p(z)) of images of bits, (n,), in nats."""
    surprise = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    kl = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(dim=-1)
    return -surprise.sum(dim=(1, 2, 3)) - kl


def _elbo_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, latent, dtype in (
        ((5, 1, 4, 4), 3, torch.float64),
        ((1, 1, 2, 3), 2, torch.float64),
        ((3, 3, 4, 2), 7, torch.float64),
        ((8, 2, 5, 5), 1, torch.float32),
    ):
        x = torch.as_tensor(rng.random(shape) < 0.4, dtype=dtype)
        codes = [_normal(rng, shape[0], latent, dtype=dtype) for _ in range(2)]
        yield Case(2 * _normal(rng, *shape, dtype=dtype), x, *codes)
    # A logit of ±200 is a pixel that the decoder is sure of; log(sigmoid(·)) would be log 0.
    nothing = torch.zeros(1, 3).double()
    for dtype in (torch.float64, torch.float32):
        for logit, bit in itertools.product((200.0, -200.0), (0.0, 1.0)):
            sure = torch.full((1, 1, 2, 2), logit, dtype=dtype)
            right = "right" if (logit > 0) == bit else "wrong"
            name = f"four pixels of logit {logit:g} that are sure and {right}, in {str(dtype)[6:]}"
            yield Case(sure, torch.full_like(sure, bit), nothing.to(dtype), nothing.to(dtype), name=name)
    for name, mean, log_variance in _extreme_codes():
        image = torch.zeros(len(mean), 1, 2, 2, dtype=mean.dtype)
        yield Case(image, image.clone(), mean, log_variance, name=name)


def _log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=(1, 2, 3))


def _through_sigmoid(logits: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    p = torch.sigmoid(logits)
    fit = (x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum((1, 2, 3))
    return fit - kl(mean, log_variance)


def _first_channel(logits: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return elbo(logits[:, :1], x[:, :1], mean, log_variance)


# The importance-weighted bound.


def iwae(log_weights: Tensor) -> Tensor:
    """Return log (1/k) Σ exp(log w_i) over the k draws, (n,), without underflow."""
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


def _iwae_cases(rng: np.random.Generator) -> Iterator[Case]:
    for k, n in ((7, 3), (1, 4), (50, 1), (3, 3), (2, 6)):
        yield Case(2 * _normal(rng, k, n) - 4)
    yield Case(2 * _normal(rng, 5, 4, dtype=torch.float32) - 100)
    yield Case(2 * _normal(rng, 7, 3) - 1000, name="log-weights near -1000, as real images have")
    spread = 2 * _normal(rng, 4, 3) + torch.tensor([0.0, -900.0, 800.0]).double()
    yield Case(spread, name="images whose log-weights lie far apart")
    one = torch.full((3, 2), -torch.inf).double()
    one[1] = -2.0
    yield Case(one, name="draws of which all but one have weight 0")


def _shifted(shift: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the bound with the exponentials taken after one shift for all images."""

    def answer(log_weights: Tensor) -> Tensor:
        by = shift(log_weights)
        return (log_weights - by).exp().mean(0).log() + by

    return answer


# The size of a convolution's output.


def conv_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return the height (or width) of what a convolution makes of ``size`` pixels.

    Of the size + 2 padding pixels, the first ``kernel`` give one output, and every
    further ``stride`` one more.
    """
    return (size + 2 * padding - kernel) // stride + 1


def _conv_cases(rng: np.random.Generator) -> Iterator[Case]:
    for arguments in ((10, 5, 1, 2), (10, 4, 3, 1), (28, 4, 2, 1), (9, 3, 2, 0), (8, 8, 1, 0), (7, 1, 1, 0)):
        size, kernel, stride, padding = arguments
        yield Case(*arguments, name=f"size {size}, kernel {kernel}, stride {stride}, padding {padding}")
    for arguments in ((1, 3, 1, 1), (3, 3, 1, 1), (2, 6, 1, 2), (4, 4, 3, 2)):
        size, kernel, stride, padding = arguments
        name = f"size {size}, kernel {kernel}, stride {stride}, padding {padding} (the kernel reaches into the padding)"
        yield Case(*arguments, name=name)
    for _ in range(20):
        kernel, padding = int(rng.integers(1, 8)), int(rng.integers(0, 4))
        yield Case(int(rng.integers(max(1, kernel - 2 * padding), 65)), kernel, int(rng.integers(1, 5)), padding)


EXERCISES = (
    Exercise(
        key="03.reparameterise",
        title="A draw that gradients pass through",
        task="Turn standard normal noise into a draw of N(mean, σ²), given mean and log σ².",
        points=1,
        minutes=5,
        hints=(
            "If noise is a draw of N(0, 1), what are the mean and the standard deviation of a + b · noise?",
            "The encoder gives log σ². What has to be done to a logarithm of a square to get σ?",
            "mean + torch.exp(log_variance / 2) * noise",
        ),
        reference=reparameterise,
        cases=_reparameterise_cases,
        returns="z",
        differentiable=("mean", "log_variance"),
        mistakes=(
            Mistake(
                "The noise is scaled by the log-variance itself; scale it by σ = exp(log_variance / 2).",
                lambda mean, log_variance, noise: mean + log_variance * noise,
            ),
            Mistake(
                "The noise is scaled by the variance; take its root: σ = exp(log_variance / 2).",
                lambda mean, log_variance, noise: mean + log_variance.exp() * noise,
            ),
            Mistake("The noise is not scaled: multiply it by σ.", lambda mean, log_variance, noise: mean + noise),
            Mistake(
                "The mean is missing: add it.",
                lambda mean, log_variance, noise: torch.exp(0.5 * log_variance) * noise,
            ),
            Mistake("Use the noise that is given, and draw none of your own.", _own_noise),
            Mistake(
                "No gradient reaches σ: log_variance must stay in the graph.",
                lambda mean, log_variance, noise: reparameterise(mean, log_variance.detach(), noise),
            ),
        ),
    ),
    Exercise(
        key="03.kl",
        title="What a code costs",
        task="Compute KL(N(mean, σ²) || N(0, I)) in nats for each example, given mean and log σ².",
        points=2,
        minutes=10,
        hints=(
            "Start with one dimension: E_q[log q(z) - log p(z)], with E_q[(z - mean)²] = σ² and E_q[z²] = σ² + mean².",
            "In one dimension it is ½ (σ² + mean² - 1 - log σ²). Independent dimensions: their nats add up.",
            "Sum over the last dimension only, so that (n, latent) becomes (n,).",
        ),
        reference=kl,
        cases=_kl_cases,
        returns="the KL",
        differentiable=("mean", "log_variance"),
        mistakes=(
            Mistake(
                "That is a mean over the latent dimensions; nats add up, so sum them.",
                lambda mean, log_variance: kl(mean, log_variance) / mean.shape[-1],
            ),
            Mistake("The sign is turned; a KL is never negative.", lambda mean, log_variance: -kl(mean, log_variance)),
            Mistake("The factor ½ is missing.", lambda mean, log_variance: 2 * kl(mean, log_variance)),
            Mistake("log_variance is log σ², not log σ.", lambda mean, log_variance: kl(mean, 2 * log_variance)),
            Mistake(
                "You summed over the batch too; keep one value for each example.",
                lambda mean, log_variance: kl(mean, log_variance).sum(),
            ),
            Mistake(
                "You averaged over the batch; keep one value for each example.",
                lambda mean, log_variance: kl(mean, log_variance).mean(),
            ),
            Mistake(
                "The -1 is missing: from itself the prior is at a distance of 0.",
                lambda mean, log_variance: kl(mean, log_variance) + mean.shape[-1] / 2,
            ),
            Mistake(
                "A constant stands where the number of latent dimensions belongs.",
                lambda mean, log_variance: kl(mean, log_variance) + (mean.shape[-1] - 5) / 2,
            ),
            Mistake(NARROW, _through_variance),
        ),
    ),
    Exercise(
        key="03.elbo",
        title="The evidence lower bound",
        task="Compute the ELBO of each image of bits from the decoder's logits and the encoder's mean and log σ².",
        points=2,
        minutes=15,
        hints=(
            "Two terms: how well the image is explained, minus what its code costs.",
            "F.binary_cross_entropy_with_logits(logits, x, reduction='none') is -log p of every pixel.",
            "Sum the first term over dimensions 1, 2 and 3, the KL over the last; subtract.",
        ),
        reference=elbo,
        cases=_elbo_cases,
        returns="the ELBO",
        differentiable=("logits", "mean", "log_variance"),
        mistakes=(
            Mistake(
                "The KL is added; it is what the code costs, so subtract it.",
                lambda logits, x, mean, log_variance: _log_likelihood(logits, x) + kl(mean, log_variance),
            ),
            Mistake(
                "That is the loss, -ELBO; turn its sign.",
                lambda logits, x, mean, log_variance: -elbo(logits, x, mean, log_variance),
            ),
            Mistake(
                "That is a mean over the pixels; log-probabilities of pixels add up, so sum them.",
                lambda logits, x, mean, log_variance: (
                    _log_likelihood(logits, x) / x[0].numel() - kl(mean, log_variance)
                ),
            ),
            Mistake(
                "These are means over pixels and latents; nats add up, so sum both.",
                lambda logits, x, mean, log_variance: (
                    _log_likelihood(logits, x) / x[0].numel() - kl(mean, log_variance) / mean.shape[-1]
                ),
            ),
            Mistake(
                "One number came for the batch; keep one value for each image.",
                lambda logits, x, mean, log_variance: elbo(logits, x, mean, log_variance).mean(),
            ),
            Mistake("The KL is missing.", lambda logits, x, mean, log_variance: _log_likelihood(logits, x)),
            Mistake(
                "exp(logit) overflows in single precision where the decoder is sure; F.softplus does not.",
                lambda logits, x, mean, log_variance: (
                    (x * logits - logits.exp().log1p()).sum((1, 2, 3)) - kl(mean, log_variance)
                ),
            ),
            Mistake(
                NARROW,
                lambda logits, x, mean, log_variance: (
                    _log_likelihood(logits, x) - _through_variance(mean, log_variance)
                ),
            ),
            Mistake("log(sigmoid(·)) underflows where the decoder is sure; stay with logits.", _through_sigmoid),
            Mistake("An image may have several channels: sum over all of them.", _first_channel),
        ),
    ),
    Exercise(
        key="03.iwae",
        title="The importance-weighted bound",
        task="From log-weights of shape (k, n), k draws for each of n images, compute log of the mean weight, (n,).",
        points=2,
        minutes=10,
        hints=(
            "log (1/k) Σ w_i: which comes first, the mean or the logarithm?",
            "exp(-1000) is 0 in a computer. torch.logsumexp subtracts the largest before it exponentiates.",
            "torch.logsumexp(log_weights, dim=0) and then what for the 1/k?",
        ),
        reference=iwae,
        cases=_iwae_cases,
        rtol=1e-4,  # the gradient at log-weights of -1000 has lost digits in single precision
        returns="the bound",
        differentiable=("log_weights",),
        mistakes=(
            Mistake(
                "That is the mean of the logarithms, the ELBO again; take the logarithm of the mean.",
                lambda log_weights: log_weights.mean(0),
            ),
            Mistake(
                "That is the sum of the weights, not their mean: subtract log k.",
                lambda log_weights: log_weights.logsumexp(0),
            ),
            Mistake(
                "You went over the images; the draws are the first dimension.",
                lambda log_weights: log_weights.logsumexp(1) - math.log(log_weights.shape[1]),
            ),
            Mistake(
                "That is the mean weight itself; take its logarithm.",
                lambda log_weights: iwae(log_weights).exp(),
            ),
            Mistake("That is the largest weight alone.", lambda log_weights: log_weights.max(0).values),
            Mistake(
                "exp(-1000) is 0 in a computer: use logsumexp, which shifts before it exponentiates.",
                lambda log_weights: log_weights.exp().mean(0).log(),
            ),
            Mistake(
                "One shift for all images is not enough: each has a largest weight of its own.",
                _shifted(lambda log_weights: log_weights.max()),
            ),
            Mistake(
                "That shift is not enough: shift each image by its own largest log-weight.",
                _shifted(lambda log_weights: log_weights.mean()),
            ),
        ),
    ),
    Exercise(
        key="03.conv_shape",
        title="How large is the image after a convolution?",
        task="Compute the output size of a convolution along one side from size, kernel, stride and padding.",
        points=1,
        minutes=10,
        hints=(
            "Draw 8 pixels on paper and slide a kernel of 3 over them. How many places does it have?",
            "Padding adds pixels on both sides; a stride of 2 visits every second place.",
            "Whole division rounds down: (what is left to slide over) // stride, and the first place.",
        ),
        reference=conv_size,
        cases=_conv_cases,
        returns="the size",
        mistakes=(
            Mistake(
                "Padding is added on both sides.",
                lambda size, kernel, stride, padding: (size + padding - kernel) // stride + 1,
            ),
            Mistake(
                "The first place counts too: add 1.",
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // stride,
            ),
            Mistake(
                "The first place is none of the steps: divide by the stride first, then add 1.",
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel + 1) // stride,
            ),
            Mistake(
                "A step that does not fit is left out: round down.",
                lambda size, kernel, stride, padding: math.ceil((size + 2 * padding - kernel) / stride) + 1,
            ),
            Mistake(
                "A number of pixels is whole: divide with //.",
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel) / stride + 1,
            ),
            Mistake(
                "That is a transposed convolution, which makes images larger.",
                lambda size, kernel, stride, padding: (size - 1) * stride - 2 * padding + kernel,
            ),
        ),
    ),
)
