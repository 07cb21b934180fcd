"""The GAN: who sees what in its two objectives, and what it does with images, labels, averages and faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab import training
from sdg_lab.models.contract import HasLogProb, HasLogProbBound, NotFittedError
from sdg_lab.models.gan import GAN
from tests.models.toy_images import SHAPE, bars

N = 6


def small(**changes: Any) -> GAN:
    arguments: dict[str, Any] = {"shape": SHAPE, "latent": 3, "width": 16, "architecture": "dense"} | changes
    return GAN(**arguments)


# The objectives. In place of the networks stand two that are open to view.


class Painter(nn.Module):
    """A generator whose images are one shade all over, said by the label; it keeps its noise."""

    def __init__(self, shades: list[float]) -> None:
        super().__init__()
        self.shades = nn.Parameter(torch.tensor(shades))
        self.noise: list[Tensor] = []

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        self.noise.append(z)
        shade = self.shades[torch.zeros(len(z), dtype=torch.long) if y is None else y]
        return shade[:, None, None, None].expand(-1, *SHAPE)


class Quadratic(nn.Module):
    """A discriminator with the logit ½‖x‖², whose gradient is x itself; it keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor | None]] = []

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        self.seen.append((x.detach(), y))
        return 0.5 * x.flatten(1).square().sum(1)


def open_to_view(shades: list[float], **changes: Any) -> tuple[GAN, Painter, Quadratic]:
    model, painter, quadratic = small(**changes), Painter(shades), Quadratic()
    model.generator, model.discriminator = painter, quadratic  # type: ignore[assignment]
    return model, painter, quadratic


def test_each_network_s_loss_is_that_of_its_objective() -> None:
    # A discriminator that gives everything the logit 1.5.
    x, y = torch.zeros(N, *SHAPE), None
    for objective, of_discriminator, of_generator in (
        ("non-saturating", np.log1p(np.exp(-1.5)) + np.log1p(np.exp(1.5)), np.log1p(np.exp(-1.5))),
        ("hinge", 0 + 2.5, -1.5),
        ("wgan-gp", 10.0, -1.5),  # no gradient: the penalty is (0 - 1)² times λ = 10
    ):
        model = small(objective=objective, r1=5.0)
        with torch.no_grad():
            model.discriminator.head.weight.zero_()
            model.discriminator.head.bias.fill_(1.5)
        assert model.loss_of("discriminator", x, y).item() == pytest.approx(of_discriminator, rel=1e-4)
        assert model.loss_of("generator", x, y).item() == pytest.approx(of_generator, rel=1e-4)


def test_real_and_fake_images_are_judged_in_one_scale_each_with_its_own_label() -> None:
    shades = [-0.8, -0.1, 0.3, 0.9]
    model, _, discriminator = open_to_view(shades, classes=4)
    y = torch.tensor([3, 0, 2, 1, 1, 0])
    pixels = ((torch.tensor(shades)[y] + 1) / 2)[:, None, None, None].expand(-1, *SHAPE)  # as the fakes, in [0, 1]
    for player, n in (("discriminator", 2 * N), ("generator", N)):
        discriminator.seen.clear()
        model.loss_of(player, pixels, y)
        (shown, label) = discriminator.seen[0]
        assert len(shown) == n
        assert label is not None
        torch.testing.assert_close(shown[:, 0, 0, 0], torch.tensor(shades)[label])
        assert label.tolist() == y.tolist() * (n // N)


def test_noise_is_standard_normal_and_new_each_time() -> None:
    n = 20_000
    torch.manual_seed(0)
    model, generator, _ = open_to_view([0.0])
    for player in ("discriminator", "generator"):
        model.loss_of(player, torch.zeros(n, *SHAPE))
    first, second = generator.noise
    for z in (first, second):
        assert z.shape == (n, 3)
        assert z.mean(0).abs().max() < 5 / n**0.5
        assert (z.var(0) - 1).abs().max() < 5 * (2 / n) ** 0.5
    assert not torch.equal(first, second)


def test_r1_is_taken_at_real_images_times_gamma() -> None:
    pixels = torch.rand(N, *SHAPE, generator=torch.Generator().manual_seed(0))
    real = (2 * pixels - 1).square().sum((1, 2, 3)).mean().item()
    losses = {r1: open_to_view([0.3], r1=r1)[0].loss_of("discriminator", pixels).item() for r1 in (0.0, 1.0, 3.0)}
    assert losses[1.0] - losses[0.0] == pytest.approx(0.5 * real, rel=1e-4)
    assert losses[3.0] - losses[0.0] == pytest.approx(1.5 * real, rel=1e-4)


def test_the_gradient_penalty_is_taken_between_real_and_fake_images() -> None:
    # Fakes are 0 and real images 1 in all 16 pixels, so x̂ = u, and the gradient's norm there is 4u.
    n = 20_000
    torch.manual_seed(0)
    model, _, _ = open_to_view([0.0], objective="wgan-gp")
    pixels = torch.ones(n, *SHAPE)  # ‖2 · 1 - 1‖ = 4 for 16 pixels
    penalty = model.loss_of("discriminator", pixels).item() - (0 - 0.5 * 16)
    mean = 16 / 3 - 4 + 1  # E (4u - 1)² for u uniform on [0, 1]
    spread = (4**4 / 5 - 4 * 4**3 / 4 + 6 * 16 / 3 - 4 * 4 / 2 + 1 - mean**2) ** 0.5
    assert penalty == pytest.approx(10 * mean, abs=10 * 5 * spread / n**0.5)


def test_new_weights_are_where_the_old_ones_were() -> None:
    model = small().to("meta")
    model.draw_weights(0)
    assert {weight.device.type for weight in model.parameters()} == {"meta"}


def test_each_network_s_step_is_its_own() -> None:
    model, x = small(), torch.zeros(4, *SHAPE)
    model.loss_of("discriminator", x).backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in model.generator.parameters())
    assert all(p.grad is not None for p in model.discriminator.parameters())
    model.zero_grad(set_to_none=True)
    model.loss_of("generator", x).backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None for p in model.generator.parameters())
    assert list(model.players()) == ["discriminator", "generator"]


