"""Chapter 05: its references agree with the library, and its weights are of the model that its function trains."""

import numpy as np
import torch

from sdg_lab.course.ch05 import exercises as ch05
from sdg_lab.course.engine import registry
from sdg_lab.course.engine import weights as trained
from sdg_lab.course.engine.grade import verdict
from sdg_lab.models.diffusion import Diffusion, noise

MEGABYTE = 2**20


def test_the_posterior_of_the_exercise_is_that_of_the_models():
    x0, xt = torch.randn(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alphas_bar = noise.cosine_schedule(20)
    for t in (1, 7, 20):
        mean, variance = ch05.posterior(x0, xt, t, alphas_bar)
        theirs, log_variance = noise.posterior(x0, xt, t, alphas_bar)
        torch.testing.assert_close(mean, theirs)
        torch.testing.assert_close(variance.expand_as(log_variance), log_variance.exp())


def test_the_other_references_are_those_of_the_models():
    torch.manual_seed(0)
    x0, other = torch.randn(2, 5, 3, 2, 4, dtype=torch.float64)
    alphas_bar, t = noise.cosine_schedule(20), torch.tensor([0, 3, 8, 13, 20])
    for ours, theirs in (
        (ch05.q_sample(x0, t, other, alphas_bar), noise.q_sample(x0, t, other, alphas_bar)),
        (ch05.v_target(x0, other, t, alphas_bar), noise.v_from(x0, other, t, alphas_bar)),
        (ch05.ddim_step(x0, other, 15, 4, alphas_bar), noise.ddim_step(x0, other, 15, 4, alphas_bar)),
        (ch05.guided(x0, other, 1.5), noise.guided(x0, other, 1.5)),
    ):
        torch.testing.assert_close(ours, theirs)


def test_the_shipped_weights_are_of_the_model_that_is_trained(monkeypatch):
    def note(self, data, *, epochs, **settings):
        self.trained = {"epochs": epochs}
        return self

    monkeypatch.setattr(Diffusion, "fit", note)
    said, shipped = ch05.train_mnist(), trained.load("05-mnist", Diffusion)
    assert shipped.trained["epochs"] == said.trained["epochs"]
    assert shipped.trained["cpu_seconds"] > 0
    assert shipped.config() == said.config()
    assert trained.path("05-mnist").stat().st_size < 5 * MEGABYTE


def test_the_shipped_weights_draw_ink_on_paper():
    digits = trained.load("05-mnist", Diffusion).sample(4, seed=0, labels=[0, 1, 7, 9], steps=5)
    ink = digits.pixels.mean(axis=(1, 2, 3))
    assert np.all((ink > 0.03) & (ink < 0.4))
    assert ink[1] < ink[0]  # a one needs less ink than a nought


def test_an_answer_must_bear_a_schedule_in_double_precision_as_the_notebook_calls_it():
    def factors_of_the_images_dtype_only(x0, t, noise, alphas_bar):
        both = torch.stack([alphas_bar[t].sqrt(), (1 - alphas_bar[t]).sqrt()])
        return torch.einsum("kn,knchw->nchw", both, torch.stack([x0, noise]))  # raises for mixed dtypes

    result = verdict(registry.find("05.q_sample"), factors_of_the_images_dtype_only)
    assert result.status == "error"
    assert "images in single precision" in result.message
