"""The loop against loops written by hand, step by step and in closed form."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.training import DivergedError, evaluate, schedules
from tests.training.problems import (
    CLOSE,
    CLOUD,
    Line,
    Point,
    Scripted,
    fresh,
    problem,
    pull,
    pulled,
    run,
    weights,
)


def test_without_a_say_it_is_adam() -> None:
    ours, bare = fresh(), fresh()
    x, y = problem()
    history = run(ours, batch_size=50, lr=0.01)
    optimizer = torch.optim.Adam(bare.parameters(), lr=0.01)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = bare.loss(x, y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    torch.testing.assert_close(weights(ours), weights(bare), **CLOSE)
    assert history.loss == pytest.approx(losses, rel=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"seed": 3},
        {"schedule": schedules.cosine},
        {"schedule": lambda share: 2.0 if share >= 0.25 else 0.5},  # a jump, between the first and the second epoch
        {"clip": 0.7},
        {"clip": 0.7, "schedule": schedules.warm_up_then_linear},
        {"ema": 0.8},
        {"ema": 0.5, "clip": 1.5},
    ],
    ids=lambda options: ", ".join(options) or "none",
)
def test_each_step_is_that_of_the_loop_by_hand(options: dict[str, Any]) -> None:
    model, seen = Point(), []
    history = pull(model, on_epoch=lambda _, measured: seen.append(weights(measured)), **options)
    losses, after = pulled(**options)
    np.testing.assert_allclose(history.loss, losses, **CLOSE)
    np.testing.assert_allclose(torch.stack(seen), after, **CLOSE)
    np.testing.assert_allclose(weights(model), after[-1], **CLOSE)
    np.testing.assert_allclose(history.train_loss, np.reshape(losses, (4, 3)).mean(1), **CLOSE)
    assert (history.epochs, history.steps, history.players) == (4, 12, {})
    assert history.stopped == "all epochs done"


def test_a_schedule_is_asked_for_the_share_of_steps_that_are_done() -> None:
    asked: list[float] = []

    def schedule(share: float) -> float:
        asked.append(share)
        return 1.0

    pull(Point(), schedule=schedule)
    assert asked == pytest.approx([step / 12 for step in range(12)])


def test_each_rate_of_an_optimizer_is_scaled_from_where_it_began() -> None:
    rates = []

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slow, self.fast = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

        def loss(self, x: Tensor) -> Tensor:
            return (self.slow + self.fast + x).square().mean()

    class Watched(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            rates.append([group["lr"] for group in self.param_groups])

    model = Two()
    groups = [{"params": [model.slow], "lr": 0.1}, {"params": [model.fast], "lr": 4.0}]
    run(model, torch.ones(2, 1), epochs=4, batch_size=2, schedule=schedules.linear, optimizer=lambda _: Watched(groups))
    np.testing.assert_allclose(rates, np.outer([1, 0.75, 0.5, 0.25], [0.1, 4.0]))


def test_buffers_are_averaged_as_weights_are() -> None:
    """Batch normalisation's means belong to the weights that made them."""

    class Counting(Point):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(1))

        def loss(self, x: Tensor) -> Tensor:
            self.count += 1
            return super().loss(x)

    model = Counting()
    pull(model, epochs=1, ema=0.5)
    assert float(model.count) == pytest.approx(0.25 * 1 + 0.25 * 2 + 0.5 * 3)


# What is measured.


def held_out_loss(at: np.ndarray, held_out: Tensor) -> float:
    return float(0.5 * ((at - held_out.double().numpy()) ** 2).sum(1).mean())


@pytest.mark.parametrize("ema", [None, 0.8])
def test_validation_is_of_the_held_out_data_with_the_weights_that_are_kept(ema: float | None) -> None:
    model, held_out = Point(), -CLOUD[:7] + 1
    history = pull(model, validation=held_out, ema=ema)
    _, after = pulled(ema=ema or 0.0)
    np.testing.assert_allclose(history.validation_loss, [held_out_loss(at, held_out) for at in after], **CLOSE)


def test_validation_draws_the_same_noise_after_each_epoch() -> None:
    class Noisy(Point):
        def loss(self, x: Tensor) -> Tensor:
            return 0 * self.at.sum() + torch.randn(()) if not self.training else super().loss(x)

    for seed in (0, 3):
        measured = pull(Noisy(), validation=CLOUD, seed=seed).validation_loss
        assert measured == pytest.approx([evaluate(Noisy(), CLOUD, seed=seed)] * 4, rel=1e-5)


