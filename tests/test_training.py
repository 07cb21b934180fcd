"""The loop against a bare one, closed forms, interruption, divergence, and two processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.training import DivergedError, History, as_batch, evaluate, n_parameters, reinitialise, train


class Line(nn.Module):
    """Least squares; ``noise`` makes the loss draw random numbers, as a VAE's does."""

    def __init__(self, noise: float = 0.0) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        self.noise = noise

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return ((self.net(x + self.noise * torch.randn_like(x)) - y) ** 2).mean()


def problem(n: int = 50) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, 3, generator=generator)
    return x, x.sum(dim=1, keepdim=True)


def fresh(noise: float = 0.0) -> Line:
    model = Line(noise)
    reinitialise(model, 0)
    return model


def run(model: nn.Module, **changes: object) -> History:
    settings: dict[str, object] = {"epochs": 6, "batch_size": 16, "progress": False, "device": "cpu"} | changes
    return train(model, problem(), **settings)  # type: ignore[arg-type]


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_full_batch_descent_is_the_bare_loop():
    ours, bare = fresh(), fresh()
    x, y = problem()
    run(ours, batch_size=50, optimizer=lambda p: torch.optim.SGD(p, lr=0.1))
    optimizer = torch.optim.SGD(bare.parameters(), lr=0.1)
    for _ in range(6):
        optimizer.zero_grad()
        bare.loss(x, y).backward()
        optimizer.step()
    torch.testing.assert_close(weights(ours), weights(bare))


def test_each_epoch_sees_every_example_once():
    seen: list[Tensor] = []

    class Spy(Line):
        def loss(self, x: Tensor, y: Tensor) -> Tensor:
            seen.append(x.detach())
            return super().loss(x, y)

    run(Spy(), epochs=2)
    epochs = torch.cat(seen).split(50)
    assert [len(batch) for batch in seen] == [16, 16, 16, 2] * 2
    for epoch in epochs:
        torch.testing.assert_close(epoch.sort(dim=0).values, problem()[0].sort(dim=0).values)
    assert not torch.equal(epochs[0], epochs[1])


