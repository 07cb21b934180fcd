"""What the families of images share: data in, labels, latents, samples out, and the headers of old files."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from sdg_lab import training
from sdg_lab.data.types import Images
from sdg_lab.models import images as module
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.diffusion import Diffusion
from sdg_lab.models.gan import GAN
from sdg_lab.models.images import ImageModel, LatentImageModel, wholes
from sdg_lab.models.vae import VAE
from sdg_lab.training.schedules import warm_up_then_cosine
from tests.models.toy_images import SHAPE, bars

SMALL: dict[type[ImageModel], dict[str, Any]] = {
    VAE: {"latent": 2, "hidden": (16,)},
    GAN: {"latent": 3, "width": 16, "architecture": "dense"},
    Diffusion: {"widths": (32, 32), "levels": 17, "timesteps": 20},
}
FAMILIES = list(SMALL)


def small(kind: type[ImageModel], **changes: Any) -> Any:
    return kind(**{"shape": SHAPE, **SMALL[kind], **changes})


class Echo(LatentImageModel):
    """It shows its latents: pixel i of an image is Φ(z_i), and its label darkens nothing."""

    def __init__(self, latent: int = 2, classes: int | None = None) -> None:
        super().__init__((1, 1, latent), classes)
        self.latent = latent
        self.fitted = True
        self.modes: list[bool] = []
        self.rows: list[int] = []

    def loss(self, *batch: Tensor) -> Tensor:
        raise NotImplementedError

    def fit(self, data: Any, **_: Any) -> Any:
        raise NotImplementedError

    def pixels(self, z: Tensor, y: Tensor | None) -> Tensor:
        self.modes.append(self.training)
        self.rows.append(len(z))
        return torch.special.ndtr(z).reshape(-1, *self.shape)


def latents(images: Images) -> Tensor:
    """What an Echo has decoded."""
    return torch.special.ndtri(torch.from_numpy(images.pixels).double()).flatten(1)


# Sampling.


def test_latents_are_standard_normal_and_independent() -> None:
    n = 20_000
    z = latents(Echo().sample(n, seed=0))
    assert z.mean(0).abs().max() < 5 / n**0.5
    assert (z.var(0) - 1).abs().max() < 5 * (2 / n) ** 0.5
    assert abs(float((z[:, 0] * z[:, 1]).mean())) < 5 / n**0.5


def test_labels_that_are_not_given_have_the_training_set_s_frequencies() -> None:
    model, n = Echo(classes=3), 20_000
    model.class_probs = torch.tensor([0.7, 0.0, 0.3])
    labels = model.sample(n, seed=0).labels
    assert labels is not None
    shares = np.bincount(labels, minlength=3) / n
    assert shares[1] == 0
    np.testing.assert_allclose(shares, [0.7, 0, 0.3], atol=5 * (0.21 / n) ** 0.5)


@pytest.mark.parametrize("kind", FAMILIES)
def test_fit_counts_the_classes(kind: type[ImageModel]) -> None:
    data = bars(40)
    assert data.labels is not None
    model = small(kind, classes=5)
    assert model.class_probs.tolist() == pytest.approx([0.2] * 5)
    model.fit(data, epochs=1, progress=False)
    np.testing.assert_allclose(model.class_probs, np.bincount(data.labels, minlength=5) / 40, atol=1e-6)


def test_many_images_are_made_some_at_a_time_in_evaluation_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Echo().train()
    whole = model.sample(10, seed=0)
    monkeypatch.setattr(module, "MAX_IMAGES", 4)
    np.testing.assert_allclose(model.sample(10, seed=0).pixels, whole.pixels, atol=1e-6)
    assert model.rows == [10, 4, 4, 2]
    assert not any(model.modes)
    assert model.training  # as it was before


def test_the_mode_comes_back_also_after_an_error() -> None:
    model = Echo().train()
    model.pixels = lambda z, y: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(ZeroDivisionError):
        model.sample(1)
    assert model.training


def test_a_row_of_latents_and_its_label_make_an_image() -> None:
    model = Echo(classes=4)
    z = [[0.0, 1.0], [-1.0, 2.0], [0.5, 0.5]]
    tensors = (torch.tensor(z, dtype=dtype, requires_grad=True) for dtype in (torch.float64, torch.bfloat16))
    for given in (z, np.array(z), *tensors):  # NumPy knows no bfloat16, and takes nothing that has a gradient
        made = model.decode(given, [3, 0, 1])
        np.testing.assert_allclose(latents(made), z, atol=1e-5)
        assert made.labels is not None
        assert made.labels.tolist() == [3, 0, 1]
    one_for_all = model.decode(z, 2).labels
    assert one_for_all is not None
    assert one_for_all.tolist() == [2, 2, 2]


# Data.


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_batch_is_pixels_as_they_are_and_their_labels(kind: type[ImageModel]) -> None:
    data = bars(6)
    assert data.labels is not None
    x, y = small(kind, classes=4).batch(data)
    np.testing.assert_array_equal(x, data.pixels)
    assert y.tolist() == data.labels.tolist()
    (alone,) = small(kind).batch(data)  # without classes nobody asks for labels
    np.testing.assert_array_equal(alone, data.pixels)


def test_arrays_tensors_bytes_and_pairs_are_images_too() -> None:
    data, model = bars(6), small(VAE, classes=4)
    pixels, labels = data.pixels, data.labels
    for given in (
        (pixels, labels),
        (pixels[:, 0], list(labels)),  # type: ignore[arg-type]
        (torch.from_numpy(pixels), torch.as_tensor(labels)),
        ((pixels, labels), None),
        (data, None),
    ):
        x, y = model.batch(*given)
        np.testing.assert_array_equal(x, pixels)
        np.testing.assert_array_equal(y, labels)
    (x,) = small(VAE).batch((255 * pixels).round().astype(np.uint8))
    np.testing.assert_allclose(x, pixels, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("kind", [VAE, Diffusion])
def test_what_is_validated_is_the_held_out_part(kind: type[ImageModel]) -> None:
    held_out = bars(30, seed=1)
    wanted = None
    for given in (held_out, (held_out.pixels, held_out.labels)):
        model = small(kind, classes=4)
        model.fit(bars(60), validation=given, epochs=2, ema=None, seed=3, progress=False)
        wanted = training.evaluate(model, model.batch(held_out), seed=3)
        assert model.history.validation_loss[-1] == pytest.approx(wanted, rel=1e-5)
    assert wanted != pytest.approx(training.evaluate(model, model.batch(bars(60)), seed=3), rel=1e-3)


def named(data: Images, names: str, *, left_out: int = 0) -> Images:
    """The images whose label is at least ``left_out``, numbered from there on; label i is called names[i]."""
    kept = data[data.labels >= left_out]  # type: ignore[operator] # bars are labelled
    return Images(kept.pixels, kept.labels - left_out, tuple(names[left_out:]))  # type: ignore[operator]


@pytest.mark.parametrize("kind", FAMILIES)
def test_classes_that_have_names_are_matched_by_them(kind: type[ImageModel], tmp_path: Any) -> None:
    data = bars(40)
    model = small(kind, classes=4).fit(named(data, "abcd"), epochs=1, progress=False)
    again = kind.load(model.save(tmp_path / "model") or tmp_path / "model")
    for one in (model, again):
        assert one.class_names == tuple("abcd")
        assert one.sample(3, seed=0).classes == tuple("abcd")
        np.testing.assert_array_equal(one.batch(named(data, "abcd", left_out=2))[1], data.labels[data.labels >= 2])
        np.testing.assert_array_equal(one.batch((data.pixels[:2], ["c", "c"]))[1], [2, 2])
        np.testing.assert_array_equal(one.batch((data.pixels[:2], [3, 3]))[1], [3, 3])
        with pytest.raises(ValueError, match="the class 'x' is none of a, b, c, d"):
            one.batch((data.pixels[:2], ["c", "x"]))
    model.fit(named(data, "wxyz"), epochs=1, progress=False)
    assert model.class_names == tuple("wxyz")
    model.fit((data.pixels, data.labels), epochs=1, progress=False)
    assert model.class_names == model.sample(1).classes == ()


@pytest.mark.parametrize("kind", [VAE, Diffusion])
def test_validation_images_are_matched_by_name_too(kind: type[ImageModel]) -> None:
    held_out = bars(30, seed=1)
    model = small(kind, classes=4)
    model.fit(
        named(bars(60), "abcd"), validation=named(held_out, "abcd", left_out=1), epochs=1, ema=None, progress=False
    )
    wanted = training.evaluate(model, model.batch(held_out[held_out.labels >= 1]))  # type: ignore[operator]
    assert model.history.validation_loss[-1] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_seed_decides_the_weights_from_which_training_starts(kind: type[ImageModel]) -> None:
    def start(seed: int) -> Tensor:
        model = small(kind).fit(bars(20), epochs=1, lr=1e-12, seed=seed, progress=False)
        return torch.cat([weight.flatten() for weight in model.parameters()])

    torch.testing.assert_close(start(5), start(5))
    assert (start(5) - start(6)).abs().mean() > 1e-3


def test_each_family_has_its_own_recipe() -> None:
    def recipe(kind: type[ImageModel]) -> dict[str, Any]:
        shown = inspect.signature(kind.fit).parameters
        return {name: shown[name].default for name in ("epochs", "betas", "ema", "clip", "schedule")}

    usual = {"betas": None, "ema": None, "clip": None, "schedule": None}
    assert recipe(VAE) == usual | {"epochs": 30}
    assert recipe(GAN) == usual | {"epochs": 100, "betas": (0.5, 0.99), "ema": 0.99}
    schedule = warm_up_then_cosine.__name__
    assert recipe(Diffusion) == usual | {"epochs": 100, "ema": 0.995, "clip": 1.0, "schedule": schedule}


# What is refused, and the sentence.


@pytest.mark.parametrize("kind", FAMILIES)
def test_data_that_do_not_fit_are_refused(kind: type[ImageModel]) -> None:
    data, name = bars(10), kind.__name__
    for wrong, error, sentence in (
        (data[:0], ValueError, "data is empty: give at least one image"),
        (
            data.pixels[:, :, :3],
            ValueError,
            rf"shape \(1, 3, 4\), this {name} was made for \(1, 4, 4\): bring them to it, or make it with {name}",
        ),
        (2 * data.pixels, ValueError, r"pixels must be in \[0, 1\], got values from .* to 2.0"),
        ({"a": 1}, TypeError, "images must be Images, or an array or tensor of numbers, got dict"),
    ):
        with pytest.raises(error, match=sentence):
            small(kind).fit(wrong)
        if kind is not GAN:
            with pytest.raises(error, match=f"^validation: .*{sentence}"):
                small(kind).fit(data, validation=wrong)
    with pytest.raises(ValueError, match=f"this {name} is conditional on 4 classes: its images need labels"):
        small(kind, classes=4).fit(data.pixels)
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2, got 3"):
        small(kind, classes=3).fit(data)
    with pytest.raises(ValueError, match=rf"labels were given to a {name} without classes: make it with {name}\("):
        small(kind).fit(data.pixels, data.labels)


@pytest.mark.parametrize("kind", FAMILIES)
def test_labels_that_do_not_fit_are_refused(kind: type[ImageModel]) -> None:
    model, plain = small(kind, classes=4), small(kind)
    model.fitted = plain.fitted = True
    with pytest.raises(ValueError, match=f"labels were given to a {kind.__name__} without classes"):
        plain.sample(2, labels=1)
    for wrong, sentence in (
        ([0, 1], r"labels must be 3 whole numbers, got int64 of shape \(2,\)"),
        ([0.0, 1.0, 2.0], "labels must be 3 whole numbers, got float64"),
        (-1, r"labels must lie in 0\.\.3, got -1"),
        ([0, 4, 1], r"labels must lie in 0\.\.3, got 4"),
    ):
        with pytest.raises(ValueError, match=sentence):
            model.sample(3, labels=wrong)


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shape": (8, 8)}, r"shape must be \(channels, height, width\), got \(8, 8\)"),
        ({"shape": 8}, r"shape must be several whole numbers, such as \(8, 8\), got 8"),
        ({"shape": (1, 0, 8)}, "each of shape must be a whole number >= 1, got 0"),
        ({"classes": 1}, "classes must be a whole number >= 2, got 1"),
        ({"architecture": "transformer"}, "architecture must be one of .*, got 'transformer'"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(kind: type[ImageModel], changes: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(kind, **changes)


def test_latents_that_do_not_fit_are_refused() -> None:
    model = Echo()
    for wrong in (np.zeros((3, 5)), np.zeros(2), np.zeros((0, 2))):
        with pytest.raises(ValueError, match=r"z must have shape \(n, 2\) with n >= 1, got \(\d"):
            model.decode(wrong)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="z is not finite at point 2"):
            model.decode([[0.0, 0.0], [1.0, 1.0], [0.0, bad], [1.0, 1.0]])
    with pytest.raises(ValueError, match="labels were given to a Echo without classes"):
        model.decode([[0.0, 0.0]], 1)
    model.fitted = False
    with pytest.raises(NotFittedError, match="has not been fitted"):
        model.decode([[0.0, 0.0]])


def test_several_numbers_are_a_tuple() -> None:
    assert wholes("widths", [4, np.int64(5)], least=4) == (4, 5)
    for wrong, sentence in (
        (256, "several whole numbers"),
        ("ab", "several whole numbers"),
        ((4, 3), "each of widths"),
    ):
        with pytest.raises(ValueError, match=sentence):
            wholes("widths", wrong, least=4)


# Files.


class Old(Echo):
    """What was called ``code`` in version 0.1.0, which also had a ``temperature``."""

    RENAMED: ClassVar = {"code": "latent"}
    REMOVED: ClassVar = {"temperature": 1.0}


@pytest.mark.parametrize("nested", [True, False])
def test_a_file_of_an_earlier_version_may_use_earlier_names(nested: bool) -> None:
    arguments = {"code": 5, "classes": None, "temperature": 1.0}
    trained = {"epochs": 3}
    config = {"arguments": arguments, "trained": trained} if nested else arguments | {"trained": trained}
    state = Old(latent=5).state()
    model = Old.from_header({"model": "Old", "config": config}, state)
    assert model.config() == {"latent": 5, "classes": None}
    assert model.trained == trained
    arguments["temperature"] = 0.5
    config = {"arguments": arguments} if nested else arguments
    with pytest.raises(ValueError, match=r"made with temperature=0\.5; this version knows 1\.0 only"):
        Old.from_header({"model": "Old", "config": config}, state)


def test_a_file_of_this_version_has_no_second_names() -> None:
    header = Old(latent=5).header()
    header["config"] = {"code": 5}
    with pytest.raises(ValueError, match="this is no Old"):
        Old.from_header(header, {})
