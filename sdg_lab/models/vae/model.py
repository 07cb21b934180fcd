"""The variational autoencoder: an encoder and a decoder trained together on a lower bound of the log-likelihood.

Kingma & Welling, *Auto-Encoding Variational Bayes* (2014); the tighter bound with k samples is that of Burda, Grosse &
Salakhutdinov, *Importance Weighted Autoencoders* (2016). All bounds are in nats, summed over pixels and latent
dimensions. Tensors are named as in the papers: x images (n, channels, height, width), y labels (n,), z latents
(n, latent), q(z|x) the encoder's Gaussian, p(x|z) the decoder's likelihood, p(z) = N(0, I).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, Unpack, cast, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor
from torch.nn import functional as F

from sdg_lab.checks import number, one_of, whole
from sdg_lab.models.images import ImageData, LatentImageModel, check_divisible, wholes
from sdg_lab.models.neural import new_generator
from sdg_lab.models.vae.likelihoods import (
    LIKELIHOODS,
    kl_to_standard_normal,
    log_mean_exp,
    log_normal,
    reparameterise,
)
from sdg_lab.models.vae.networks import Architecture, build_networks
from sdg_lab.training import recipe as recipes
from sdg_lab.training.recipe import Recipe

MAX_LATENTS = 20_000
"""Latent points decoded at a time when a bound is computed: enough to be quick, few enough for a small memory."""


class VAE(LatentImageModel):
    """A variational autoencoder of images, dense or convolutional, with or without a class label as a condition.

    ``sample`` returns the decoder's means E[x|z], grey images in [0, 1]: not draws of p(x|z), which have its noise too.
    For bits rather than their probabilities: ``rng.binomial(1, images.pixels)``.

    Args:
        shape: of an image: (channels, height, width).
        latent: dimensions of z.
        hidden: dense: widths of the encoder's hidden layers, mirrored in the decoder; none makes both maps linear.
            Convolutional: channels after each halving of height and width.
        architecture: "dense" or "convolutional".
        classes: number of classes if q(z|x, y) and p(x|z, y) are conditioned on the label y in 0..classes-1; None if
            not.
        beta: factor on the KL in the training loss only (Higgins et al. 2017); every bound is reported without it.
        likelihood: "bernoulli" for bits, grey images being binarised; "gaussian" for grey values.

    Raises:
        ValueError: for arguments out of range, and for sizes that cannot be halved as often as ``hidden`` asks.
    """

    def __init__(
        self,
        shape: Sequence[int] = (1, 8, 8),
        *,
        latent: int = 8,
        hidden: Sequence[int] = (256,),
        architecture: Architecture = "dense",
        classes: int | None = None,
        beta: float = 1.0,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__(shape, classes)
        self.latent, self.hidden = whole("latent", latent, least=1), wholes("hidden", hidden)
        self.architecture: Architecture = one_of("architecture", architecture, get_args(Architecture))
        self.beta, self.likelihood = number("beta", beta, least=0), one_of("likelihood", likelihood, LIKELIHOODS)
        if architecture == "convolutional":
            if not self.hidden:
                raise ValueError("a convolutional VAE needs hidden layers: hidden must not be empty")
            less = "give fewer" if len(self.hidden) > 1 else ""
            check_divisible(self.shape, 2 ** len(self.hidden), "each of the hidden layers halves them", less)
        networks = build_networks(self.architecture, self.shape, self.hidden, self.latent, self.classes or 0)
        self.features, self.posterior_head, self.decoder = networks
        self.p_x = LIKELIHOODS[likelihood]()

    # Stage 1: the two distributions and the bound, on tensors.

    def posterior(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of q(z|x[, y]), each (n, latent)."""
        mean, log_variance = self.posterior_head(self._with_label(self.features(x), y)).chunk(2, dim=-1)
        return mean, log_variance

    def decoder_output(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the parameters of p(x|z[, y]), (..., channels, height, width): logits, or the Gaussian's means."""
        flat = self._with_label(z, y).flatten(0, -2)
        return cast(Tensor, self.decoder(flat)).reshape(*z.shape[:-1], *self.shape)

    def elbo_terms(
        self, x: Tensor, y: Tensor | None = None, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return log p(x|z) at one z drawn from q(z|x), and KL(q(z|x) || p(z)); both (n,), nats.

        ELBO(x) = E_q[log p(x|z)] - KL(q(z|x) || p(z))  (Kingma & Welling 2014, eq. 3).
        """
        x = self.p_x.observe(x, generator)
        mean, log_variance = self.posterior(x, y)
        z = reparameterise(mean, log_variance, _noise(mean, generator))
        return self.p_x.log_prob(self.decoder_output(z, y), x), kl_to_standard_normal(mean, log_variance)

    def elbo(self, x: Tensor, y: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Return the evidence lower bound of each image, (n,), nats: never scaled by beta."""
        log_likelihood, kl = self.elbo_terms(x, y, generator)
        return log_likelihood - kl

    def iwae(self, k: int, x: Tensor, y: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Return log (1/k) Σ p(x, z_i) / q(z_i|x) with k draws of q(z|x), (n,), nats (Burda et al. 2016, eq. 8)."""
        x = self.p_x.observe(x, generator)
        mean, log_variance = self.posterior(x, y)
        mean, log_variance = mean.expand(k, -1, -1), log_variance.expand(k, -1, -1)
        z = reparameterise(mean, log_variance, _noise(mean, generator))
        y = None if y is None else y.expand(k, -1)
        log_weight = (
            self.p_x.log_prob(self.decoder_output(z, y), x)
            + log_normal(z, torch.zeros_like(z), torch.zeros_like(z))
            - log_normal(z, mean, log_variance)
        )
        return log_mean_exp(log_weight)

    def loss(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the mean over the batch of -log p(x|z) + beta KL, nats: the negative ELBO when beta is 1."""
        log_likelihood, kl = self.elbo_terms(x, y)
        return (self.beta * kl - log_likelihood).mean()

    def pixels(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return E[x|z[, y]], grey images in [0, 1]."""
        return self.p_x.mean(self.decoder_output(z, y))

    # Stage 2: the model contract, on images.

    @recipes.defaults(epochs=30)
    def fit(
        self,
        data: ImageData,
        labels: ArrayLike | None = None,
        *,
        validation: ImageData | None = None,
        seed: int = 0,
        progress: bool = True,
        **recipe: Unpack[Recipe],
    ) -> Self:
        """Train from new weights on images of ``self.shape``, labelled if the model has classes.

        From a hundred small images it takes some hundreds of epochs; from thousands, 20 to 50.

        Args:
            data: the training images: ``Images``, or an array or tensor (n, [channels,] height, width).
            labels: (n,), of an array; ``Images`` bring their own.
            validation: held-out images, or a pair (images, labels); measured after each epoch, needed for ``patience``.
            seed: decides weights, order of examples, noise and binarisation.
            progress: show a bar.
            recipe: how to train: see :class:`sdg_lab.training.recipe.Recipe`.

        Raises:
            TypeError: if ``data`` are no images, or an option does not exist.
            ValueError: for images of another shape, none at all, labels that do not fit, and options out of range.
            DivergedError: if the loss becomes NaN or infinite; names the step and the last good checkpoint.
        """
        return self.fit_images(data, labels, validation=validation, recipe=recipe, seed=seed, progress=progress)

    def encode(self, data: ImageData) -> NDArray[np.float32]:
        """Return the means of q(z|x), (n, latent); grey values stand for the bits' probabilities."""
        self.require_fitted()
        return self.in_parts(lambda *batch: self.posterior(*batch)[0], *self.batch(data)).cpu().numpy()

    def log_prob_bound(self, data: ImageData, k: int = 1, *, seed: int = 0) -> NDArray[np.float64]:
        """Return a lower bound on log p(x[|y]) in nats, (n,): the ELBO for k = 1, the tighter IWAE bound for k > 1.

        Args:
            data: images; with the Bernoulli likelihood greys are binarised at random, so pass bits to fix them.
            k: draws of q(z|x) per image.
            seed: of the draws and the binarisation; the same seed gives the same numbers.

        Raises:
            ValueError: for k < 1, and for data as in :meth:`fit`.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        whole("k, the number of draws per image,", k, least=1)
        generator = new_generator(seed, self.device)

        def bound(x: Tensor, y: Tensor | None = None) -> Tensor:
            return self.elbo(x, y, generator) if k == 1 else self.iwae(k, x, y, generator)

        bounds = self.in_parts(bound, *self.batch(data), size=max(1, MAX_LATENTS // k))
        return bounds.cpu().double().numpy()  # Apple's GPUs have no float64

    def _with_label(self, features: Tensor, y: Tensor | None) -> Tensor:
        """Append the one-hot label to the last dimension, if the model has classes."""
        if self.classes is None:
            return features
        if y is None:
            raise ValueError(f"this VAE is conditional on {self.classes} classes: pass the labels y too")
        return torch.cat([features, F.one_hot(y, self.classes).to(features.dtype)], dim=-1)


def _noise(like: Tensor, generator: Generator | None) -> Tensor:
    """Draw N(0, I) in the shape of a tensor."""
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)
