"""The diffusion model around its network: with networks that know the answer, and against diffusers' samplers."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from sdg_lab import training
from sdg_lab.data.types import Images
from sdg_lab.models.contract import HasLogProb, HasLogProbBound
from sdg_lab.models.diffusion import Diffusion, noise
from tests.models.toy_images import SHAPE, bars


def small(**changes: Any) -> Diffusion:
    return Diffusion(**{"shape": SHAPE, "widths": (32, 32), "levels": 17, "timesteps": 20, **changes})


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Knowing(nn.Module):
    """A network for data of one image a class, each one shade all over: it knows v to the bit.

    With x_0 = c, x_t = √ᾱ c + √(1-ᾱ) ε tells ε, and v = √ᾱ ε - √(1-ᾱ) c (Salimans & Ho 2022). It keeps what it
    is asked.
    """

    def __init__(self, shades: list[float], alphas_bar: Tensor) -> None:
        super().__init__()
        self.shades = nn.Parameter(torch.tensor(shades))
        self.table, self.T = alphas_bar, len(alphas_bar) - 1
        self.times: list[Tensor] = []
        self.labels: list[Tensor | None] = []

    def forward(self, x: Tensor, time: Tensor, y: Tensor | None = None) -> Tensor:
        self.times.append(time)
        self.labels.append(y)
        shade = self.shades[torch.full((len(x),), len(self.shades) - 1) if y is None else y][:, None, None, None]
        a = self.table[(time * self.T).round().long()][:, None, None, None]
        eps = (x - a.sqrt() * shade) / (1 - a).sqrt()
        return (a.sqrt() * eps - (1 - a).sqrt() * shade).float()


def knowing(*shades: float, **changes: Any) -> Diffusion:
    """Make a model that knows its data; the last shade is that of the null token, if there are classes."""
    classes = len(shades) - 1 or None
    model = small(classes=classes, **changes)
    model.network = Knowing(list(shades), model.alphas_bar)
    model.fitted = True
    return model.eval()


def flat(shades: list[float] | Tensor) -> Tensor:
    """Images in [0, 1] of one shade in [-1, 1] each."""
    return ((torch.as_tensor(shades) + 1) / 2)[:, None, None, None].expand(-1, *SHAPE).float()


# Training.


def test_who_knows_the_data_has_no_loss() -> None:
    model = knowing(-0.5, 0.25, 0.75, 0.0).eval()
    y = torch.arange(3).repeat(200)
    x = flat(torch.tensor([-0.5, 0.25, 0.75])[y])
    assert model.loss(x, y).item() < 1e-6
    assert model.loss(x, (y + 1) % 3).item() > 0.1
    times = torch.cat(model.network.times)  # type: ignore[arg-type]
    steps = (times * 20).round()
    torch.testing.assert_close(times, steps / 20)
    assert set(steps.tolist()) == set(range(1, 21))


def test_the_loss_is_the_squared_error_of_a_network_that_answers_zero() -> None:
    model = small(architecture="unet", widths=(16,)).eval()  # a new U-Net answers zero
    x = torch.from_numpy(bars(4_000).pixels)
    torch.manual_seed(0)
    with torch.no_grad():
        loss = model.loss(x).item()
    a = model.alphas_bar[1:].mean().item()
    want = a + (1 - a) * (2 * x - 1).square().mean().item()
    assert loss == pytest.approx(want, abs=0.03)


def test_times_are_uniform_and_each_batch_sees_all_of_them() -> None:
    model = small(timesteps=10)
    torch.manual_seed(0)
    for _ in range(20):
        t = model._random_times(40)
        assert torch.bincount(t, minlength=11)[1:].sub(4).abs().max() <= 1
        assert int(t.min()) >= 1
    single = torch.cat([model._random_times(1) for _ in range(2_000)])
    assert torch.bincount(single, minlength=11)[1:].sub(200).abs().max() < 5 * np.sqrt(180)


def test_a_tenth_of_the_labels_is_dropped_in_training_and_none_in_evaluation() -> None:
    model, n = knowing(-0.5, 0.25, 0.75, 0.0), 12_000
    network: Any = model.network
    y = torch.arange(3).repeat(n // 3)
    torch.manual_seed(0)
    model.train().loss(flat(torch.zeros(n)), y)
    seen = network.labels.pop()
    dropped = seen == 3  # the null token
    assert dropped.double().mean().item() == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / n))
    assert torch.equal(seen[~dropped], y[~dropped])
    model.eval().loss(flat(torch.zeros(n)), y)
    assert torch.equal(network.labels.pop(), y)
    knowing(0.5).train().loss(flat(torch.zeros(3)))  # without classes there is nothing to drop


# Sampling.


WAYS: list[dict[str, Any]] = [{}, {"steps": 20, "eta": 1.0}, {"steps": 7}, {"steps": 7, "eta": 0.5}, {"steps": 1}]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_who_knows_the_data_samples_them(way: dict[str, Any]) -> None:
    labels, shades = np.arange(12) % 3, torch.tensor([-0.5, 0.25, 0.75])
    model = knowing(-0.5, 0.25, 0.75, 0.0)
    made = model.sample(12, seed=0, labels=labels, **way)
    np.testing.assert_allclose(made.pixels, flat(shades[torch.from_numpy(labels)]), atol=1e-3)
    assert made.labels is not None
    assert made.labels.tolist() == labels.tolist()
    alone = knowing(-0.5).sample(3, seed=0, **way)
    np.testing.assert_allclose(alone.pixels, flat([-0.5] * 3), atol=1e-3)
    assert alone.labels is None


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("guidance", [0.0, 0.5, 1.0, 2.0, 40.0])
def test_guidance_goes_from_the_null_token_through_the_label_and_beyond(guidance: float, way: dict[str, Any]) -> None:
    model = knowing(-0.5, 0.25, 0.125)  # the last is the null token
    made = model.sample(2, seed=0, labels=[0, 1], guidance=guidance, **way)
    want = [0.125 + guidance * (c - 0.125) for c in (-0.5, 0.25)]
    np.testing.assert_allclose(made.pixels, flat([min(max(c, -1), 1) for c in want]), atol=1 / 32 + 1e-3)
    evaluations = way.get("steps") or 20
    assert len(model.network.times) == evaluations  # type: ignore[arg-type] # both in one call, if both are needed
    rows = 2 if guidance in (0, 1) else 4
    assert {len(time) for time in model.network.times} == {rows}  # type: ignore[union-attr]


@pytest.mark.parametrize("levels", [2, 5, 256])
def test_samples_have_the_grey_levels_of_the_data(levels: int) -> None:
    made = knowing(0.13, levels=levels).sample(2, seed=0).pixels
    nearest = round((0.13 + 1) / 2 * (levels - 1)) / (levels - 1)
    np.testing.assert_allclose(made, nearest, atol=1e-5)


def test_a_trajectory_starts_in_noise_and_ends_in_the_sample() -> None:
    model = small(classes=4).fit(bars(40), epochs=1, progress=False)
    for way in WAYS:
        generator = torch.Generator().manual_seed(3)
        start = torch.randn(5, *SHAPE, generator=generator)
        states = list(model.trajectory(start, torch.full((5,), 1), generator=generator, **way))
        assert len(states) == 1 + (way.get("steps") or 20)
        assert torch.equal(states[0], start)
        assert not any(state.requires_grad for state in states)
        end = np.rint((states[-1].numpy().clip(-1, 1) + 1) / 2 * 16) / 16
        np.testing.assert_allclose(end, model.sample(5, seed=3, labels=1, **way).pixels, atol=1e-5)


def test_the_states_on_the_way_to_a_sample_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model, states, alive = knowing(0.13, levels=5), list[weakref.ref[Tensor]](), list[int]()

    def watched(*_: Any, **__: Any) -> Iterator[Tensor]:
        for _step in range(20):
            state = torch.zeros(2, *SHAPE)
            states.append(weakref.ref(state))
            alive.append(sum(one() is not None for one in states))
            yield state

    monkeypatch.setattr(model, "trajectory", watched)
    model.sample(2, seed=0)
    assert len(alive) == 20
    assert max(alive) <= 3


def peer(kind: Any, model: Diffusion, **options: Any) -> Any:
    betas = noise.betas(model.alphas_bar).numpy()
    return kind(len(betas), trained_betas=betas, prediction_type="v_prediction", clip_sample=True, **options)


def a_model_and_its_start(seed: int) -> tuple[Diffusion, Tensor, Tensor]:
    torch.manual_seed(0)
    model = small(classes=4).eval()
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.mul_(1.5)
    return model, normal(6, *SHAPE, seed=seed), torch.arange(6) % 4


@torch.no_grad()
def test_ancestral_sampling_is_that_of_diffusers() -> None:
    from diffusers.schedulers import DDPMScheduler

    model, x, y = a_model_and_its_start(1)
    theirs = peer(DDPMScheduler, model, variance_type="fixed_small")
    ours = list(model.trajectory(x, y, generator=torch.Generator().manual_seed(5)))
    generator = torch.Generator().manual_seed(5)
    for t in range(20, 0, -1):
        torch.testing.assert_close(ours[20 - t], x, rtol=1e-3, atol=2e-3)
        v = model.network(x, torch.full((6,), t / 20), y)
        x = theirs.step(v, t - 1, x, generator=generator).prev_sample
    torch.testing.assert_close(ours[-1], x, rtol=1e-3, atol=2e-3)


@torch.no_grad()
@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_ddim_with_guidance_is_that_of_diffusers(eta: float) -> None:
    from diffusers.schedulers import DDIMScheduler

    model, x, y = a_model_and_its_start(2)
    theirs = peer(DDIMScheduler, model, set_alpha_to_one=True, timestep_spacing="trailing")
    theirs.set_timesteps(5)
    generator = torch.Generator().manual_seed(5)
    ours = list(model.trajectory(x, y, steps=5, eta=eta, guidance=3.0, generator=generator.clone_state()))
    for i, t in enumerate(theirs.timesteps.tolist()):
        torch.testing.assert_close(ours[i], x, rtol=1e-3, atol=2e-3)
        time = torch.full((6,), (t + 1) / 20)
        null = model.network(x, time, torch.full((6,), 4))
        v = null + 3 * (model.network(x, time, y) - null)
        x = theirs.step(v, t, x, eta=eta, generator=generator, use_clipped_model_output=True).prev_sample
    torch.testing.assert_close(ours[-1], x, rtol=1e-3, atol=2e-3)


def test_what_is_predicted_is_clipped_to_the_range_of_an_image() -> None:
    model = knowing(3.0)
    x0_hat = model.denoise(normal(4, *SHAPE), torch.full((4,), 7))
    torch.testing.assert_close(x0_hat, torch.ones(4, *SHAPE))


def test_many_images_are_evaluated_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    model = knowing(-0.5, 0.25, 0.75, 0.0)
    monkeypatch.setattr("sdg_lab.models.images.MAX_IMAGES", 4)
    labels = np.arange(10) % 3
    made = model.sample(10, seed=0, labels=labels, steps=3)
    np.testing.assert_allclose(made.pixels, flat(torch.tensor([-0.5, 0.25, 0.75])[labels]), atol=1e-3)
    network: Any = model.network
    assert [len(time) for time in network.times] == [4, 4, 2] * 3


# The bound.


def test_who_knows_the_image_pays_for_the_prior_and_the_last_grey_level_only() -> None:
    model = knowing(-0.5, 0.25, 0.0)
    labels = np.array([0, 1, 1])
    data = Images(flat(torch.tensor([-0.5, 0.25])[labels]).numpy(), labels)
    terms = model.bound_terms(data)
    assert terms.kl.shape == (3, 19)
    assert terms.kl.abs().max() < 1e-6
    table = model.alphas_bar.numpy()
    sigma = np.sqrt(1 - table[1])
    level = 2 * norm.cdf(1 / 16 / sigma) - 1  # its bin of width 2/16 around the mean
    prior = 0.5 * (table[-1] * np.array([0.25, 0.0625])[labels] - table[-1] - np.log1p(-table[-1]))
    np.testing.assert_allclose(terms.decoder, -16 * np.log(level), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(terms.prior, 16 * prior, rtol=1e-6)
    np.testing.assert_allclose(model.log_prob_bound(data), -16 * (prior - np.log(level)), rtol=1e-3, atol=1e-4)
    wrong = model.log_prob_bound(Images(data.pixels, 1 - labels))
    assert (wrong < model.log_prob_bound(data) - 100).all()


def test_the_bound_is_no_likelihood_and_follows_its_seed() -> None:
    model, data = small(classes=4).fit(bars(40), epochs=1, progress=False), bars(30, seed=1)
    assert isinstance(model, HasLogProbBound)
    assert not isinstance(model, HasLogProb)
    bound = model.log_prob_bound(data)
    assert bound.shape == (30,)
    assert bound.dtype == np.float64
    assert bool((bound < 0).all())  # a probability, not a density
    np.testing.assert_array_equal(bound, model.log_prob_bound((data.pixels, data.labels)))
    assert not np.allclose(bound, model.log_prob_bound(data, seed=1))


# What is learnt.


def test_training_raises_the_bound_and_the_label_decides_the_image() -> None:
    held_out = bars(50, seed=1)
    new = small(classes=4).fit(bars(200), epochs=1, lr=1e-9, ema=None, progress=False)
    model = small(classes=4).fit(bars(200), epochs=40, batch_size=20, lr=5e-3, progress=False)
    assert model.log_prob_bound(held_out).mean() > new.log_prob_bound(held_out).mean() + 10
    for way in ({}, {"steps": 10}, {"guidance": 2.0}):
        for label in range(4):
            rows = model.sample(40, seed=2, labels=label, **way).pixels.mean(axis=(0, 1, 3))  # type: ignore[arg-type]
            assert rows.argmax() == label


@pytest.mark.parametrize(
    "changes", [{"classes": 4}, {"architecture": "unet", "widths": (16, 16), "unshuffle": 2, "classes": 4}], ids=str
)
def test_save_and_load_give_back_the_same_model(changes: dict[str, Any], tmp_path: Path) -> None:
    model = small(**changes).fit(bars(30), epochs=1, progress=False)
    model.save(tmp_path / "model.safetensors")
    again = Diffusion.load(tmp_path / "model.safetensors")
    assert again.config() == model.config()
    np.testing.assert_array_equal(again.sample(3, seed=0).pixels, model.sample(3, seed=0).pixels)


def test_the_weights_that_ship_with_chapter_05_are_a_diffusion_model() -> None:
    path = Path(__file__).parents[3] / "notebooks" / "weights" / "05-mnist.safetensors"
    model = Diffusion.load(path)
    assert (model.architecture, model.unshuffle, model.timesteps) == ("unet", 2, 200)
    assert model.sample(2, seed=0, labels=7, steps=3).shape == (1, 28, 28)


def test_the_switches_that_a_gpu_is_for_train_the_same_model() -> None:
    model = small(architecture="unet", widths=(16, 16), classes=4)
    batch = model.batch(bars(64))
    switches: dict[str, Any] = {"precision": "bf16-mixed", "channels_last": True}
    plain = copy.deepcopy(model)
    history = training.train(model, batch, epochs=4, device="cpu", progress=False, **switches)
    exact = training.train(plain, batch, epochs=4, device="cpu", progress=False)
    np.testing.assert_allclose(history.loss, exact.loss, rtol=0.05)  # bfloat16 has 8 bits


# What is refused, and the sentence.


def test_a_loss_that_diverges_is_named_with_the_last_good_checkpoint(tmp_path: Path) -> None:
    path, model = tmp_path / "run.safetensors", small()

    def poison(epoch: int, _: Any) -> None:
        with torch.no_grad():
            next(model.network.parameters()).fill_(float("nan"))

    with pytest.raises(training.DivergedError, match=rf"became nan at step 1 \(epoch 1\).* checkpoint is {path}"):
        model.fit(bars(40), epochs=3, on_epoch=poison, checkpoint=path, progress=False)
    assert not model.fitted


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "resnet"}, "architecture must be one of mlp, unet, got 'resnet'"),
        ({"architecture": "unet", "shape": (1, 5, 4), "widths": (16, 16)}, "must be multiples of 2, got 5×4"),
        (
            {"architecture": "unet", "shape": (1, 8, 8), "widths": (16,), "unshuffle": 5},
            "unshuffle=5 and 1 resolution; give a smaller unshuffle, or pad the images",
        ),
        (
            {"architecture": "unet", "shape": (1, 6, 6), "widths": (16, 16), "unshuffle": 2},
            "unshuffle=2 and 2 resolutions; give fewer widths and a smaller unshuffle, or pad the images",
        ),
        ({"unshuffle": 2}, "unshuffle=2 is for a U-Net: make it with architecture='unet'"),
        ({"unshuffle": -3}, "unshuffle must be a whole number >= 1, got -3"),
        ({"widths": 256}, r"widths must be several whole numbers, such as \(256, 256\), got 256"),
        ({"levels": 1}, "levels must be a whole number >= 2, got 1"),
        ({"timesteps": 1}, "timesteps must be a whole number >= 2, got 1"),
        ({"timesteps": 2.5}, r"timesteps must be a whole number >= 2, got 2\.5"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**changes)


def test_bad_questions_are_refused() -> None:
    model, plain = knowing(0.5, -0.5, 0.0), knowing(0.5)
    with pytest.raises(ValueError, match=r"guidance=2\.0 needs labels to guide to: make the model with Diffusion\("):
        plain.sample(2, guidance=2.0)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"guidance must be >= 0, got {wrong}"):
            model.sample(2, guidance=wrong)
    for steps in (0, 21, 2.5):
        with pytest.raises(ValueError, match=f"steps must be a whole number >= 1 and <= 20, got {steps}"):
            model.sample(3, steps=steps)  # type: ignore[arg-type]
    for way in ({}, {"steps": 2}):
        with pytest.raises(ValueError, match="eta must be >= 0 and <= 1, got -5"):
            model.sample(3, eta=-5, **way)
    with pytest.raises(ValueError, match=r"eta=0\.5 is the noise of DDIM: give its number of steps too"):
        model.sample(3, eta=0.5)
    with pytest.raises(ValueError, match=r"image \d has pixels between the 17 grey levels"):
        plain.log_prob_bound(bars(3).pixels * np.float32(0.9))
