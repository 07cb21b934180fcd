"""The diffusion model of pictures, and flow matching, which is the same network with another loss: the contract."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdg_lab import training
from sdg_lab.data.types import Images
from sdg_lab.models.contract import HasLogProb, HasLogProbBound, NotFittedError
from sdg_lab.models.diffusion import Diffusion, noise
from sdg_lab.models.diffusion.base import DenoisingModel
from sdg_lab.models.diffusion.flow_matching import FlowMatching

SHAPE = (1, 4, 4)
KINDS: list[type[Diffusion] | type[FlowMatching]] = [Diffusion, FlowMatching]


def bars(n: int, seed: int = 0) -> Images:
    """Make pictures of one bright row each, in 17 grey levels; the label says which."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=n)
    steps = np.full((n, *SHAPE), 1)
    steps[np.arange(n), 0, labels] = rng.integers(11, 17, size=(n, 4))
    return Images(steps.astype(np.float32) / np.float32(16), labels)


def small(kind: type[Diffusion] | type[FlowMatching] = Diffusion, **changes: Any) -> Any:
    arguments: dict[str, Any] = {"shape": SHAPE, "widths": (32, 32), "levels": 17}
    if kind is Diffusion:
        arguments["timesteps"] = 20
    return kind(**arguments | changes)


@functools.cache
def trained(kind: type[Diffusion] | type[FlowMatching]) -> Any:
    return small(kind, classes=4).fit(bars(200), epochs=40, batch_size=20, lr=5e-3, progress=False)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def fitted(request: pytest.FixtureRequest) -> Any:
    return trained(request.param)


@pytest.fixture
def diffusion() -> Diffusion:
    model = trained(Diffusion)
    assert isinstance(model, Diffusion)
    return model


# What is learnt.


def test_the_label_decides_the_picture(fitted: DenoisingModel) -> None:
    for label in range(4):
        rows = fitted.sample(40, seed=2, labels=label).pixels.mean(axis=(0, 1, 3))  # type: ignore[call-arg]
        assert rows.argmax() == label
        assert rows[label] > 0.6
        assert np.delete(rows, label).max() < 0.3


def test_training_raises_the_bound() -> None:
    held_out = bars(50, seed=1)
    new = small(classes=4).fit(bars(200), epochs=1, lr=1e-9, ema=None, progress=False)
    old = small(classes=4).fit(bars(200), epochs=20, lr=5e-3, batch_size=20, progress=False)
    assert old.log_prob_bound(held_out).mean() > new.log_prob_bound(held_out).mean() + 10


