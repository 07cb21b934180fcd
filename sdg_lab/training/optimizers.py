"""torch's optimisers, without torch's compiler.

torch marks some methods of an optimiser as not to be compiled, and loads its compiler (3 s) as soon as one of them is
called. Here only losses are ever compiled, so the methods are taken as they are under those marks.
"""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["Adam", "AdamW", "Optimizer"]


def _unmarked(method: Any) -> Any:
    return getattr(method, "__wrapped__", method)


class _Plain:
    add_param_group = _unmarked(torch.optim.Optimizer.add_param_group)
    load_state_dict = _unmarked(torch.optim.Optimizer.load_state_dict)
    state_dict = _unmarked(torch.optim.Optimizer.state_dict)
    zero_grad = _unmarked(torch.optim.Optimizer.zero_grad)


class Optimizer(_Plain, torch.optim.Optimizer):
    """What an optimiser of our own begins with; its ``step`` turns gradients off itself."""


class Adam(_Plain, torch.optim.Adam):
    """``torch.optim.Adam`` (Kingma & Ba 2015), to the bit."""

    step = torch.no_grad()(_unmarked(torch.optim.Adam.step))


class AdamW(_Plain, torch.optim.AdamW):
    """``torch.optim.AdamW`` (Loshchilov & Hutter 2019), to the bit: weight decay beside the gradient, not in it."""

    step = torch.no_grad()(_unmarked(torch.optim.AdamW.step))
