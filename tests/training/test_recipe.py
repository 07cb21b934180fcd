"""What the options of a ``fit`` do to the weights, where nothing else moves them."""

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.training import History, recipe, train
from tests.training.problems import CLOSE, CLOUD, Point, fresh, problem, weights


class Flat(nn.Module):
    """A network whose loss has no slope: only weight decay changes it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.linear, self.norm = nn.Embedding(3, 4), nn.Linear(4, 4), nn.LayerNorm(4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.fill_(1.0)

    def matrices(self) -> list[nn.Parameter]:
        return [self.linear.weight]

    def loss(self, x: Tensor) -> Tensor:
        return sum((0 * p.sum() for p in self.parameters()), torch.zeros(()))


@pytest.mark.parametrize(
    ("optimizer", "decayed"), [("adamw", {"embedding.weight", "linear.weight"}), ("muon", {"linear.weight"})]
)
def test_only_matrices_decay_not_biases_and_gains(optimizer: Any, decayed: set[str]) -> None:
    model = Flat()
    chosen: recipe.Recipe = {"epochs": 2, "batch_size": 4, "lr": 0.1, "optimizer": optimizer, "weight_decay": 0.5}
    recipe.run(model, (CLOUD,), None, chosen, seed=0, progress=False)  # of 6 steps
    for name, parameter in model.named_parameters():
        want = 0.95**6 if name in decayed else 1.0
        np.testing.assert_allclose(parameter.detach(), np.full(parameter.shape, want), **CLOSE)


def ran(model: nn.Module, **chosen: Any) -> tuple[History, dict[str, float]]:
    return recipe.run(model, problem(), problem(20), chosen, seed=3, progress=False)  # type: ignore[arg-type]


def test_a_recipe_is_the_loop_with_adamw() -> None:
    ours, bare = fresh(0.5), fresh(0.5)
    options: dict[str, Any] = {"epochs": 3, "batch_size": 10, "ema": 0.9, "clip": 0.3, "patience": 2}
    history, trained = ran(ours, **options, lr=0.01, betas=(0.5, 0.8), weight_decay=0.2)

    def adamw(parameters: Any) -> torch.optim.Optimizer:
        found = list(parameters)
        groups = [{"params": [p]} if p.ndim == 2 else {"params": [p], "weight_decay": 0.0} for p in found]
        return torch.optim.AdamW(groups, lr=0.01, betas=(0.5, 0.8), weight_decay=0.2)

    want = train(bare, problem(), validation=problem(20), optimizer=adamw, seed=3, progress=False, **options)
    np.testing.assert_allclose(history.loss, want.loss, **CLOSE)
    np.testing.assert_allclose(history.validation_loss, want.validation_loss, **CLOSE)
    torch.testing.assert_close(weights(ours), weights(bare), **CLOSE)
    assert (trained["epochs"], trained["steps"]) == (3, 15)
    assert trained["seconds"] == round(history.seconds, 1)
    assert trained["cpu_seconds"] >= 0


def test_what_is_kept_beside_the_weights_is_rounded_to_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(loss=[1.0, 2.0, 3.0], train_loss=[1.5, 3.0], seconds=1.26, cpu_seconds=2.34)
    monkeypatch.setattr(recipe.training, "train", lambda *_, **__: history)
    assert ran(fresh()) == (history, {"seconds": 1.3, "cpu_seconds": 2.3, "epochs": 2, "steps": 3})


def test_a_fit_shows_what_counts_where_it_is_told_nothing() -> None:
    @recipe.defaults(epochs=7)
    def fit(**recipe: Any) -> None:
        """Train."""

    shown = {name: parameter.default for name, parameter in inspect.signature(fit).parameters.items()}
    assert shown == {
        "epochs": 7, "batch_size": 64, "lr": 0.001, "optimizer": "adamw", "betas": None, "weight_decay": 0.0,
        "schedule": None, "patience": None, "ema": None, "clip": None, "device": "auto", "precision": "32-true",
        "compile": False, "checkpoint": None, "on_epoch": None,
    }  # fmt: skip
    assert inspect.signature(recipe.defaults()(lambda **_: None)).parameters["epochs"].default == 30


def test_betas_reach_either_optimiser(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(recipe, "Muon", lambda *_, **options: seen.update(options) or torch.optim.SGD(_[0]))
    for betas in (None, (0.5, 0.8)):
        chosen: recipe.Recipe = {"epochs": 1, "batch_size": 4, "optimizer": "muon", "betas": betas}
        recipe.run(Flat(), (CLOUD,), None, chosen, seed=0, progress=False)
        assert seen.pop("betas", None) == betas


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"optimizer": "sgd"}, "optimizer must be one of adamw, muon, got 'sgd'"),
        ({"optimizer": "muon"}, "a Point does not say which matrices muon shall step; use optimizer='adamw'"),
        ({"weight_decay": -0.1}, "weight_decay must be >= 0, got -0.1"),
        ({"betas": 0.9}, "betas must be two decay rates, got 0.9"),
        ({"betas": (0.9, 1.0)}, "each of betas must be >= 0 and < 1, got 1.0"),
    ],
)
def test_what_cannot_be_trained_with_is_refused(chosen: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        recipe.run(Point(), (CLOUD,), None, chosen, seed=0, progress=False)
