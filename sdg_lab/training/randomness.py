"""All randomness of a training: it follows from ``(seed, epoch, rank)`` alone.

That is why a run that was interrupted resumes to the same bits without any generator's state being stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from sdg_lab.checks import whole


def start_epoch(seed: int, epoch: int, n: int, *, rank: int = 0) -> Tensor:
    """Return an epoch's order of n examples, the same in every process, and seed the noise that losses draw in it.

    A loop written by hand that begins each epoch with this sees the batches and the noise of ``training.train``.
    """
    torch.manual_seed(_seed(seed, epoch, rank + 1))
    return torch.randperm(n, generator=torch.Generator().manual_seed(_seed(seed, epoch)))


@contextmanager
def caller_keeps_randomness() -> Iterator[None]:
    """Put torch's global random state back afterwards."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torch draw from a seed inside, such as new weights; the caller's random state is left as it was."""
    with caller_keeps_randomness():
        torch.manual_seed(whole("seed", seed, least=0, most=2**63 - 1))
        yield


def _seed(*key: int) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