def test_steps_are_made_in_training_mode_and_validation_is_not() -> None:
    modes = []

    class Watched(Point):
        def loss(self, x: Tensor) -> Tensor:
            modes.append((self.training, torch.is_grad_enabled()))
            return super().loss(x)

    model = Watched().eval()
    pull(model, epochs=2, validation=CLOUD)
    assert modes == 2 * [(True, True), (True, True), (True, True), (False, False)]
    assert not model.training


@pytest.mark.parametrize("ema", [None, 0.8])
@pytest.mark.parametrize(
    ("script", "patience", "epochs", "best"),
    [
        ([5.0, 3.0, 4.0, 4.5, 1.0], 2, 4, 1),
        ([5.0, 3.0, 3.0, 1.0], 1, 3, 1),  # as low is not lower
        ([5.0, 3.0, 4.0, 2.0, 2.5, 2.25], 2, 6, 3),
        ([5.0, 4.0, 3.0, 2.0, 1.0, 1.5], 3, 6, 4),  # the epochs end before patience does
        ([1.0, 2.0, 3.0], 2, 3, 0),
    ],
)
def test_early_stopping_goes_back_to_the_best_of_the_measured_weights(
    ema: float | None, script: list[float], patience: int, epochs: int, best: int
) -> None:
    model = Scripted(*script)
    history = pull(model, epochs=6, validation=CLOUD, patience=patience, ema=ema)
    _, after = pulled(epochs=6, ema=ema or 0.0)
    assert history.validation_loss == script[:epochs]
    assert (history.epochs, history.best_epoch) == (epochs, best)
    np.testing.assert_allclose(weights(model), after[best], **CLOSE)
    stopped = f"validation loss did not fall for {patience} epochs"
    assert history.stopped == ("all epochs done" if epochs == 6 else stopped)


def test_without_patience_the_last_weights_are_kept() -> None:
    model = Scripted(1.0, 2.0, 3.0, 4.0)
    history = pull(model, validation=CLOUD)
    np.testing.assert_allclose(weights(model), pulled()[1][-1], **CLOSE)
    assert history.best_epoch == 0


def test_early_stopping_finds_the_turn_of_a_real_validation_loss() -> None:
    model = fresh()
    validation = (problem()[0], -problem()[1])  # the better the fit, the worse the validation
    history = run(model, epochs=50, validation=validation, patience=2, lr=0.05)
    assert history.best_epoch is not None
    assert history.epochs == history.best_epoch + 3
    assert evaluate(model, validation) == pytest.approx(min(history.validation_loss), rel=1e-4)


@pytest.mark.parametrize("ema", [None, 0.8])
def test_the_hook_sees_the_measured_model_at_rest_after_each_epoch(ema: float | None) -> None:
    seen = []

    def look(epoch: int, measured: nn.Module) -> None:
        torch.rand(5)  # what a hook draws does not disturb the run
        seen.append((epoch, measured.training, weights(measured)))

    looked_at, plain = fresh(0.5), fresh(0.5)
    run(looked_at, ema=ema, epochs=3, on_epoch=look)
    run(plain, ema=ema, epochs=3)
    assert [(epoch, training) for epoch, training, _ in seen] == [(0, False), (1, False), (2, False)]
    torch.testing.assert_close(seen[-1][2], weights(plain))
    torch.testing.assert_close(weights(looked_at), weights(plain))


# Randomness.


def test_the_seed_decides_everything_and_the_caller_keeps_its_own() -> None:
    first, second, other = fresh(0.5), fresh(0.5), fresh(0.5)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(first)
    torch.rand(3)
    run(second)
    run(other, seed=1)
    torch.manual_seed(5)
    run(first, epochs=1, validation=problem(20))
    assert torch.equal(torch.get_rng_state(), before)
    run(second, epochs=1)
    torch.testing.assert_close(weights(first), weights(second))
    assert not torch.allclose(weights(first), weights(other), atol=1e-3)


def test_each_epoch_draws_other_noise() -> None:
    drawn = []

    class Noisy(Point):
        def loss(self, x: Tensor) -> Tensor:
            drawn.append(torch.rand(()).item())
            return super().loss(x)

    pull(Noisy())
    assert len(set(drawn)) == 12


def test_the_bar_is_shown_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    pull(Point(), progress=False)
    assert capsys.readouterr().err == ""
    pull(Point(), progress=True)
    assert "/12 [" in capsys.readouterr().err


# Divergence.


