"""Games against the same games played by hand, in closed form."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.training import DivergedError, History, reinitialise, schedules, start_epoch
from sdg_lab.training.randomness import caller_keeps_randomness
from tests.training.problems import CLOSE, descent, problem, run, weights

POINTS = problem(10)[1]


class Hunter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(1))


class Hunt(nn.Module):
    """A hunter runs to the prey and the data, the prey away from the hunter: gradients that fit on one line."""

    def __init__(self, rounds: dict[str, int] | None = None) -> None:
        super().__init__()
        self.hunter, self.prey = Hunter(), Hunter()
        self.turns = rounds or {}
        self.seen: list[tuple[str, bool, bool]] = []

    def players(self) -> dict[str, nn.Module]:
        return {"hunter": self.hunter, "prey": self.prey}

    def rounds(self) -> dict[str, int]:
        return self.turns

    def loss_of(self, player: str, x: Tensor) -> Tensor:
        self.seen.append((player, self.hunter.at.requires_grad, self.prey.at.requires_grad))
        if player == "hunter":
            return 0.5 * (self.hunter.at - self.prey.at - x).square().mean()
        return 0.5 * (self.prey.at - 1 + self.hunter.at).square().mean()


def hunt(game: nn.Module, **changes: Any) -> History:
    settings = {"epochs": 3, "batch_size": 4, "optimizer": {"hunter": descent(0.3), "prey": descent(0.1)}} | changes
    return run(game, POINTS, **settings)


def hunted(every: int = 1, clip: float = np.inf) -> tuple[list[float], list[float], list[float]]:
    """Play by hand: both losses, and where the two end."""
    hunter = prey = 0.0
    losses: tuple[list[float], list[float]] = ([], [])
    for epoch in range(3):
        with caller_keeps_randomness():
            x = POINTS[start_epoch(0, epoch, 10)].double().numpy()
        for batch in (x[:4], x[4:8], x[8:]):
            losses[0].append(0.5 * ((hunter - prey - batch) ** 2).mean())
            hunter -= 0.3 * np.clip(hunter - prey - batch.mean(), -clip, clip)
            if len(losses[0]) % every == 0:
                losses[1].append(0.5 * (prey - 1 + hunter) ** 2)
                prey -= 0.1 * np.clip(prey - 1 + hunter, -clip, clip)
    return *losses, [hunter, prey]


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("clip", [None, 0.4])
def test_players_take_turns_as_in_the_game_by_hand(every: int, clip: float | None) -> None:
    game = Hunt({"prey": every})
    history = hunt(game, clip=clip)
    hunter, prey, ends = hunted(every, clip or np.inf)
    np.testing.assert_allclose(history.players["hunter"], hunter, **CLOSE)
    np.testing.assert_allclose(history.players["prey"], prey, **CLOSE)
    np.testing.assert_allclose(weights(game), ends, **CLOSE)
    assert history.loss == history.players["hunter"]
    np.testing.assert_allclose(history.train_loss, np.reshape(hunter, (3, 3)).mean(1), **CLOSE)


def test_the_other_players_stand_still_and_can_learn_again_afterwards() -> None:
    game = Hunt()
    hunt(game, epochs=1, batch_size=10)
    assert game.seen == [("hunter", True, False), ("prey", False, True)]
    assert all(p.requires_grad for p in game.parameters())
    assert game.prey.at.grad is not None  # each learnt from its own loss alone
    assert game.hunter.at.grad is not None


def test_a_schedule_scales_the_rates_of_all_players() -> None:
    still, moved = Hunt(), Hunt()
    hunt(still, schedule=lambda share: 0.0)
    hunt(moved, schedule=schedules.cosine)
    assert weights(still).abs().max() == 0
    assert (weights(moved) != 0).all()


def test_rates_by_name_are_those_of_adam() -> None:
    """Adam's first step is as long as its rate, whatever the gradient."""
    game = Hunt()
    hunt(game, optimizer=None, lr={"prey": 0.02, "hunter": 0.3}, epochs=1, batch_size=10)
    np.testing.assert_allclose(weights(game).abs(), [0.3, 0.02], rtol=1e-4)


