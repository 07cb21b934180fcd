"""Images so small that a network learns them in a second."""

from __future__ import annotations

import numpy as np

from sdg_lab.data.types import Images

SHAPE = (1, 4, 4)


def bars(n: int, seed: int = 0) -> Images:
    """Make images of one bright row each, in 17 grey levels; the label says which."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=n)
    steps = np.full((n, *SHAPE), 1)
    steps[np.arange(n), 0, labels] = rng.integers(11, 17, size=(n, 4))
    return Images(steps.astype(np.float32) / np.float32(16), labels)
