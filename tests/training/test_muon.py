"""Muon beside torch's own optimisers, and the singular values of its steps."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim import AdamW

from sdg_lab.training import train
from sdg_lab.training.muon import Muon, orthogonalise


class Net(nn.Module):
    """A matrix and its transpose's shape twice, so that shapes are shared; a bias and an embedding beside them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(7, 6)
        self.first, self.second = nn.Linear(6, 12), nn.Linear(12, 6)
        self.third = nn.Linear(6, 12, bias=False)

    def matrices(self) -> list[nn.Parameter]:
        return [self.first.weight, self.second.weight, self.third.weight]

    def others(self) -> list[nn.Parameter]:
        chosen = {id(p) for p in self.matrices()}
        return [p for p in self.parameters() if id(p) not in chosen]

    def loss(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        x = x + self.second(torch.tanh(self.first(x)))
        return (self.third(x) - 1).square().mean()


TOKENS = torch.arange(7).repeat(3)


def weights(net: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_it_is_the_muon_and_the_adamw_of_torch() -> None:
    ours, theirs = Net(), Net()
    muon = Muon(ours.matrices(), ours.others(), lr=0.02, others_lr=0.01, weight_decay=0.1)
    peers = [
        torch.optim.Muon(theirs.matrices(), lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        AdamW(theirs.others(), lr=0.01, betas=(0.9, 0.99), weight_decay=0.0),
    ]
    for _ in range(6):
        for net, optimisers in ((ours, [muon]), (theirs, peers)):
            net.zero_grad()
            net.loss(TOKENS).backward()  # type: ignore[no-untyped-call]
            for optimiser in optimisers:
                optimiser.step()
    # torch iterates in bfloat16, we in float32: the steps agree to its two digits.
    step = (weights(theirs) - weights(Net())).abs().mean()
    assert float((weights(ours) - weights(theirs)).abs().mean()) < 0.02 * float(step)


def test_a_step_looks_ahead_along_the_mean_of_the_gradients() -> None:
    """Nesterov's form, with gradients that turn so much that it matters."""
    gradients = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0))
    matrix = nn.Parameter(torch.zeros(4, 6))
    muon = Muon([matrix], [], lr=0.1, momentum=0.9, weight_decay=0.5)
    want, mean = torch.zeros(4, 6), torch.zeros(4, 6)
    for gradient in gradients:
        matrix.grad = gradient
        muon.step()
        mean = 0.9 * mean + 0.1 * gradient
        want = 0.95 * want - 0.1 * 0.2 * 6**0.5 * orthogonalise(0.1 * gradient + 0.9 * mean)
    torch.testing.assert_close(matrix.detach(), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 5, 20), (2, 20, 5)])
def test_orthogonalised_matrices_keep_their_singular_vectors(shape: tuple[int, ...]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = orthogonalise(matrices)
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    values = u.mT @ found @ vh.mT
    diagonal = values.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(values, torch.diag_embed(diagonal), atol=1e-6, rtol=0)
    large = torch.linalg.svdvals(matrices) > 0.05 * matrices.norm(dim=(-2, -1))[:, None]
    assert ((diagonal > 0.6) & (diagonal < 1.3))[large].all()


@given(st.lists(st.floats(-8, 0), min_size=2, max_size=6))
def test_singular_values_come_near_1_unless_they_are_faint(exponents: list[float]) -> None:
    values = 10 ** torch.tensor(exponents, dtype=torch.float64)
    shares = values / values.norm()
    found = orthogonalise(torch.diag(values)[None])[0].diagonal()
    large = shares >= 0.002
    assert ((found > 0.68) & (found < 1.21))[large].all()
    assert (found < (485 * shares).clamp(max=1.21)).all()


def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path) -> None:  # type: ignore[no-untyped-def]
    def run(epochs: int, checkpoint: object = None) -> Tensor:
        net = Net()
        train(
            net,
            TOKENS,
            epochs=epochs,
            batch_size=5,
            optimizer=lambda _: Muon(net.matrices(), net.others(), lr=0.02),
            checkpoint=checkpoint,  # type: ignore[arg-type]
            device="cpu",
            progress=False,
        )
        return weights(net)

    run(2, tmp_path / "run")
    assert torch.equal(run(4, tmp_path / "run"), run(4))


def test_nothing_decays_unless_it_is_asked_to() -> None:
    matrix, other = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))
    muon = Muon([matrix], [other], lr=0.1)
    matrix.grad, other.grad = torch.zeros(2, 2), torch.zeros(2)
    muon.step()
    assert float(matrix.detach().sum() + other.detach().sum()) == 6


def test_only_matrices_are_stepped_as_matrices() -> None:
    net = Net()
    with pytest.raises(ValueError, match=r"Muon steps matrices; give the parameter of shape \(12,\) to others"):
        Muon([net.first.bias], [], lr=0.1)
