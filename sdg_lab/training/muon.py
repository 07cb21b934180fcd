"""Muon: gradient descent for matrices, whose steps have singular values near 1 in all but the faintest directions.

Jordan et al., *Muon: An optimizer for hidden layers in neural networks* (2024); the size of the step that lets it share
AdamW's learning rate is that of Liu et al., *Muon is Scalable for LLM Training* (2025). Adam scales each number of a
matrix for itself; the steps that it takes are dominated by few directions. Muon takes the momentum M = U Σ Vᵀ and steps
along U Vᵀ, so that rare directions are learnt as fast as common ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from sdg_lab.training.optimizers import AdamW, Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the polynomial a x + b x³ + c x⁵ that, applied five times, sends every x in [0.002, 1] near 1."""


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Return matrices, (m, rows, columns), with the same singular vectors and, where they can be had, values near 1.

    Newton and Schulz's iteration with Jordan's coefficients: matrix products only, no decomposition. In the five steps
    a singular value of 0.002 to 1 times the matrix's norm (Frobenius) becomes one between 0.68 and 1.21. A smaller one
    times the norm is multiplied by 485 at most, and so stays small: 0.00025 becomes 0.12, and 0 stays 0.
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = matrices if wide else matrices.transpose(-2, -1)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x if wide else x.transpose(-2, -1)
    return result


class Muon(Optimizer):
    """Muon for the matrices inside a network, AdamW for everything else, as one optimiser.

    Args:
        matrices: parameters with two dimensions that map the network's stream to itself; not embeddings.
        others: all other parameters.
        lr: learning rate of the matrices, in units of AdamW's: a step's root mean square is 0.2 lr.
        others_lr: learning rate of the others; ``lr`` where None is given.
        momentum: share of the past in each step (Nesterov's form).
        weight_decay: of the matrices.
        betas: of AdamW.

    Raises:
        ValueError: if a matrix has not two dimensions.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        lr: float,
        others_lr: float | None = None,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        # Matrices of one shape are orthogonalised together.
        matrices = sorted(matrices, key=lambda p: tuple(p.shape))
        for matrix in matrices:
            if matrix.ndim != 2:
                raise ValueError(f"Muon steps matrices; give the parameter of shape {tuple(matrix.shape)} to others")
        groups: list[dict[str, Any]] = [{"params": matrices, "lr": lr, "weight_decay": weight_decay}]
        groups.append({"params": list(others), "lr": lr if others_lr is None else others_lr})
        super().__init__(groups, {"momentum": momentum, "betas": betas})
        self._adamw = AdamW([{"params": self.param_groups[1]["params"]}], betas=betas, weight_decay=0.0)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override] # no closure is needed
        """Change every parameter by its gradient."""
        group = self.param_groups[0]
        present = [p for p in group["params"] if p.grad is not None]
        for shape, members in groupby(present, key=lambda p: tuple(p.shape)):
            same = list(members)
            updates = torch.stack([self._momentum(p, group["momentum"]) for p in same])
            # An orthogonal matrix has entries of root mean square 1 / √(longer side).
            factor = 0.2 * math.sqrt(max(shape)) * group["lr"]
            for parameter, update in zip(same, orthogonalise(updates), strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=factor)
        self._adamw.state = self.state  # one state, so that checkpoints hold all of it
        self._adamw.param_groups[0]["lr"] = self.param_groups[1]["lr"]
        self._adamw.step()

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """Return the mean of the gradients so far, looking one step ahead."""
        gradient = parameter.grad
        assert gradient is not None
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        state["momentum"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["momentum"], momentum)
