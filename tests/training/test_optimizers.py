"""Our optimisers are torch's, and which parameters a recipe lets decay."""

import functools
from typing import Any

import pytest
import torch
from torch import nn

from sdg_lab.training import optimizers
from tests.training.problems import CLOSE, Line, fresh, problem, weights


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_they_are_torchs(name: str) -> None:
    models = [fresh(), fresh()]
    for model, room in zip(models, (optimizers, torch.optim), strict=True):
        optimizer: Any = getattr(room, name)(model.parameters(), lr=0.01, betas=(0.8, 0.9), weight_decay=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            model.loss(*problem()).backward()
            optimizer.step()
            saved = optimizer.state_dict()
        optimizer.load_state_dict(saved)
        optimizer.zero_grad()
        model.loss(*problem()).backward()
        optimizer.step()
    torch.testing.assert_close(weights(models[0]), weights(models[1]), **CLOSE)


def test_methods_are_those_under_torchs_marks() -> None:
    @functools.wraps(len)
    def marked(x: Any) -> int:
        return len(x)

    assert optimizers._unmarked(marked) is len
    assert optimizers._unmarked(len) is len
    for name in ("add_param_group", "load_state_dict", "state_dict", "zero_grad"):
        theirs = getattr(torch.optim.Optimizer, name)
        assert getattr(optimizers.Optimizer, name) is getattr(theirs, "__wrapped__", theirs)


def test_a_step_needs_no_gradient_of_itself() -> None:
    model: nn.Module = Line()
    optimizer = optimizers.AdamW(model.parameters())
    model.loss(*problem()).backward()  # type: ignore[operator]
    optimizer.step()
    assert all(p.is_leaf for p in model.parameters())
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())
