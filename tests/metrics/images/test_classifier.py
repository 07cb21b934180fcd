"""The classifier of images: it learns what can be learned, its figures fit together, and it refuses what it cannot."""

import warnings

import numpy as np
import pytest
import torch

from sdg_lab.data.types import Images
from sdg_lab.metrics import ImageClassifier
from sdg_lab.metrics.images import classifier as image_classifier
from sdg_lab.models.contract import NotFittedError
from sdg_lab.training import n_parameters


def bars(n, seed, shape=(1, 8, 8)):
    """A lying bar (class 0), a standing one (1), or a full square (2), in noise: a child tells them apart."""
    rng = np.random.default_rng(seed)
    pixels, labels = rng.uniform(0, 0.3, size=(n, *shape)), rng.integers(0, 3, size=n)
    _, height, width = shape
    for image, label in zip(pixels, labels, strict=True):
        rows = slice(height // 3, 2 * height // 3) if label == 0 else slice(1, -1)
        columns = slice(width // 3, 2 * width // 3) if label == 1 else slice(1, -1)
        image[:, rows, columns] += 0.6
    return Images(pixels.astype(np.float32), labels, ("lying", "standing", "full"))


@pytest.fixture(autouse=True, scope="module")
def few_steps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_classifier, "STEPS", 60)
        yield


@pytest.fixture(scope="module")
def judge():
    return ImageClassifier().fit(bars(300, 0), validation=bars(50, 1), seed=0)


def test_it_learns_what_a_child_can_tell(judge):
    assert judge.accuracy(bars(100, 2)) > 0.95
    assert judge.history is not None
    assert judge.history.validation_loss[-1] < 0.3


@pytest.mark.parametrize("shape", [(3, 9, 13), (1, 28, 28), (1, 4, 5)])
def test_any_shape_can_be_judged(shape):
    judge = ImageClassifier().fit(bars(120, 0, shape), seed=1)
    assert judge.features(bars(5, 1, shape)).shape == (5, 64)


def test_predictions_probabilities_and_accuracy_fit_together(judge):
    images = bars(40, 3)
    probabilities = judge.probabilities(images)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(judge.predict(images), probabilities.argmax(axis=1))
    wrong = Images(images.pixels, (images.labels + (np.arange(40) < 10)) % 3)
    by_name = Images(images.pixels, 2 - images.labels, judge.class_names[::-1])
    assert judge.accuracy(by_name) == judge.accuracy(images)
    assert judge.accuracy(wrong) == (probabilities.argmax(axis=1) == wrong.labels).mean() < 0.8


def test_features_are_the_layer_that_the_classes_are_read_from(judge):
    images = bars(7, 4)
    hidden = judge.features(images) * float(judge.scale) + judge.centre.numpy()
    logits = np.maximum(hidden, 0) @ judge.head.weight.detach().numpy().T + judge.head.bias.detach().numpy()
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(judge.probabilities(images), chances, rtol=1e-4, atol=1e-7)


def test_features_of_the_training_images_have_mean_0_and_average_variance_1(judge):
    features = judge.features(bars(300, 0))
    assert features.dtype == np.float64
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    assert features.var(axis=0, ddof=1).mean() == pytest.approx(1, rel=1e-4)


def test_features_do_not_depend_on_the_company(judge, monkeypatch):
    images = bars(30, 5)
    together = judge.features(images)
    monkeypatch.setattr(image_classifier, "AT_ONCE", 7)
    np.testing.assert_allclose(judge.features(images), together, atol=1e-5)


def test_the_seed_decides(judge):
    again, other = (ImageClassifier().fit(bars(300, 0), seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(again.features(bars(9, 6)), judge.features(bars(9, 6)))
    assert not np.allclose(other.features(bars(9, 6)), judge.features(bars(9, 6)))


def test_validation_is_the_held_out_loss_without_distortion_and_training_is_with(judge):
    held_out = bars(50, 1)
    x, y = torch.from_numpy(held_out.pixels), torch.from_numpy(held_out.labels)
    plain = torch.nn.functional.cross_entropy(judge(x), y).item()
    assert judge.loss(x, y).item() == pytest.approx(plain, rel=1e-5)
    assert judge.history.validation_loss[-1] == pytest.approx(plain, rel=1e-3)
    assert ImageClassifier().fit(bars(60, 0)).history.validation_loss == []
    torch.manual_seed(0)
    judge.train()
    first, second = judge.loss(x, y).item(), judge.loss(x, y).item()
    judge.eval()
    assert len({first, second, plain}) == 3


def test_it_is_trained_as_it_says(monkeypatch):
    """A thousand steps of 64 images whatever their number, AdamW at 0.002 with decay 0.01, down along a cosine."""
    calls = []
    monkeypatch.setattr(image_classifier, "STEPS", 1000)
    monkeypatch.setattr(image_classifier.training, "train", lambda *data, **recipe: calls.append((data, recipe)))
    for n in (64, 128, 96, 100_000):
        few = bars(64, 0)
        ImageClassifier().fit(few[np.arange(n) % 64], seed=5)
    assert [recipe["epochs"] for _, recipe in calls] == [1000, 500, 667, 1]
    (model, (x, y)), recipe = calls[0]
    assert (x.shape, y.shape, recipe["validation"]) == ((64, 1, 8, 8), (64,), None)
    assert (recipe["batch_size"], recipe["seed"], recipe["device"], recipe["progress"]) == (64, 5, "cpu", False)
    assert [recipe["schedule"](done) for done in (0.0, 0.5)] == [1, 0.5]
    again, other = (ImageClassifier().fit(bars(64, 0), seed=seed).head.weight for seed in (5, 6))
    assert (model.head.weight == again).all()
    assert (model.head.weight != other).any()
    group = recipe["optimizer"](model.parameters()).param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.002, 0.01)


@pytest.mark.parametrize(
    ("side", "left"),  # height, width; numbers after the second pooling
    [
        ((8, 8), 64 * 2 * 2),
        ((15, 20), 64 * 3 * 5),
        ((16, 16), 64 * 2 * 2),
        ((17, 16), 64 * 2 * 2),
        ((21, 28), 64 * 2 * 3),
    ],
)
def test_the_network_is_of_the_size_that_it_says(monkeypatch, side, left):
    monkeypatch.setattr(image_classifier, "STEPS", 1)
    network = ImageClassifier().fit(bars(12, 0, (1, *side)))
    convolutions = (1 * 9 + 1) * 32 + (32 * 9 + 1) * 64
    assert n_parameters(network) == convolutions + (left + 1) * 64 + (64 + 1) * 3


def test_classes_that_have_a_name_and_no_image_are_classes(monkeypatch):
    monkeypatch.setattr(image_classifier, "STEPS", 1)
    few = bars(12, 0)
    named = Images(few.pixels, few.labels % 2, ("lying", "standing", "full", "empty"))
    assert ImageClassifier().fit(named).probabilities(few).shape == (12, 4)
    assert ImageClassifier().fit(Images(few.pixels, few.labels)).probabilities(few).shape == (12, 3)


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError])
def test_an_interrupted_fit_leaves_what_was_there(judge, monkeypatch, fault):
    def stop(*_, **__):
        raise fault

    before, images = judge.features(bars(9, 6)), bars(30, 0, (1, 9, 9))
    monkeypatch.setattr(image_classifier.training, "train", stop)
    for network in (judge, ImageClassifier()):
        with pytest.raises(fault):
            network.fit(images)
    np.testing.assert_array_equal(judge.features(bars(9, 6)), before)
    with pytest.raises(NotFittedError):
        network.features(images)


