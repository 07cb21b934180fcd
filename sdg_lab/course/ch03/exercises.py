"""Chapter 03: what its notebook's header says, and its exercises.

Each check computes what it expects with torch.distributions, numpy or torch's own layers, and tries the usual mistakes
on the same numbers, so that a refusal can name the one that was made.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Bernoulli as BernoulliDistribution
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn import functional as F

from sdg_lab.course import Chapter, Exercise, Paper, Wrong, WrongAnswer
from sdg_lab.course.engine.compare import expect_close, expect_equal, name_the_mistake
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.models.vae.likelihoods import Bernoulli, kl_to_standard_normal, log_mean_exp, reparameterise

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


def _normal_numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Exercise: a draw that gradients pass through.


def _check_reparameterise(answer: Answer) -> None:
    mean, log_variance, noise = _normal_numbers(3, 4, 3, seed=0)
    want = torch.from_numpy(mean.numpy() + np.sqrt(np.exp(log_variance.numpy())) * noise.numpy())
    still = answer(mean, log_variance, torch.zeros_like(noise))
    name_the_mistake(still, mean, {"the mean is missing: add it": torch.zeros_like(mean)}, what="z without noise")
    expect_close(still, mean, what="z without noise, which is the mean (use the noise that is given, draw none)")
    got = answer(mean, log_variance, noise)
    mistakes = {
        "the noise is stretched by the log-variance itself; it wants σ = exp(log_variance / 2)": mean
        + log_variance * noise,
        "the noise is stretched by the variance; take its root: σ = exp(log_variance / 2)": mean
        + log_variance.exp() * noise,
        "the noise is not stretched: multiply it by σ": mean + noise,
    }
    name_the_mistake(got, want, mistakes, what="z")
    expect_close(got, want, what="z", case="a batch of 4 with 3 latents")
    z = answer(mean.requires_grad_(), log_variance.requires_grad_(), noise)
    if not isinstance(z, Tensor) or not z.requires_grad:
        raise Wrong("z carries no gradient: stay within torch, without .item(), .numpy() or .detach()")


def _log_variance_as_sigma(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    return mean + log_variance * noise


def _variance_as_sigma(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    return mean + log_variance.exp() * noise


def _own_noise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return mean + (0.5 * log_variance).exp() * torch.randn(noise.shape, generator=generator, dtype=noise.dtype)


def _cut_from_the_graph(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    return reparameterise(mean, log_variance, noise).detach()


# Exercise: the Kullback-Leibler divergence from the prior.


def _check_kl(answer: Answer) -> None:
    mean, log_variance = _normal_numbers(2, 6, 5, seed=1)
    q = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    p = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    want = kl_divergence(q, p)
    got = answer(mean, log_variance)
    twice = 0.5 * ((2 * log_variance).exp() + mean.square() - 1 - 2 * log_variance).sum(-1)
    mistakes = {
        "a mean over the latent dimensions; nats add up, so sum them": want / mean.shape[-1],
        "the sign is turned; a KL is never negative": -want,
        "the factor ½ is missing": 2 * want,
        "log_variance is log σ², not log σ": twice,
        "summed over the batch too; keep one value an example": want.sum(),
        "averaged over the batch; keep one value an example": want.mean(),
    }
    name_the_mistake(got, want, mistakes, what="the KL")
    expect_close(got, want, what="the KL", case="a batch of 6 with 5 latents")
    zeros = torch.zeros(2, 5, dtype=torch.float64)
    expect_close(answer(zeros, zeros), [0.0, 0.0], what="the KL of N(0, I) from itself", atol=1e-12)


def _kl_mean(mean: Tensor, log_variance: Tensor) -> Tensor:
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).mean(-1)


def _kl_sign(mean: Tensor, log_variance: Tensor) -> Tensor:
    return -kl_to_standard_normal(mean, log_variance)


def _kl_of_log_sigma(mean: Tensor, log_variance: Tensor) -> Tensor:
    return kl_to_standard_normal(mean, 2 * log_variance)


def _kl_of_the_batch(mean: Tensor, log_variance: Tensor) -> Tensor:
    return kl_to_standard_normal(mean, log_variance).sum()


# Exercise: the evidence lower bound.


def elbo(logits: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log p(x|z) - KL(q(z|x) || p(z)) of pictures of bits, (n,), nats."""
    return Bernoulli().log_prob(logits, x) - kl_to_standard_normal(mean, log_variance)


