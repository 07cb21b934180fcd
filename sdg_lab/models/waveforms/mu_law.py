"""μ-law: 256 levels for a wave, close together near silence and far apart where it is loud.

ITU-T G.711, as van den Oord et al. use it in *WaveNet: A Generative Model for Raw Audio* (2016, section 2.2). A code k
stands for all waves in one interval; :data:`EDGES` are their ends, so that a density over waves gives each code its
probability, and an error of rounding that grows with the wave's size is all that is lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MU = 255
LEVELS = MU + 1
SILENCE = 128
"""The code of 0."""


def encode(waves: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the codes 0 … 255 of waves in [-1, 1], of any shape: f(x) = sign(x) ln(1 + μ|x|) / ln(1 + μ), rounded."""
    x = np.asarray(waves, dtype=np.float64)
    companded = np.sign(x) * np.log1p(MU * np.abs(x)) / np.log1p(MU)
    codes: NDArray[np.uint8] = np.floor((companded + 1) / 2 * MU + 0.5).astype(np.uint8)
    return codes


def decode(codes: NDArray[Any]) -> NDArray[np.float32]:
    """Return the wave in the middle of each code's interval, as μ-law sees it; ``encode(decode(k)) == k``."""
    return _expand(np.asarray(codes).astype(np.float64)).astype(np.float32)


def _expand(place: NDArray[Any]) -> NDArray[np.float64]:
    """Return the waves of places on the scale of codes, between two of them too."""
    companded = 2 * place / MU - 1
    wave: NDArray[np.float64] = np.sign(companded) * np.expm1(np.abs(companded) * np.log1p(MU)) / MU
    return wave


EDGES: NDArray[np.float64] = np.concatenate([[-np.inf], _expand(np.arange(MU) + 0.5), [np.inf]])
"""Code k stands for waves between ``EDGES[k]`` and ``EDGES[k + 1]``, (257,)."""