def test_distortions_are_small_and_none_where_they_are_switched_off(monkeypatch):
    x = torch.from_numpy(bars(20, 0, (1, 28, 28)).pixels)
    moved = image_classifier._distorted(x)
    assert moved.shape == x.shape
    assert 0 < (moved - x).abs().mean() < 0.2
    assert (moved[:10] - image_classifier._distorted(x)[:10]).abs().mean() > 0  # another each time
    for name in ("TURN", "ZOOM", "SHIFT"):
        monkeypatch.setattr(image_classifier, name, 0.0)
    torch.testing.assert_close(image_classifier._distorted(x), x, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("drawn", "sign"), [(torch.ones, 1), (torch.zeros, -1)])
def test_the_largest_distortions_are_those_it_says(monkeypatch, drawn, sign):
    """0.15 radians, a tenth of the size, 0.06 of the side, which is 2 long where the grid is made."""
    seen = []
    grid = torch.nn.functional.affine_grid

    def watched(theta, *rest, **more):
        seen.append(theta)
        return grid(theta, *rest, **more)

    monkeypatch.setattr(torch, "rand", drawn)
    monkeypatch.setattr(image_classifier.F, "affine_grid", watched)
    image_classifier._distorted(torch.ones(2, 1, 8, 8))
    zoom, cos, sin = 1 + sign * 0.1, np.cos(0.15), sign * np.sin(0.15)
    want = [[cos * zoom, -sin, sign * 0.12], [sin, cos * zoom, sign * 0.12]]
    np.testing.assert_allclose(seen[0], [want, want], rtol=1e-5)


