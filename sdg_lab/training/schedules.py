"""Learning-rate schedules: the factor on the learning rate as a function of the share of training done, in [0, 1).

Their parameters are set with ``functools.partial``:

>>> from functools import partial
>>> late = partial(warm_up_then_linear, warm_up=0.5)
>>> [late(share) for share in (0.0, 0.25, 0.5, 0.75)]
[0.0, 0.375, 0.5, 0.25]
"""

from __future__ import annotations

import math


def linear(share: float) -> float:
    """Down from 1 to 0 along a line."""
    return 1 - share


def cosine(share: float) -> float:
    """Down from 1 to 0 along half a cosine (Loshchilov & Hutter 2017, equation 5, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * share))


def warm_up_then_linear(share: float, *, warm_up: float = 0.05) -> float:
    """:func:`linear`, times a factor that rises from 0 to 1 in the first ``warm_up`` of the training."""
    return (share / warm_up if share < warm_up else 1.0) * linear(share)


def warm_up_then_cosine(share: float, *, warm_up: float = 0.05) -> float:
    """Up from 0 to 1 in the first ``warm_up`` of the training, then :func:`cosine` in what is left of it."""
    return share / warm_up if share < warm_up else cosine((share - warm_up) / (1 - warm_up))
