"""Sequences of different lengths as one rectangle of codes, and running text as many windows of one length.

Both come in one form. A row of ``tokens`` starts with the boundary, code 0; a network reads ``row[:-1]`` and predicts
``row[1:]``. ``lengths`` says how many predictions of the row count; what lies behind them is padding (zeros).

=========================  ============================  =======
what                       row                           length
=========================  ============================  =======
"anna"                     ``· a n n a · (padding)``     5: its end is predicted
four characters of a text  ``· a n n a``                 4: nothing ends there
=========================  ============================  =======

At the head of a window the boundary says that what stood before is not known.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from sdg_lab.models.sequences.alphabet import Integers

MAX_TOKENS = 2**15
"""Tokens whose distributions are computed at a time: enough to be quick, few enough for a small memory."""


def pad(codes: Integers, lengths: Integers) -> tuple[Tensor, Tensor]:
    """Write sequences into rows, each between boundaries.

    Args:
        codes: all sequences one after another, (total,), as ``Alphabet.encode`` returns them.
        lengths: symbols of each, (n,).

    Returns:
        tokens, int64, (n, longest + 2), and how many are to be predicted in each row, the end included, (n,).
    """
    symbols = torch.from_numpy(lengths)
    tokens = torch.zeros(len(symbols), int(symbols.max()) + 2, dtype=torch.int64)
    place = torch.arange(tokens.shape[1])
    tokens[(place >= 1) & (place <= symbols[:, None])] = torch.from_numpy(codes)
    return tokens, symbols + 1


def mask_of(lengths: Tensor, width: int) -> Tensor:
    """Return which of ``width`` predictions count, bool (n, width)."""
    return torch.arange(width, device=lengths.device) < lengths[:, None]


def weights(lengths: Tensor) -> Tensor:
    """Return the weight of each row that turns the mean over rows, of their nats, into nats per token: (n,)."""
    return torch.full(lengths.shape, len(lengths) / int(lengths.sum()))


def windows(codes: Integers, context: int) -> tuple[Tensor, Tensor]:
    """Cut a text into windows that predict each of its characters once.

    Args:
        codes: the text, (total,).
        context: characters a window; the last may hold fewer.

    Returns:
        tokens, (n, context + 1), and the characters in each row, (n,).
    """
    n = -(-len(codes) // context)
    text = torch.zeros(n * context, dtype=torch.int64)
    text[: len(codes)] = torch.from_numpy(codes)
    tokens = torch.cat([torch.zeros(n, 1, dtype=torch.int64), text.reshape(n, context)], dim=1)
    lengths = torch.full((n,), context)
    lengths[-1] = len(codes) - (n - 1) * context
    return tokens, lengths


def overlapping(codes: Integers, context: int, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cut a text into windows that overlap, so that all but the first characters are predicted from a long past.

    A window after the first moves on by ``stride`` characters, and only these count in it: each of them is predicted
    from at least ``context - stride`` characters before it.

    Args:
        codes: the text, (total,).
        context: characters a window.
        stride: new characters a window, from 1 to ``context``.

    Returns:
        tokens, (n, context + 1); the characters in each row, (n,); and how many of them, from the first on, were
        counted in the window before, (n,).
    """
    total, first = len(codes), min(context, len(codes))
    ends = torch.arange(first, total + stride, stride).clamp(max=total)
    ends = ends[: int((ends < total).sum()) + 1]
    starts = (ends - context).clamp(min=0)
    counted = torch.cat([torch.zeros(1, dtype=torch.int64), ends[:-1]])
    place = starts[:, None] + torch.arange(first)
    text = torch.from_numpy(codes)[place]
    tokens = torch.cat([torch.zeros(len(ends), 1, dtype=torch.int64), text], dim=1)
    return tokens, ends - starts, counted - starts


def chunks(rows: Tensor, width: int) -> Iterator[Tensor]:
    """Yield the numbers of some rows in parts that hold at most MAX_TOKENS tokens, each row being so wide."""
    size = max(1, MAX_TOKENS // width)
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