def test_guidance_moves_between_knowing_the_label_and_not(diffusion: Diffusion) -> None:
    xt, t = torch.randn(8, *SHAPE, generator=torch.Generator().manual_seed(0)), torch.full((8,), 12)
    y = torch.arange(8) % 4
    with torch.no_grad():
        told, untold = diffusion.predict(xt, t, y), diffusion.predict(xt, t)
        assert not torch.allclose(told, untold, atol=1e-3)
        assert torch.equal(diffusion.predict(xt, t, y, guidance=1.0), told)
        assert torch.equal(diffusion.predict(xt, t, y, guidance=0.0), untold)
        twice = diffusion.predict(xt, t, y, guidance=2.0)
        torch.testing.assert_close(twice, 2 * told - untold, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_the_guess_is_what_the_prediction_says(prediction: str) -> None:
    model = small(prediction=prediction).fit(bars(40), epochs=1, progress=False)
    xt, t = 0.1 * torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(0)), torch.full((5,), 3)
    with torch.no_grad():
        guess, said = model.denoise(xt, t), model.predict(xt, t)
    assert guess.abs().max() <= 1
    inside = guess.abs() < 1
    epsilon = noise.epsilon_from_x0(guess, xt, t, model.alphas_bar)
    want = epsilon if prediction == "epsilon" else noise.v_from(guess, epsilon, t, model.alphas_bar)
    torch.testing.assert_close(said[inside], want[inside], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_the_loss_is_the_squared_error_of_a_network_that_answers_zero(prediction: str) -> None:
    model = small(network="unet", widths=(16,), prediction=prediction).eval()  # a new U-Net answers zero
    x = torch.from_numpy(bars(4_000).pixels)
    torch.manual_seed(0)
    with torch.no_grad():
        loss = model.loss(x).item()
    a = model.alphas_bar[1:].mean().item()
    want = 1.0 if prediction == "epsilon" else a + (1 - a) * (2 * x - 1).square().mean().item()
    assert loss == pytest.approx(want, abs=0.02)


def test_times_are_uniform_and_each_batch_sees_all_of_them() -> None:
    model = small(timesteps=10)
    torch.manual_seed(0)
    for _ in range(20):
        t = model._random_times(40)
        assert torch.bincount(t, minlength=11)[1:].sub(4).abs().max() <= 1
        assert int(t.min()) >= 1
    single = torch.cat([model._random_times(1) for _ in range(2_000)])
    assert torch.bincount(single, minlength=11)[1:].sub(200).abs().max() < 5 * np.sqrt(180)


def test_some_labels_are_left_out_in_training_and_none_in_evaluation() -> None:
    model = small(classes=4, unconditional=0.25)
    y = torch.arange(4).repeat(1_000)
    torch.manual_seed(0)
    told = model.train().forget_some(y)
    dropped = told == 4
    assert dropped.double().mean().item() == pytest.approx(0.25, abs=5 * np.sqrt(0.1875 / 4_000))
    assert torch.equal(told[~dropped], y[~dropped])
    assert model.eval().forget_some(y) is y


# The contract.


def test_samples_are_images_of_the_same_form(fitted: Any) -> None:
    samples = fitted.sample(7, seed=0, labels=[0, 1, 2, 3, 0, 1, 2])
    assert samples.shape == SHAPE
    assert samples.labels.tolist() == [0, 1, 2, 3, 0, 1, 2]
    np.testing.assert_allclose(samples.pixels * 16, np.rint(samples.pixels * 16), atol=1e-5)  # the data's levels
    np.testing.assert_array_equal(samples.pixels, fitted.sample(7, seed=0, labels=samples.labels).pixels)
    assert not np.array_equal(fitted.sample(7).pixels, fitted.sample(7).pixels)


def test_the_chain_starts_in_noise_and_ends_in_the_sample(fitted: Any) -> None:
    how: dict[str, Any] = {"seed": 3, "labels": 1, "steps": 6}
    chain = fitted.chain(5, **how)
    assert chain.shape == (7, 5, *SHAPE)
    generator = torch.Generator().manual_seed(3)
    np.testing.assert_array_equal(chain[0], torch.randn(5, *SHAPE, generator=generator).numpy())
    end = np.rint((chain[-1].clip(-1, 1) + 1) / 2 * 16) / 16
    np.testing.assert_allclose(end, fitted.sample(5, **how).pixels, atol=1e-6)


def test_ancestral_and_few_steps_draw_alike(diffusion: Diffusion) -> None:
    assert diffusion.chain(2, seed=0).shape == (21, 2, *SHAPE)
    ways: list[dict[str, Any]] = [{}, {"steps": 10}, {"steps": 20, "eta": 1.0}, {"guidance": 2.0}]
    for how in ways:
        rows = diffusion.sample(40, seed=2, labels=3, **how).pixels.mean(axis=(0, 1, 3))
        assert rows.argmax() == 3


def test_free_labels_follow_the_training_set() -> None:
    data = bars(60)
    assert data.labels is not None
    model = small(classes=4).fit(data[data.labels < 2], epochs=1, progress=False)
    assert set(model.sample(100, seed=0).labels.tolist()) == {0, 1}
    plain = small().fit(data, epochs=1, progress=False)
    assert plain.sample(3, seed=0).labels is None


def test_many_pictures_are_drawn_part_by_part(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = diffusion.sample(10, seed=1, steps=3)
    monkeypatch.setattr("sdg_lab.models.diffusion.base.MOST_PICTURES", 4)
    parts = diffusion.sample(10, seed=1, steps=3)  # deterministic after the first noise
    np.testing.assert_allclose(parts.pixels, whole.pixels, atol=1 / 16 + 1e-6)
    assert (parts.pixels == whole.pixels).mean() > 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_model(kind: type[Diffusion]) -> None:
    first, again, other = (small(kind).fit(bars(40), epochs=2, seed=seed, progress=False) for seed in (5, 5, 6))
    for name, tensor in first.state().items():
        assert torch.equal(tensor, again.state()[name]), name
    assert not torch.equal(first.state()["network.entry.weight"], other.state()["network.entry.weight"])


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Diffusion, {"classes": 4, "schedule": "linear", "prediction": "epsilon"}),
        (Diffusion, {"network": "unet", "widths": (16, 16), "fold": 2, "blocks": 2, "classes": 4}),
        (FlowMatching, {"classes": 4, "unconditional": 0.2}),
        (FlowMatching, {"network": "unet", "widths": (16,), "levels": 256}),
    ],
    ids=str,
)
def test_save_and_load_give_back_the_same_model(kind: type[Diffusion], changes: dict[str, Any], tmp_path: Path) -> None:
    model = small(kind, **changes).fit(bars(30), epochs=1, progress=False)
    model.save(tmp_path / "model.safetensors")
    again = kind.load(tmp_path / "model.safetensors")
    assert again.config() == model.config()
    np.testing.assert_array_equal(again.sample(3, seed=0).pixels, model.sample(3, seed=0).pixels)


