"""The one training loop of the project, for every neural family.

It runs on Lightning Fabric, so one CPU, one GPU, several GPUs and several machines (under ``torchrun``) are a setting
and not other code. All randomness of an epoch follows from ``(seed, epoch, rank)`` alone, which is why a run that was
interrupted resumes to the same bits without any generator's state being stored.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from sdg_lab import checkpoint as checkpoints
from sdg_lab.history import History

Batch = tuple[Tensor, ...]

__all__ = ["DivergedError", "HasLoss", "History", "as_batch", "evaluate", "n_parameters", "reinitialise", "train"]


class HasLoss(Protocol):
    """What the loop asks of a model: ``loss(*batch)`` gives a scalar, the mean over the batch's examples."""

    def loss(self, *batch: Tensor) -> Tensor: ...  # noqa: D102 - said by the class


class DivergedError(FloatingPointError):
    """A loss or the weights became NaN or infinite; the message names the step."""


def train(
    model: nn.Module,
    data: Tensor | Sequence[Tensor],
    *,
    epochs: int,
    batch_size: int = 64,
    lr: float = 1e-3,
    optimizer: Callable[[Iterator[nn.Parameter]], Optimizer] | None = None,
    schedule: Callable[[float], float] | None = None,
    validation: Tensor | Sequence[Tensor] | None = None,
    patience: int | None = None,
    ema: float | None = None,
    clip: float | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Any = "32-true",
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Minimise ``model.loss`` over mini-batches, in place, and return the curve.

    The caller's random state is left as it was. Afterwards the model is in evaluation mode.

    Args:
        model: a module with ``loss(*batch) -> scalar``, the mean over the batch.
        data: a tensor of shape (n, ...) or several with the same n; they are passed to ``loss`` in this order.
        epochs: passes over the data, in all: a resumed run only makes those that are missing.
        batch_size: examples a step over all processes together; the last batch of an epoch may be smaller.
        lr: learning rate of Adam, if ``optimizer`` is not given.
        optimizer: makes another optimiser from the parameters, e.g. ``lambda p: torch.optim.SGD(p, lr=0.1)``.
        schedule: factor on the learning rate as a function of the share of training done, in [0, 1).
        validation: held-out data of the same form, measured after each epoch with the same noise each time.
        patience: stop after this many epochs without a lower validation loss and go back to the best weights.
        ema: decay of an exponential moving average of the weights, e.g. 0.999; it is what is measured and kept.
        clip: largest norm of the gradient.
        seed: decides the order of examples and the noise that ``loss`` draws.
        device: "auto", "cpu", "cuda" or "mps", as Lightning Fabric names its accelerators.
        precision: Fabric's, e.g. "32-true" or "bf16-mixed" (worth it on a GPU; on most CPUs it costs).
        checkpoint: a file, written atomically after each epoch; if it is there, the run is resumed from it.
        progress: show a bar.

    Raises:
        ValueError: for data that are empty, unequal in length or not finite, and for settings out of range.
        DivergedError: if the loss is NaN or infinite; names the step. The weights are those before that step, unless it
            is the weights themselves that are named.
    """
    _check_settings(epochs=epochs, batch_size=batch_size, lr=lr, patience=patience, ema=ema, clip=clip)
    if patience is not None and validation is None:
        raise ValueError(f"patience={patience} needs validation data: pass validation=..., or leave patience out")
    tensors = as_batch(data, "data")
    held_out = as_batch(validation, "validation") if validation is not None else None

    fabric = _fabric(device, precision)
    objective = _Objective(model)
    opt = (optimizer or (lambda p: torch.optim.Adam(p, lr=lr)))(model.parameters())
    base_rates = [group["lr"] for group in opt.param_groups]
    step_model, step_opt = fabric.setup(objective, opt)
    if len(tensors[0]) < fabric.world_size:
        raise ValueError(f"data must hold an example for each of {fabric.world_size} processes, got {len(tensors[0])}")
    if batch_size % fabric.world_size:
        raise ValueError(f"batch_size must be a multiple of the {fabric.world_size} processes, got {batch_size}")
    tensors = tuple(fabric.to_device(t) for t in tensors)
    held_out = tuple(fabric.to_device(t) for t in held_out) if held_out else None
    average = _average(model, ema) if ema else None
    measured = average.module if average else model

    history = History()
    state = checkpoints.State(model, opt, average, history)
    if checkpoint is not None:
        same = {"batch_size": batch_size, "patience": patience, "ema": ema, "clip": clip, "seed": seed}
        state.settings = {"data": [_digest(t) for t in tensors], "learning rates": base_rates, **same}
    if checkpoint is not None and Path(checkpoint).exists():
        state.restore(checkpoint)
    earlier, start = history.seconds, time.perf_counter()
    steps_an_epoch = math.ceil((len(tensors[0]) - len(tensors[0]) % fabric.world_size) / batch_size)
    total = epochs * steps_an_epoch
    history.stopped = "all epochs done"

    with (
        _caller_keeps_randomness(),
        tqdm(total=total, initial=history.steps, disable=not progress, leave=False, unit="step") as bar,
    ):
        for epoch in range(history.epochs, epochs):
            if _out_of_patience(history, patience):
                history.stopped = f"validation loss did not fall for {patience} epochs"
                break
            model.train()
            order = _start_epoch(seed, epoch, fabric.global_rank, len(tensors[0]))
            order = order[: len(order) - len(order) % fabric.world_size]  # every process gets equally many
            losses: list[float] = []
            for first in range(0, len(order), batch_size):
                share = order[first : first + batch_size][fabric.global_rank :: fabric.world_size]
                share = share.to(tensors[0].device)
                if schedule is not None:
                    factor = schedule((history.steps + len(losses)) / total)
                    for group, rate in zip(opt.param_groups, base_rates, strict=True):
                        group["lr"] = rate * factor
                step_opt.zero_grad(set_to_none=True)
                loss = step_model(*(t[share] for t in tensors))
                value = _value(loss, fabric)
                if not math.isfinite(value):
                    raise DivergedError(_diverged("loss", value, epoch, history.steps + len(losses), opt, checkpoint))
                fabric.backward(loss)
                if clip is not None:
                    fabric.clip_gradients(step_model, step_opt, max_norm=clip, error_if_nonfinite=False)
                step_opt.step()
                if average is not None:
                    average.update_parameters(model)
                losses.append(value)
                bar.update()
            if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
                last = history.steps + len(losses) - 1
                raise DivergedError(_diverged("weights", math.nan, epoch, last, opt, checkpoint))
            history.loss += losses
            history.train_loss.append(sum(losses) / len(losses))
            if held_out is not None:
                value = evaluate(measured, held_out, batch_size=max(batch_size, 256), seed=seed)
                if not math.isfinite(value):
                    raise DivergedError(_diverged("validation loss", value, epoch, history.steps, opt, checkpoint))
                history.validation_loss.append(value)
                if history.best_epoch == epoch and patience is not None:
                    state.keep_best(measured)
            bar.set_postfix_str(f"loss {history.train_loss[-1]:.4g}", refresh=False)
            history.seconds = earlier + time.perf_counter() - start
            if checkpoint is not None and fabric.is_global_zero:
                state.save(checkpoint)

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


class _Objective(nn.Module):
    """The model's loss as a ``forward``, which is what Fabric (and DDP under it) wraps."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *batch: Tensor) -> Tensor:
        return cast(HasLoss, self.model).loss(*batch)


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


def _value(loss: Tensor, fabric: Fabric) -> float:
    """Return the loss as a number: the mean over processes."""
    if loss.ndim:
        raise ValueError(f"loss must return a scalar, the mean over the batch; got shape {tuple(loss.shape)}")
    if fabric.world_size == 1:
        return loss.item()
    return float(cast(Tensor, fabric.all_reduce(loss.detach(), reduce_op="mean")))


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
    *, epochs: int, batch_size: int, lr: float, patience: int | None, ema: float | None, clip: float | None
) -> None:
    for name, whole in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if whole is not None and whole < 1:
            raise ValueError(f"{name} must be >= 1, got {whole}")
    for name, number in (("lr", lr), ("clip", clip)):
        if number is not None and not number > 0:
            raise ValueError(f"{name} must be > 0, got {number}")
    if ema is not None and not 0 < ema < 1:
        raise ValueError(f"ema must lie between 0 and 1, got {ema}; 0.999 is usual")


def _diverged(what: str, value: float, epoch: int, step: int, opt: Optimizer, checkpoint: str | Path | None) -> str:
    rate = opt.param_groups[0]["lr"]
    kept = f"; the last good checkpoint is {checkpoint}" if checkpoint is not None and Path(checkpoint).exists() else ""
    return (
        f"the {what} became {value} at step {step} (epoch {epoch}): try a learning rate below {rate:g} or clip=1.0, "
        f"and look at the data{kept}"
    )
