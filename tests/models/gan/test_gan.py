"""The GAN: its networks against closed forms, the contract of every model, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sdg_lab import training
from sdg_lab.data.types import Images
from sdg_lab.models.contract import HasLogProb, HasLogProbBound, NotFittedError
from sdg_lab.models.gan import GAN
from sdg_lab.models.gan.networks import DiscriminatorNetwork, GeneratorNetwork, mlp

SHAPE = (1, 4, 4)


def bars(n: int, seed: int = 0) -> Images:
    """Make pictures of one bright row each; the label says which."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=n)
    pixels = np.full((n, *SHAPE), 0.1, dtype=np.float32)
    pixels[np.arange(n), 0, labels] = rng.uniform(0.7, 1, size=(n, 4))
    return Images(pixels, labels)


def small(**changes: Any) -> GAN:
    arguments: dict[str, Any] = {"shape": SHAPE, "latent": 3, "width": 16, "architecture": "dense"} | changes
    return GAN(**arguments)


@pytest.fixture(scope="module")
def fitted() -> GAN:
    return small(classes=4, r1=0.3).fit(bars(200), epochs=40, batch_size=20, lr=3e-3, progress=False)


# The networks.


@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
def test_the_players_speak_of_pictures_in_the_range_of_tanh(architecture: Any) -> None:
    z, y = torch.randn(5, 7), torch.tensor([0, 1, 2, 0, 1])
    generator = GeneratorNetwork((2, 8, 12), 7, 8, 2, architecture, classes=3)
    pictures = generator(10 * z, y)
    assert pictures.shape == (5, 2, 8, 12)
    assert -1 <= pictures.min() < -0.5
    assert 0.5 < pictures.max() <= 1
    assert not torch.allclose(pictures, generator(10 * z, (y + 1) % 3))
    discriminator = DiscriminatorNetwork((2, 8, 12), 8, 2, architecture, classes=3, spectral=False)
    logits = discriminator(pictures, y)
    assert logits.shape == (5,)
    # Nothing looks across pictures: what is said of one does not depend on the others.
    torch.testing.assert_close(discriminator(pictures[2:3], y[2:3]), logits[2:3])


def test_the_label_adds_a_projection_of_the_features() -> None:
    discriminator = DiscriminatorNetwork((1, 4, 4), 8, 1, "dense", classes=3, spectral=False)
    assert discriminator.of_class is not None
    x, y = torch.randn(4, 1, 4, 4), torch.tensor([2, 0, 1, 2])
    with torch.no_grad():
        features, rows = discriminator.features(x), discriminator.of_class.weight
        want = features @ discriminator.head.weight[0] + discriminator.head.bias + (features * rows[y]).sum(1)
        torch.testing.assert_close(discriminator(x, y), want)


