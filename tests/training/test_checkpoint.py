"""Runs that are interrupted and taken up again, and those that must not be."""

import itertools
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.models.transformer import GPT
from sdg_lab.training import loop, reinitialise, schedules
from sdg_lab.training.muon import Muon
from tests.training.problems import (
    CLOSE,
    CLOUD,
    Line,
    Point,
    Scripted,
    descent,
    fresh,
    problem,
    pull,
    pulled,
    run,
    weights,
)


class Interrupted(Line):
    """Stops as a user would, in the middle of the third epoch."""

    def __init__(self) -> None:
        super().__init__(0.5)
        self.calls = 0

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        self.calls += self.training
        if self.calls == 10:
            raise KeyboardInterrupt
        return super().loss(x, y)


def momentum(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9)


def muon(parameters: Any) -> torch.optim.Optimizer:
    found = list(parameters)
    return Muon([p for p in found if p.ndim == 2], [p for p in found if p.ndim != 2], lr=0.02)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"ema": 0.9},
        {"patience": 3},
        {"clip": 0.5, "schedule": schedules.cosine},
        {"optimizer": momentum},
        {"optimizer": muon},
    ],
    ids=lambda options: ", ".join(options) or "none",
)
def test_an_interrupted_run_resumes_to_the_same_bits(tmp_path: Path, extra: dict[str, Any]) -> None:
    if "patience" in extra:
        extra = extra | {"validation": problem(20)}
    whole, interrupted, resumed = fresh(0.5), Interrupted(), fresh(0.5)
    full = run(whole, **extra)
    path = tmp_path / "run.safetensors"
    reinitialise(interrupted, 0)
    with pytest.raises(KeyboardInterrupt):
        run(interrupted, checkpoint=path, **extra)
    reinitialise(resumed, 99)
    history = run(resumed, checkpoint=path, **extra)
    assert torch.equal(weights(whole), weights(resumed))
    assert history.loss == full.loss
    assert history.train_loss == full.train_loss
    assert history.validation_loss == full.validation_loss


def test_more_epochs_can_be_asked_for(tmp_path: Path) -> None:
    path, model = tmp_path / "run", Point()
    pull(Point(), epochs=2, checkpoint=path)
    history = pull(model, epochs=5, checkpoint=path)
    losses, after = pulled(epochs=5)
    np.testing.assert_allclose(history.loss, losses, **CLOSE)
    np.testing.assert_allclose(weights(model), after[-1], **CLOSE)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    class Refusing(Point):
        def loss(self, x: Tensor) -> Tensor:
            raise AssertionError("it was finished")

    first, again = Point(), Refusing()
    history = pull(first, checkpoint=tmp_path / "run")
    repeated = pull(again, checkpoint=tmp_path / "run")
    assert repeated.loss == history.loss
    assert (repeated.epochs, repeated.stopped) == (4, "all epochs done")
    assert torch.equal(weights(first), weights(again))


@pytest.mark.parametrize("ema", [None, 0.8])
def test_the_best_weights_live_on_in_a_resumed_run(tmp_path: Path, ema: float | None) -> None:
    settings: dict[str, Any] = {"validation": CLOUD, "patience": 2, "ema": ema, "checkpoint": tmp_path / "run"}
    pull(Scripted(5.0, 3.0, 4.0), epochs=3, **settings)
    resumed = Scripted(4.5, 1.0)
    history = pull(resumed, epochs=6, **settings)
    assert (history.epochs, history.best_epoch) == (4, 1)
    np.testing.assert_allclose(weights(resumed), pulled(ema=ema or 0.0)[1][1], **CLOSE)
    again = Scripted()
    assert "did not fall for 2 epochs" in pull(again, epochs=6, **settings).stopped  # out of patience for good
    assert torch.equal(weights(again), weights(resumed))


def test_seconds_are_those_of_all_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, tick in (("perf_counter", 10), ("process_time", 7)):
        monkeypatch.setattr(loop.time, name, partial(next, map(float, itertools.count(0, tick))))
    first = pull(Point(), epochs=2, checkpoint=tmp_path / "run")
    assert (first.seconds, first.cpu_seconds) == (30, 21)  # a look after each epoch, and one at the end
    second = pull(Point(), epochs=4, checkpoint=tmp_path / "run")
    assert (second.seconds, second.cpu_seconds) == (20 + 30, 14 + 21)