class Spoilt(Point):
    """Its loss is no number at one of its calls."""

    def __init__(self, call: int, value: float) -> None:
        super().__init__()
        self.calls, self.call, self.value = 0, call, value

    def loss(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().loss(x) + (self.value if self.calls == self.call else 0.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_divergence_names_the_step_and_keeps_the_weights_before_it(value: float, tmp_path: Any) -> None:
    model, path = Spoilt(6, value), tmp_path / "run.safetensors"
    sentence = (
        rf"the loss became {value} at step 5 \(epoch 1\): with a learning rate of 0.3 and the gradient's norm not "
        rf"limited. Lower either, and look at the data; the last good checkpoint is {path}$"
    )
    losses: list[float] = []
    with pytest.raises(DivergedError, match=sentence):
        pull(model, checkpoint=path, on_epoch=lambda *_: losses.append(0.0))
    assert path.exists()
    assert len(losses) == 1
    np.testing.assert_allclose(weights(model), pulled_for(5), **CLOSE)
    assert all(p.requires_grad for p in model.parameters())


def pulled_for(steps: int) -> np.ndarray:
    """Return the point after so many steps by hand: the rate of all later ones is 0."""
    return pulled(schedule=lambda share: float(round(share * 12) < steps))[1][-1]


def test_advice_is_of_the_rate_that_was_asked_for_and_of_the_norm() -> None:
    with pytest.raises(DivergedError, match=r"a learning rate of 0.3 and the gradient's norm limited to 2. Lower"):
        pull(Spoilt(1, math.nan), schedule=schedules.warm_up_then_linear, clip=2.0)


def test_a_validation_loss_that_is_no_number_is_not_the_best() -> None:
    with pytest.raises(DivergedError, match=r"the validation loss became nan at step 5 \(epoch 1\)"):
        pull(Scripted(1.0, math.nan), validation=CLOUD, patience=2)


def test_weights_that_are_no_numbers_are_neither_kept_nor_saved(tmp_path: Any) -> None:
    class Steep(Point):
        def loss(self, x: Tensor) -> Tensor:
            loss = super().loss(x)
            if len(x) == 2:  # the last batch of an epoch: a finite loss with an infinite slope
                loss = loss + (self.at - self.at.detach()).abs().sqrt().sum()
            return loss

    path = tmp_path / "run.safetensors"
    with pytest.raises(DivergedError, match=r"the weights became nan at step 2 \(epoch 0\)"):
        pull(Steep(), checkpoint=path)
    assert not path.exists()


# What is refused.


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 0}, r"epochs must be a whole number >= 1, got 0"),
        ({"batch_size": 0}, r"batch_size must be a whole number >= 1, got 0"),
        ({"seed": -1}, r"seed must be a whole number >= 0, got -1"),
        ({"lr": -1.0}, r"lr must be > 0, got -1.0"),
        ({"ema": 1.0}, r"ema must be > 0 and < 1, got 1.0"),
        ({"ema": 0.0}, r"ema must be > 0 and < 1, got 0.0"),
        ({"clip": 0.0}, r"clip must be > 0, got 0.0"),
        ({"patience": 0, "validation": problem()}, r"patience must be a whole number >= 1, got 0"),
        ({"patience": 3}, r"patience=3 needs validation data"),
        ({"schedule": "cosine"}, r"schedule must be a function, such as .*, got 'cosine'"),
        ({"schedule": lambda share: math.nan}, r"the factor that schedule gives must be >= 0, got nan"),
        ({"on_epoch": 3}, r"on_epoch must be a function of an epoch's number and a model, got 3"),
        ({"optimizer": "sgd"}, r"optimizer must be a function, e.g. lambda p: .*, got 'sgd'"),
        ({"validation": problem()[0]}, r"validation must hold 2 tensors, as the data do, got 1"),
        ({"checkpoint": "."}, r"checkpoint must be a file, got '.'"),
        ({"checkpoint": ""}, r"checkpoint must be a file, got ''"),
        ({"device": "gpu"}, r"device must be one of auto, cpu, cuda, mps, got 'gpu'"),
        ({"validation": (problem()[0], problem(49)[1])}, r"the tensors of validation must have one length"),
    ],
)
def test_settings_out_of_range_are_refused_and_change_nothing(changes: dict[str, Any], sentence: str) -> None:
    model = fresh()
    before = weights(model)
    with pytest.raises(ValueError, match=sentence):
        run(model, **changes)
    assert torch.equal(weights(model), before)


def test_a_loss_that_is_not_a_mean_is_refused() -> None:
    class Vector(Line):
        def loss(self, x: Tensor, y: Tensor) -> Tensor:
            return (self.net(x) - y)[:, 0] ** 2

    with pytest.raises(ValueError, match=r"loss must return a scalar.*\(16,\)"):
        run(Vector())