def test_wasserstein_s_generator_waits_for_its_critic() -> None:
    steps = {}
    for objective in ("wgan-gp", "hinge"):
        model = small(objective=objective).fit(bars(60), epochs=2, batch_size=6, progress=False)
        assert model.history is not None
        steps[objective] = {name: len(losses) for name, losses in model.history.players.items()}
    assert steps["wgan-gp"] == {"discriminator": 20, "generator": 4}
    assert steps["hinge"] == {"discriminator": 20, "generator": 20}


def test_augmented_images_are_all_that_the_discriminator_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def blank(x: Tensor) -> Tensor:
        seen.append(len(x))
        return torch.zeros_like(x)

    monkeypatch.setattr("sdg_lab.models.gan.model.augment", blank)
    for options in ({}, {"r1": 1.0}, {"objective": "wgan-gp"}):
        model, _, discriminator = open_to_view([0.7], augment=True, **options)
        seen.clear()
        for player in ("discriminator", "generator"):
            model.loss_of(player, torch.ones(4, *SHAPE))
        assert seen == [4, 4, 4]
        assert not any(x.any() for x, _ in discriminator.seen)
    model, _, discriminator = open_to_view([0.7])
    model.loss_of("generator", torch.ones(4, *SHAPE))
    assert discriminator.seen[0][0].any()  # unless it was not asked for


def test_no_loss_is_that_of_the_model() -> None:
    with pytest.raises(TypeError, match="a GAN has no loss that says how good it is"):
        small().loss(torch.zeros(2, *SHAPE))


# Images and labels.


def test_images_leave_and_enter_in_pixels() -> None:
    model = small(classes=4)
    model.fitted = True
    z, y, data = torch.randn(5, 3), torch.tensor([0, 3, 1, 1, 2]), bars(7)
    with torch.no_grad():
        want = (model.generator(z, y) + 1) / 2
        logits = model.discriminator(2 * torch.from_numpy(data.pixels) - 1, torch.as_tensor(data.labels))
    np.testing.assert_allclose(model.decode(z, y).pixels, want, atol=1e-5)
    np.testing.assert_allclose(model.logits(data), logits, rtol=1e-4, atol=1e-5)
    assert model.logits(data).dtype == np.float64


def test_batch_normalisation_uses_what_training_has_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small(architecture="convolutional", width=4, classes=4)
    model.fit(bars(40), epochs=1, progress=False)
    alone = np.concatenate([model.decode(np.full((1, 3), i / 3), i).pixels for i in range(4)])
    together = model.train().decode(np.arange(4)[:, None] / 3 * np.ones(3), np.arange(4)).pixels
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr("sdg_lab.models.images.MAX_IMAGES", 3)
    data = bars(10)
    parts = model.logits(data)
    monkeypatch.undo()
    np.testing.assert_allclose(parts, model.logits(data), rtol=1e-4, atol=1e-4)


def test_the_label_decides_the_image() -> None:
    fitted = small(classes=4, r1=0.3).fit(bars(200), epochs=40, batch_size=20, lr=3e-3, progress=False)
    for label in range(4):
        rows = fitted.sample(40, seed=2, labels=label).pixels[:, 0]
        assert (rows.mean(axis=2).argmax(axis=1) == label).mean() > 0.75  # a quarter by chance
    assert not isinstance(fitted, HasLogProb | HasLogProbBound)


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": 4, "r1": 0.5, "objective": "hinge"},
        {"architecture": "convolutional", "width": 4, "classes": 4, "spectral_norm": True, "augment": True},
        {"architecture": "convolutional", "width": 4, "depth": 1, "objective": "wgan-gp"},
    ],
    ids=str,
)
def test_every_kind_is_saved_and_fitted_anew(changes: dict[str, Any], tmp_path: Path) -> None:
    data, how = bars(30), {"epochs": 2, "batch_size": 10, "seed": 5, "progress": False}
    model = small(**changes).fit(data, **how)  # type: ignore[arg-type]
    model.save(tmp_path / "gan.safetensors")
    again = GAN.load(tmp_path / "gan.safetensors")
    assert again.config() == model.config()
    np.testing.assert_array_equal(again.sample(3, seed=0).pixels, model.sample(3, seed=0).pixels)
    np.testing.assert_array_equal(again.logits(data), model.logits(data))
    twice = again.fit(data, **how)  # type: ignore[arg-type]
    for name, tensor in model.state().items():
        torch.testing.assert_close(twice.state()[name], tensor, rtol=1e-4, atol=1e-5)
    other = again.fit(data, **{**how, "seed": 6})  # type: ignore[arg-type]
    assert not np.allclose(other.sample(3, seed=0).pixels, model.sample(3, seed=0).pixels, atol=1e-3)