# Another run's checkpoint.


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_size": 8}, r"its batch_size is 16, this one's is 8"),
        ({"seed": 1}, r"its seed is 0, this one's is 1"),
        ({"lr": 0.01}, r"its learning rates is {'model': \[0.001\]}, this one's is {'model': \[0.01\]}"),
        ({"patience": 4}, r"its patience is 3, this one's is 4"),
        ({"ema": 0.8}, r"its ema is 0.9, this one's is 0.8"),
        ({"precision": "bf16-mixed"}, r"its precision is 32-true, this one's is bf16-mixed"),
        ({"clip": None}, r"its clip is 1.0, this one's is None"),
        ({"validation": problem(21)}, r"its validation is .*\(20, 3\).*, this one's is .*\(21, 3\)"),
        (
            {"optimizer": partial(torch.optim.AdamW, lr=1e-3)},
            r"its optimizer is .*Adam of 4 .*this one's is .*AdamW of",
        ),
        (
            {"optimizer": partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.99))},
            r"its optimizer is .*\(0.9, 0.999\).*this one's is .*\(0.5, 0.99\)",
        ),
        ({"optimizer": partial(torch.optim.Adam, lr=1e-3, weight_decay=0.1)}, r"its optimizer .*weight_decay=0.1"),
        ({"schedule": None}, r"its schedule is 1.000000, 0.853553, .*, this one's is None"),
        ({"schedule": schedules.linear}, r"its schedule is 1.000000, 0.853553, .*, this one's is 1.000000, 0.75"),
        ({"schedule": lambda t: schedules.cosine(t) + (t > 0.99)}, r"its schedule is"),
        ({"epochs": 7}, r"its schedule is .* of 2 epochs .*, this one's is .* of 7 epochs"),
        ({"epochs": 1}, r"its schedule is .* of 2 epochs .*, this one's is .* of 1 epochs"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    settings: dict[str, Any] = {"epochs": 2, "patience": 3, "validation": problem(20), "ema": 0.9, "clip": 1.0}
    settings |= {"schedule": schedules.cosine, "checkpoint": tmp_path / "run"}
    run(fresh(), **settings)
    refused(
        rf"run belongs to another run: {sentence}.*; give this run a checkpoint file of its own", settings | changes
    )
    run(fresh(), **settings)


def refused(sentence: str, settings: dict[str, Any], model: Line | None = None, data: Any = None) -> None:
    """See that a run is refused, and that this changes nothing."""
    model = model or fresh()
    before = weights(model)
    with pytest.raises(ValueError, match=sentence):
        run(model, data, **settings)
    assert torch.equal(weights(model), before)


def test_a_schedule_is_known_by_its_values_however_it_is_written(tmp_path: Path) -> None:
    pull(Point(), schedule=schedules.linear, checkpoint=tmp_path / "run")
    assert pull(Point(), schedule=lambda share: 1.0 - share, checkpoint=tmp_path / "run").epochs == 4


def test_a_schedule_is_looked_at_in_a_thousand_places(tmp_path: Path) -> None:
    asked: list[float] = []

    def schedule(share: float) -> float:
        asked.append(share)
        return 1.0

    pull(Point(), schedule=schedule, checkpoint=tmp_path / "run")
    assert set(asked) == {place / 1000 for place in range(1000)} | {step / 12 for step in range(12)}
    sentence = r"schedule is (1\.000000, ){3}1\.000000 at the quarters of 4 epochs \([0-9a-f]{8}\), this one's is"
    for place in (0, 1, 501, 999):
        with pytest.raises(ValueError, match=sentence):
            pull(Point(), schedule=lambda share, at=place / 1000: 1.0 + (share == at), checkpoint=tmp_path / "run")


def test_fewer_epochs_than_were_run_are_refused(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 6, "checkpoint": tmp_path / "run"}
    run(fresh(), **settings)
    sentence = "run has 6 epochs behind it, more than the 2 asked for; give this run a checkpoint file of its own"
    refused(sentence, settings | {"epochs": 2})


def test_a_run_is_not_resumed_on_other_data(tmp_path: Path) -> None:
    x, y = problem()
    settings: dict[str, Any] = {"checkpoint": tmp_path / "run"}
    run(fresh(), (x, y), **settings)
    for other in ((x + 1, y), (x, y.flip(0)), (x[:40], y[:40])):
        refused(r"another run: its data is \['\(50, 3\) [0-9a-f]{16}'", settings, data=other)


@pytest.mark.parametrize("change", [lambda net: nn.Sequential(net, nn.Identity()), lambda net: nn.Sequential(*net[:1])])
def test_another_models_checkpoint_is_refused(tmp_path: Path, change: Callable[[nn.Sequential], nn.Sequential]) -> None:
    settings: dict[str, Any] = {"checkpoint": tmp_path / "run", "optimizer": lambda p: descent(0.1)([next(iter(p))])}
    run(fresh(), **settings)
    model = fresh()
    model.net = change(model.net)
    refused(r"holds another model's weights: its net.*, this one's is", settings, model)


def test_a_model_of_other_sizes_is_refused_by_name(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"checkpoint": tmp_path / "run"}
    run(fresh(), **settings)
    model = fresh()
    model.net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    refused(r"its net.0.bias is \(4,\), this one's is \(5,\); give this run", settings, model)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dropout": 0.5}, r"its model's dropout is 0.0, this one's is 0.5"),
        ({"n_heads": 4}, r"its model's n_heads is 2, this one's is 4"),
        ({"words": ["AB", "BA", "CAB"]}, r"its model's letters is .*'a'.*, this one's is .*'A'"),
    ],
)
def test_a_model_of_another_kind_with_weights_of_the_same_shape_is_refused(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    def fit(words: list[str], epochs: int, **options: Any) -> None:
        model = GPT(**{"context": 8, "d_model": 8, "n_layers": 1, "n_heads": 2, **options})
        model.fit(words, epochs=epochs, checkpoint=tmp_path / "run", progress=False, device="cpu")

    fit(["ab", "ba", "cab"], 1)
    with pytest.raises(ValueError, match=sentence):
        fit(**{"words": ["ab", "ba", "cab"], "epochs": 2, **change})
    fit(["ab", "ba", "cab"], 2)


def test_a_damaged_file_and_one_that_holds_no_run_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    settings: dict[str, Any] = {"checkpoint": path}
    run(fresh(), **settings)
    whole = path.read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(str(path), settings)
    write_tensors(path, {"weight": torch.ones(3)}, {"width": 3})
    refused(r"run holds no training run \(no history\); give this run a checkpoint file of its own", settings)


def test_a_checkpoint_is_text_and_numbers(tmp_path: Path) -> None:
    run(fresh(), ema=0.9, checkpoint=tmp_path / "run")
    with safe_open(str(tmp_path / "run"), framework="pt") as handle:
        config = json.loads(handle.metadata()["config"])
    assert len(config["history"]["train_loss"]) == 6
    tensors, _ = read_tensors(tmp_path / "run")
    assert {name.split(".")[0] for name in tensors} == {"model", "average", "optimizer"}