def _check_elbo(answer: Answer) -> None:
    logits, mean, log_variance = _normal_numbers(5, 1, 4, 4, seed=2), *_normal_numbers(2, 5, 3, seed=3)
    x = (_normal_numbers(5, 1, 4, 4, seed=4) > 0).double()
    likelihood = Independent(BernoulliDistribution(logits=logits), 3).log_prob(x)  # type: ignore[no-untyped-call]
    q = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    kl = kl_divergence(q, Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1))
    want = likelihood - kl
    got = answer(logits, x, mean, log_variance)
    mistakes = {
        "the KL is added; it is what the code costs, so subtract it": likelihood + kl,
        "that is the loss, -ELBO; turn its sign": -want,
        "a mean over the pixels; log-probabilities of pixels add up, so sum them": likelihood / 16 - kl,
        "means over pixels and latents; nats add up, so sum both": likelihood / 16 - kl / 3,
        "one number for the batch; keep one value a picture": want.mean(),
        "the KL is missing": likelihood,
    }
    name_the_mistake(got, want, mistakes, what="the ELBO")
    expect_close(got, want, what="the ELBO", case="5 pictures of 4×4 bits with 3 latents")
    # A logit of ±200 is a pixel that the decoder is sure of; log(sigmoid(·)) would be log 0.
    sure = torch.full((1, 1, 2, 2), 200.0)
    nothing = torch.zeros(1, 3)
    expect_close(
        answer(sure, torch.zeros(1, 1, 2, 2), nothing, nothing),
        [-800.0],
        what="the ELBO",
        case="four pixels that are sure and wrong (logits of 200; stay with logits, log(sigmoid) underflows)",
    )


