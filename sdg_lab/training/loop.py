"""The one training loop of the project, for every neural family; and the loss on data that are not trained on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from sdg_lab.checks import number, whole
from sdg_lab.training import devices
from sdg_lab.training.batches import Batches, as_batch
from sdg_lab.training.checkpoint import State, compared
from sdg_lab.training.divergence import DivergedError, NotFinite, finite, require_finite_weights
from sdg_lab.training.history import History
from sdg_lab.training.players import Adversarial, HasLoss, MakeOptimizer, Player, note, seat
from sdg_lab.training.randomness import caller_keeps_randomness, seeded
from sdg_lab.training.weights import moving_average


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
    the model is on the device where it was before, in the precision that it had, in evaluation mode.

    Args:
        model: a module with ``loss(*batch) -> scalar``, the mean over the batch, or a game.
        data: a tensor of shape (n, ...) or several with the same n; they are passed to ``loss`` in this order.
        epochs: passes over the data, in all: a resumed run only makes those that are missing.
        batch_size: examples a step over all processes together; the last batch of an epoch may be smaller.
        lr: learning rate of Adam, if ``optimizer`` is not given; for a game also by player.
        optimizer: makes another optimiser from the parameters, e.g. ``lambda p: torch.optim.SGD(p, lr=0.1)``.
        schedule: factor on the learning rate as a function of the share of training done, in [0, 1);
            :mod:`sdg_lab.training.schedules` has the usual ones.
        validation: held-out data of the same form, measured after each epoch with the same noise each time.
        patience: stop after this many epochs without a lower validation loss and go back to the best weights.
        ema: decay of an exponential moving average of the weights, e.g. 0.999; it is what is measured and kept.
        clip: largest norm of the gradient.
        seed: decides the order of examples and the noise that ``loss`` draws.
        device: where it trains: "auto", "cpu", "cuda" or "mps", as Lightning Fabric names its accelerators.
        precision: Fabric's, e.g. "32-true" or "bf16-mixed" (worth it on a GPU; on most CPUs it costs).
        channels_last: keep images and kernels with their channels innermost (as for ``precision``).
        compile: translate the loss with ``torch.compile``, or with the backend of this name (a minute's wait, worth it
            on a GPU). A loss that differentiates a gradient, such as a gradient penalty, cannot be compiled.
        checkpoint: a file, written atomically after each epoch; if it is there, the run is resumed from it.
        on_epoch: called after each epoch with its number, from 0, and the model that is measured, in evaluation mode.
        progress: show a bar.

    Raises:
        ValueError: for data that are empty, unequal in length or not finite, for settings out of range, for
            ``validation`` of a game, in which no single loss says how good the model is, and for a ``checkpoint`` that
            is damaged or of another run.
        DivergedError: if a loss is NaN or infinite; names the step. The player whose loss it is has not stepped.
    """
    _check_settings(epochs=epochs, batch_size=batch_size, lr=lr, patience=patience, ema=ema, clip=clip, seed=seed)
    if schedule is not None and not callable(schedule):
        raise ValueError(f"schedule must be a function, such as sdg_lab.training.schedules.cosine, got {schedule!r}")
    for make in optimizer.values() if isinstance(optimizer, Mapping) else [optimizer]:
        if make is not None and not callable(make):
            raise ValueError(f"optimizer must be a function, e.g. lambda p: torch.optim.SGD(p, lr=0.1), got {make!r}")
    if on_epoch is not None and not callable(on_epoch):
        raise ValueError(f"on_epoch must be a function of an epoch's number and a model, got {on_epoch!r}")
    if checkpoint is not None and (not str(checkpoint) or Path(checkpoint).is_dir()):
        raise ValueError(f"checkpoint must be a file, got {str(checkpoint)!r}")
    _check_validation(model, validation, patience)
    tensors = as_batch(data, "data")
    held_out = None if validation is None else as_batch(validation, "validation")
    if held_out is not None and len(held_out) != len(tensors):
        raise ValueError(f"validation must hold {len(tensors)} tensors, as the data do, got {len(held_out)}")

    bring_back = devices.way_back(model)
    machine = devices.launch(device, precision)
    batches = Batches(tuple(map(machine.to_device, tensors)), batch_size, machine, seed, channels_last)
    held_out = held_out and tuple(map(machine.to_device, held_out))
    if channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    players = seat(model, machine, lr=lr, optimizer=optimizer, compile=compile)
    average = moving_average(model, ema) if ema else None
    history = History()
    state = State(model, players, average, history)
    if checkpoint is not None:
        others = {"patience": patience, "ema": ema, "clip": clip, "precision": str(precision)}
        state.settings = compared(model, batches, held_out, players, schedule, epochs, **others)
        if Path(checkpoint).exists():
            state.restore(checkpoint, epochs=epochs)

    history.stopped = "all epochs done"
    begin, cpu_begin = time.perf_counter() - history.seconds, time.process_time() - history.cpu_seconds
    steps, first = epochs * batches.steps, history.epochs * batches.steps
    bar = tqdm(total=steps, initial=first, disable=not progress, leave=False, unit="step")
    try:
        with caller_keeps_randomness(), bar:
            for epoch in range(history.epochs, epochs):
                if _out_of_patience(history, patience):
                    history.stopped = f"validation loss did not fall for {patience} epochs"
                    break

                model.train()
                for step, batch in batches.epoch(epoch):
                    for player in players:
                        if (step + 1) % player.every == 0:
                            player.scale_rates(schedule(step / steps) if schedule else 1.0)
                            player.step(batch, machine, clip)
                    if average is not None:
                        average.update_parameters(model)
                    bar.update()
                require_finite_weights(model)

                note(players, history)
                if held_out is not None:
                    loss = evaluate(state.measured, held_out, batch_size=max(batch_size, 256), seed=seed)
                    history.validation_loss.append(finite("validation loss", loss))
                    if patience is not None and history.best_epoch == epoch:
                        state.keep_best()
                history.seconds, history.cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
                if checkpoint is not None and machine.is_global_zero:
                    state.save(checkpoint)
                if on_epoch is not None:
                    on_epoch(epoch, state.measured.eval())
                bar.set_postfix_str(f"loss {history.train_loss[-1]:.4g}", refresh=False)
    except NotFinite as found:
        raise DivergedError(f"{found} at step {step} (epoch {epoch}): {_advice(players, clip, checkpoint)}") from None
    finally:
        bring_back()
    state.finish()
    history.seconds, history.cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    return history