class Game(nn.Module):
    """A forger's one number against a judge's slope, with noise."""

    def __init__(self, rounds: dict[str, int] | None = None) -> None:
        super().__init__()
        self.judge, self.forger = nn.Linear(1, 1), nn.Linear(1, 1)
        self.turns = rounds or {}

    def players(self) -> dict[str, nn.Module]:
        return {"judge": self.judge, "forger": self.forger}

    def rounds(self) -> dict[str, int]:
        return self.turns

    def loss_of(self, player: str, x: Tensor) -> Tensor:
        fake = self.forger(torch.randn_like(x))
        if player == "forger":
            return nn.functional.softplus(-self.judge(fake)).mean()
        return (nn.functional.softplus(-self.judge(x)) + nn.functional.softplus(self.judge(fake))).mean()


def test_noise_is_drawn_in_the_order_of_turns() -> None:
    ours, by_hand = Game(), Game()
    for game in (ours, by_hand):
        reinitialise(game, 0)
    rates = {"judge": 0.1, "forger": 0.02}
    history = run(ours, POINTS, epochs=1, batch_size=10, lr=rates)
    x = POINTS[start_epoch(0, 0, 10)]
    for name, module in by_hand.players().items():
        optimizer = torch.optim.Adam(module.parameters(), lr=rates[name])
        loss = by_hand.loss_of(name, x)
        by_hand.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        assert history.players[name] == pytest.approx([loss.item()], rel=1e-4)
    torch.testing.assert_close(weights(ours), weights(by_hand), **CLOSE)


def test_an_interrupted_game_resumes_to_the_same_bits(tmp_path: Any) -> None:
    whole, resumed = Game({"forger": 3}), Game({"forger": 3})
    reinitialise(whole, 0)
    reinitialise(resumed, 0)
    settings: dict[str, Any] = {"epochs": 4, "batch_size": 3, "ema": 0.9, "lr": {"judge": 0.1, "forger": 0.02}}
    full = run(whole, POINTS, **settings)
    run(resumed, POINTS, **settings | {"epochs": 2}, checkpoint=tmp_path / "game.safetensors")
    reinitialise(resumed, 99)
    history = run(resumed, POINTS, **settings, checkpoint=tmp_path / "game.safetensors")
    assert torch.equal(weights(whole), weights(resumed))
    assert history.players == full.players


@pytest.mark.parametrize(
    ("game", "changes", "sentence"),
    [
        (Game(), {"validation": POINTS}, "a game has no loss that says how good it is"),
        (Game(), {"lr": {"judge": 0.1}}, "lr must name the players judge, forger, got judge"),
        (Game(), {"optimizer": {"judge": descent(1)}}, "optimizer must name the players judge, forger, got judge"),
        (Game(), {"lr": {"judge": 0.1, "forger": -1.0}}, "lr of forger must be > 0, got -1.0"),
        (Game({"forger": 0}), {}, "rounds of forger must be a whole number >= 1, got 0"),
        (Game({"judge": 2}), {}, "judge has the first turn of every batch, so its rounds must be 1, got 2"),
        (Game({"critic": 2}), {}, "rounds must be one of judge, forger, got 'critic'"),
        (Game(), {"lr": 1e30, "epochs": 9}, r"the (loss of the (judge|forger)|weights) became (nan|inf)"),
    ],
)
def test_a_game_that_cannot_be_played_is_refused(game: Game, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ValueError, DivergedError), match=sentence):
        run(game, POINTS, **changes)
    assert all(p.requires_grad for p in game.parameters())  # and it can be played again with better settings


def test_advice_names_each_players_rate() -> None:
    with pytest.raises(DivergedError, match=r"a learning rate of 1e\+30 \(hunter\) and 0.1 \(prey\) and"):
        hunt(Hunt(), optimizer={"hunter": descent(1e30), "prey": descent(0.1)})


def test_two_players_do_not_share_a_parameter() -> None:
    game = Game()
    game.forger.weight = game.judge.weight
    with pytest.raises(ValueError, match="judge and forger share a parameter: each player needs its own"):
        run(game, POINTS)
