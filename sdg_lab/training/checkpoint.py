"""A training run on disk: one safetensors file, written atomically, from which the run goes on to the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.training.history import History


@dataclass
class State:
    """Everything that the next step of a run depends on, apart from the data and ``(seed, epoch)``.

    Attributes:
        optimizers: one for each player; a model with one loss has one.
        settings: what must be the same when the run is taken up again; compared by :meth:`restore`.
        best: weights with the lowest validation loss so far; empty if early stopping is off.
    """

    model: nn.Module
    optimizers: Mapping[str, Optimizer]
    average: AveragedModel | None
    history: History
    settings: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)

    def keep_best(self, model: nn.Module) -> None:
        """Remember a copy of these weights."""
        self.best = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def save(self, path: str | Path) -> None:
        """Write the run to ``path``; the file there before stays whole until this one is."""
        states = {player: optimizer.state_dict() for player, optimizer in self.optimizers.items()}
        tensors, numbers = _flatten({player: state["state"] for player, state in states.items()})
        for part, weights in self._parts().items():
            tensors |= {f"{part}.{name}": value for name, value in weights.items()}
        config = {
            "settings": self.settings,
            "history": asdict(self.history),
            "param_groups": {player: state["param_groups"] for player, state in states.items()},
            "optimizer_numbers": numbers,
        }
        write_tensors(path, tensors, config)

    def restore(self, path: str | Path) -> None:
        """Take up the run saved at ``path``.

        Raises:
            ValueError: if it belongs to another run: other settings, or a model of other shapes.
        """
        tensors, config = read_tensors(path)
        for name, mine in self.settings.items():
            theirs = config.get("settings", {}).get(name)
            if theirs != mine:
                raise ValueError(
                    f"{path} belongs to another run: its {name} is {theirs}, this one's is {mine}; "
                    "give this run a checkpoint file of its own"
                )
        saved = _unflatten(tensors, config["optimizer_numbers"])
        try:
            self.model.load_state_dict(_part(tensors, "model"))
            if self.average is not None:
                self.average.load_state_dict(_part(tensors, "average"))
        except RuntimeError as error:
            raise ValueError(f"{path} holds another model's weights: {error}") from None
        for player, optimizer in self.optimizers.items():
            groups = config["param_groups"][player]
            optimizer.load_state_dict({"state": saved.get(player, {}), "param_groups": groups})
        self.best = {name: value.to(_device(self.model)) for name, value in _part(tensors, "best").items()}
        for name, value in config["history"].items():
            setattr(self.history, name, value)

    def _parts(self) -> dict[str, Mapping[str, Tensor]]:
        average = self.average.state_dict() if self.average is not None else {}
        return {"model": self.model.state_dict(), "average": average, "best": self.best}


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _part(tensors: Mapping[str, Any], part: str) -> dict[str, Any]:
    return {name.removeprefix(f"{part}."): t for name, t in tensors.items() if name.startswith(f"{part}.")}


def _flatten(states: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Split the optimisers' states, by player, parameter and name, into tensors and plain numbers."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for player, state in states.items():
        for index, values in state.items():
            for name, value in values.items():
                kind = tensors if isinstance(value, Tensor) else numbers
                kind[f"optimizer.{player}.{index}.{name}"] = value
    return tensors, numbers


def _unflatten(tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> dict[str, dict[int, dict[str, Any]]]:
    states: dict[str, dict[int, dict[str, Any]]] = {}
    for kind in (tensors, numbers):
        for key, value in _part(kind, "optimizer").items():
            player, index, name = key.split(".", 2)
            states.setdefault(player, {}).setdefault(int(index), {})[name] = value
    return states
