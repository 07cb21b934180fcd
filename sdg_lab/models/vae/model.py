"""The variational autoencoder: an encoder and a decoder trained together on a lower bound of the log-likelihood.

Kingma & Welling, *Auto-Encoding Variational Bayes* (2014); the tighter bound with k samples is that of Burda, Grosse &
Salakhutdinov, *Importance Weighted Autoencoders* (2016). All bounds are in nats, summed over pixels and latent
dimensions. Tensors are named as in the papers: x pictures (n, channels, height, width), y labels (n,), z latents
(n, latent), q(z|x) the encoder's Gaussian, p(x|z) the decoder's likelihood, p(z) = N(0, I).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.data.types import Images
from sdg_lab.models.contract import NeuralModel, check_count, check_images, new_generator
from sdg_lab.models.images import draw_labels, label_tensor
from sdg_lab.models.vae.likelihoods import (
    LIKELIHOODS,
    Architecture,
    build_networks,
    kl_to_standard_normal,
    log_mean_exp,
    log_normal,
    reparameterise,
)

MOST_LATENTS = 20_000
"""Latent points decoded at a time when a bound is measured: enough to be quick, few enough for a small memory."""


class VAE(NeuralModel[Images]):
    """A variational autoencoder of pictures, dense or convolutional, with or without a class label as a condition.

    Args:
        shape: of a picture: (channels, height, width).
        latent: dimensions of z.
        hidden: dense: widths of the encoder's hidden layers, mirrored in the decoder; none makes both maps linear.
            Convolutional: channels after each halving of height and width.
        architecture: "dense" or "convolutional".
        classes: number of classes if q(z|x, y) and p(x|z, y) are told the label y in 0..classes-1; None if not.
        beta: factor on the KL in the training loss only (Higgins et al. 2017); every bound is reported without it.
        likelihood: "bernoulli" for bits, gray pictures being tossed to bits; "gaussian" for gray values.

    Attributes:
        history: how the last ``fit`` went; None for a model that was loaded.

    Raises:
        ValueError: for arguments out of range, and for sizes that cannot be halved as often as ``hidden`` asks.
    """

    class_probs: Tensor

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
        super().__init__()
        _check_arguments(shape, latent, hidden, architecture, classes, beta, likelihood)
        self.shape, self.hidden = tuple(shape), tuple(hidden)
        self.latent, self.architecture, self.classes = latent, architecture, classes
        self.beta, self.likelihood = beta, likelihood
        networks = build_networks(architecture, self.shape, self.hidden, latent, classes or 0)
        self.features, self.posterior_head, self.decoder = networks
        self.p_x = LIKELIHOODS[likelihood]()
        self.register_buffer("class_probs", torch.full((classes or 0,), 1 / (classes or 1)))
        self.history: training.History | None = None

    def config(self) -> dict[str, Any]:
        """Return the arguments that make an empty model of the same form."""
        names = ("latent", "architecture", "classes", "beta", "likelihood")
        lists = {"shape": list(self.shape), "hidden": list(self.hidden)}
        return lists | {name: getattr(self, name) for name in names}

    # Stage 1: the two distributions and the bound, on tensors.

    def posterior(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of q(z|x[, y]), each (n, latent)."""
        mean, log_variance = self.posterior_head(self._with_label(self.features(x), y)).chunk(2, dim=-1)
        return mean, log_variance

    def decoder_output(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return what p(x|z[, y]) is made of, (..., channels, height, width): logits, or the Gaussian's means."""
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
        """Return the evidence lower bound of each picture, (n,), nats: never scaled by beta."""
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

    # Stage 2: the model contract, on pictures.

    def fit(
        self,
        data: Images,
        *,
        validation: Images | None = None,
        epochs: int = 30,
        batch_size: int = 64,
        lr: float = 1e-3,
        patience: int | None = None,
        seed: int = 0,
        progress: bool = True,
    ) -> Self:
        """Train from new weights on pictures of ``self.shape``, labelled if the model has classes.

        Args:
            data: the training pictures.
            validation: held-out pictures, measured after each epoch; needed for ``patience``.
            epochs: passes over the data. From a hundred small pictures, some hundreds; from thousands, 20 to 50.
            batch_size: pictures a step.
            lr: learning rate of Adam.
            patience: stop after this many epochs without a lower validation loss and keep the best weights.
            seed: decides weights, order of examples, noise and coin tosses.
            progress: show a bar.

        Raises:
            TypeError: if ``data`` is not Images.
            ValueError: for pictures of another shape, none at all, missing labels, or labels out of range.
        """
        batch = _present(self._tensors(data))
        held_out = None if validation is None else _present(self._tensors(validation))
        self.fitted = False  # until it is: a run that diverges leaves no model behind
        training.reinitialise(self, seed)
        if self.classes is not None:
            self.class_probs = torch.bincount(batch[1], minlength=self.classes) / len(data)
        self.history = training.train(
            self,
            batch,
            validation=held_out,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            patience=patience,
            seed=seed,
            progress=progress,
        )
        self.fitted = True
        return self

    @torch.no_grad()
    def sample(self, n: int, *, seed: int | None = None, labels: int | ArrayLike | None = None) -> Images:
        """Draw z from p(z) and return the decoder's mean pictures, gray in [0, 1].

        For bits rather than their probabilities, toss them: ``rng.binomial(1, images.pixels)``.

        Args:
            n: number of pictures.
            seed: the same seed gives the same pictures.
            labels: for a model with classes: one label for all, or (n,) of them; without it they are drawn with the
                training set's frequencies.

        Raises:
            ValueError: for n < 1, labels of a model without classes, and labels of another number or out of range.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        n = check_count(n)
        generator = new_generator(seed)
        if labels is None and self.classes is not None:
            labels = draw_labels(self.class_probs, n, generator)
        return self.decode(torch.randn(n, self.latent, generator=generator).numpy(), labels)

    @torch.no_grad()
    def encode(self, data: Images) -> NDArray[np.float32]:
        """Return the means of q(z|x), (n, latent); gray values stand for the bits' probabilities."""
        self.require_fitted()
        return self.posterior(*self._tensors(data))[0].cpu().numpy()

    @torch.no_grad()
    def decode(self, z: ArrayLike, labels: int | ArrayLike | None = None) -> Images:
        """Return the mean picture of p(x|z[, y]) for latents of shape (n, latent), labelled if labels are given.

        Raises:
            ValueError: if ``z`` has another shape, is not finite, or the labels do not fit.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        points = np.asarray(z, dtype=np.float32)
        if points.ndim != 2 or points.shape[1] != self.latent or len(points) == 0:
            raise ValueError(f"z must have shape (n, {self.latent}) with n >= 1, got {points.shape}")
        if not np.isfinite(points).all():
            raise ValueError(f"z is not finite at point {int(np.argmin(np.isfinite(points).all(axis=1)))}")
        y = self._labels(labels, len(points))
        pixels = self.p_x.mean(self.decoder_output(torch.from_numpy(points).to(self._device), y))
        return Images(pixels.cpu().numpy(), None if y is None else y.cpu().numpy())

    @torch.no_grad()
    def log_prob_bound(self, data: Images, k: int = 1, *, seed: int = 0) -> NDArray[np.float64]:
        """Return a lower bound on log p(x[|y]) in nats, (n,): the ELBO for k = 1, the tighter IWAE bound for k > 1.

        Args:
            data: pictures; with the Bernoulli likelihood grays are tossed to bits, so pass bits to fix them.
            k: draws of q(z|x) a picture.
            seed: of the draws and tosses; the same seed gives the same numbers.

        Raises:
            ValueError: for k < 1, and for data as in :meth:`fit`.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"k, the number of draws a picture, must be a whole number >= 1, got {k!r}")
        generator = torch.Generator(self._device).manual_seed(seed)
        size = max(1, MOST_LATENTS // k)
        x, y = self._tensors(data)
        bounds = []
        for first in range(0, len(x), size):
            part, label = x[first : first + size], None if y is None else y[first : first + size]
            bounds.append(self.elbo(part, label, generator) if k == 1 else self.iwae(k, part, label, generator))
        return torch.cat(bounds).double().cpu().numpy()

    # Stage 3: what the two stages above share.

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device

    def _with_label(self, features: Tensor, y: Tensor | None) -> Tensor:
        """Append the one-hot label to the last dimension, if the model has classes."""
        if self.classes is None:
            return features
        if y is None:
            raise ValueError(f"this VAE is conditional on {self.classes} classes: pass the labels y too")
        return torch.cat([features, F.one_hot(y, self.classes).to(features.dtype)], dim=-1)

    def _tensors(self, data: Images) -> tuple[Tensor, Tensor | None]:
        """Return the pictures, and the labels if the model has classes, on the model's device; or refuse them."""
        check_images(data)
        if data.shape != self.shape:
            raise ValueError(
                f"the pictures have shape {data.shape}, this VAE was made for {self.shape}: "
                f"make it with VAE(shape={data.shape})"
            )
        x = torch.from_numpy(np.ascontiguousarray(data.pixels, dtype=np.float32)).to(self._device)
        return x, None if self.classes is None else self._labels(data.labels, len(data))

    def _labels(self, labels: ArrayLike | None, n: int) -> Tensor | None:
        """Return labels as a tensor (n,) on the model's device, or refuse them."""
        y = label_tensor(labels, n, self.classes, "VAE")
        return None if y is None else y.to(self._device)


def _present(batch: tuple[Tensor, Tensor | None]) -> tuple[Tensor, ...]:
    return tuple(tensor for tensor in batch if tensor is not None)


def _noise(like: Tensor, generator: Generator | None) -> Tensor:
    """Draw N(0, I) in the shape of a tensor."""
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)


def _check_arguments(
    shape: Sequence[int],
    latent: int,
    hidden: Sequence[int],
    architecture: str,
    classes: int | None,
    beta: float,
    likelihood: str,
) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be (channels, height, width), each >= 1, got {tuple(shape)}")
    for name, number, least in (("latent", latent, 1), ("classes", classes, 2), ("hidden", min(hidden, default=1), 1)):
        if number is not None and number < least:
            raise ValueError(f"{name} must be >= {least}, got {number}")
    if not beta >= 0:
        raise ValueError(f"beta must be >= 0, got {beta}")
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, got {likelihood!r}")
    if architecture not in ("dense", "convolutional"):
        raise ValueError(f"architecture must be dense or convolutional, got {architecture!r}")
    if architecture == "convolutional":
        factor = 2 ** len(hidden)
        if not hidden or shape[1] % factor or shape[2] % factor:
            raise ValueError(
                f"{len(hidden)} convolutions halve the picture {len(hidden)} times: height and width must be multiples "
                f"of {factor} and hidden must not be empty, got {tuple(shape)} with hidden={tuple(hidden)}"
            )
