"""One process or several, with Lightning Fabric or without: the same training."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import lightning_fabric
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.models.transformer import GPT
from sdg_lab.training import DivergedError, devices, n_parameters, reinitialise
from sdg_lab.training.devices import Processor, device_of
from tests.training.problems import CLOSE, CLOUD, Point, fresh, problem, pull, pulled, run, weights

ROOT = Path(__file__).parent.parent.parent


def python(*command: object, **environment: str) -> str:
    """Run Python in a process of its own and return what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    kept |= {"PYTHONPATH": str(ROOT), "SDG_LAB_THREADS": "1"} | environment
    made = subprocess.run(
        [sys.executable, *map(str, command)], env=kept, capture_output=True, text=True, timeout=300, check=False
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_a_training_on_the_processor_loads_neither_fabric_nor_torchs_compiler(tmp_path: Path) -> None:
    script = (
        "import sys; from tests.training.problems import *; from sdg_lab.training.muon import Muon\n"
        f"for extra in ({{}}, {{'ema': 0.9, 'clip': 1.0, 'checkpoint': {str(tmp_path / 'run')!r}}}):\n"
        "    for epochs in (1, 2):\n"
        "        run(fresh(), epochs=epochs, validation=problem(), progress=True, device='auto', **extra)\n"
        "model = fresh()\n"
        "matrices = [p for p in model.parameters() if p.ndim == 2]\n"
        "run(model, optimizer=lambda p: Muon(matrices, [p for p in p if p.ndim < 2], lr=0.01), epochs=1)\n"
        "heavy = 'torch._dynamo lightning_fabric pandas sklearn scipy matplotlib IPython'.split()\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    assert python("-c", script, CUDA_VISIBLE_DEVICES="").strip() == "[]"


def test_what_the_processor_is_given_it_has_with_itself() -> None:
    class Thing:
        def to(self, where: str) -> str:
            return where

    assert Processor().to_device(Thing()) == "cpu"


def test_the_processor_refuses_a_gradient_that_is_no_number_where_it_is_told_to() -> None:
    point = Point()
    for parameter in point.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    norm = Processor().clip_gradients(point, None, max_norm=1.0, error_if_nonfinite=False)
    assert torch.isnan(norm)
    with pytest.raises(RuntimeError, match="non-finite"):
        Processor().clip_gradients(point, None, max_norm=1.0, error_if_nonfinite=True)


def fabric(**options: Any) -> lightning_fabric.Fabric:
    made = lightning_fabric.Fabric(accelerator="cpu", devices=1, **options)
    made.launch()
    return made


@pytest.mark.parametrize("options", [{}, {"clip": 0.7, "ema": 0.8}], ids=str)
def test_fabric_trains_as_the_plain_processor_does(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(devices.launch("cpu"), Processor)
    plain, other = Point(), Point()
    first = pull(plain, validation=CLOUD, **options)
    with monkeypatch.context() as patch:
        patch.setattr(devices, "launch", lambda device, precision: fabric())
        second = pull(other, validation=CLOUD, **options)
    np.testing.assert_allclose(first.loss, second.loss, **CLOSE)
    np.testing.assert_allclose(first.validation_loss, second.validation_loss, **CLOSE)
    np.testing.assert_allclose(weights(plain), weights(other), **CLOSE)
    ema = {"ema": options["ema"], "clip": options["clip"]} if options else {}
    np.testing.assert_allclose(weights(other), pulled(**ema)[1][-1], **CLOSE)


@pytest.mark.parametrize(
    ("arguments", "environment", "gpu", "asked_for"),
    [
        (("cpu", "32-true"), {}, False, None),
        (("auto", "32-true"), {}, False, None),
        (("cpu", 32), {}, False, None),
        (("cpu", "32-true"), {}, True, None),
        (("auto", "32-true"), {}, True, ("auto", 1, 1, "auto")),
        (("cuda", "32-true"), {}, True, ("cuda", 1, 1, "auto")),
        (("cpu", "bf16-mixed"), {}, False, ("cpu", 1, 1, "auto")),
        (("cpu", "32-true"), {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}, False, ("cpu", 2, 1, "ddp")),
        (("cpu", "32-true"), {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1"}, False, ("cpu", 1, 2, "ddp")),
        (("cpu", "32-true"), {"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}, False, ("cpu", 4, 2, "ddp")),
    ],
    ids=str,
)
def test_fabric_is_asked_where_it_is_needed(
    arguments: tuple[str, Any],
    environment: dict[str, str],
    gpu: bool,
    asked_for: tuple[Any, ...] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    class Recorder:
        def __init__(self, *, accelerator: str, devices: int, num_nodes: int, strategy: str, precision: object) -> None:
            asked.append((accelerator, devices, num_nodes, strategy))
            assert precision == arguments[1]

        def launch(self) -> None:
            pass

    monkeypatch.setattr(lightning_fabric, "Fabric", Recorder)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    machine = devices.launch(*arguments)
    assert asked == ([] if asked_for is None else [asked_for])
    assert isinstance(machine, Processor if asked_for is None else Recorder)


class Pixels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))
        self.layouts: set[bool] = set()
        self.half: set[bool] = set()

    def loss(self, x: Tensor) -> Tensor:
        self.layouts.add(x.is_contiguous(memory_format=torch.channels_last))
        self.half.add(torch.is_autocast_enabled("cpu"))
        return cast(Tensor, (self.net(x) ** 2).mean())


@pytest.mark.parametrize(("asked", "backend"), [(True, "inductor"), ("eager", "eager")])
def test_the_loss_is_compiled_on_demand(asked: bool | str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda module, backend: compiled.append(backend) or module)
    pull(Point())
    assert compiled == []
    pull(Point(), compile=asked)
    assert compiled == [backend]


@pytest.mark.parametrize("changes", [{"channels_last": True}, {"compile": "eager"}, {"precision": "bf16-mixed"}])
def test_what_is_fast_on_other_devices_trains_the_same_model(changes: dict[str, Any]) -> None:
    images = torch.rand(12, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    plain, other = Pixels(), Pixels()
    for model in (plain, other):
        reinitialise(model, 0)
    run(plain, images, epochs=2, batch_size=4)
    run(other, images, epochs=2, batch_size=4, **changes)
    torch.testing.assert_close(weights(other), weights(plain), atol=4e-3 if "precision" in changes else 1e-5, rtol=1e-4)
    assert (plain.layouts, plain.half) == ({False}, {False})
    assert other.layouts == {"channels_last" in changes}
    assert other.half == {"precision" in changes}


class Quiet(nn.Module):
    """A game without noise, so that two halves of a batch are the whole."""

    def __init__(self) -> None:
        super().__init__()
        self.judge, self.forger = nn.Linear(1, 1), nn.Linear(1, 1)

    def players(self) -> dict[str, nn.Module]:
        return {"judge": self.judge, "forger": self.forger}

    def loss_of(self, player: str, x: Tensor) -> Tensor:
        fake = self.forger(x)
        sign = -1 if player == "forger" else 1
        return nn.functional.softplus(sign * self.judge(fake)).mean() + (player == "judge") * -self.judge(x).mean()


class Steep(Point):
    """Its gradient is computed from its loss, where a process has one example: nobody may write into that."""

    def loss(self, x: Tensor) -> Tensor:
        losses = (0.05 * (self.at - x).square().sum(dim=1)).exp()
        return losses[0] if len(x) == 1 else losses.mean()


def train_all() -> list[Tensor]:
    """Train networks, a game and a GPT; return all losses and weights."""
    x, y = problem(48)
    model, average, game = fresh(), fresh(), Quiet()
    history = run(model, (x, y), epochs=3, batch_size=20, validation=problem(30))
    averaged = run(average, (x, y), epochs=2, ema=0.9, clip=0.1, validation=problem(30))
    steep = Steep()
    steepened = run(steep, CLOUD, batch_size=2, lr=0.1)
    reinitialise(game, 0)
    played = run(game, y, epochs=3)
    gpt = GPT(context=12, d_model=8, n_layers=1, n_heads=2)
    words = ["a", "ab", "cab", "abacus", "decade", "be", "dead", "facade", "bee", "accede"] * 3  # of all lengths
    gpt.fit(words, epochs=2, batch_size=10, progress=False, device="cpu")
    assert gpt.history is not None
    curves = [history.loss, history.validation_loss, averaged.loss, averaged.validation_loss, steepened.loss]
    curves += [*played.players.values(), gpt.history.loss]
    return [*map(torch.tensor, curves), *map(weights, (model, average, steep, game, gpt))]


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """DDP over gloo on the loopback: the mean of two half batches is the whole batch; for a game and a GPT too."""
    script, one, two = tmp_path / "train.py", tmp_path / "one.npy", tmp_path / "two.npy"
    script.write_text(
        "import os, sys, numpy, torch\n"
        "from tests.training.test_devices import train_all\n"
        "found = torch.cat(train_all())\n"
        "if os.environ.get('RANK', '0') == '0':\n"
        "    numpy.save(sys.argv[1], found)\n"
    )
    python(script, one)
    python("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", script, two)
    np.testing.assert_allclose(np.load(two), np.load(one), rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is not there, or not shown to the tests: `make gpu`")
def test_a_gpu_trains_as_the_processor_does() -> None:
    curves = {}
    for device in ("cpu", "cuda"):
        gpt = GPT(context=8, d_model=8, n_layers=1, n_heads=2)
        gpt.fit_text("to be or not to be, " * 20, epochs=2, batch_size=10, progress=False, device=device)
        assert gpt.history is not None
        curves[device] = gpt.history.loss
        assert n_parameters(gpt) > 0
    np.testing.assert_allclose(curves["cuda"], curves["cpu"], rtol=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is not there, or not shown to the tests: `make gpu`")
def test_a_model_is_afterwards_where_it_was() -> None:
    model, data = fresh(), problem(20)
    run(model, data, device="cuda", ema=0.9)
    assert device_of(model).type == "cpu"
    run(model.to("cuda"), data, device="cpu")
    assert device_of(model).type == "cuda"
    with pytest.raises(DivergedError):
        run(model.cpu(), data, device="cuda", lr=1e30)
    assert device_of(model).type == "cpu"
