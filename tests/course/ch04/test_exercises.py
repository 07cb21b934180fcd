"""The weights that ship with chapter 04, and its functions against torch's own."""

import numpy as np
import pytest
import torch

from sdg_lab import course
from sdg_lab.course.ch04 import exercises as ch04
from sdg_lab.course.engine import registry
from sdg_lab.course.engine.grade import verdict
from sdg_lab.models.gan import GAN, losses


@pytest.fixture(scope="module")
def shipped():
    return course.weights("04-mnist", GAN)


def test_the_shipped_weights_are_those_of_the_model_that_the_command_trains(shipped, monkeypatch):
    made, settings_of_fit = [], {}

    def fit(self, data, **settings):
        made.append(self)
        settings_of_fit.update(settings)
        return self

    monkeypatch.setattr(GAN, "fit", fit)
    ch04.WEIGHTS["04-mnist"]()
    assert shipped.config() == made[0].config()
    assert shipped.trained["epochs"] == settings_of_fit["epochs"]


def test_the_shipped_model_draws_what_it_is_told(shipped):
    labels = np.tile(np.arange(10), 20)
    images = shipped.sample(200, seed=0, labels=labels)
    assert images.shape == (1, 28, 28)
    means = np.stack([images.pixels[labels == digit].mean(0).ravel() for digit in range(10)])
    nearest = ((images.pixels.reshape(200, 1, -1) - means) ** 2).sum(2).argmin(1)
    assert (nearest == labels).mean() > 0.7  # ten classes that look alike would give 0.1


def test_power_iteration_ends_where_torch_does():
    weight = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    start = torch.randn(7, generator=torch.Generator().manual_seed(1))
    found = ch04.largest_singular_value(weight, start, 200)
    assert found == pytest.approx(torch.linalg.matrix_norm(weight, 2).item(), rel=1e-5)


def test_the_best_discriminator_is_half_where_the_densities_are_equal():
    log_density = torch.tensor([-1.0, -5000.0])
    assert ch04.optimal_discriminator(log_density, log_density).tolist() == [0.5, 0.5]


def test_the_penalties_are_those_of_the_library():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(24, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    real, fake, u = torch.randn(5, 2, 3, 4), torch.randn(5, 2, 3, 4), torch.rand(5)

    def discriminator(x):
        return network(x)[:, 0]

    for ours, theirs in (
        (ch04.gradient_penalty_of(discriminator, real, fake, u), losses.gradient_penalty(discriminator, real, fake, u)),
        (ch04.r1(discriminator, real), losses.r1_penalty(discriminator, real)),
        (ch04.generator_loss(real[:, 0, 0, 0]), losses.generator_loss("non-saturating", real[:, 0, 0, 0])),
    ):
        torch.testing.assert_close(ours, theirs)


def by_the_largest_of_all(log_p, log_q):
    most = torch.maximum(log_p, log_q).max()
    return (log_p - most).exp() / ((log_p - most).exp() + (log_q - most).exp())


def image_by_image(discriminator, real):
    return sum(ch04.r1(discriminator, image[None]) for image in real) / len(real)


def detached(discriminator, real):
    return ch04.r1(discriminator, real).detach()


@pytest.mark.parametrize(
    ("key", "answer", "says"),
    [
        ("04.optimal_discriminator", by_the_largest_of_all, "near both and far from both"),
        ("04.r1", image_by_image, "give it all images at once"),  # the notebook's discriminator holds their labels
        ("04.r1", detached, "nothing detached"),
        ("04.spectral_norm", lambda weight, u, n: ch04.largest_singular_value(weight, u, n), "'steps'"),
        ("04.generator_loss", lambda logits: torch.log(1 + torch.exp(-logits)).mean(), "exp(800) for inf"),
    ],
)
def test_what_only_the_extremes_tell_is_refused_on_every_seed(key, answer, says):
    for seed in range(4):
        result = verdict(registry.find(key), answer, seed=seed)
        assert result.status in ("failed", "error")
        assert says in result.message
