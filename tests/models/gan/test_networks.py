"""The two networks of a GAN, and spectral normalisation, against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.models.gan.networks import DiscriminatorNetwork, GeneratorNetwork, SpectralNorm, mlp


@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
def test_images_lie_in_the_range_of_tanh_and_depend_on_their_labels(architecture: Any) -> None:
    torch.manual_seed(0)
    z, y = torch.randn(5, 7), torch.tensor([0, 1, 2, 0, 1])
    generator = GeneratorNetwork((2, 8, 12), 7, 8, 2, architecture, classes=3)
    images = generator(10 * z, y)
    assert images.shape == (5, 2, 8, 12)
    assert -1 <= images.min() < -0.5
    assert 0.5 < images.max() <= 1
    assert not torch.allclose(images, generator(10 * z, (y + 1) % 3))
    discriminator = DiscriminatorNetwork((2, 8, 12), 8, 2, architecture, classes=3, spectral=False)
    logits = discriminator(images, y)
    assert logits.shape == (5,)
    # No layer mixes images: the logit of one does not depend on the others.
    torch.testing.assert_close(discriminator(images[2:3], y[2:3]), logits[2:3], rtol=1e-4, atol=1e-4)


def test_dense_layers_have_leaky_units_between_them_only() -> None:
    layers = mlp(2, 5, 1)
    assert [type(layer) for layer in layers] == [nn.Linear, nn.LeakyReLU, nn.Linear]
    first, last = layers[0], layers[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    x = torch.randn(30, 2)
    with torch.no_grad():
        h = x @ first.weight.T + first.bias
        want = torch.where(h > 0, h, 0.2 * h) @ last.weight.T + last.bias
        torch.testing.assert_close(layers(x), want)


def test_a_convolutional_generator_mirrors_the_discriminator() -> None:
    generator = GeneratorNetwork((3, 8, 8), 5, width=4, depth=2, architecture="convolutional", classes=0)
    discriminator = DiscriminatorNetwork((3, 8, 8), 4, 2, "convolutional", classes=0, spectral=False)
    up = [(m.in_channels, m.out_channels) for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    down = [(m.in_channels, m.out_channels) for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert up == [(8, 4), (4, 3)]
    assert down == [(3, 4), (4, 8)]
    assert sum(isinstance(m, nn.BatchNorm2d) for m in generator.modules()) == 2
    assert not any(isinstance(m, nn.BatchNorm2d) for m in discriminator.modules())


def test_the_label_adds_a_projection_of_the_features() -> None:
    discriminator = DiscriminatorNetwork((1, 4, 4), 8, 1, "dense", classes=3, spectral=False)
    assert discriminator.of_class is not None
    x, y = torch.randn(4, 1, 4, 4), torch.tensor([2, 0, 1, 2])
    with torch.no_grad():
        features, rows = discriminator.features(x), discriminator.of_class.weight
        want = features @ discriminator.head.weight[0] + discriminator.head.bias + (features * rows[y]).sum(1)
        torch.testing.assert_close(discriminator(x, y), want)


def test_class_vectors_are_as_large_as_the_head() -> None:
    torch.manual_seed(0)
    discriminator = DiscriminatorNetwork((1, 4, 4), 400, 1, "dense", classes=10, spectral=False)
    assert discriminator.of_class is not None
    assert discriminator.of_class.weight.std().item() == pytest.approx(1 / 20, rel=0.1)


def test_labels_are_asked_for_where_there_are_classes_and_only_there() -> None:
    size: Any = (8, 1, "dense")
    for classes, y, sentence in (
        (4, None, "conditional on 4 classes: pass the labels y too"),
        (0, torch.tensor([0, 1]), "labels y were given to a GAN without classes"),
    ):
        with pytest.raises(ValueError, match=sentence):
            GeneratorNetwork((1, 4, 4), 3, *size, classes)(torch.zeros(2, 3), y)
        with pytest.raises(ValueError, match=sentence):
            DiscriminatorNetwork((1, 4, 4), *size, classes, spectral=False)(torch.zeros(2, 1, 4, 4), y)


# Spectral normalisation, against numpy's singular values.


def matrix(weight: Tensor) -> np.ndarray:
    return weight.detach().flatten(1).double().numpy()


def test_in_training_each_use_of_a_weight_is_one_step_of_power_iteration() -> None:
    torch.manual_seed(0)
    weight = torch.randn(6, 2, 3)
    norm = SpectralNorm(torch.randn(6, 2, 3)).train()
    W, u = matrix(weight), norm.u.double().numpy()
    for _ in range(3):
        v = W.T @ u / np.linalg.norm(W.T @ u)
        u = W @ v / np.linalg.norm(W @ v)
        got = norm(weight)
        np.testing.assert_allclose(matrix(got), W / (u @ W @ v), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(norm.u, u, rtol=1e-4, atol=1e-5)


def test_power_iteration_follows_a_weight_that_changes() -> None:
    torch.manual_seed(0)
    norm, weight = SpectralNorm(torch.randn(8, 5)).train(), torch.randn(8, 5)
    for _ in range(300):
        got = norm(weight)
    np.testing.assert_allclose(matrix(got), matrix(weight) / np.linalg.norm(matrix(weight), 2), rtol=1e-3, atol=1e-5)


def test_in_evaluation_the_singular_value_is_exact_and_nothing_changes() -> None:
    torch.manual_seed(0)
    norm, weight = SpectralNorm(torch.randn(8, 5)).eval(), torch.randn(8, 5)
    before = norm.u.clone()
    np.testing.assert_allclose(
        matrix(norm(weight)), matrix(weight) / np.linalg.norm(matrix(weight), 2), rtol=1e-4, atol=1e-6
    )
    assert torch.equal(norm.u, before)


def test_the_gradient_keeps_the_singular_value_where_it_is() -> None:
    # W / σ(W) does not change when W is scaled, so the gradient of anything is orthogonal to W.
    torch.manual_seed(0)
    weight = torch.randn(4, 3, requires_grad=True)
    norm = SpectralNorm(weight).train()
    (norm(weight) * torch.randn(4, 3)).sum().backward()
    assert weight.grad is not None
    assert abs(float((weight.grad * weight.detach()).sum())) < 1e-4 * float(weight.grad.norm() * weight.detach().norm())


@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
def test_every_layer_of_a_discriminator_is_normalised_if_asked_for(architecture: Any) -> None:
    for spectral in (True, False):
        discriminator = DiscriminatorNetwork((1, 8, 8), 8, 2, architecture, classes=3, spectral=spectral).eval()
        layers = [m for m in discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
        assert len(layers) == 4
        norms = [np.linalg.norm(matrix(layer.weight), 2) for layer in layers]
        assert np.allclose(norms, 1, atol=1e-4) == spectral