@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
def test_spectral_normalisation_divides_by_the_largest_singular_value(architecture: Any) -> None:
    torch.manual_seed(0)
    discriminator = DiscriminatorNetwork((1, 8, 8), 8, 2, architecture, classes=3, spectral=True)
    layers = [m for m in discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
    assert len(layers) == 4
    x, y = torch.randn(2, 1, 8, 8), torch.tensor([0, 1])
    for _ in range(300):  # each pass in training mode is one power iteration
        discriminator(x, y)
    for layer in layers:
        original = dict(layer.named_parameters())["parametrizations.weight.original"].detach().flatten(1).numpy()
        sigma = np.linalg.svd(original, compute_uv=False)[0]
        got = layer.weight.detach().flatten(1).numpy()
        np.testing.assert_allclose(got, original / sigma, rtol=2e-3, atol=1e-6)


def test_mlp_has_its_activations_between_the_layers_only() -> None:
    layers = mlp(2, 5, 1)
    assert [type(layer) for layer in layers] == [nn.Linear, nn.LeakyReLU, nn.Linear]
    assert layers(torch.zeros(3, 2)).shape == (3, 1)


# The game.


def test_each_player_s_loss_is_that_of_its_game() -> None:
    # A discriminator that says 1.5 of everything leaves nothing to chance.
    x, y = torch.zeros(6, *SHAPE), None
    for loss, of_discriminator, of_generator in (
        ("non-saturating", np.log1p(np.exp(-1.5)) + np.log1p(np.exp(1.5)), np.log1p(np.exp(-1.5))),
        ("hinge", 0 + 2.5, -1.5),
        ("wgan-gp", 10.0, -1.5),  # no gradient: the penalty is (0 - 1)² times λ
    ):
        model = small(loss=loss, r1=5.0)
        with torch.no_grad():
            model.discriminator.head.weight.zero_()
            model.discriminator.head.bias.fill_(1.5)
        assert model.loss_of("discriminator", x, y).item() == pytest.approx(of_discriminator, rel=1e-5)
        assert model.loss_of("generator", x, y).item() == pytest.approx(of_generator, rel=1e-5)


def test_r1_and_the_gradient_penalty_count_as_asked() -> None:
    # A linear discriminator with ‖w‖ = 2: R1 is γ 2²/2, the gradient penalty λ (2 - 1)².
    def loss(**changes: Any) -> float:
        torch.manual_seed(0)
        model = small(**changes)
        with torch.no_grad():
            model.discriminator.features = nn.Sequential(nn.Flatten())
            model.discriminator.head = nn.Linear(16, 1, bias=False)
            model.discriminator.head.weight.fill_(0.5)
        return model.loss_of("discriminator", torch.randn(6, *SHAPE)).item()

    assert loss(r1=3.0) - loss(r1=0.0) == pytest.approx(3 * 2, rel=1e-4)
    critic = {"loss": "wgan-gp"}
    assert loss(**critic, gradient_penalty=7.0) - loss(**critic, gradient_penalty=0.0) == pytest.approx(7, rel=1e-4)


def test_the_discriminator_s_turn_leaves_the_generator_alone() -> None:
    model, x = small(), torch.zeros(4, *SHAPE)
    model.loss_of("discriminator", x).backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in model.generator.parameters())
    assert all(p.grad is not None for p in model.discriminator.parameters())


def test_wasserstein_s_generator_waits_for_its_critic() -> None:
    model = small(loss="wgan-gp").fit(bars(60), epochs=2, batch_size=6, progress=False)
    assert model.history is not None
    assert {name: len(losses) for name, losses in model.history.players.items()} == {
        "discriminator": 20,
        "generator": 4,
    }


def test_augmented_pictures_are_all_that_the_discriminator_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def blank(x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return torch.zeros_like(x)

    monkeypatch.setattr("sdg_lab.models.gan.model.augment", blank)
    model, x = small(augment=True), torch.ones(4, *SHAPE)
    with torch.no_grad():
        logit = model.discriminator(torch.zeros(1, *SHAPE)).item()
    assert model.loss_of("generator", x).item() == pytest.approx(np.log1p(np.exp(-logit)), rel=1e-5)
    want = np.log1p(np.exp(-logit)) + np.log1p(np.exp(logit))
    assert model.loss_of("discriminator", x).item() == pytest.approx(want, rel=1e-5)
    assert seen == [4, 4, 4]


# The contract.


def test_the_label_decides_the_picture(fitted: GAN) -> None:
    for label in range(4):
        rows = fitted.sample(40, seed=2, labels=label).pixels[:, 0]
        assert (rows.mean(axis=2).argmax(axis=1) == label).mean() > 0.9
    assert np.abs(fitted.sample(200, seed=3).pixels.mean() - bars(200).pixels.mean()) < 0.05


def test_samples_are_images_of_the_same_form(fitted: GAN) -> None:
    samples = fitted.sample(7, seed=0, labels=[0, 1, 2, 3, 0, 1, 2])
    assert samples.shape == SHAPE
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 1, 2, 3, 0, 1, 2]
    np.testing.assert_array_equal(samples.pixels, fitted.sample(7, seed=0, labels=samples.labels).pixels)
    assert not np.array_equal(fitted.sample(7).pixels, fitted.sample(7).pixels)
    assert small().fit(bars(10), epochs=1, progress=False).sample(2).labels is None


def test_free_labels_follow_the_training_set() -> None:
    data = bars(60)
    assert data.labels is not None
    model = small(classes=4).fit(data[data.labels < 2], epochs=1, progress=False)
    labels = model.sample(200, seed=0).labels
    assert labels is not None
    assert set(labels.tolist()) == {0, 1}


