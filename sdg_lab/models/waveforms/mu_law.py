"""μ-law: levels for a wave, close together near silence and far apart where it is loud.

ITU-T G.711, as van den Oord et al. use it in *WaveNet: A Generative Model for Raw Audio* (2016, section 2.2), with 256
levels; more of them are a finer version of the same curve. A code k stands for all waves in one interval between two
:func:`edges`, so that a density over waves gives each code its probability, and an error of rounding that grows with
the wave's size is all that is lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MU = 255
LEVELS = MU + 1
MOST_LEVELS = 2**15

Codes = NDArray[np.uint8] | NDArray[np.int16]


def silence(levels: int = LEVELS) -> int:
    """Return the code of 0, which an even number of levels decodes to half a step: 0.00009 of 256, and 1 of 2."""
    return levels // 2


def audible(waves: NDArray[Any], levels: int = LEVELS) -> NDArray[np.bool_]:
    """Return which waves are more than silence once they are codes, (n,): what is quieter than a step is not."""
    found: NDArray[np.bool_] = (encode(waves, levels) != silence(levels)).any(axis=1)
    return found


def encode(waves: NDArray[Any], levels: int = LEVELS) -> Codes:
    """Return the codes 0 … levels - 1 of waves in [-1, 1], of any shape.

    They are f(x) = sign(x) ln(1 + μ|x|) / ln(1 + μ), brought to the range of the codes and rounded; bytes where these
    suffice, else 16 bits.
    """
    x = np.asarray(waves, dtype=np.float64)
    companded = np.sign(x) * np.log1p(MU * np.abs(x)) / np.log1p(MU)
    codes: NDArray[np.float64] = np.floor((companded + 1) / 2 * (levels - 1) + 0.5)
    return codes.astype(np.uint8) if levels <= 256 else codes.astype(np.int16)


def decode(codes: NDArray[Any], levels: int = LEVELS) -> NDArray[np.float32]:
    """Return the wave in the middle of each code's interval, as μ-law sees it; ``encode(decode(k)) == k``."""
    return _expand(np.asarray(codes).astype(np.float64), levels).astype(np.float32)


def edges(levels: int = LEVELS) -> NDArray[np.float64]:
    """Return the ends of the codes' intervals, (levels + 1,): code k stands for waves between edge k and edge k + 1."""
    return np.concatenate([[-np.inf], _expand(np.arange(levels - 1) + 0.5, levels), [np.inf]])


def _expand(place: NDArray[Any], levels: int) -> NDArray[np.float64]:
    """Return the waves of places on the scale of codes, between two of them too."""
    companded = 2 * place / (levels - 1) - 1
    wave: NDArray[np.float64] = np.sign(companded) * np.expm1(np.abs(companded) * np.log1p(MU)) / MU
    return wave
