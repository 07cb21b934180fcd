"""The one training loop of the project, for every neural family.

It runs on Lightning Fabric, so one CPU, one GPU, several GPUs and several machines (under ``torchrun``) are a setting
and not other code. All randomness of an epoch follows from ``(seed, epoch, rank)`` alone, which is why a run that was
interrupted resumes to the same bits without any generator's state being stored.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from sdg_lab.training import checkpoint as checkpoints
from sdg_lab.training.history import History
from sdg_lab.training.players import Adversarial, HasLoss, MakeOptimizer, NotFiniteLoss, Player, seat

Batch = tuple[Tensor, ...]

__all__ = [
    "Adversarial",
    "DivergedError",
    "HasLoss",
    "History",
    "as_batch",
    "evaluate",
    "n_parameters",
    "reinitialise",
    "train",
]


class DivergedError(FloatingPointError):
    """A loss or the weights became NaN or infinite; the message names the step."""


def train(
    model: nn.Module,
    data: Tensor | Sequence[Tensor],
    *,
    epochs: int,
    batch_size: int = 64,
    lr: float | Mapping[str, float] = 1e-3,
    optimizer: MakeOptimizer | Mapping[str, MakeOptimizer] | None = None,
    schedule: Callable[[float], float] | None = None,
    validation: Tensor | Sequence[Tensor] | None = None,
    patience: int | None = None,
    ema: float | None = None,
    clip: float | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Any = "32-true",
    channels_last: bool = False,
    compile: bool | str = False,
    checkpoint: str | Path | None = None,
    on_epoch: Callable[[int, nn.Module], None] | None = None,
    progress: bool = True,
) -> History:
    """Minimise ``model.loss`` over mini-batches, in place, and return the curve.

    A model with ``players()`` and ``loss_of(player, *batch)`` is a game (:class:`Adversarial`): on each batch each
    player steps once, in order, with an optimiser of its own. The caller's random state is left as it was. Afterwards
    the model is in evaluation mode.

    Args:
        model: a module with ``loss(*batch) -> scalar``, the mean over the batch, or a game.
        data: a tensor of shape (n, ...) or several with the same n; they are passed to ``loss`` in this order.
        epochs: passes over the data, in all: a resumed run only makes those that are missing.
        batch_size: examples a step over all processes together; the last batch of an epoch may be smaller.
        lr: learning rate of Adam, if ``optimizer`` is not given; for a game also by player.
        optimizer: makes another optimiser from the parameters, e.g. ``lambda p: torch.optim.SGD(p, lr=0.1)``.
        schedule: factor on the learning rate as a function of the share of training done, in [0, 1).
        validation: held-out data of the same form, measured after each epoch with the same noise each time.
        patience: stop after this many epochs without a lower validation loss and go back to the best weights.
        ema: decay of an exponential moving average of the weights, e.g. 0.999; it is what is measured and kept.
        clip: largest norm of the gradient.
        seed: decides the order of examples and the noise that ``loss`` draws.
        device: "auto", "cpu", "cuda" or "mps", as Lightning Fabric names its accelerators.
        precision: Fabric's, e.g. "32-true" or "bf16-mixed" (worth it on a GPU; on most CPUs it costs).
        channels_last: keep pictures and kernels with their channels innermost (as for ``precision``).
        compile: translate the loss with ``torch.compile``, or with the backend of this name (a minute's wait, worth it
            on a GPU). A loss that differentiates a gradient, such as a gradient penalty, cannot be compiled.
        checkpoint: a file, written atomically after each epoch; if it is there, the run is resumed from it.
        on_epoch: called after each epoch with its number, from 0, and the model that is measured, in evaluation mode.
        progress: show a bar.

    Raises:
        ValueError: for data that are empty, unequal in length or not finite, for settings out of range, and for
            ``validation`` of a game, in which no single loss says how good the model is.
        DivergedError: if a loss is NaN or infinite; names the step. The weights are those before that step, unless it
            is the weights themselves that are named.
    """
    _check_settings(epochs=epochs, batch_size=batch_size, lr=lr, patience=patience, ema=ema, clip=clip)
    if patience is not None and validation is None:
        raise ValueError(f"patience={patience} needs validation data: pass validation=..., or leave patience out")
    if validation is not None and isinstance(model, Adversarial):
        raise ValueError("validation: a game has no loss that says how good it is; judge its samples in on_epoch=...")
    layout = torch.channels_last if channels_last else torch.preserve_format
    tensors = as_batch(data, "data")
    held_out = as_batch(validation, "validation") if validation is not None else None

    fabric = _fabric(device, precision)
    if channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    players = seat(model, fabric, lr=lr, optimizer=optimizer, compile=compile)
    if len(tensors[0]) < fabric.world_size:
        raise ValueError(f"data must hold an example for each of {fabric.world_size} processes, got {len(tensors[0])}")
    if batch_size % fabric.world_size:
        raise ValueError(f"batch_size must be a multiple of the {fabric.world_size} processes, got {batch_size}")
    tensors = tuple(fabric.to_device(t) for t in tensors)
    held_out = tuple(fabric.to_device(t) for t in held_out) if held_out else None
    average = _average(model, ema) if ema else None
    measured = average.module if average else model

    history = History()
    state = checkpoints.State(model, {player.name: player.inner for player in players}, average, history)
    if checkpoint is not None:
        same = {"batch_size": batch_size, "patience": patience, "ema": ema, "clip": clip, "seed": seed}
        rates = {player.name: player.rates for player in players}
        state.settings = {"data": [_digest(t) for t in tensors], "learning rates": rates, **same}
    if checkpoint is not None and Path(checkpoint).exists():
        state.restore(checkpoint)
    earlier, start = history.seconds, time.perf_counter()
    steps_an_epoch = math.ceil((len(tensors[0]) - len(tensors[0]) % fabric.world_size) / batch_size)
    total = epochs * steps_an_epoch
    history.stopped = "all epochs done"

    with (
        _caller_keeps_randomness(),
        tqdm(
            total=total, initial=history.epochs * steps_an_epoch, disable=not progress, leave=False, unit="step"
        ) as bar,
    ):
        for epoch in range(history.epochs, epochs):
            if _out_of_patience(history, patience):
                history.stopped = f"validation loss did not fall for {patience} epochs"
                break
            model.train()
            order = _start_epoch(seed, epoch, fabric.global_rank, len(tensors[0]))
            order = order[: len(order) - len(order) % fabric.world_size]  # every process gets equally many
            for step, first in enumerate(range(0, len(order), batch_size), start=epoch * steps_an_epoch):
                share = order[first : first + batch_size][fabric.global_rank :: fabric.world_size]
                share = share.to(tensors[0].device)
                batch = tuple(t[share] for t in tensors)
                if channels_last:
                    batch = tuple(t.to(memory_format=layout) if t.ndim == 4 else t for t in batch)
                for player in players:
                    if (step + 1) % player.every:
                        continue
                    if schedule is not None:
                        player.scale_rates(schedule(step / total))
                    try:
                        player.step(batch, fabric, clip)
                    except NotFiniteLoss as found:
                        what = "loss" if len(players) == 1 else f"loss of the {player.name}"
                        message = _diverged(what, found.args[0], epoch, step, player, checkpoint)
                        raise DivergedError(message) from None
                if average is not None:
                    average.update_parameters(model)
                bar.update()
            if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
                raise DivergedError(_diverged("weights", math.nan, epoch, step, players[0], checkpoint))
            _note(players, history)
            if held_out is not None:
                value = evaluate(measured, held_out, batch_size=max(batch_size, 256), seed=seed)
                if not math.isfinite(value):
                    message = _diverged("validation loss", value, epoch, history.steps, players[0], checkpoint)
                    raise DivergedError(message)
                history.validation_loss.append(value)
                if history.best_epoch == epoch and patience is not None:
                    state.keep_best(measured)
            bar.set_postfix_str(f"loss {history.train_loss[-1]:.4g}", refresh=False)
            history.seconds = earlier + time.perf_counter() - start
            if checkpoint is not None and fabric.is_global_zero:
                state.save(checkpoint)
            if on_epoch is not None:
                on_epoch(epoch, measured.eval())

    if patience is not None and state.best:
        model.load_state_dict(state.best)
    elif average is not None:
        model.load_state_dict(average.module.state_dict())
    model.eval()
    history.seconds = earlier + time.perf_counter() - start
    return history


@torch.no_grad()
def evaluate(model: nn.Module, data: Tensor | Sequence[Tensor], *, batch_size: int = 256, seed: int = 0) -> float:
    """Return the mean of ``model.loss`` over all examples, in evaluation mode, with the same noise at each call.

    Args:
        model: a module with ``loss(*batch)``; its mode is put back afterwards.
        data: one tensor or several, as in :func:`train`.
        batch_size: examples at a time.
        seed: of the noise that ``loss`` draws.

    Raises:
        ValueError: as :func:`train` does for data.
    """
    tensors = as_batch(data, "data")
    was_training, total = model.training, 0.0
    model.eval()
    with _caller_keeps_randomness():
        torch.manual_seed(seed)
        for first in range(0, len(tensors[0]), batch_size):
            batch = tuple(t[first : first + batch_size] for t in tensors)
            total += float(cast(HasLoss, model).loss(*batch)) * len(batch[0])
    model.train(was_training)
    return total / len(tensors[0])


def reinitialise(model: nn.Module, seed: int) -> None:
    """Draw all weights anew with a seed, as each layer's own ``reset_parameters`` does; ``fit`` begins with this."""
    with _caller_keeps_randomness():
        torch.manual_seed(seed)
        for module in model.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()


