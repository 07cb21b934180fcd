"""Multiply by weights while they are packed: the same numbers, a fifth of the memory to read.

A token that is generated alone is one row against every matrix of the network. Each weight is used once, so that the
time goes into fetching it: 540 MB for 135 million float32 weights. The file packs 32 weights into 20 bytes (Q4_1:
w = d q + m, with q in 0..15) or 34 (Q8_0: w = d q, with q in -127..127). Here the packed numbers are fetched, and
unpacked in registers. The weights are those that :meth:`PackedTensor.unpacked` gives, and all sums are in float32: no
precision is lost. Batches and prompts use each weight many times, and are multiplied as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType
from numba import get_num_threads, njit, prange, set_num_threads
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.gguf_file import PackedTensor

BLOCK = 32
"""Weights of a row that share a scale."""

LANES = 64
"""Rows that are summed side by side, so that the sums stay in registers and none has to be added up across."""

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def _multiply_4bit(x: Floats, packed: Bytes, scale: Floats, minimum: Floats, out: Floats) -> None:
    """Set out = W x for W packed as Q4_1.

    Args:
        x: (columns,).
        packed: (rows / 64, columns, 32): in a byte the numbers of rows r and r + 32.
        scale: (rows / 64, columns / 32, 64), the d of the blocks; ``minimum`` likewise their m.
        minimum: see ``scale``.
        out: (rows,).
    """
    groups = scale.shape[1]
    total_x = np.empty(groups, np.float32)  # Σ (d q + m) x = d Σ q x + m Σ x: the second sum serves all rows
    for group in range(groups):
        total = np.float32(0)
        for column in range(group * 32, group * 32 + 32):
            total += x[column]
        total_x[group] = total
    for tile in prange(packed.shape[0]):
        part = np.empty(64, np.float32)
        result = out[tile * 64 : tile * 64 + 64]
        result[:] = 0
        for group in range(groups):
            part[:] = 0
            for k in range(group * 32, group * 32 + 32, 4):  # four columns at a time: a fourth of the stores
                x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
                for r in range(32):
                    b0, b1, b2, b3 = (
                        packed[tile, k, r],
                        packed[tile, k + 1, r],
                        packed[tile, k + 2, r],
                        packed[tile, k + 3, r],
                    )
                    part[r] += (
                        x0 * np.float32(b0 & 15)
                        + x1 * np.float32(b1 & 15)
                        + x2 * np.float32(b2 & 15)
                        + x3 * np.float32(b3 & 15)
                    )
                    part[32 + r] += (
                        x0 * np.float32(b0 >> 4)
                        + x1 * np.float32(b1 >> 4)
                        + x2 * np.float32(b2 >> 4)
                        + x3 * np.float32(b3 >> 4)
                    )
            for r in range(64):
                result[r] += scale[tile, group, r] * part[r] + minimum[tile, group, r] * total_x[group]


def _multiply_8bit(x: Floats, packed: NDArray[np.int8], scale: Floats, out: Floats) -> None:
    """Set out = W x for W packed as Q8_0; ``packed`` is (rows / 64, columns, 64), the others as for four bits."""
    for tile in prange(packed.shape[0]):
        part = np.empty(64, np.float32)
        result = out[tile * 64 : tile * 64 + 64]
        result[:] = 0
        for group in range(scale.shape[1]):
            part[:] = 0
            for k in range(group * 32, group * 32 + 32, 4):
                x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
                for r in range(64):
                    part[r] += (
                        x0 * np.float32(packed[tile, k, r])
                        + x1 * np.float32(packed[tile, k + 1, r])
                        + x2 * np.float32(packed[tile, k + 2, r])
                        + x3 * np.float32(packed[tile, k + 3, r])
                    )
            for r in range(64):
                result[r] += scale[tile, group, r] * part[r]


def _compiled(function: Callable[..., None]) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return a function compiled for one thread, and for several; what was compiled once is kept on the disk."""
    return (
        njit(function, cache=True, fastmath=True, nogil=True),
        njit(function, cache=True, fastmath=True, nogil=True, parallel=True),
    )


_KERNELS = {
    GGMLQuantizationType.Q4_1: _compiled(_multiply_4bit),
    GGMLQuantizationType.Q8_0: _compiled(_multiply_8bit),
}


class PackedLinear(nn.Module):
    """A linear layer without bias that multiplies a single row by packed weights, and several rows by unpacked ones.

    Args:
        weight: the unpacked weights, (rows, columns).
        parts: the same, packed, one under the other; see :func:`can_pack`.
    """

    def __init__(self, weight: Tensor, parts: Sequence[PackedTensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.serial, self.parallel = _KERNELS[parts[0].kind]
        self.packed = _pack(np.concatenate([part.data for part in parts]), parts[0].kind, *weight.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return x Wᵀ, (..., columns) -> (..., rows)."""
        rows, columns = self.weight.shape
        if x.numel() != columns or x.device.type != "cpu" or x.dtype != torch.float32:
            return F.linear(x, self.weight)
        out = np.empty(rows, np.float32)
        threads = torch.get_num_threads()
        if threads == 1:
            self.serial(x.detach().numpy().reshape(-1), *self.packed, out)
        else:
            if get_num_threads() != threads:
                set_num_threads(threads)
            self.parallel(x.detach().numpy().reshape(-1), *self.packed, out)
        return torch.from_numpy(out).view(*x.shape[:-1], rows)


def can_pack(parts: Sequence[PackedTensor]) -> bool:
    """Say whether tensors that stand one under the other can be multiplied packed: one known kind, rows in 64s."""
    rows = sum(part.shape[0] for part in parts)
    return len({part.kind for part in parts}) == 1 and parts[0].kind in _KERNELS and rows % LANES == 0


def _pack(raw: Bytes, kind: GGMLQuantizationType, rows: int, columns: int) -> tuple[NDArray[Any], ...]:
    """Return what a kernel reads: the file's blocks, row after row, as tiles of 64 rows, column after column."""
    blocks = raw.reshape(rows, columns // BLOCK, -1)

    def tiles(numbers: NDArray[Any]) -> NDArray[Any]:
        """Reorder (rows, n) to (rows / 64, n, 64)."""
        return np.ascontiguousarray(numbers.reshape(rows // LANES, LANES, -1).transpose(0, 2, 1))

    def halves(start: int) -> Floats:
        """Return the float16 at this byte of each block."""
        return tiles(np.ascontiguousarray(blocks[:, :, start : start + 2]).view(np.float16)[:, :, 0].astype(np.float32))

    if kind == GGMLQuantizationType.Q8_0:
        return tiles(np.ascontiguousarray(blocks[:, :, 2:]).view(np.int8)), halves(0)
    # A byte of the file holds numbers i and i + 16 of a block; a byte here holds the same number of two rows.
    low, high = blocks[:, :, 4:] & 15, blocks[:, :, 4:] >> 4
    numbers = tiles(np.concatenate([low, high], axis=2))
    half = LANES // 2
    return np.ascontiguousarray(numbers[:, :, :half] | numbers[:, :, half:] << 4), halves(0), halves(2)
