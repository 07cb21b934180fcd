"""Who takes a turn in a training step: the model itself, or the players of an adversarial game, one after the other.

A model with one loss is a game of one player. A player owns parameters, an optimiser and a loss; while it steps, the
other players' parameters stand still and collect no gradient (Goodfellow et al. 2014, algorithm 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from sdg_lab.checks import number, one_of, whole
from sdg_lab.training.devices import Processor
from sdg_lab.training.divergence import finite
from sdg_lab.training.history import History
from sdg_lab.training.optimizers import Adam

MakeOptimizer = Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]

ALONE = "model"
"""The name of the only player."""


class HasLoss(Protocol):
    """What the loop asks of a model: ``loss(*batch)`` gives a scalar, the mean over the batch's examples."""

    def loss(self, *batch: Tensor) -> Tensor: ...  # noqa: D102 - said by the class


@runtime_checkable
class Adversarial(Protocol):
    """What the loop asks of a game: its players, in the order of their turns, and the loss of each.

    It may also have ``rounds() -> dict[str, int]``: a player with rounds k has its turn on every k-th batch only.
    """

    def players(self) -> dict[str, nn.Module]: ...  # noqa: D102 - said by the class

    def loss_of(self, player: str, *batch: Tensor) -> Tensor: ...  # noqa: D102 - said by the class


@dataclass
class Player:
    """One player of a training run.

    Attributes:
        name: "model", or as the game calls it.
        module: what holds its parameters, the loss being its forward, as the machine wraps it.
        optimizer: over its own parameters alone, as the machine wraps it.
        inner: the same optimiser without the wrapper.
        every: it steps on every so-many-th batch.
        rates: the learning rates that a schedule multiplies.
        others: parameters that must stand still during its turn.
        losses: its loss at each of its steps in this epoch.
    """

    name: str
    module: Any
    optimizer: Any
    inner: torch.optim.Optimizer
    every: int
    rates: list[float]
    others: list[nn.Parameter]
    losses: list[float] = field(default_factory=list)

    def scale_rates(self, factor: float) -> None:
        """Set each learning rate to the given share of what it was at the start."""
        number("the factor that schedule gives", factor, least=0)
        for group, rate in zip(self.inner.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def step(self, batch: tuple[Tensor, ...], machine: Processor, clip: float | None) -> None:
        """Make one step down the gradient of this player's loss.

        Raises:
            NotFinite: if the loss is NaN or infinite; the weights are then as they were.
            ValueError: if the loss is no scalar.
        """
        with _standing_still(self.others):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.module(*batch)
            value = finite("loss" if self.name == ALONE else f"loss of the {self.name}", _value(loss, machine))
            machine.backward(loss)
            if clip is not None:
                machine.clip_gradients(self.module, self.optimizer, max_norm=clip, error_if_nonfinite=False)
            self.optimizer.step()
        self.losses.append(value)


def note(players: Sequence[Player], history: History) -> None:
    """Move the epoch's losses into the history: the first player's are the loss, all of them those of a game."""
    history.loss += players[0].losses
    history.train_loss.append(sum(players[0].losses) / len(players[0].losses))
    for player in players:
        if len(players) > 1:
            history.players.setdefault(player.name, []).extend(player.losses)
        player.losses.clear()


def seat(
    model: nn.Module,
    machine: Processor,
    *,
    lr: float | Mapping[str, float],
    optimizer: MakeOptimizer | Mapping[str, MakeOptimizer] | None,
    compile: bool | str,
) -> list[Player]:
    """Give each player of a model its optimiser, on the device and in the precision of the machine.

    Args:
        model: a module with ``loss``, or an :class:`Adversarial` one.
        machine: where it trains.
        lr: learning rate of Adam, for all or by player.
        optimizer: makes another optimiser from a player's parameters, for all or by player.
        compile: whether, or with which backend, ``torch.compile`` translates the losses first.

    Raises:
        ValueError: if a mapping does not name the players, rounds are out of range, or two players share parameters.
    """
    modules = model.players() if isinstance(model, Adversarial) else {ALONE: model}
    rounds = cast(Any, model).rounds() if isinstance(model, Adversarial) and hasattr(model, "rounds") else {}
    rate_of, maker_of = _by_player("lr", lr, modules), _by_player("optimizer", optimizer, modules)
    own = {name: [p for p in module.parameters() if p.requires_grad] for name, module in modules.items()}
    _check_turns(list(modules), rounds)
    _check_disjoint(own)
    machine.to_device(model)
    seated = []
    for name, module in modules.items():
        loss = partial(model.loss_of, name) if isinstance(model, Adversarial) else cast(HasLoss, model).loss
        objective: Any = _Objective(module, loss)
        if compile:
            objective = torch.compile(objective, backend="inductor" if compile is True else compile)
        make = maker_of[name] or partial(Adam, lr=rate_of[name])
        inner = make(module.parameters())
        wrapped, outer = machine.setup(objective, inner)
        others = [parameter for other, theirs in own.items() if other != name for parameter in theirs]
        seated.append(
            Player(name, wrapped, outer, inner, rounds.get(name, 1), [g["lr"] for g in inner.param_groups], others)
        )
    return seated


class _Objective(nn.Module):
    """A loss as a ``forward``, which is what Fabric (and DDP under it) wraps; it holds the player's parameters only."""

    loss_of_batch: Callable[..., Tensor]

    def __init__(self, module: nn.Module, loss: Callable[..., Tensor]) -> None:
        super().__init__()
        self.module = module
        self.loss_of_batch = loss

    def forward(self, *batch: Tensor) -> Tensor:
        loss: Tensor = self.loss_of_batch(*batch)
        return loss


@contextmanager
def _standing_still(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _by_player(name: str, setting: Any, players: Mapping[str, nn.Module]) -> dict[str, Any]:
    """Return a setting for each player."""
    if not isinstance(setting, Mapping):
        return dict.fromkeys(players, setting)
    if set(setting) != set(players):
        raise ValueError(f"{name} must name the players {', '.join(players)}, got {', '.join(map(str, setting))}")
    return dict(setting)


def _check_turns(names: list[str], rounds: Mapping[str, int]) -> None:
    for name, every in rounds.items():
        one_of("rounds", name, names)
        whole(f"rounds of {name}", every, least=1)
    if rounds.get(names[0], 1) != 1:
        raise ValueError(
            f"{names[0]} has the first turn of every batch, so its rounds must be 1, got {rounds[names[0]]}"
        )


def _check_disjoint(own: Mapping[str, list[nn.Parameter]]) -> None:
    owner: dict[int, str] = {}
    for name, parameters in own.items():
        for parameter in parameters:
            if owner.setdefault(id(parameter), name) != name:
                raise ValueError(f"{owner[id(parameter)]} and {name} share a parameter: each player needs its own")


def _value(loss: Tensor, machine: Processor) -> float:
    """Return the loss as a number: the mean over processes."""
    if loss.ndim:
        raise ValueError(f"loss must return a scalar, the mean over the batch; got shape {tuple(loss.shape)}")
    return float(machine.all_reduce(loss.detach().clone(), reduce_op="mean"))  # a copy: Fabric writes into it
