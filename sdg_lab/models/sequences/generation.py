"""Write sequences symbol by symbol, many side by side, with any network that predicts the next symbol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from sdg_lab.models.sequences.base import SequenceModel


def generate(
    model: SequenceModel, begin: Tensor, max_length: int, choose: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Go on with each row until it has ended, or ``max_length`` symbols were written.

    Rows that have ended are dropped from the batch as soon as they are at least half of it. Where the others fill
    the network's context, as running text does, the younger half of what was read is read anew, and the older half
    forgotten.

    Args:
        model: the network.
        begin: the boundary and how the rows start, (n, 1 + symbols).
        max_length: symbols to write at most, >= 1.
        choose: takes scores, (m, symbols), and returns the next symbol of each row, (m,).

    Returns:
        tokens, (n, 1 + symbols + written), and in each row the symbols behind the first boundary, a boundary at the end
        included, (n,).
    """
    n, device = len(begin), begin.device
    lengths = torch.full((n,), begin.shape[1] - 1, device=device)
    rows = torch.arange(n, device=device)  # the sequences that the rows of the state belong to
    goes_on = torch.ones(n, dtype=torch.bool, device=device)
    scores, state = model.advance(begin, model.start(n))
    read, columns = begin.shape[1], [begin]
    for place in range(max_length):
        if model.text_context is not None:
            scores[:, 0] = -torch.inf  # running text has no end
        written = torch.where(goes_on, choose(scores), 0)
        columns.append(torch.zeros(n, dtype=torch.int64, device=device).index_copy(0, rows, written)[:, None])
        lengths[rows[goes_on]] += 1
        goes_on &= written != 0
        if not goes_on.any() or place == max_length - 1:
            break
        if 2 * int(goes_on.sum()) <= len(rows):
            state, rows, written = model.keep(state, goes_on.nonzero()[:, 0]), rows[goes_on], written[goes_on]
            goes_on = goes_on[goes_on]
        if read == model.context:
            kept = torch.cat(columns, dim=1)[rows, -(model.context // 2) :]
            scores, state = model.advance(F.pad(kept, (1, 0)), model.start(len(rows)))
            read = kept.shape[1] + 1
        else:
            scores, state = model.step(written, state)
            read += 1
    return torch.cat(columns, dim=1), lengths