def test_the_bound_is_no_likelihood_and_follows_its_seed(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(diffusion, HasLogProbBound)
    assert not isinstance(diffusion, HasLogProb)
    assert not isinstance(small(FlowMatching), HasLogProbBound)
    data = bars(30, seed=1)
    bound = diffusion.log_prob_bound(data)
    assert bound.shape == (30,)
    assert bound.dtype == np.float64
    assert bool((bound < 0).all())  # a probability, not a density
    np.testing.assert_array_equal(bound, diffusion.log_prob_bound(data))
    assert not np.array_equal(bound, diffusion.log_prob_bound(data, seed=1))
    terms = diffusion.bound_terms(data)
    assert terms.kl.shape == (30, 19)
    assert -bound.mean() < 16 * np.log(17)  # what guessing each of 16 pixels costs
    monkeypatch.setattr("sdg_lab.models.diffusion.ddpm.MOST_PICTURES", 20)
    assert diffusion.log_prob_bound(data).mean() == pytest.approx(bound.mean(), abs=3)


def test_an_epoch_can_be_watched() -> None:
    seen: list[tuple[int, tuple[int, ...]]] = []

    def watch(epoch: int, model: torch.nn.Module) -> None:
        assert isinstance(model, Diffusion)
        assert not model.training
        seen.append((epoch, model.denoise(torch.zeros(2, *SHAPE), torch.tensor([3, 5])).shape))

    model = small().fit(bars(40), validation=bars(20, seed=1), epochs=3, on_epoch=watch, progress=False)
    assert [shape for _, shape in seen] == [(2, *SHAPE)] * 3
    assert len(model.history.validation_loss) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_switches_that_a_gpu_is_for_train_the_same_model(kind: type[Diffusion]) -> None:
    model = small(kind, network="unet", widths=(16, 16), classes=4)
    batch = model.batch(bars(64))
    switches: dict[str, Any] = {"precision": "bf16-mixed", "channels_last": True}
    plain = copy.deepcopy(model)
    history = training.train(model, batch, epochs=4, device="cpu", progress=False, **switches)
    exact = training.train(plain, batch, epochs=4, device="cpu", progress=False)
    np.testing.assert_allclose(history.loss, exact.loss, rtol=0.02)


# What is refused, and the sentence.


def test_a_loss_that_diverges_is_named_with_the_last_good_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    model = small().fit(bars(40), epochs=1, checkpoint=path, progress=False)

    def break_it(_: torch.Tensor) -> None:
        with torch.no_grad():
            model.network.exit.bias.fill_(float("nan"))

    model.network.exit.weight.register_hook(break_it)
    with pytest.raises(training.DivergedError, match=rf"became nan at step \d+ .* the last good checkpoint is {path}"):
        model.fit(bars(40), epochs=3, checkpoint=path, progress=False)
    with pytest.raises(NotFittedError):
        model.sample(1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shape": (4, 4)}, r"shape must be \(channels, height, width\), each >= 1, got \(4, 4\)"),
        ({"network": "resnet"}, "network must be mlp or unet, got 'resnet'"),
        (
            {"network": "unet", "shape": (1, 5, 4), "widths": (16, 16)},
            "must be multiples of 2, got 5×4",
        ),
        ({"classes": 1}, "classes must be >= 2, got 1"),
        ({"levels": 1}, "levels must be >= 2, got 1"),
        ({"unconditional": 1.0}, r"the share of labels left out, must lie in \[0, 1\), got 1.0"),
        ({"schedule": "square"}, "schedule must be one of cosine, linear, got 'square'"),
        ({"prediction": "x0"}, "prediction must be v or epsilon, got 'x0'"),
        ({"timesteps": 1}, "timesteps must be a whole number >= 2, got 1"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**changes)


def test_bad_data_is_refused() -> None:
    data = bars(10)
    with pytest.raises(ValueError, match=r"pixels must be in \[0, 1\], got values from .* to 2.0"):
        small().fit(Images(2 * data.pixels))
    with pytest.raises(TypeError, match=r"learns from sdg_lab.data.Images, got ndarray"):
        small().fit(data.pixels)
    with pytest.raises(ValueError, match="data is empty"):
        small().fit(data[:0])
    with pytest.raises(ValueError, match=r"shape \(3, 4, 4\), this Diffusion was made for \(1, 4, 4\)"):
        small().fit(Images(np.repeat(data.pixels, 3, axis=1)))
    with pytest.raises(ValueError, match=r"make it with FlowMatching\(shape=\(1, 4, 4\)\)"):
        small(FlowMatching, shape=(1, 8, 8)).fit(data)
    with pytest.raises(ValueError, match="conditional on 4 classes: its pictures need labels"):
        small(classes=4).fit(Images(data.pixels))
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2, got 3"):
        small(classes=3).fit(data)


def test_bad_questions_are_refused(fitted: Any, diffusion: Diffusion) -> None:
    plain = small(type(fitted)).fit(bars(10), epochs=1, progress=False)
    name = type(fitted).__name__
    with pytest.raises(NotFittedError, match="has not been fitted"):
        small(type(fitted)).sample(1)
    with pytest.raises(ValueError, match="n, the number of samples, must be a whole number >= 1, got 0"):
        plain.sample(0)
    with pytest.raises(ValueError, match=f"labels were given to a {name} without classes"):
        plain.sample(2, labels=1)
    with pytest.raises(ValueError, match=rf"guidance = 2.0 needs labels to guide to: make the model with {name}\("):
        plain.sample(2, guidance=2.0)
    always_told = small(type(fitted), classes=4, unconditional=0.0).fit(bars(10), epochs=1, progress=False)
    assert len(always_told.sample(2)) == 2
    with pytest.raises(ValueError, match=r"guidance = 0.0 needs a model that also learnt without labels"):
        always_told.sample(2, guidance=0.0)
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match=f"guidance must be >= 0, got {wrong}"):
            fitted.sample(2, guidance=wrong)
    with pytest.raises(ValueError, match="labels must be 3 whole numbers, got int64 of shape"):
        fitted.sample(3, labels=[0, 1])
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.3, got -1"):
        fitted.sample(3, labels=-1)
    with pytest.raises(ValueError, match=r"steps must be .*, got 0"):
        fitted.sample(3, steps=0)
    with pytest.raises(ValueError, match="steps must be from 1 to timesteps = 20, got 21"):
        diffusion.sample(3, steps=21)
    with pytest.raises(ValueError, match="eta must be >= 0, got -1"):
        diffusion.sample(3, steps=2, eta=-1)
    with pytest.raises(ValueError, match="between the 17 grey levels"):
        diffusion.log_prob_bound(Images(bars(3).pixels * np.float32(0.9), bars(3).labels))