def _elbo_plus_kl(logits: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return Bernoulli().log_prob(logits, x) + kl_to_standard_normal(mean, log_variance)


def _elbo_mean_of_pixels(logits: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    fit = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").mean((1, 2, 3))
    return fit - kl_to_standard_normal(mean, log_variance)


def _elbo_as_loss(logits: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -elbo(logits, x, mean, log_variance)


def _elbo_through_sigmoid(logits: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    p = torch.sigmoid(logits)
    fit = (x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum((1, 2, 3))
    return fit - kl_to_standard_normal(mean, log_variance)


# Exercise: the importance-weighted bound.


def _check_iwae(answer: Answer) -> None:
    log_weights = 2 * _normal_numbers(7, 3, seed=5) - 4
    want = torch.from_numpy(np.logaddexp.reduce(log_weights.numpy(), axis=0) - math.log(7))
    got = answer(log_weights)
    mistakes = {
        "the mean of the logarithms, which is the ELBO again; take the logarithm of the mean": log_weights.mean(0),
        "the sum of the weights, not their mean: subtract log k": want + math.log(7),
        "taken over the pictures; the draws are the first dimension": log_weights.logsumexp(1) - math.log(3),
        "the mean weight itself; take its logarithm": want.exp(),
        "the largest weight alone": log_weights.max(0).values,
    }
    name_the_mistake(got, want, mistakes, what="the bound")
    expect_close(got, want, what="the bound", case="7 draws for each of 3 pictures")
    expect_close(
        answer(log_weights - 1000),
        want - 1000,
        what="the bound",
        case="log-weights near -1000, as real pictures have (exp of them is 0: use logsumexp)",
    )


def _mean_of_logs(log_weights: Tensor) -> Tensor:
    return log_weights.mean(0)


def _sum_of_weights(log_weights: Tensor) -> Tensor:
    return log_weights.logsumexp(0)


def _over_pictures(log_weights: Tensor) -> Tensor:
    return log_weights.logsumexp(-1) - math.log(log_weights.shape[-1])


def _naive_exponential(log_weights: Tensor) -> Tensor:
    return log_weights.exp().mean(0).log()


# Exercise: the size of a convolution's output.


def conv_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return the height (or width) of what a convolution makes of ``size`` pixels.

    Of the size + 2 padding pixels, the first ``kernel`` give one output and every further ``stride`` one more.
    """
    return (size + 2 * padding - kernel) // stride + 1


def _check_conv_size(answer: Answer) -> None:
    for size, kernel, stride, padding in ((10, 5, 1, 2), (10, 4, 3, 1), (28, 4, 2, 1), (9, 3, 2, 0), (8, 8, 1, 0)):
        layer = torch.nn.Conv2d(1, 1, kernel, stride, padding)
        want = layer(torch.zeros(1, 1, size, size)).shape[-1]
        case = f"size {size}, kernel {kernel}, stride {stride}, padding {padding}"
        got = answer(size, kernel, stride, padding)
        if isinstance(got, float):
            raise Wrong(f"the size for {case}: a number of pixels is whole, got {got}; divide with //")
        places = size + 2 * padding - kernel
        mistakes = {
            (places - padding) // stride + 1: "padding is added on both sides",
            places // stride: "the first place counts too: add 1",
            -(-places // stride) + 1: "a step that does not fit is left out: round down",
            (size - 1) * stride - 2 * padding + kernel: "that is a transposed convolution, which makes pictures larger",
        }
        if isinstance(got, int) and got != want and got in mistakes:
            raise Wrong(f"the size for {case}: expected {want}, got {got}; {mistakes[got]}")
        expect_equal(got, want, what="the size", case=case)


def _padding_once(size: int, kernel: int, stride: int, padding: int) -> int:
    return (size + padding - kernel) // stride + 1


def _no_first_position(size: int, kernel: int, stride: int, padding: int) -> int:
    return (size + 2 * padding - kernel) // stride


def _rounded_up(size: int, kernel: int, stride: int, padding: int) -> int:
    return math.ceil((size + 2 * padding - kernel) / stride) + 1


def _true_division(size: int, kernel: int, stride: int, padding: int) -> float:
    return (size + 2 * padding - kernel) / stride + 1


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
        check=_check_reparameterise,
        wrong=(
            WrongAnswer("takes the log-variance for σ", _log_variance_as_sigma, says="log-variance itself"),
            WrongAnswer("takes the variance for σ", _variance_as_sigma, says="take its root"),
            WrongAnswer("draws noise of its own", _own_noise, says="draw none"),
            WrongAnswer("cuts the draw from the graph", _cut_from_the_graph, says="carries no gradient"),
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
        reference=kl_to_standard_normal,
        check=_check_kl,
        wrong=(
            WrongAnswer("averages over the latent dimensions", _kl_mean, says="sum them"),
            WrongAnswer("turns the sign", _kl_sign, says="never negative"),
            WrongAnswer("takes the log-variance for log σ", _kl_of_log_sigma, says="log σ², not log σ"),
            WrongAnswer("sums over the batch", _kl_of_the_batch, says="one value an example|expected shape"),
        ),
    ),
    Exercise(
        key="03.elbo",
        title="The evidence lower bound",
        task="Compute the ELBO of each picture of bits from the decoder's logits and the encoder's mean and log σ².",
        points=2,
        minutes=15,
        hints=(
            "Two terms: how well the picture is explained, minus what its code costs.",
            "F.binary_cross_entropy_with_logits(logits, x, reduction='none') is -log p of every pixel.",
            "Sum the first term over dimensions 1, 2 and 3, the KL over the last; subtract.",
        ),
        reference=elbo,
        check=_check_elbo,
        wrong=(
            WrongAnswer("adds the KL", _elbo_plus_kl, says="subtract it"),
            WrongAnswer("averages over the pixels", _elbo_mean_of_pixels, says="mean over the pixels"),
            WrongAnswer("returns the loss", _elbo_as_loss, says="turn its sign"),
            WrongAnswer("takes logarithms of a sigmoid", _elbo_through_sigmoid, says="stay with logits"),
        ),
    ),
    Exercise(
        key="03.iwae",
        title="The importance-weighted bound",
        task="From log-weights of shape (k, n), k draws for each of n pictures, compute log of the mean weight, (n,).",
        points=2,
        minutes=10,
        hints=(
            "log (1/k) Σ w_i: which comes first, the mean or the logarithm?",
            "exp(-1000) is 0 in a computer. torch.logsumexp subtracts the largest before it exponentiates.",
            "torch.logsumexp(log_weights, dim=0) and then what for the 1/k?",
        ),
        reference=log_mean_exp,
        check=_check_iwae,
        wrong=(
            WrongAnswer("means the logarithms", _mean_of_logs, says="logarithm of the mean"),
            WrongAnswer("forgets 1/k", _sum_of_weights, says="subtract log k"),
            WrongAnswer("takes the wrong dimension", _over_pictures, says="first dimension|expected shape"),
            WrongAnswer("underflows", _naive_exponential, says="use logsumexp"),
        ),
    ),
    Exercise(
        key="03.conv_shape",
        title="How large is the picture after a convolution?",
        task="Compute the output size of a convolution along one side from size, kernel, stride and padding.",
        points=1,
        minutes=10,
        hints=(
            "Draw 8 pixels on paper and slide a kernel of 3 over them. How many places does it have?",
            "Padding adds pixels on both sides; a stride of 2 visits every second place.",
            "Whole division rounds down: (what is left to slide over) // stride, and the first place.",
        ),
        reference=conv_size,
        check=_check_conv_size,
        wrong=(
            WrongAnswer("pads one side only", _padding_once, says="both sides"),
            WrongAnswer("forgets the first place", _no_first_position, says="add 1"),
            WrongAnswer("rounds up", _rounded_up, says="round down"),
            WrongAnswer("divides without rounding", _true_division, says="divide with //"),
        ),
    ),
)
