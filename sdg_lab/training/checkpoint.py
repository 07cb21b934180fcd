"""A training run on disk: one safetensors file, written atomically, from which the run goes on to the same bits."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.training.batches import Batches
from sdg_lab.training.history import History
from sdg_lab.training.players import Player

REMEDY = "give this run a checkpoint file of its own"


@dataclass
class State:
    """Everything that the next step of a run depends on, apart from the data and ``(seed, epoch)``.

    Attributes:
        players: with an optimiser each; a model with one loss is one player.
        settings: what must be the same when the run is taken up again; compared by :meth:`restore`.
        best: weights with the lowest validation loss so far; empty if early stopping is off.
    """

    model: nn.Module
    players: Sequence[Player]
    average: AveragedModel | None
    history: History
    settings: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)

    @property
    def measured(self) -> nn.Module:
        """What is validated and kept: the average of the weights where there is one."""
        return self.model if self.average is None else self.average.module

    def keep_best(self) -> None:
        """Remember a copy of the measured weights."""
        self.best = {name: value.detach().clone() for name, value in self.measured.state_dict().items()}

    def finish(self) -> None:
        """Leave the model in evaluation mode with the weights that count: the best, the average, or the last."""
        if self.best or self.average is not None:
            self.model.load_state_dict(self.best or self.measured.state_dict())
        self.model.eval()

    def save(self, path: str | Path) -> None:
        """Write the run to ``path``; the file there before stays whole until this one is."""
        states = {player.name: player.inner.state_dict() for player in self.players}
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

    def restore(self, path: str | Path, *, epochs: int) -> None:
        """Take up the run saved at ``path``, or refuse it and change nothing.

        Raises:
            ValueError: if the file is damaged or holds no run; if the run is another one (other settings, or a model
                of other shapes); or if it has more than ``epochs`` behind it.
        """
        tensors, config = read_tensors(path)
        if missing := {"settings", "history", "param_groups", "optimizer_numbers"} - config.keys():
            raise ValueError(f"{path} holds no training run (no {min(missing)}); {REMEDY}")
        for name, mine in self.settings.items():
            if (theirs := config["settings"].get(name)) != mine:
                its, own = (textwrap.shorten(str(value), 400) for value in (theirs, mine))
                raise ValueError(f"{path} belongs to another run: its {name} is {its}, this one's is {own}; {REMEDY}")
        if (done := len(config["history"]["train_loss"])) > epochs:
            raise ValueError(f"{path} has {done} epochs behind it, more than the {epochs} asked for; {REMEDY}")
        weights = {part: _part(tensors, part) for part in self._parts()}
        _check_shapes(path, weights["model"], self.model.state_dict())
        if self.average is not None:
            _check_shapes(path, weights["average"], self.average.state_dict())

        self.model.load_state_dict(weights["model"])
        if self.average is not None:
            self.average.load_state_dict(weights["average"])
        saved = _unflatten(tensors | config["optimizer_numbers"])
        for player in self.players:
            groups = config["param_groups"][player.name]
            player.inner.load_state_dict({"state": saved.get(player.name, {}), "param_groups": groups})
        device = next(self.model.parameters()).device
        self.best = {name: value.to(device) for name, value in weights["best"].items()}
        for name, value in config["history"].items():
            setattr(self.history, name, value)

    def _parts(self) -> dict[str, Mapping[str, Tensor]]:
        average = self.average.state_dict() if self.average is not None else {}
        return {"model": self.model.state_dict(), "average": average, "best": self.best}


def compared(
    model: nn.Module,
    batches: Batches,
    validation: Sequence[Tensor] | None,
    players: Sequence[Player],
    schedule: Callable[[float], float] | None,
    epochs: int,
    **others: Any,
) -> dict[str, Any]:
    """Return what a run must have in common with the one that it takes up, in words and numbers that JSON can say."""
    settings: dict[str, Any] = {"data": [fingerprint(t) for t in batches.data], "batch_size": batches.batch_size}
    settings |= {"validation": [fingerprint(t) for t in validation or ()], "seed": batches.seed, **others}
    for part in ("config", "facts"):  # of a family; another module is known by its weights' shapes alone
        if say := getattr(model, part, None):
            settings |= {f"model's {name}": json.loads(json.dumps(value)) for name, value in say().items()}
    settings["optimizer"] = {player.name: _in_words(player.inner) for player in players}
    settings["learning rates"] = {player.name: player.rates for player in players}
    settings["schedule"] = schedule and _laid_out(schedule, epochs)
    return settings


def fingerprint(tensor: Tensor) -> str:
    """Name a tensor by its shape and content, so that a run is not resumed on other data."""
    content = tensor.detach().cpu().contiguous()
    raw = content.view(torch.uint8) if content.ndim else content
    return f"{tuple(tensor.shape)} {blake2b(raw.numpy().tobytes(), digest_size=8).hexdigest()}"


def _in_words(optimizer: torch.optim.Optimizer) -> list[str]:
    """Name an optimiser's kind and settings, but for learning rates: a text for each group of parameters."""
    kind, said = type(optimizer).__name__, []
    for group in optimizer.param_groups:
        settings = {name: value for name, value in group.items() if name not in ("params", "lr") and value}
        in_words = ", ".join(f"{name}={value}" for name, value in sorted(settings.items()))
        said.append(f"{kind} of {len(group['params'])} parameters, {in_words}")
    return said


def _laid_out(schedule: Callable[[float], float], epochs: int) -> str:
    """Name a schedule by its values, however it is written, and by the epochs over which it is laid out."""
    values = [f"{schedule(place / 1000):.6f}" for place in range(1000)]
    digest = blake2b(" ".join(values).encode(), digest_size=4).hexdigest()
    return f"{', '.join(values[::250])} at the quarters of {epochs} epochs ({digest})"


def _check_shapes(path: str | Path, theirs: Mapping[str, Tensor], mine: Mapping[str, Tensor]) -> None:
    for name in sorted(theirs.keys() | mine.keys()):
        its, own = (tuple(weights[name].shape) if name in weights else "missing" for weights in (theirs, mine))
        if its != own:
            raise ValueError(
                f"{path} holds another model's weights: its {name} is {its}, this one's is {own}; {REMEDY}"
            )


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


def _unflatten(saved: Mapping[str, Any]) -> dict[str, dict[int, dict[str, Any]]]:
    states: dict[str, dict[int, dict[str, Any]]] = {}
    for key, value in _part(saved, "optimizer").items():
        player, index, name = key.split(".", 2)
        states.setdefault(player, {}).setdefault(int(index), {})[name] = value
    return states