def n_parameters(model: nn.Module) -> int:
    """Count the numbers that training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def as_batch(data: Tensor | Sequence[Tensor], name: str = "data") -> Batch:
    """Return ``data`` as a tuple of tensors, or refuse it.

    Raises:
        ValueError: if there is nothing in it, lengths differ, or a floating tensor holds NaN or infinity.
    """
    tensors = (data,) if isinstance(data, Tensor) else tuple(data)
    if not tensors or len(tensors[0]) == 0:
        raise ValueError(f"{name} is empty: give at least one example")
    lengths = [len(t) for t in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(f"the tensors of {name} must have one length, got {lengths}")
    for index, tensor in enumerate(tensors):
        if not tensor.is_floating_point() or torch.isfinite(tensor.sum()):
            continue  # a sum shows NaN and infinity, ten times as fast as looking at each number
        if not torch.isfinite(tensor).all():  # and not just numbers whose sum overflows
            row = int((~torch.isfinite(tensor.reshape(len(tensor), -1))).any(dim=1).nonzero()[0, 0])
            raise ValueError(f"tensor {index} of {name} is not finite at example {row}: remove or impute it first")
    return tensors


def _fabric(device: str, precision: Any) -> Fabric:
    """Make a Fabric that joins the processes of ``torchrun`` where there are any."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // local
    strategy = "ddp" if local * nodes > 1 else "auto"
    fabric = Fabric(accelerator=device, devices=local, num_nodes=nodes, strategy=strategy, precision=precision)
    fabric.launch()
    return fabric