def test_the_same_seed_gives_the_same_model() -> None:
    kinds = {"spectral_norm": True, "augment": True}
    first, again, other = (small(**kinds).fit(bars(40), epochs=2, seed=seed, progress=False) for seed in (5, 5, 6))
    for name, tensor in first.state().items():
        assert torch.equal(tensor, again.state()[name]), name
    assert not np.array_equal(first.sample(3, seed=0).pixels, other.sample(3, seed=0).pixels)
    # Fitting anew forgets what was learnt before, and disturbs nobody else's draws.
    torch.manual_seed(7)
    refitted = other.fit(bars(40), epochs=2, seed=5, progress=False)
    np.testing.assert_array_equal(refitted.sample(3, seed=0).pixels, first.sample(3, seed=0).pixels)
    drawn = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": 4, "r1": 0.5, "loss": "hinge"},
        {"architecture": "convolutional", "width": 4, "classes": 4, "spectral_norm": True, "augment": True},
        {"architecture": "convolutional", "width": 4, "depth": 1, "loss": "wgan-gp", "gradient_penalty": 5.0},
    ],
    ids=str,
)
def test_save_and_load_give_back_the_same_model(changes: dict[str, Any], tmp_path: Path) -> None:
    data = bars(30)
    model = small(**changes).fit(data, epochs=1, batch_size=10, progress=False)
    model.save(tmp_path / "gan.safetensors")
    again = GAN.load(tmp_path / "gan.safetensors")
    assert again.config() == model.config()
    assert again.trained["epochs"] == 1
    assert set(again.trained) == {"seconds", "cpu_seconds", "epochs"}
    np.testing.assert_array_equal(again.sample(3, seed=0).pixels, model.sample(3, seed=0).pixels)
    np.testing.assert_array_equal(again.logits(data), model.logits(data))
    assert again.logits(data).shape == (30,)


def test_no_likelihood_is_claimed(fitted: GAN) -> None:
    assert not isinstance(fitted, HasLogProb | HasLogProbBound)


def test_what_is_drawn_does_not_depend_on_how_many_at_a_time(fitted: GAN, monkeypatch: pytest.MonkeyPatch) -> None:
    data, whole = bars(25), fitted.sample(25, seed=0)
    logits = fitted.logits(data)
    monkeypatch.setattr("sdg_lab.models.gan.model.MOST_PICTURES", 4)
    np.testing.assert_allclose(fitted.sample(25, seed=0).pixels, whole.pixels, atol=1e-6)
    np.testing.assert_allclose(fitted.logits(data), logits, atol=1e-5)


def test_a_hook_can_draw_while_the_training_goes_on() -> None:
    drawn: list[np.ndarray] = []
    model = small(classes=4, architecture="convolutional", width=4)
    model.fit(
        bars(40),
        epochs=3,
        on_epoch=lambda epoch, gan: drawn.append(gan.sample(4, seed=epoch, labels=1).pixels),
        progress=False,
    )
    assert len(drawn) == 3
    # The average of the weights after the last epoch is what is kept.
    np.testing.assert_array_equal(drawn[-1], model.sample(4, seed=2, labels=1).pixels)


@pytest.mark.parametrize("ema", [None, 0.9])
def test_normalised_weights_stay_so_in_an_average_and_a_hook_changes_nothing(ema: float | None) -> None:
    def stretches(gan: GAN) -> list[float]:
        layers = [m for m in gan.discriminator.modules() if isinstance(m, nn.Linear)]
        return [float(np.linalg.svd(layer.weight.detach().numpy(), compute_uv=False)[0]) for layer in layers]

    data, while_training = bars(60), []
    normal: dict[str, Any] = {"ema": ema, "epochs": 3, "batch_size": 10, "lr": 0.01, "progress": False}
    watched = small(spectral_norm=True)
    watched.fit(data, on_epoch=lambda _, gan: while_training.append(stretches(gan)), **normal)
    np.testing.assert_allclose([*while_training, stretches(watched)], 1, atol=0.01)
    alone = small(spectral_norm=True).fit(data, **normal)
    for name, tensor in alone.state().items():
        assert torch.equal(tensor, watched.state()[name]), name


# What goes wrong, and the sentence.