@pytest.mark.parametrize("ema", [None, 0.9])
def test_normalised_weights_stay_so_in_an_average(ema: float | None) -> None:
    def norms(gan: GAN) -> list[float]:
        layers = [m for m in gan.discriminator.modules() if isinstance(m, nn.Linear)]
        return [float(np.linalg.norm(layer.weight.detach().numpy(), 2)) for layer in layers]

    while_training: list[list[float]] = []
    watched = small(spectral_norm=True)
    watched.fit(
        bars(60),
        on_epoch=lambda _, gan: while_training.append(norms(gan)),
        **{"ema": ema, "epochs": 3, "batch_size": 10, "lr": 0.01, "progress": False},  # type: ignore[arg-type]
    )
    np.testing.assert_allclose([*while_training, norms(watched)], 1, atol=1e-4)


# What goes wrong, and the sentence.


def test_a_run_that_diverges_says_who_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    data, model = bars(40), small(objective="wgan-gp")
    whole = small(objective="wgan-gp").fit(data, epochs=4, batch_size=8, seed=3, progress=False)

    def poison(epoch: int, _: Any) -> None:
        if epoch == 1:
            with torch.no_grad():
                model.discriminator.head.bias.fill_(float("nan"))

    def run(model: GAN, **hook: Any) -> GAN:
        return model.fit(data, epochs=4, batch_size=8, seed=3, checkpoint=path, progress=False, **hook)

    with pytest.raises(training.DivergedError) as raised:
        run(model, on_epoch=poison)
    assert "the loss of the discriminator became nan at step 10 (epoch 2)" in str(raised.value)
    assert f"the last good checkpoint is {path}" in str(raised.value)
    with pytest.raises(NotFittedError):
        model.sample(1)
    # The checkpoint is that of epoch 1, whole: the run goes on as if nothing had been.
    resumed = run(model)
    for name, tensor in whole.state().items():
        torch.testing.assert_close(tensor, resumed.state()[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"validation": bars(10)}, {"patience": 3}], ids=["validation", "patience"])
def test_no_loss_can_be_validated(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no validation and no patience: a game has no loss that says how good it is"):
        small().fit(bars(10), **wrong)


def test_a_generator_that_would_never_step_is_refused_and_the_fitted_model_stays() -> None:
    model = small(objective="wgan-gp").fit(bars(40), epochs=5, batch_size=40, progress=False)
    assert len(model.history.players["generator"]) > 0  # type: ignore[union-attr]
    before = model.sample(4, seed=0).pixels
    with pytest.raises(
        ValueError,
        match="with 'wgan-gp' the generator steps on every 5th batch, but epochs=2 with 40 images and "
        "batch_size=20 are 4 batches: give more epochs, or a smaller batch_size",
    ):
        model.fit(bars(40), epochs=2, batch_size=20, progress=False)
    np.testing.assert_array_equal(model.sample(4, seed=0).pixels, before)
    small().fit(bars(40), epochs=1, batch_size=40, progress=False)  # one batch is enough for the other objectives


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"latent": 0}, "latent must be a whole number >= 1, got 0"),
        ({"width": 0}, "width must be a whole number >= 1, got 0"),
        ({"depth": 0}, "depth must be a whole number >= 1, got 0"),
        ({"r1": -1.0}, r"r1 must be >= 0, got -1\.0"),
        ({"spectral_norm": "no"}, "spectral_norm must be True or False, got 'no'"),
        ({"augment": "no"}, "augment must be True or False, got 'no'"),
        ({"r1": float("nan")}, "r1 must be >= 0, got nan"),
        ({"objective": "minimax"}, "objective must be one of non-saturating, hinge, wgan-gp, got 'minimax'"),
        (
            {"architecture": "convolutional", "shape": (1, 28, 30)},
            r"height and width must be multiples of 4, got 28×30: depth=2 halves them so often; give a smaller one",
        ),
        ({"architecture": "convolutional", "shape": (1, 3, 4), "depth": 1}, "halves them so often; pad the images$"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**changes)


def test_the_weights_that_ship_with_chapter_04_are_a_gan() -> None:
    path = Path(__file__).parents[3] / "notebooks" / "weights" / "04-mnist.safetensors"
    model = GAN.load(path)
    assert model.objective == "non-saturating"
    assert model.sample(3, seed=0, labels=7).shape == (1, 28, 28)
