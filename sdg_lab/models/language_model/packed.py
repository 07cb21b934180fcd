"""Multiply by weights while they are packed: the same numbers, a fifth of the memory to read.

A token that is generated alone is one row against every matrix of the network. Each weight is used once, so that the
time goes into fetching it: 540 MB for 135 million float32 weights. The file packs 32 weights into 20 bytes (Q4_1:
w = d q + m, with q in 0..15) or 34 (Q8_0: w = d q, with q in -127..127). Here the packed numbers are fetched, and
unpacked in registers. The weights are those that :meth:`PackedTensor.unpacked` gives, and all sums are in float32: no
precision is lost. A batch of sixteen uses each weight sixteen times, and still waits for memory more than it computes:
small batches are multiplied packed too. Larger ones, and long prompts, are multiplied as usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.language_model.gguf import PackedTensor
from sdg_lab.models.language_model.kernels import KINDS, ROWS, Bytes, Floats, kernels

BLOCK = 32
"""Weights of a row that share a scale."""

LANES = 64
"""Rows that are summed side by side, so that the sums stay in registers and none has to be added up across."""

MAX_ROWS = 32
"""Rows of numbers beyond which multiplying by the unpacked weights is faster."""


class PackedLinear(nn.Module):
    """A linear layer without bias that multiplies a few rows by packed weights, and many by unpacked ones.

    Args:
        weight: the unpacked weights, (rows, columns).
        parts: the same, packed, one under the other; see :func:`can_pack`.
    """

    def __init__(self, weight: Tensor, parts: Sequence[PackedTensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        kind = parts[0].kind.name
        self.kernels = kernels()[kind]
        self.packed = _pack(np.concatenate([part.data for part in parts]), kind, *weight.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return x Wᵀ, (..., columns) -> (..., rows)."""
        rows, columns = self.weight.shape
        n = x.numel() // columns
        if not 1 <= n <= MAX_ROWS or x.device.type != "cpu" or x.dtype != torch.float32:
            return F.linear(x, self.weight)
        if several := torch.get_num_threads() > 1:
            _use_as_many_threads()
        if n == 1:
            out = np.empty(rows, np.float32)
            self.kernels.row[several](x.detach().numpy().reshape(-1), *self.packed, out)
        else:
            flat = x.detach().reshape(n, columns)
            if n % ROWS:
                flat = F.pad(flat, (0, 0, 0, -n % ROWS))
            out = np.empty((len(flat), rows), np.float32)
            self.kernels.rows[several](flat.numpy(), *self.packed, out)
        return torch.from_numpy(out).view(-1, rows)[:n].view(*x.shape[:-1], rows)


def _use_as_many_threads() -> None:
    """Let numba use as many threads as torch does."""
    from numba import get_num_threads, set_num_threads

    if get_num_threads() != torch.get_num_threads():
        set_num_threads(torch.get_num_threads())


def can_pack(parts: Sequence[PackedTensor]) -> bool:
    """Say whether tensors that stand one under the other can be multiplied packed: one known kind, rows in 64s."""
    rows = sum(part.shape[0] for part in parts)
    return len({part.kind for part in parts}) == 1 and parts[0].kind.name in KINDS and rows % LANES == 0


def _pack(raw: Bytes, kind: str, rows: int, columns: int) -> tuple[NDArray[Any], ...]:
    """Return what a kernel reads: the file's blocks, row after row, as tiles of 64 rows, column after column."""
    blocks = raw.reshape(rows, columns // BLOCK, -1)

    def tiles(numbers: NDArray[Any]) -> NDArray[Any]:
        """Reorder (rows, n) to (rows / 64, n, 64)."""
        return np.ascontiguousarray(numbers.reshape(rows // LANES, LANES, -1).transpose(0, 2, 1))

    def halves(start: int) -> Floats:
        """Return the float16 at this byte of each block."""
        return tiles(np.ascontiguousarray(blocks[:, :, start : start + 2]).view(np.float16)[:, :, 0].astype(np.float32))

    if kind == "Q8_0":
        return tiles(np.ascontiguousarray(blocks[:, :, 2:]).view(np.int8)), halves(0)
    # A byte of the file holds numbers i and i + 16 of a block; a byte here holds the same number of two rows.
    low, high = blocks[:, :, 4:] & 15, blocks[:, :, 4:] >> 4
    numbers = tiles(np.concatenate([low, high], axis=2))
    half = LANES // 2
    return np.ascontiguousarray(numbers[:, :, :half] | numbers[:, :, half:] << 4), halves(0), halves(2)
