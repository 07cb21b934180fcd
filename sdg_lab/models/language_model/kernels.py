"""The inner loops of :mod:`~sdg_lab.models.language_model.packed`: products with weights that are unpacked on the way.

Written for the compiler: plain loops over rows of 64 that lie side by side, so that each becomes a few instructions on
whole registers. numba compiles them at their first use, and is needed for nothing else: numpy would write each unpacked
weight to memory and read it again, and that is what packing saves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Kernel = Callable[..., None]


class Kernels(NamedTuple):
    """A product by weights of one kind, compiled for one thread and for several; what was compiled stays on the disk.

    Attributes:
        row: of a single row of numbers.
        rows: of a number of rows that is a multiple of :data:`ROWS`.
    """

    row: tuple[Kernel, Kernel]
    rows: tuple[Kernel, Kernel]


ROWS = 4
"""Rows of numbers that are multiplied together, so that a weight in a register serves all of them."""

prange = range
"""Compiled for several threads this is numba's, which shares its rounds out among them."""


# In `byte & 15` a byte meets an int64, and registers hold half as many of those: at 32 bits a product with one row
# takes three quarters of the time.


def _low(byte: int) -> np.float32:
    """Return the number in the lower four bits."""
    return np.float32(np.int32(np.int32(byte) & np.int32(15)))


def _high(byte: int) -> np.float32:
    """Return the number in the upper four bits."""
    return np.float32(np.int32(np.int32(byte) >> np.int32(4)))


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
                    part[r] += x0 * _low(b0) + x1 * _low(b1) + x2 * _low(b2) + x3 * _low(b3)
                    part[32 + r] += x0 * _high(b0) + x1 * _high(b1) + x2 * _high(b2) + x3 * _high(b3)
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


def _unpack_4bit(packed: Bytes, scale: Floats, minimum: Floats, weights: Floats) -> None:
    """Write d q + m for a group of 32 columns: packed (32, 32), scale and minimum (64,), weights (32, 64)."""
    for k in range(32):
        for r in range(32):
            weights[k, r] = _low(packed[k, r]) * scale[r] + minimum[r]
        for r in range(32):
            weights[k, 32 + r] = _high(packed[k, r]) * scale[32 + r] + minimum[32 + r]


def _unpack_8bit(packed: NDArray[np.int8], scale: Floats, weights: Floats) -> None:
    """Write d q for a group of 32 columns: packed and weights (32, 64), scale (64,)."""
    for k in range(32):
        for r in range(64):
            weights[k, r] = np.float32(packed[k, r]) * scale[r]


def _add_products(x: Floats, first: int, weights: Floats, sums: Floats) -> None:
    """Add x[:, first : first + 32] @ weights to the sums, (n, 64): four rows by four columns at a time."""
    for n in range(0, x.shape[0], 4):
        for k in range(0, 32, 4):
            c = first + k
            a0, a1, a2, a3 = x[n, c], x[n, c + 1], x[n, c + 2], x[n, c + 3]
            b0, b1, b2, b3 = x[n + 1, c], x[n + 1, c + 1], x[n + 1, c + 2], x[n + 1, c + 3]
            c0, c1, c2, c3 = x[n + 2, c], x[n + 2, c + 1], x[n + 2, c + 2], x[n + 2, c + 3]
            d0, d1, d2, d3 = x[n + 3, c], x[n + 3, c + 1], x[n + 3, c + 2], x[n + 3, c + 3]
            for r in range(64):
                w0, w1, w2, w3 = weights[k, r], weights[k + 1, r], weights[k + 2, r], weights[k + 3, r]
                sums[n, r] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3
                sums[n + 1, r] += b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3
                sums[n + 2, r] += c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
                sums[n + 3, r] += d0 * w0 + d1 * w1 + d2 * w2 + d3 * w3


def _multiply_rows_4bit(x: Floats, packed: Bytes, scale: Floats, minimum: Floats, out: Floats) -> None:
    """Set out = x Wᵀ, (n, rows), for x of shape (n, columns), n a multiple of 4; the others as for one row."""
    for tile in prange(packed.shape[0]):
        weights, sums = np.empty((32, 64), np.float32), np.zeros((x.shape[0], 64), np.float32)
        for group in range(scale.shape[1]):
            first = group * 32
            _unpack_4bit(packed[tile, first : first + 32], scale[tile, group], minimum[tile, group], weights)
            _add_products(x, first, weights, sums)
        out[:, tile * 64 : tile * 64 + 64] = sums


def _multiply_rows_8bit(x: Floats, packed: NDArray[np.int8], scale: Floats, out: Floats) -> None:
    """Do the same for W packed as Q8_0."""
    for tile in prange(packed.shape[0]):
        weights, sums = np.empty((32, 64), np.float32), np.zeros((x.shape[0], 64), np.float32)
        for group in range(scale.shape[1]):
            first = group * 32
            _unpack_8bit(packed[tile, first : first + 32], scale[tile, group], weights)
            _add_products(x, first, weights, sums)
        out[:, tile * 64 : tile * 64 + 64] = sums


@cache
def kernels() -> dict[str, Kernels]:
    """Return the kernels by the kind of the weights, compiled."""
    from numba import njit, prange

    scope = {**globals(), "prange": prange}

    def compiled(function: Callable[..., Any], suffix: str = "", **options: Any) -> Kernel:
        # What is kept on the disk is found by name: under one name the second would be given the code of the first.
        twin = FunctionType(function.__code__, scope, function.__name__)
        twin.__qualname__ = function.__name__ + suffix
        kernel: Kernel = njit(twin, cache=True, **options)
        return kernel

    fast: dict[str, Any] = {"fastmath": True, "nogil": True}
    scope |= {helper.__name__: compiled(helper, inline="always") for helper in (_low, _high)}
    scope |= {helper.__name__: compiled(helper, **fast) for helper in (_unpack_4bit, _unpack_8bit, _add_products)}

    def both(function: Callable[..., Any]) -> tuple[Kernel, Kernel]:
        return compiled(function, **fast), compiled(function, "_by_several", parallel=True, **fast)

    return {
        "Q4_1": Kernels(both(_multiply_4bit), both(_multiply_rows_4bit)),
        "Q8_0": Kernels(both(_multiply_8bit), both(_multiply_rows_8bit)),
    }


KINDS = ("Q4_1", "Q8_0")
"""The kinds of weights that there are kernels for."""
