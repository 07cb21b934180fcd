"""One Gaussian a class, against scipy and scikit-learn; and the contract of every model."""

import re

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.covariance import shrunk_covariance

from sdg_lab import data
from sdg_lab.data.types import Images
from sdg_lab.models.contract import HasLogProb, NotFittedError
from sdg_lab.models.gaussian import ClassGaussian


def pictures(n: int = 60, classes: int = 3, seed: int = 0) -> Images:
    """Blurred noise, brighter with the label, 1×2×3."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    pixels = 0.2 + 0.2 * labels[:, None] + 0.2 * rng.random((n, 6))
    return Images(pixels.reshape(n, 1, 2, 3).astype(np.float32), labels.astype(np.int64))


@pytest.fixture(scope="module")
def fitted() -> ClassGaussian:
    return ClassGaussian(shrinkage=0.3).fit(pictures())


def oracle(train: Images, x: Images, shrinkage: float) -> np.ndarray:
    """log p(y) + log p(x | y) by scikit-learn's shrunk covariance and scipy's density."""
    rows, points = train.pixels.reshape(len(train), -1).astype(float), x.pixels.reshape(len(x), -1).astype(float)
    columns = []
    for label in np.unique(train.labels):
        members = rows[train.labels == label]
        covariance = shrunk_covariance(np.cov(members.T, bias=True), shrinkage)
        density = multivariate_normal(members.mean(axis=0), covariance).logpdf(points)
        columns.append(np.log(len(members) / len(rows)) + density)
    return np.stack(columns, axis=1)


def test_densities_are_those_of_scipy(fitted: ClassGaussian) -> None:
    unequal = pictures(50)[:47]
    for train, model in ((pictures(), fitted), (unequal, ClassGaussian(0.05).fit(unequal))):
        x = pictures(8, seed=5)
        want = oracle(train, x, model.shrinkage)
        np.testing.assert_allclose(model.joint_log_prob(x), want, rtol=1e-9)
        np.testing.assert_allclose(model.log_prob(x), logsumexp(want, axis=1), rtol=1e-9)


def test_where_classes_overlap_their_densities_are_added() -> None:
    labels = np.arange(60) % 2
    train = Images(np.random.default_rng(1).random((60, 1, 2, 3)).astype(np.float32), labels.astype(np.int64))
    x = pictures(9, seed=4)
    model, want = ClassGaussian(0.5).fit(train), logsumexp(oracle(train, x, 0.5), axis=1)
    np.testing.assert_allclose(model.log_prob(x), want, rtol=1e-9)
    assert (model.log_prob(x) > model.joint_log_prob(x).max(axis=1) + 0.05).all()


def test_it_has_an_exact_likelihood(fitted: ClassGaussian) -> None:
    assert isinstance(fitted, HasLogProb)


def test_samples_have_the_moments_of_their_class(fitted: ClassGaussian) -> None:
    train, n = pictures(), 20_000
    drawn = fitted.sample(n, seed=1, labels=np.full(n, 1)).pixels.reshape(n, -1)
    members = train.pixels[train.labels == 1].reshape(-1, 6).astype(float)
    want = shrunk_covariance(np.cov(members.T, bias=True), 0.3)  # nothing is clipped: the pixels are far from 0 and 1
    error = np.sqrt(np.diag(want) / n)
    assert (np.abs(drawn.mean(axis=0) - members.mean(axis=0)) < 5 * error).all()
    np.testing.assert_allclose(np.cov(drawn.T), want, atol=0.04 * np.diag(want).max())


def test_a_sample_is_the_mean_of_its_class_and_noise_through_the_root_of_its_covariance(fitted: ClassGaussian) -> None:
    train, labels = pictures(), np.array([2, 0, 1, 1, 2])
    rows, z = train.pixels.reshape(-1, 6).astype(float), np.random.default_rng(7).standard_normal((5, 6))
    want = np.empty((5, 6))
    for i, label in enumerate(labels):
        members = rows[train.labels == label]
        root = np.linalg.cholesky(shrunk_covariance(np.cov(members.T, bias=True), 0.3))
        want[i] = members.mean(axis=0) + root @ z[i]
    np.testing.assert_allclose(fitted.sample(5, seed=7, labels=labels).pixels.reshape(5, 6), want, rtol=1e-5)


def test_without_labels_classes_come_in_the_shares_of_the_data() -> None:
    train = pictures()
    uneven = train[np.flatnonzero((train.labels != 2) | (np.arange(60) < 15))]  # 20, 20 and 5 pictures
    drawn = ClassGaussian().fit(uneven).sample(9_000, seed=0)
    assert drawn.labels is not None
    np.testing.assert_allclose(np.bincount(drawn.labels) / 9_000, np.array([20, 20, 5]) / 45, atol=0.02)


def test_samples_are_images_of_the_same_shape_and_range(fitted: ClassGaussian) -> None:
    wanted = np.array([2, 0, 1, 1])
    drawn = fitted.sample(4, seed=0, labels=wanted)
    assert drawn.pixels.shape == (4, 1, 2, 3)
    assert drawn.pixels.dtype == np.float32
    np.testing.assert_array_equal(drawn.labels, wanted)
    wide = ClassGaussian(1.0).fit(data.digits().train[:400]).sample(50, seed=0)
    assert wide.pixels.min() == 0  # clipped, not refused
    assert wide.pixels.max() <= 1


def test_the_same_seed_draws_the_same_and_none_draws_anew(fitted: ClassGaussian) -> None:
    again = ClassGaussian(0.3).fit(pictures(), seed=9, progress=False)
    np.testing.assert_array_equal(fitted.sample(5, seed=3).pixels, again.sample(5, seed=3).pixels)
    assert not np.array_equal(fitted.sample(5, seed=3).pixels, fitted.sample(5, seed=4).pixels)
    assert not np.array_equal(fitted.sample(5).pixels, fitted.sample(5).pixels)


def test_save_and_load_give_the_same_model(fitted: ClassGaussian, tmp_path) -> None:
    fitted.save(tmp_path / "model.safetensors")
    loaded = ClassGaussian.load(tmp_path / "model.safetensors")
    x = pictures(5, seed=2)
    np.testing.assert_array_equal(loaded.log_prob(x), fitted.log_prob(x))
    np.testing.assert_array_equal(loaded.sample(5, seed=0).pixels, fitted.sample(5, seed=0).pixels)
    assert (loaded.shrinkage, loaded.n_parameters) == (0.3, fitted.n_parameters)


def test_parameters_are_counted(fitted: ClassGaussian) -> None:
    assert fitted.n_parameters == 3 * 6 + 3 * 21 + 2


def test_five_digits_a_class_are_enough_in_64_dimensions() -> None:
    train = data.digits().train
    chosen = np.concatenate([np.flatnonzero(train.labels == digit)[:5] for digit in range(10)])
    assert np.isfinite(ClassGaussian().fit(train[chosen]).log_prob(train[:20])).all()


@pytest.mark.parametrize("shrinkage", [0, -0.1, 1.5, float("nan")])
def test_a_shrinkage_out_of_range_is_refused(shrinkage: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"shrinkage must be > 0 and <= 1, got {shrinkage}")):
        ClassGaussian(shrinkage)


def test_a_pair_of_an_array_and_its_labels_is_labelled_data(fitted: ClassGaussian) -> None:
    train = pictures()
    again = ClassGaussian(shrinkage=0.3).fit((train.pixels, train.labels))
    np.testing.assert_array_equal(again.log_prob((train.pixels, train.labels)), fitted.log_prob(train))


def test_data_that_cannot_be_fitted_are_refused() -> None:
    train = pictures(12)
    with pytest.raises(ValueError, match="data has no labels"):
        ClassGaussian().fit(Images(train.pixels))
    with pytest.raises(ValueError, match="data is empty"):
        ClassGaussian().fit(train[:0])
    with pytest.raises(ValueError, match="class 0 has 1 image,"):
        ClassGaussian().fit(train[np.array([0, 1, 4, 2, 5])])
    with pytest.raises(ValueError, match="class 1 has 0 images"):
        ClassGaussian().fit(train[np.array([0, 3, 2, 5])])
    with pytest.raises(ValueError, match="class 2 has 0 images"):
        ClassGaussian().fit(Images(train.pixels, np.where(train.labels == 2, 2**40, train.labels)))
    with pytest.raises(ValueError, match="class 0 has 2 images, none different"):
        ClassGaussian().fit(train[np.array([0, 0, 1, 4])])


def test_questions_it_cannot_answer_are_refused(fitted: ClassGaussian) -> None:
    for ask in (lambda m: m.sample(1), lambda m: m.log_prob(pictures()), lambda m: m.state(), lambda m: m.n_parameters):
        with pytest.raises(NotFittedError, match="has not been fitted"):
            ask(ClassGaussian())
    with pytest.raises(ValueError, match="n, the number of samples"):
        fitted.sample(0)
    with pytest.raises(ValueError, match=re.escape("fitted on images of shape (1, 2, 3), got (1, 8, 8)")):
        fitted.log_prob(data.digits().test[:1])
    for wrong in (np.array([1]), np.array([0.0, 1.0]), 0.5):
        with pytest.raises(ValueError, match="labels must be 2 whole numbers"):
            fitted.sample(2, labels=wrong)
    for unknown in (3, -1):
        with pytest.raises(ValueError, match=re.escape(f"labels must lie in 0..2, got {unknown}")):
            fitted.sample(2, labels=np.array([0, unknown]))


def test_one_label_is_for_all_images(fitted: ClassGaussian) -> None:
    one, many = fitted.sample(6, seed=0, labels=2), fitted.sample(6, seed=0, labels=np.full(6, 2))
    np.testing.assert_array_equal(one.labels, [2] * 6)
    np.testing.assert_array_equal(one.pixels, many.pixels)


def test_arrays_are_images(fitted: ClassGaussian) -> None:
    train = pictures()
    for pixels, labels in ((train.pixels, train.labels), (train.pixels[:, 0], train.labels.tolist())):
        model = ClassGaussian(0.3).fit(pixels, labels)
        np.testing.assert_array_equal(model.sample(5, seed=3).pixels, fitted.sample(5, seed=3).pixels)
        np.testing.assert_array_equal(model.log_prob(pixels[:4]), fitted.log_prob(train[:4]))


def test_a_refused_fit_leaves_a_fitted_model_as_it_was() -> None:
    model = ClassGaussian().fit(pictures())
    before = model.sample(5, seed=0).pixels
    for bad in (Images(pictures().pixels), pictures()[:0], pictures(12)[np.array([0, 1, 4, 2, 5])]):
        with pytest.raises(ValueError, match=r"data has no labels|data is empty|class 0 has 1 image"):
            model.fit(bad)
        np.testing.assert_array_equal(model.sample(5, seed=0).pixels, before)


def test_a_model_says_what_it_knows() -> None:
    assert repr(ClassGaussian()) == "<ClassGaussian: not fitted>"
    assert (
        repr(ClassGaussian().fit(pictures())) == f"<ClassGaussian: 3 classes of {'×'.join(map(str, pictures().shape))}>"
    )