def _average(model: nn.Module, decay: float) -> AveragedModel:
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]


def _note(players: Sequence[Player], history: History) -> None:
    """Move the epoch's losses into the history: the first player's are the loss, all of them those of a game."""
    history.loss += players[0].losses
    history.train_loss.append(sum(players[0].losses) / len(players[0].losses))
    for player in players:
        if len(players) > 1:
            history.players.setdefault(player.name, []).extend(player.losses)
        player.losses.clear()


def _start_epoch(seed: int, epoch: int, rank: int, n: int) -> Tensor:
    """Seed this epoch's noise and return its order of examples, the same in every process."""
    order_seed, noise_seed = (
        int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
        for key in ((seed, epoch), (seed, epoch, rank + 1))
    )
    order = torch.randperm(n, generator=torch.Generator().manual_seed(order_seed))
    torch.manual_seed(noise_seed)
    return order


@contextmanager
def _caller_keeps_randomness() -> Iterator[None]:
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield


def _out_of_patience(history: History, patience: int | None) -> bool:
    best = history.best_epoch
    return patience is not None and best is not None and history.epochs - 1 - best >= patience


def _digest(tensor: Tensor) -> str:
    """Name a tensor by its content, so that a run is not resumed on other data."""
    content = tensor.detach().cpu().contiguous().view(torch.uint8) if tensor.ndim else tensor.detach().cpu()
    return f"{tuple(tensor.shape)} {blake2b(content.numpy().tobytes(), digest_size=8).hexdigest()}"


def _check_settings(
    *,
    epochs: int,
    batch_size: int,
    lr: float | Mapping[str, float],
    patience: int | None,
    ema: float | None,
    clip: float | None,
) -> None:
    for name, whole in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if whole is not None and whole < 1:
            raise ValueError(f"{name} must be >= 1, got {whole}")
    rates = {f"lr of {player}": rate for player, rate in lr.items()} if isinstance(lr, Mapping) else {"lr": lr}
    for name, number in (*rates.items(), ("clip", clip)):
        if number is not None and not number > 0:
            raise ValueError(f"{name} must be > 0, got {number}")
    if ema is not None and not 0 < ema < 1:
        raise ValueError(f"ema must lie between 0 and 1, got {ema}; 0.999 is usual")


def _diverged(what: str, value: float, epoch: int, step: int, player: Player, checkpoint: str | Path | None) -> str:
    rate = player.inner.param_groups[0]["lr"]
    kept = f"; the last good checkpoint is {checkpoint}" if checkpoint is not None and Path(checkpoint).exists() else ""
    return (
        f"the {what} became {value} at step {step} (epoch {epoch}): try a learning rate below {rate:g} or clip=1.0, "
        f"and look at the data{kept}"
    )
