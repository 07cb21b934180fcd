"""The loop against a bare one, closed forms, interruption, divergence, and two processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.models.transformer import GPT
from sdg_lab.training import (
    DivergedError,
    History,
    as_batch,
    evaluate,
    n_parameters,
    reinitialise,
    start_epoch,
    train,
)


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
        ({"lr": 0.01}, r"another run: its learning rates is {'model': \[0.001\]}, this one's is {'model': \[0.01\]}"),
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

    with pytest.raises(DivergedError, match=r"the validation loss became nan at step 3 \(epoch 0\)"):
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
        ({"epochs": 0}, r"epochs must be a whole number >= 1, got 0"),
        ({"batch_size": 0}, r"batch_size must be a whole number >= 1, got 0"),
        ({"lr": -1.0}, r"lr must be > 0, got -1.0"),
        ({"ema": 1.0}, r"ema must be > 0 and < 1, got 1.0"),
        ({"clip": 0.0}, r"clip must be > 0, got 0.0"),
        ({"seed": -1}, r"seed must be a whole number >= 0, got -1"),
        ({"patience": 0, "validation": problem(20)}, r"patience must be a whole number >= 1, got 0"),
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


def test_the_hook_sees_the_measured_model_at_rest_after_each_epoch():
    model, seen = fresh(), []

    def look(epoch: int, measured: nn.Module) -> None:
        torch.rand(5)  # what a hook draws does not disturb the run
        seen.append((epoch, measured.training, weights(measured)))

    run(model, ema=0.9, epochs=3, on_epoch=look)
    plain = fresh()
    run(plain, ema=0.9, epochs=3)
    assert [(epoch, training) for epoch, training, _ in seen] == [(0, False), (1, False), (2, False)]
    assert torch.equal(seen[-1][2], weights(plain))
    assert torch.equal(weights(model), weights(plain))


class Pixels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))
        self.layouts: set[bool] = set()

    def loss(self, x: Tensor) -> Tensor:
        self.layouts.add(x.is_contiguous(memory_format=torch.channels_last))
        return (self.net(x) ** 2).mean()


@pytest.mark.parametrize("changes", [{"channels_last": True}, {"compile": "eager"}, {"precision": "bf16-mixed"}])
def test_what_is_fast_on_other_devices_trains_the_same_model(changes: dict[str, object]):
    pictures = torch.rand(12, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    plain, other = Pixels(), Pixels()
    for model in (plain, other):
        reinitialise(model, 0)
    settings: dict[str, object] = {"epochs": 2, "batch_size": 4, "progress": False, "device": "cpu"}
    train(plain, pictures, **settings)  # type: ignore[arg-type]
    train(other, pictures, **settings, **changes)  # type: ignore[arg-type]
    torch.testing.assert_close(weights(other), weights(plain), atol=2e-3 if "precision" in changes else 1e-6, rtol=0)
    assert plain.layouts == {False}
    if "channels_last" in changes:
        assert other.layouts == {True}


class Game(nn.Module):
    """A forger's one number against a judge's slope, with noise: small enough to be played by hand."""

    def __init__(self, rounds: dict[str, int] | None = None) -> None:
        super().__init__()
        self.judge, self.forger = nn.Linear(1, 1), nn.Linear(1, 1)
        self.turns = rounds or {}
        self.still: list[tuple[str, bool]] = []

    def players(self) -> dict[str, nn.Module]:
        return {"judge": self.judge, "forger": self.forger}

    def rounds(self) -> dict[str, int]:
        return self.turns

    def loss_of(self, player: str, x: Tensor) -> Tensor:
        other = self.forger if player == "judge" else self.judge
        self.still.append((player, not any(p.requires_grad for p in other.parameters())))
        fake = self.forger(torch.randn_like(x))
        if player == "forger":
            return nn.functional.softplus(-self.judge(fake)).mean()
        return (nn.functional.softplus(-self.judge(x)) + nn.functional.softplus(self.judge(fake))).mean()


class Quiet(Game):
    """The same game without noise, so that two halves of a batch are the whole."""

    def loss_of(self, player: str, x: Tensor) -> Tensor:
        fake = self.forger(x)
        sign = -1 if player == "forger" else 1
        return nn.functional.softplus(sign * self.judge(fake)).mean() + (player == "judge") * -self.judge(x).mean()


def played(game: Game, **changes: object) -> History:
    settings: dict[str, object] = {"epochs": 4, "batch_size": 8, "progress": False, "device": "cpu"} | changes
    return train(game, problem(32)[1], **settings)  # type: ignore[arg-type]


def test_players_take_turns_as_in_a_loop_written_by_hand():
    ours, by_hand = Game(), Game()
    for game in (ours, by_hand):
        reinitialise(game, 0)
    rates = {"judge": 0.1, "forger": 0.02}
    history = played(ours, epochs=1, batch_size=32, lr=rates)
    optimisers = {
        name: torch.optim.Adam(module.parameters(), lr=rates[name]) for name, module in by_hand.players().items()
    }
    x = problem(32)[1][start_epoch(0, 0, 32)]
    for name, optimiser in optimisers.items():
        by_hand.zero_grad()
        loss = by_hand.loss_of(name, x)
        loss.backward()
        optimiser.step()
        assert history.players[name] == [loss.item()]
    assert torch.equal(weights(ours), weights(by_hand))
    assert history.loss == history.players["judge"]


def test_the_other_players_stand_still_and_can_learn_again_afterwards():
    game = Game()
    played(game)
    assert {still for _, still in game.still} == {True}
    assert all(p.requires_grad for p in game.parameters())


def test_a_player_with_rounds_steps_on_every_so_many_th_batch():
    game = Game({"forger": 3})
    history = played(game, epochs=2)  # 4 batches an epoch: the forger's turns are the 3rd and the 6th batch
    assert [player for player, _ in game.still] == ["judge"] * 3 + ["forger"] + ["judge"] * 3 + ["forger"] + [
        "judge"
    ] * 2
    assert [len(history.players[name]) for name in ("judge", "forger")] == [8, 2]


def test_an_interrupted_game_resumes_to_the_same_bits(tmp_path: Path):
    whole, resumed = Game({"forger": 3}), Game({"forger": 3})
    reinitialise(whole, 0)
    reinitialise(resumed, 0)
    full = played(whole, ema=0.9)
    played(resumed, ema=0.9, epochs=2, checkpoint=tmp_path / "game.safetensors")
    reinitialise(resumed, 99)
    history = played(resumed, ema=0.9, checkpoint=tmp_path / "game.safetensors")
    assert torch.equal(weights(whole), weights(resumed))
    assert history.players == full.players


@pytest.mark.parametrize(
    ("game", "changes", "sentence"),
    [
        (Game(), {"validation": problem(8)[1]}, "a game has no loss that says how good it is"),
        (Game(), {"lr": {"judge": 0.1}}, "lr must name the players judge, forger, got judge"),
        (Game(), {"lr": {"judge": 0.1, "forger": -1.0}}, "lr of forger must be > 0, got -1.0"),
        (Game({"forger": 0}), {}, "rounds of forger must be >= 1, got 0"),
        (Game({"judge": 2}), {}, "judge has the first turn of every batch, so its rounds must be 1, got 2"),
        (Game({"critic": 2}), {}, "rounds names 'critic', who is no player; the players are judge, forger"),
        (Game(), {"lr": 1e30, "epochs": 9}, "the (loss of the (judge|forger)|weights) became (nan|inf)"),
    ],
)
def test_a_game_that_cannot_be_played_is_refused(game: Game, changes: dict[str, object], sentence: str):
    with pytest.raises((ValueError, DivergedError), match=sentence):
        played(game, **changes)
    assert all(p.requires_grad for p in game.parameters())  # and it can be played again with better settings


def test_two_players_do_not_share_a_parameter():
    game = Game()
    game.forger.weight = game.judge.weight
    with pytest.raises(ValueError, match="judge and forger share a parameter: each player needs its own"):
        played(game)


def test_two_processes_train_as_one(tmp_path: Path):
    """DDP over gloo on the loopback: the mean of two half batches is the whole batch; for a game and a GPT too."""
    script = tmp_path / "two.py"
    script.write_text(
        "import sys, torch, numpy as np\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_training import Quiet, fresh, problem, weights\n"
        "from sdg_lab.models.transformer import GPT\n"
        "from sdg_lab.training import train\n"
        "import os\n"
        "x, y = problem(48)\n"
        "model = fresh()\n"
        "history = train(model, (x, y), epochs=3, batch_size=16, progress=False, device='cpu')\n"
        "torch.manual_seed(0)\n"
        "game = Quiet()\n"
        "played = train(game, y, epochs=3, batch_size=16, progress=False, device='cpu')\n"
        "gpt = GPT(context=8, d_model=8, n_layers=1, n_heads=2)\n"
        "gpt.fit_text('to be or not to be, ' * 20, epochs=2, batch_size=10, progress=False, device='cpu')\n"
        "if os.environ.get('RANK', '0') == '0':\n"
        "    curves = [history.loss, weights(model).numpy(), *played.players.values(), weights(game).numpy()]\n"
        "    curves += [gpt.history.loss, weights(gpt).numpy()]\n"
        "    np.save(sys.argv[1], np.concatenate(curves))\n"
    )
    one, two = tmp_path / "one.npy", tmp_path / "two.npy"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | {"SDG_LAB_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for command, out in (([sys.executable], one), (torchrun, two)):
        subprocess.run([*command, str(script), str(out)], check=True, env=environment, capture_output=True, timeout=120)
    np.testing.assert_allclose(np.load(two), np.load(one), rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_a_gpu_trains_as_the_processor_does():
    curves = {}
    for device in ("cpu", "cuda"):
        gpt = GPT(context=8, d_model=8, n_layers=1, n_heads=2)
        gpt.fit_text("to be or not to be, " * 20, epochs=2, batch_size=10, progress=False, device=device)
        curves[device] = gpt.history.loss
    np.testing.assert_allclose(curves["cuda"], curves["cpu"], rtol=1e-3)
