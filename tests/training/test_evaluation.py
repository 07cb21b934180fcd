"""The loss on held-out data: a mean over examples, at rest, with the same noise each time."""

import pytest
import torch
from torch import Tensor

from sdg_lab.training import evaluate, train
from tests.training.problems import CLOUD, Line, Point, fresh, problem


@pytest.mark.parametrize("batch_size", [1, 3, 13, 49, 50, 256])
def test_examples_count_equally_whatever_the_batches(batch_size: int) -> None:
    model, (x, y) = fresh(), problem()
    with torch.no_grad():
        want = model.loss(x.double().float(), y).item()
    assert evaluate(model, (x, y), batch_size=batch_size) == pytest.approx(want, rel=1e-4)


def test_256_examples_are_taken_at_a_time_and_no_fewer_between_epochs() -> None:
    sizes: list[int] = []

    class Counting(Point):
        def loss(self, x: Tensor) -> Tensor:
            if not self.training:
                sizes.append(len(x))
            return super().loss(x)

    many = CLOUD[:1].repeat(600, 1)
    evaluate(Counting(), many)
    assert sizes == [256, 256, 88]
    for batch_size, want in ((64, [256, 256, 88]), (300, [300, 300])):
        sizes.clear()
        train(Counting(), many[:64], epochs=1, batch_size=batch_size, validation=many, progress=False, device="cpu")
        assert sizes == want


def test_a_mean_over_examples_of_different_lengths_does_not_depend_on_the_batches() -> None:
    """As for sequences: a mean over all their symbols would, and does not keep the contract."""

    class PerExample(Point):
        def loss(self, x: Tensor, length: Tensor) -> Tensor:
            return (x.sum(1) * length).mean()

    class PerSymbol(PerExample):
        def loss(self, x: Tensor, length: Tensor) -> Tensor:
            return (x.sum(1) * length).sum() / length.sum()

    lengths = torch.arange(1.0, 11)
    values = {
        kind: [evaluate(kind(), (CLOUD, lengths), batch_size=size) for size in (1, 3, 10)]
        for kind in (PerExample, PerSymbol)
    }
    want = float((CLOUD.double().sum(1) * lengths.double()).mean())
    assert values[PerExample] == pytest.approx([want] * 3, rel=1e-4)
    assert max(values[PerSymbol]) - min(values[PerSymbol]) > 0.01


def test_noise_is_the_same_at_each_call_and_another_for_another_seed() -> None:
    model = fresh(0.5)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second, other = evaluate(model, problem()), *(evaluate(model, problem(), seed=seed) for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert first == pytest.approx(second, rel=1e-6)
    assert abs(first - other) > 1e-4


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_at_rest_and_then_as_it_was(training: bool) -> None:
    class Watched(Point):
        def loss(self, x: Tensor) -> Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            return super().loss(x)

    model = Watched().train(training)
    evaluate(model, CLOUD)
    assert model.training is training


def test_the_mode_is_put_back_when_the_loss_fails() -> None:
    model = Line()
    with pytest.raises(RuntimeError):
        evaluate(model, (torch.ones(2, 5), torch.ones(2, 1)))
    assert model.training


def test_bad_data_are_refused() -> None:
    with pytest.raises(ValueError, match="tensor 0 of data is not finite at example 2"):
        evaluate(Point(), torch.tensor([[0.0], [1.0], [float("nan")]]))


def test_batches_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_size must be a whole number >= 1, got 0"):
        evaluate(fresh(), problem(), batch_size=0)