def test_the_seed_decides_everything_and_the_caller_keeps_its_own():
    first, second, other = fresh(0.5), fresh(0.5), fresh(0.5)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(first)
    run(second)
    run(other, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


@pytest.mark.parametrize("extra", [{}, {"ema": 0.9}, {"patience": 3}, {"clip": 0.5, "schedule": lambda t: 1 - t}])
def test_an_interrupted_run_resumes_to_the_same_bits(tmp_path: Path, extra: dict[str, object]):
    if "patience" in extra:
        extra = extra | {"validation": problem(20)}
    whole, interrupted, resumed = fresh(0.5), Interrupted(), fresh(0.5)
    reinitialise(resumed, 99)
    full = run(whole, **extra)
    path = tmp_path / "run.safetensors"
    reinitialise(interrupted, 0)
    with pytest.raises(KeyboardInterrupt):
        run(interrupted, checkpoint=path, **extra)
    history = run(resumed, checkpoint=path, **extra)
    assert torch.equal(weights(whole), weights(resumed))
    assert history.loss == full.loss
    assert history.validation_loss == full.validation_loss


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


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_size": 8}, r"another run: its batch_size is 16, this one's is 8"),
        ({"lr": 0.01}, r"another run: its learning rates is \[0.001\], this one's is \[0.01\]"),
        ({"patience": 3, "validation": problem(20)}, r"another run: its patience is None, this one's is 3"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, changes: dict[str, object], sentence: str):
    path = tmp_path / "run.safetensors"
    run(fresh(), checkpoint=path)
    with pytest.raises(ValueError, match=sentence):
        run(fresh(), checkpoint=path, **changes)


def test_a_run_is_not_resumed_on_other_data(tmp_path: Path):
    path = tmp_path / "run.safetensors"
    x, y = problem()
    train(fresh(), (x, y), epochs=1, checkpoint=path, progress=False, device="cpu")
    with pytest.raises(ValueError, match=r"another run: its data is \['\(50, 3\) [0-9a-f]{16}'"):
        train(fresh(), (x + 1, y), epochs=2, checkpoint=path, progress=False, device="cpu")


def test_a_finished_run_is_not_run_again(tmp_path: Path):
    path = tmp_path / "run.safetensors"
    first = fresh()
    history = run(first, checkpoint=path)
    again = fresh()
    assert run(again, checkpoint=path).loss == history.loss
    assert torch.equal(weights(first), weights(again))


class Explodes(Line):
    calls = 0

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        self.calls += 1
        return super().loss(x, y) * (float("nan") if self.calls == 7 else 1.0)


def test_divergence_names_the_step_and_keeps_the_last_good_checkpoint(tmp_path: Path):
    path = tmp_path / "run.safetensors"
    model = Explodes()
    with pytest.raises(DivergedError, match=r"the loss became nan at step 6 \(epoch 1\).*last good checkpoint is"):
        run(model, checkpoint=path)
    assert torch.isfinite(weights(model)).all()
    assert path.exists()


def test_a_validation_loss_that_is_no_number_is_not_the_best():
    class Blind(Line):
        def loss(self, x: Tensor, y: Tensor) -> Tensor:
            return super().loss(x, y) * (1.0 if self.training else float("nan"))

    with pytest.raises(DivergedError, match=r"the validation loss became nan at step 4 \(epoch 0\)"):
        run(Blind(), validation=problem(20), patience=2)


def test_weights_that_are_no_numbers_are_neither_kept_nor_saved(tmp_path: Path):
    class Steep(Line):
        def loss(self, x: Tensor, y: Tensor) -> Tensor:
            loss = super().loss(x, y)
            if len(x) == 2:  # the last batch of an epoch: a finite loss with an infinite slope
                weight = self.net[0].weight  # type: ignore[union-attr]
                loss = loss + (weight - weight.detach()).abs().sqrt().sum()
            return loss

    path = tmp_path / "run.safetensors"
    with pytest.raises(DivergedError, match=r"the weights became nan at step 3 \(epoch 0\)"):
        run(Steep(), checkpoint=path)
    assert not path.exists()


def test_early_stopping_returns_to_the_best_weights():
    model = fresh()
    validation = (problem()[0], -problem()[1])  # the better the fit, the worse the validation
    start = evaluate(model, validation)
    history = run(model, epochs=50, validation=validation, patience=2, lr=0.05)
    assert history.epochs == history.best_epoch + 3
    assert "did not fall for 2 epochs" in history.stopped
    assert evaluate(model, validation) == pytest.approx(min(history.validation_loss))
    assert min(history.validation_loss) > 0.5 * start


def test_the_moving_average_is_the_recursion():
    ours, bare = fresh(), fresh()
    x, y = problem()
    run(ours, batch_size=50, ema=0.5, optimizer=lambda p: torch.optim.SGD(p, lr=0.1))
    optimizer = torch.optim.SGD(bare.parameters(), lr=0.1)
    average = None
    for _ in range(6):
        optimizer.zero_grad()
        bare.loss(x, y).backward()
        optimizer.step()
        average = weights(bare) if average is None else 0.5 * average + 0.5 * weights(bare)
    torch.testing.assert_close(weights(ours), average)


def test_evaluate_weighs_examples_equally_and_leaves_the_mode():
    model = fresh().train()
    x, y = problem()
    with torch.no_grad():
        assert evaluate(model, (x, y), batch_size=7) == pytest.approx(model.loss(x, y).item(), rel=1e-5)
    assert model.training


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 0}, r"epochs must be >= 1, got 0"),
        ({"batch_size": 0}, r"batch_size must be >= 1, got 0"),
        ({"lr": -1.0}, r"lr must be > 0, got -1.0"),
        ({"ema": 1.0}, r"ema must lie between 0 and 1, got 1.0"),
        ({"clip": 0.0}, r"clip must be > 0, got 0.0"),
        ({"patience": 3}, r"patience=3 needs validation data"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, object], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        run(fresh(), **changes)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ((), "data is empty"),
        (torch.empty(0, 3), "data is empty"),
        ((torch.ones(3, 3), torch.ones(2, 1)), r"must have one length, got \[3, 2\]"),
        ((torch.ones(3), torch.tensor([[1.0], [float("nan")], [1.0]])), "tensor 1 of data is not finite at example 1"),
    ],
)
def test_bad_data_never_train(data: object, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        as_batch(data)  # type: ignore[arg-type]


def test_large_numbers_are_not_infinite_ones():
    largest = torch.full((4,), torch.finfo(torch.float32).max)
    assert torch.isinf(largest.sum())
    assert as_batch(largest)[0] is largest


def test_a_loss_that_is_not_a_mean_is_refused():
    class Vector(Line):
        def loss(self, x: Tensor, y: Tensor) -> Tensor:
            return (self.net(x) - y)[:, 0] ** 2

    with pytest.raises(ValueError, match=r"loss must return a scalar.*\(16,\)"):
        run(Vector())


def test_reinitialise_is_a_function_of_the_seed():
    one, two = Line(), Line()
    reinitialise(one, 3)
    reinitialise(two, 3)
    assert torch.equal(weights(one), weights(two))
    assert n_parameters(one) == 3 * 4 + 4 + 4 + 1


def test_two_processes_train_as_one(tmp_path: Path):
    """DDP over gloo on the loopback: the mean of two half batches is the whole batch."""
    script = tmp_path / "two.py"
    script.write_text(
        "import sys, torch, numpy as np\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_training import fresh, problem, weights\n"
        "from sdg_lab.training import train\n"
        "import os\n"
        "x, y = problem(48)\n"
        "model = fresh()\n"
        "history = train(model, (x, y), epochs=3, batch_size=16, progress=False, device='cpu')\n"
        "if os.environ.get('RANK', '0') == '0':\n"
        "    np.save(sys.argv[1], np.concatenate([history.loss, weights(model).numpy()]))\n"
    )
    one, two = tmp_path / "one.npy", tmp_path / "two.npy"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | {"SDG_LAB_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for command, out in (([sys.executable], one), (torchrun, two)):
        subprocess.run([*command, str(script), str(out)], check=True, env=environment, capture_output=True, timeout=120)
    np.testing.assert_allclose(np.load(two), np.load(one), rtol=1e-4, atol=1e-6)