def test_a_run_that_diverges_says_who_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    data, model = bars(40), small(loss="wgan-gp")
    whole = small(loss="wgan-gp").fit(data, epochs=4, batch_size=8, seed=3, progress=False)

    def run(model: GAN, **schedule: Any) -> GAN:
        return model.fit(data, epochs=4, batch_size=8, seed=3, checkpoint=path, progress=False, **schedule)

    with pytest.raises(training.DivergedError) as raised:
        run(model, schedule=lambda share: 1.0 if share < 0.5 else 1e30)
    assert "the loss of the discriminator became" in str(raised.value)
    assert "(epoch 2)" in str(raised.value)
    assert f"the last good checkpoint is {path}" in str(raised.value)
    with pytest.raises(NotFittedError):
        model.sample(1)
    # The checkpoint is that of epoch 1, whole: with sound rates the run goes on as if nothing had been.
    resumed = run(model)
    for name, tensor in whole.state().items():
        assert torch.equal(tensor, resumed.state()[name]), name


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shape": (8, 8)}, r"shape must be \(channels, height, width\), each >= 1, got \(8, 8\)"),
        ({"latent": 0}, "latent must be >= 1, got 0"),
        ({"width": 0}, "width must be >= 1, got 0"),
        ({"depth": 0}, "depth must be >= 1, got 0"),
        ({"classes": 1}, "classes must be >= 2, got 1"),
        ({"r1": -1.0}, "r1 must be >= 0, got -1.0"),
        ({"gradient_penalty": float("nan")}, "gradient_penalty must be >= 0, got nan"),
        ({"loss": "minimax"}, "loss must be one of non-saturating, hinge, wgan-gp, got 'minimax'"),
        ({"architecture": "recurrent"}, "architecture must be dense or convolutional, got 'recurrent'"),
        (
            {"architecture": "convolutional", "shape": (1, 28, 30)},
            "halve the picture 2 times: height and width must be multiples of 4, got 28×30",
        ),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**changes)


def test_bad_data_is_refused() -> None:
    data = bars(10)
    with pytest.raises(ValueError, match=r"pixels must be in \[0, 1\], got values from 0.0 to 255.0 in image 0"):
        small().fit(Images(np.array([[[[0, 255]]]], dtype=np.float32)))
    with pytest.raises(TypeError, match=r"learns from sdg_lab.data.Images, got ndarray"):
        small().fit(data.pixels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="data is empty"):
        small().fit(data[:0])
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), this GAN was made for \(3, 4, 4\): make it with GAN"):
        small(shape=(3, 4, 4)).fit(data)
    with pytest.raises(ValueError, match="conditional on 4 classes: its pictures need labels"):
        small(classes=4).fit(Images(data.pixels))
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2, got 3"):
        small(classes=3).fit(data)


def test_bad_questions_are_refused(fitted: GAN) -> None:
    plain = small().fit(bars(10), epochs=1, progress=False)
    with pytest.raises(NotFittedError, match="has not been fitted"):
        small().sample(1)
    with pytest.raises(NotFittedError, match="has not been fitted"):
        small().logits(bars(3))
    with pytest.raises(ValueError, match="n, the number of samples, must be a whole number >= 1, got 0"):
        plain.sample(0)
    with pytest.raises(ValueError, match=r"labels were given to a GAN without classes: make it with GAN\(classes="):
        plain.sample(2, labels=1)
    with pytest.raises(ValueError, match="labels must be 3 whole numbers, got int64 of shape"):
        fitted.sample(3, labels=[0, 1])
    with pytest.raises(ValueError, match="labels must be 2 whole numbers, got float64 of shape"):
        fitted.sample(2, labels=[0.0, 1.0])
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.3, got -1"):
        fitted.sample(3, labels=-1)
    with pytest.raises(ValueError, match=r"z must have shape \(n, 3\) with n >= 1, got \(3, 5\)"):
        plain.decode(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="z is not finite at point 1"):
        plain.decode([[0.0, 0.0, 0.0], [0.0, np.nan, 0.0]])
    x, y = torch.zeros(2, *SHAPE), torch.tensor([0, 1])
    for network, inputs in ((0, x), (1, torch.zeros(2, 3))):
        player, conditional = (list(model.players().values())[network] for model in (plain, fitted))
        with pytest.raises(ValueError, match="conditional on 4 classes: pass the labels y too"):
            conditional(inputs)
        with pytest.raises(ValueError, match="labels y were given to a GAN without classes"):
            player(inputs, y)