def test_a_shift_is_a_share_of_the_side(monkeypatch):
    """With a share of 1/8 on 8 pixels the largest shift is one pixel."""
    monkeypatch.setattr(image_classifier, "TURN", 0.0)
    monkeypatch.setattr(image_classifier, "ZOOM", 0.0)
    monkeypatch.setattr(image_classifier, "SHIFT", 1 / 8)
    monkeypatch.setattr(torch, "rand", torch.ones)
    x = torch.rand(1, 1, 8, 8) * torch.arange(64).reshape(1, 1, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns where it is not told what a grid's corners are
        moved = image_classifier._distorted(x)
    torch.testing.assert_close(moved[..., :7, :7], x[..., 1:, 1:])
    assert not moved[..., 7, :].any()


IMAGES = bars(20, 0)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda judge: judge.fit([1]), TypeError, "images must be sdg_lab.data.Images, got list"),
        (lambda judge: judge.fit(IMAGES[:0]), ValueError, "images is empty: give at least one image"),
        (lambda judge: judge.fit(Images(IMAGES.pixels)), ValueError, "images has no labels; give Images with labels"),
        (
            lambda judge: judge.fit(IMAGES[IMAGES.labels == 1]),
            ValueError,
            "images holds the one class 1; a classifier needs at least 2",
        ),
        (
            lambda judge: judge.fit(bars(20, 0, (1, 3, 8))),
            ValueError,
            r"height and width must be >= 4 to be halved twice, got \(3, 8\)",
        ),
        (
            lambda judge: judge.predict(IMAGES),
            NotFittedError,
            "this ImageClassifier has not been fitted: call fit",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(ImageClassifier())


@pytest.mark.parametrize(
    ("held_out", "sentence"),
    [
        (bars(3, 0, (1, 9, 9)), r"validation has shape \(1, 9, 9\), the training images have \(1, 8, 8\)"),
        (Images(IMAGES.pixels, IMAGES.labels + 1), "validation has the label 3, train 0 to 2 only"),
        (Images(IMAGES.pixels), "validation has no labels; give Images with labels"),
    ],
)
def test_a_validation_part_that_does_not_fit_is_refused_before_training(monkeypatch, held_out, sentence):
    monkeypatch.setattr(image_classifier.training, "train", lambda *_, **__: pytest.fail("it was trained"))
    with pytest.raises(ValueError, match=sentence):
        ImageClassifier().fit(IMAGES, validation=held_out)


def test_what_it_was_not_made_for_is_refused(judge):
    with pytest.raises(ValueError, match=r"the images have shape \(1, 9, 9\), this classifier was fitted on"):
        judge.features(bars(3, 0, (1, 9, 9)))
    with pytest.raises(ValueError, match="images has no labels"):
        judge.accuracy(Images(IMAGES.pixels))
