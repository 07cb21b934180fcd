"""Denoising diffusion: a network that removes noise a little at a time, and so makes images out of noise alone.

Ho, Jain & Abbeel (2020), DDPM; cosine schedule of Nichol & Dhariwal (2021); v-prediction of Salimans & Ho (2022); few
deterministic steps by DDIM (Song, Meng & Ermon 2021); classifier-free guidance (Ho & Salimans 2022). The mathematics is
in ``noise``, ``samplers`` and ``bound`` beside this file; here a network is put into it.

Inside, images are x = 2 · pixels - 1, in [-1, 1], so that they are centred like the noise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self, Unpack, cast, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sdg_lab.checks import number, one_of, whole
from sdg_lab.data.types import Images
from sdg_lab.models.contract import check_count
from sdg_lab.models.diffusion import bound as diffusion_bound
from sdg_lab.models.diffusion.bound import BoundTerms
from sdg_lab.models.diffusion.mlp import DenoisingMLP
from sdg_lab.models.diffusion.noise import cosine_schedule, guided, q_sample, v_from, x0_from_v
from sdg_lab.models.diffusion.samplers import ancestral, ddim
from sdg_lab.models.diffusion.unet import UNet
from sdg_lab.models.images import ImageData, ImageModel, wholes
from sdg_lab.models.neural import new_generator
from sdg_lab.training import recipe as recipes
from sdg_lab.training.recipe import Recipe
from sdg_lab.training.schedules import warm_up_then_cosine

Architecture = Literal["mlp", "unet"]

LABELS_DROPPED = 0.1
"""Share of the labels that training replaces by the null token, so that the network learns the unconditional model
too: guidance needs both (Ho & Salimans 2022, section 4.1)."""


class Diffusion(ImageModel):
    """A diffusion model of images, with or without a class label as a condition.

    Args:
        shape: of an image: (channels, height, width).
        architecture: "mlp" for images of a few dozen pixels, "unet" for larger ones.
        widths: mlp: of the hidden layers; unet: channels at each resolution, multiples of 16.
        unshuffle: unet: side of the squares of pixels that become channels (pixel-unshuffle).
        timesteps: T.
        classes: number of classes if the model is conditioned on the label y in 0..classes-1; None if not.
        levels: grey levels of the data: 256 for 8 bits, 17 for the 8×8 digits. Samples are rounded to them, and the
            bound is about their probabilities.

    Attributes:
        network: ``network(x_t, t / T, y)`` predicts v; y = ``classes`` is the null token.
        alphas_bar: the cosine schedule, float64 (T+1,).

    Raises:
        ValueError: for arguments out of range, and for sizes that the U-Net cannot halve.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"network": "architecture", "fold": "unshuffle"}
    REMOVED: ClassVar[Mapping[str, Any]] = {
        "schedule": "cosine",
        "prediction": "v",
        "unconditional": LABELS_DROPPED,
        "blocks": 1,
    }

    def __init__(
        self,
        shape: Sequence[int] = (1, 8, 8),
        *,
        architecture: Architecture = "mlp",
        widths: Sequence[int] = (256, 256, 256),
        unshuffle: int = 1,
        timesteps: int = 200,
        classes: int | None = None,
        levels: int = 256,
    ) -> None:
        super().__init__(shape, classes)
        self.architecture: Architecture = one_of("architecture", architecture, get_args(Architecture))
        self.widths, self.unshuffle = wholes("widths", widths), whole("unshuffle", unshuffle, least=1)
        self.timesteps, self.levels = whole("timesteps", timesteps, least=2), whole("levels", levels, least=2)
        self.network: nn.Module
        if architecture == "unet":
            self.network = UNet(self.shape, self.widths, unshuffle=self.unshuffle, classes=self.classes)
        elif self.unshuffle == 1:
            self.network = DenoisingMLP(self.shape, self.widths, classes=self.classes)
        else:
            raise ValueError(f"unshuffle={unshuffle} is for a U-Net: make it with architecture='unet'")
        self.alphas_bar = cosine_schedule(self.timesteps)  # no buffer: some devices have no float64

    # Stage 1: the network, on tensors.

    def loss(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the mean squared error per pixel of the predicted v, at a random t for each image.

        It is DDPM's simple loss (equation 14) for v. Its weights are not those of the bound, so it is in no nats.
        """
        x0, noise = 2 * x - 1, torch.randn_like(x)
        t = self._random_times(len(x)).to(x.device)
        xt = q_sample(x0, t, noise, self.alphas_bar)
        return F.mse_loss(self.predict(xt, t, self._drop_labels(y)), v_from(x0, noise, t, self.alphas_bar))

    def predict(self, xt: Tensor, t: Tensor, y: Tensor | None = None, *, guidance: float = 1.0) -> Tensor:
        """Return the network's v, like x_t, guided towards the label; without labels, the unconditional model's."""
        time = t.to(xt) / self.timesteps
        if y is None or guidance == 1:
            return cast(Tensor, self.network(xt, time, y))
        if guidance == 0:
            return cast(Tensor, self.network(xt, time, None))
        null = torch.full_like(y, cast(int, self.classes))
        both = self.network(xt.repeat(2, 1, 1, 1), time.repeat(2), torch.cat([y, null]))
        conditional, unconditional = both.chunk(2)
        return guided(conditional, unconditional, guidance)

    def denoise(self, xt: Tensor, t: Tensor, y: Tensor | None = None, *, guidance: float = 1.0) -> Tensor:
        """Return the x̂_0-prediction, like x_t, clipped to [-1, 1], where every image lies."""
        return x0_from_v(self.predict(xt, t, y, guidance=guidance), xt, t, self.alphas_bar).clamp(-1, 1)

    @torch.no_grad()
    def trajectory(
        self,
        noise: Tensor,
        y: Tensor | None = None,
        *,
        steps: int | None = None,
        guidance: float = 1.0,
        eta: float = 0.0,
        generator: Generator | None = None,
    ) -> Iterator[Tensor]:
        """Yield x_T = ``noise`` and the states after it, the last of them x_0, all (n, channels, height, width).

        Args:
            noise: standard normal.
            y: labels (n,); None for the unconditional model.
            steps: None for ancestral sampling, all T of them; or a number of DDIM steps, 10 to 50 being usual.
            guidance: 1 is the conditional model, 0 the unconditional one, more than 1 exaggerates the label. Other
                values than 0 and 1 take two function evaluations per step.
            eta: of DDIM: 0 is deterministic, 1 as noisy as ancestral sampling.
            generator: of the noise that is added on the way.

        Raises:
            ValueError: for options out of range, guidance of a model without classes, and eta without steps.
        """
        number("guidance", guidance, least=0)
        number("eta", eta, least=0, most=1)
        if y is None and guidance != 1:
            raise ValueError(
                f"guidance={guidance} needs labels to guide to: make the model with Diffusion(classes=...)"
            )
        if steps is None and eta != 0:
            raise ValueError(f"eta={eta} is the noise of DDIM: give its number of steps too; all T are ancestral")

        def denoise(xt: Tensor, t: Tensor) -> Tensor:
            return self.in_parts(partial(self.denoise, guidance=guidance), xt, t, y)

        if steps is None:
            yield from ancestral(denoise, noise, self.alphas_bar, generator)
        else:
            yield from ddim(denoise, noise, self.alphas_bar, steps, eta=eta, generator=generator)

    # Stage 2: the model contract, on images.

    @recipes.defaults(epochs=100, ema=0.995, clip=1.0, schedule=warm_up_then_cosine)
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

        Args:
            data: the training images: ``Images``, or an array or tensor (n, [channels,] height, width).
            labels: (n,), of an array; ``Images`` bring their own.
            validation: held-out images, or a pair (images, labels); measured after each epoch, needed for ``patience``.
            seed: decides weights, order of examples, times, noise and which labels are dropped.
            progress: show a bar.
            recipe: how to train: see :class:`sdg_lab.training.recipe.Recipe`.

        Raises:
            TypeError: if ``data`` are no images, or an option does not exist.
            ValueError: for images of another shape, none at all, labels that do not fit, and options out of range.
            DivergedError: if the loss becomes NaN or infinite; names the step and the last good checkpoint.
        """
        return self.fit_images(data, labels, validation=validation, recipe=recipe, seed=seed, progress=progress)

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        labels: ArrayLike | None = None,
        steps: int | None = None,
        guidance: float = 1.0,
        eta: float = 0.0,
    ) -> Images:
        """Sample images: the ends of n trajectories, rounded to the grey levels of the data.

        Args:
            n: number of images.
            seed: the same seed gives the same images.
            labels: for a model with classes: one label for all, or (n,) of them; without it they are sampled with the
                training set's frequencies.
            steps: as for :meth:`trajectory`.
            guidance: as for :meth:`trajectory`.
            eta: as for :meth:`trajectory`.

        Raises:
            ValueError: for n < 1, labels that do not fit, and options as for :meth:`trajectory`.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        n, generator = check_count(n), new_generator(seed)
        y = self.labels(labels, n, generator)
        noise = torch.randn(n, *self.shape, generator=generator).to(self.device, self.dtype)
        states = self.trajectory(noise, y, steps=steps, guidance=guidance, eta=eta, generator=generator)
        x0 = deque(states, maxlen=1).pop()
        grey = ((x0.clamp(-1, 1) + 1) / 2 * (self.levels - 1)).round() / (self.levels - 1)
        return self.to_images(grey, y)

    def log_prob_bound(self, data: ImageData, *, seed: int = 0) -> NDArray[np.float64]:
        """Return the variational bound on log p(x[|y]) of the grey levels, (n,), nats.

        It takes T function evaluations per image.

        Args:
            data: images with ``levels`` grey levels.
            seed: of the noise; the same seed gives the same numbers.

        Raises:
            ValueError: for pixels between the levels, and for data as in :meth:`fit`.
            NotFittedError: before ``fit``.
        """
        return self.bound_terms(data, seed=seed).log_prob_bound.numpy()

    def bound_terms(self, data: ImageData, *, seed: int = 0) -> BoundTerms:
        """Return each term of the bound, in nats: prior (n,), kl (n, T-1) for t = 2…T, decoder (n,)."""
        self.require_fitted()
        x, *labels = self.batch(data)
        y = labels[0] if labels else None

        def denoise(xt: Tensor, t: Tensor) -> Tensor:
            """Evaluate the network on its own device; the terms themselves are computed in float64 on the CPU."""
            return self.in_parts(self.denoise, xt.float().to(x.device), t.to(x.device), y).cpu().double()

        x0 = 2 * x.cpu().double() - 1
        return diffusion_bound.bound_terms(denoise, x0, self.alphas_bar, self.levels, new_generator(seed))

    def _drop_labels(self, y: Tensor | None) -> Tensor | None:
        """Return labels, a share of which is the null token while training."""
        if y is None or not self.training:
            return y
        dropped = torch.rand(len(y), device=y.device) < LABELS_DROPPED
        return y.masked_fill(dropped, cast(int, self.classes))

    def _random_times(self, n: int) -> Tensor:
        """Return t (n,), evenly spread over 1…T together, so that every batch covers all noise levels.

        Row i of a batch gets the i-th stratum; the order of examples is random, so an image meets every stratum over
        the epochs. After Kingma et al. (2021), *Variational Diffusion Models*, whose sampler lets each row meet every
        stratum.
        """
        share = (torch.arange(n) + torch.rand(1)) / n
        return 1 + (share * self.timesteps).long().clamp(max=self.timesteps - 1)
