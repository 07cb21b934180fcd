"""Data as tensors, and an epoch of it as batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdg_lab.training.devices import Processor
from sdg_lab.training.randomness import start_epoch

Batch = tuple[Tensor, ...]


def as_batch(data: Tensor | Sequence[Tensor], name: str = "data") -> Batch:
    """Return ``data`` as a tuple of tensors, or refuse it.

    Raises:
        TypeError: for arrays and lists of numbers.
        ValueError: if there is nothing in it, lengths differ, or a floating tensor holds NaN or infinity.
    """
    if not isinstance(data, (Tensor, Sequence)):
        raise TypeError(f"{name} must be a tensor, or several of them in a tuple, got {data!r}")
    tensors = (data,) if isinstance(data, Tensor) else tuple(data)
    if strange := [type(t).__name__ for t in tensors if not isinstance(t, Tensor)]:
        raise TypeError(f"{name} must be tensors, got {strange[0]}: torch.as_tensor(…) makes one of an array")
    if not tensors or len(tensors[0]) == 0:
        raise ValueError(f"{name} is empty: give at least one example")
    lengths = [len(t) for t in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(f"the tensors of {name} must have one length, got {lengths}")
    for index, tensor in enumerate(tensors):
        # A sum shows NaN and infinity ten times as fast as a look at each number; but it may just overflow.
        if tensor.is_floating_point() and not torch.isfinite(tensor.sum()) and not torch.isfinite(tensor).all():
            row = int((~torch.isfinite(tensor.reshape(len(tensor), -1))).any(dim=1).nonzero()[0, 0])
            raise ValueError(f"tensor {index} of {name} is not finite at example {row}: remove or impute it first")
    return tensors


@dataclass(frozen=True)
class Batches:
    """The training data, shuffled anew in each epoch and cut into batches.

    Of several processes each gets its share of every batch, all of them equally many examples: those that do not fill
    a last round are left out of the epoch, others in each.
    """

    data: Batch
    batch_size: int
    machine: Processor
    seed: int
    channels_last: bool = False

    def __post_init__(self) -> None:
        """Refuse data and sizes that cannot be shared out."""
        n, processes = len(self.data[0]), self.machine.world_size
        if n < processes:
            raise ValueError(f"data must hold an example for each of {processes} processes, got {n}")
        if self.batch_size % processes:
            raise ValueError(f"batch_size must be a multiple of the {processes} processes, got {self.batch_size}")

    @property
    def used(self) -> int:
        """Examples an epoch."""
        n = len(self.data[0])
        return n - n % self.machine.world_size

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return math.ceil(self.used / self.batch_size)

    def epoch(self, epoch: int) -> Iterator[tuple[int, Batch]]:
        """Yield the batches of an epoch, each after the number of its step; begins the epoch's noise."""
        rank, processes = self.machine.global_rank, self.machine.world_size
        order = start_epoch(self.seed, epoch, len(self.data[0]), rank=rank)[: self.used].to(self.data[0].device)
        for step, chosen in enumerate(torch.split(order, self.batch_size), start=epoch * self.steps):
            batch = tuple(t[chosen[rank::processes]] for t in self.data)
            yield step, tuple(self._laid_out(t) for t in batch) if self.channels_last else batch

    @staticmethod
    def _laid_out(tensor: Tensor) -> Tensor:
        return tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