@torch.no_grad()
def evaluate(model: nn.Module, data: Tensor | Sequence[Tensor], *, batch_size: int = 256, seed: int = 0) -> float:
    """Return the mean of ``model.loss`` over all examples, in evaluation mode, with the same noise at each call.

    Args:
        model: a module with ``loss(*batch)``, the mean over the batch's examples; its mode is put back afterwards.
        data: one tensor or several, as in :func:`sdg_lab.training.train`.
        batch_size: examples at a time; the mean does not depend on it, but for the noise.
        seed: of the noise that ``loss`` draws.

    Raises:
        ValueError: as :func:`sdg_lab.training.train` does for data.
    """
    tensors = as_batch(data, "data")
    whole("batch_size", batch_size, least=1)
    was_training, total = model.training, 0.0
    model.eval()
    try:
        with seeded(seed):
            for batch in zip(*(torch.split(t, batch_size) for t in tensors), strict=True):
                total += float(cast(HasLoss, model).loss(*batch)) * len(batch[0])
    finally:
        model.train(was_training)
    return total / len(tensors[0])


def _check_settings(*, lr: float | Mapping[str, float], ema: float | None, clip: float | None, **counts: Any) -> None:
    for name, least in (("epochs", 1), ("batch_size", 1), ("patience", 1), ("seed", 0)):
        if counts[name] is not None:
            whole(name, counts[name], least=least)
    rates = {f"lr of {player}": rate for player, rate in lr.items()} if isinstance(lr, Mapping) else {"lr": lr}
    for name, rate in rates.items():
        number(name, rate, above=0)
    if ema is not None:
        number("ema", ema, above=0, below=1)
    if clip is not None:
        number("clip", clip, above=0)


def _check_validation(model: nn.Module, validation: object | None, patience: int | None) -> None:
    if (validation is not None or patience is not None) and isinstance(model, Adversarial):
        given = "validation" if validation is not None else "patience"
        raise ValueError(f"{given}: a game has no loss that says how good it is; judge its samples in on_epoch=...")
    if patience is not None and validation is None:
        raise ValueError(f"patience={patience} needs validation data: pass validation=..., or leave patience out")


def _out_of_patience(history: History, patience: int | None) -> bool:
    best = history.best_epoch
    return patience is not None and best is not None and history.epochs - 1 - best >= patience


def _advice(players: Sequence[Player], clip: float | None, checkpoint: str | Path | None) -> str:
    rates = {player.name: f"{player.rates[0]:g}" for player in players}
    rate = " and ".join(rates.values() if len(players) == 1 else (f"{r} ({name})" for name, r in rates.items()))
    norm = "not limited" if clip is None else f"limited to {clip:g}"
    kept = f"; the last good checkpoint is {checkpoint}" if checkpoint is not None and Path(checkpoint).exists() else ""
    return f"with a learning rate of {rate} and the gradient's norm {norm}. Lower either, and look at the data{kept}"
