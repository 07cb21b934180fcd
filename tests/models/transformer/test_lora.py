"""Low-rank adaptation: its algebra, what full rank means, and files that only fit where they belong."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.distill.student import Student
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.models.transformer import Transformer, lora
from sdg_lab.models.transformer.lora import LoRALinear
from sdg_lab.training.randomness import seeded

SIZES = {"d_model": 16, "n_layers": 2, "n_heads": 2, "context": 12}
KINDS = [{}, {"feed_forward": "swiglu", "norm": "rms", "positions": "rotary", "n_kv_heads": 1}, {"bias": True}]
TOKENS = torch.tensor([[1, 4, 2, 0, 3], [5, 5, 1, 6, 2]])


def network(seed: int = 0, **options: object) -> Transformer:
    with seeded(seed):
        return Transformer(7, **{**SIZES, **options})


def layer(rows: int, columns: int, rank: int, alpha: float = 16.0, bias: bool = False, seed: int = 0) -> LoRALinear:
    """Make a layer in the middle of its training: its B is not zero."""
    with seeded(seed):
        made = LoRALinear(nn.Linear(columns, rows, bias=bias), rank, alpha)
        nn.init.normal_(made.B)
    return made


def trained(net: Transformer, seed: int = 1) -> Transformer:
    with seeded(seed):
        for one in lora.layers(net).values():
            nn.init.normal_(one.B, std=0.1)
    return net


class TestAlgebra:
    @given(
        rows=st.integers(1, 40),
        columns=st.integers(1, 40),
        rank=st.integers(1, 40),
        alpha=st.sampled_from([0.5, 1.0, 16.0]),
        bias=st.booleans(),
        seed=st.integers(0, 999),
    )
    @settings(max_examples=60, deadline=None)
    def test_merged_is_equal_within_what_float32_sums_may_differ(self, rows, columns, rank, alpha, bias, seed):
        rank = min(rank, rows, columns)
        one = layer(rows, columns, rank, alpha, bias, seed)
        with seeded(seed):
            x = torch.randn(5, columns)
        with torch.no_grad():
            apart, together = one(x), one.merged()(x)
        # Any order of summing n products errs by at most γ_n Σ|products|, γ_n = n u / (1 - n u), u = 2⁻²⁴ (Higham,
        # Accuracy and Stability of Numerical Algorithms, 2002, section 3.1). Both ways take at most columns + rank + 4
        # roundings to each output: the products, the factor (two roundings), the sum with W and the bias.
        n = (columns + rank + 4) * 2**-24
        wide = {name: value.double().abs() for name, value in one.named_parameters()}
        size = wide["base.weight"] + alpha / rank * wide["B"] @ wide["A"]
        most = x.double().abs() @ size.T + (wide["base.bias"] if bias else 0)
        assert ((apart - together).double().abs() <= 2 * n / (1 - n) * most).all()

    def test_the_merged_bound_would_see_another_factor(self):
        one = layer(8, 8, 2)
        x = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
        other = one.merged()
        with torch.no_grad():
            other.weight += 1e-3 * one.B @ one.A
            assert not torch.allclose(one(x), other(x), rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("rank", [1, 3, 6])
    def test_gradients_are_those_of_the_whole_matrix_times_the_other_factor(self, rank: int):
        one = layer(6, 9, rank).double()
        x, target = torch.randn(2, 20, 9, dtype=torch.float64).unbind()
        target = target[:, :6]
        whole = (one.base.weight + one.alpha / rank * one.B @ one.A).detach().requires_grad_()
        (G,) = torch.autograd.grad(F.mse_loss(F.linear(x, whole), target), whole)
        dA, dB = torch.autograd.grad(F.mse_loss(one(x), target), [one.A, one.B])
        torch.testing.assert_close(dB, one.alpha / rank * G @ one.A.T, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(dA, one.alpha / rank * one.B.T @ G, rtol=1e-10, atol=1e-12)

    @given(rows=st.integers(1, 12), columns=st.integers(1, 12), seed=st.integers(0, 99))
    @settings(max_examples=30, deadline=None)
    def test_at_full_rank_every_update_is_a_product(self, rows: int, columns: int, seed: int):
        rank = min(rows, columns)
        one = layer(rows, columns, rank, seed=seed).double()
        wanted = torch.randn(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        U, S, Vh = torch.linalg.svd(wanted, full_matrices=False)
        with torch.no_grad():
            one.A.copy_(S.sqrt()[:, None] * Vh)
            one.B.copy_(U * S.sqrt() / (one.alpha / rank))
        torch.testing.assert_close(one.merged().weight, one.base.weight + wanted, rtol=1e-10, atol=1e-10)

    def test_a_begins_at_the_scale_of_its_input(self):
        with seeded(0):
            one = LoRALinear(nn.Linear(400, 300), rank=100)
        assert float(one.A.detach().std()) == pytest.approx(
            1 / math.sqrt(400), rel=0.03
        )  # 40,000 draws: an error of 0.35 %
        assert not one.B.any()


class TestFullRankIsFullFineTuning:
    @pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
    def test_training_reaches_the_best_update_of_its_rank(self, rank: int):
        # Least squares with white inputs: an update D costs ‖D* - D‖² beyond the minimum, so that by Eckart and Young
        # (1936) rank r leaves the sum of the squares of the singular values after the r-th: nothing at full rank.
        rng = torch.Generator().manual_seed(3)
        n, columns, rows = 200, 6, 5
        x = torch.linalg.qr(torch.randn(n, columns, generator=rng, dtype=torch.float64))[0] * math.sqrt(n)
        y = torch.randn(n, rows, generator=rng, dtype=torch.float64)
        y += x @ torch.randn(columns, rows, generator=rng, dtype=torch.float64)
        with seeded(0):
            one = LoRALinear(nn.Linear(columns, rows, bias=False), rank).double()
        optimum = torch.linalg.lstsq(x, y).solution.T
        least = float((y - x @ optimum.T).square().sum(1).mean())
        left = float(torch.linalg.svdvals(optimum - one.base.weight.detach())[rank:].square().sum())

        optimizer = torch.optim.LBFGS([one.A, one.B], max_iter=2000, tolerance_change=0, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            found = (y - one(x)).square().sum(1).mean()
            found.backward()
            return found

        optimizer.step(loss)
        assert float(loss().detach()) == pytest.approx(least + left, rel=1e-6)
        assert rank == 5 or left > 0.01  # a smaller rank cannot

    @pytest.mark.parametrize("options", KINDS)
    def test_with_an_orthogonal_a_gradient_descent_makes_the_same_steps(self, options: dict[str, object]):
        # d(s B A) = -lr s² G AᵀA, which is full fine-tuning's -lr G where AᵀA = 1 and s = 1.
        full, low = network(**options).double(), network(**options).double()
        names = lora.add(low, rank=8, alpha=8)
        for name, one in lora.layers(low).items():
            columns = one.A.shape[1]
            wide = LoRALinear(one.base, min(one.base.weight.shape), min(one.base.weight.shape)).double()
            if columns > one.base.weight.shape[0]:  # the sides change places: B is square, and A is learnt
                wide.B.data = torch.linalg.qr(wide.B.data.normal_())[0]
                wide.B.requires_grad_(False)
                nn.init.zeros_(wide.A)
            else:
                wide.A.data = torch.linalg.qr(wide.A.data)[0]
                wide.A.requires_grad_(False)
            low.set_submodule(name, wide)
        full.requires_grad_(False)
        for name in names:
            full.get_submodule(name).weight.requires_grad_(True)

        before = full(TOKENS).detach()
        optimizers = [torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.5) for net in (full, low)]
        for _ in range(5):
            for net, optimizer in zip((full, low), optimizers, strict=True):
                optimizer.zero_grad()
                F.cross_entropy(net(TOKENS)[:, :-1].flatten(0, 1), TOKENS[:, 1:].flatten()).backward()
                optimizer.step()
        torch.testing.assert_close(full(TOKENS), low(TOKENS), rtol=1e-8, atol=1e-10)
        assert float((full(TOKENS) - before).abs().max()) > 0.01


class TestNetwork:
    @pytest.mark.parametrize("options", KINDS)
    def test_begins_as_it_was_ends_merged_and_can_be_taken_back(self, options: dict[str, object]):
        net = network(**options).eval()
        before, weights = net(TOKENS).detach(), copy.deepcopy(net.state_dict())
        names = lora.add(net, rank=2)
        assert len(names) == 8
        torch.testing.assert_close(net(TOKENS), before, rtol=0, atol=0)
        trained(net)
        adapted = net(TOKENS).detach()
        assert float((adapted - before).abs().max()) > 1e-3

        merged = copy.deepcopy(net)
        lora.merge(merged)
        assert not lora.layers(merged)
        torch.testing.assert_close(merged(TOKENS), adapted, rtol=1e-4, atol=1e-4 * float(adapted.abs().max()))
        assert merged.state_dict().keys() == weights.keys()

        lora.remove(net)
        torch.testing.assert_close(net(TOKENS), before, rtol=0, atol=0)
        torch.testing.assert_close(net.state_dict(), weights, rtol=0, atol=0)
        assert all(p.requires_grad for p in [*net.parameters(), *merged.parameters()])

    def test_merging_leaves_a_network_that_shares_the_weights(self):
        net, other = network(), network(seed=1)
        for name in lora.matrices(net):
            other.get_submodule(name).weight = net.get_submodule(name).weight
        before = other(TOKENS).detach()
        lora.add(net, rank=2)
        lora.merge(trained(net))
        torch.testing.assert_close(other(TOKENS), before, rtol=0, atol=0)

    def test_what_is_frozen_gets_no_gradient_and_is_not_moved(self):
        net = network()
        lora.add(net, rank=2)
        frozen = {name: p.clone() for name, p in net.named_parameters() if not p.requires_grad}
        learnt = lora.parameters(net)
        assert training.n_parameters(net) == sum(p.numel() for p in learnt) == 2 * (2 * (64 + 32 + 80 + 80))

        class Wrapped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = net

            def loss(self, tokens: Tensor) -> Tensor:
                return F.cross_entropy(self.net(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

        history = training.train(Wrapped(), TOKENS, epochs=60, lr=0.03, batch_size=2, progress=False)
        assert history.train_loss[-1] < 0.9 * history.train_loss[0]
        for name, value in net.named_parameters():
            if name in frozen:
                assert value.grad is None
                torch.testing.assert_close(value, frozen[name], rtol=0, atol=0)

    def test_a_frozen_network_stays_frozen_when_adapters_go(self):
        net = network().requires_grad_(False)
        lora.add(net)
        lora.merge(net)
        assert not any(p.requires_grad for p in net.parameters())

    def test_targets_are_whole_names_or_their_last_parts(self):
        net = network()
        assert lora.add(net, targets=["qkv", "blocks.1.feed_forward.up"]) == [
            "blocks.0.attention.qkv",
            "blocks.1.attention.qkv",
            "blocks.1.feed_forward.up",
        ]
        assert list(lora.layers(net)) == [
            "blocks.0.attention.qkv",
            "blocks.1.attention.qkv",
            "blocks.1.feed_forward.up",
        ]

    def test_the_seed_decides_a_and_the_callers_randomness_stays(self):
        first, again, other = network(), network(), network()
        torch.manual_seed(5)
        state = torch.get_rng_state()
        for net, seed in ((first, 0), (again, 0), (other, 1)):
            lora.add(net, seed=seed)
        assert torch.equal(torch.get_rng_state(), state)
        a, b, c = (lora.parameters(net)[0] for net in (first, again, other))
        assert torch.equal(a, b)
        assert not torch.equal(a, c)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"rank": 0}, "the rank beside a matrix of 48 by 16 must be a whole number >= 1 and <= 16, got 0"),
            ({"rank": 17}, "<= 16, got 17"),
            ({"alpha": 0}, "alpha must be > 0, got 0"),
            ({"targets": "qkv"}, r"targets must be several values, such as \['qkv'\]"),
            ({"targets": ["qkw"]}, "targets must be among down, out, qkv, up, .* got 'qkw'; did you mean 'qkv'"),
            ({"targets": []}, "targets must name at least one"),
        ],
    )
    def test_refusals_change_nothing(self, arguments: dict[str, object], said: str):
        net = network()
        with pytest.raises(ValueError, match=said):
            lora.add(net, **arguments)
        assert not lora.layers(net)
        assert all(p.requires_grad for p in net.parameters())

    def test_a_whole_model_is_not_its_network(self, tmp_path: Path):
        fitted = Student(d_model=8, n_layers=1, n_heads=1).fit([("a", "b")], epochs=1, progress=False)
        for student in (Student(), fitted):
            for call in (lora.add, lora.merge, lora.remove, lora.matrices, lora.base):
                with pytest.raises(TypeError, match=r"got Student; give student\.network"):
                    call(student)  # type: ignore[operator] # that is the point
            for on_disk in (lora.save, lora.load):
                with pytest.raises(TypeError, match=r"give student\.network"):
                    on_disk(student, tmp_path / "adapters")  # type: ignore[arg-type] # that is the point
        assert all(weight.requires_grad for weight in fitted.parameters())

    @pytest.mark.parametrize("wrong", [None, 3, Transformer])
    def test_what_is_no_network_has_no_layers(self, wrong: Any):
        for call in (lora.layers, lora.parameters):
            with pytest.raises(TypeError, match="network must be a torch module, got"):
                call(wrong)

    @pytest.mark.parametrize("wrong", [None, nn.ReLU(), nn.LayerNorm(3), nn.Conv2d(1, 1, 2), nn.Embedding(3, 4)])
    def test_an_update_stands_beside_a_linear_layer(self, wrong: Any):
        with pytest.raises(TypeError, match=r"base must be a layer with a matrix weight, \(rows, columns\), got"):
            LoRALinear(wrong, 1)

    def test_matrices_keep_their_names_beside_adapters(self):
        net = network()
        names = list(lora.matrices(net))
        lora.add(net, targets=["qkv"])
        assert list(lora.matrices(net)) == names

    def test_adapters_are_added_once_and_cannot_be_taken_from_where_there_are_none(self, tmp_path: Path):
        net = network()
        for refuse in (lora.merge, lora.remove, lambda bare: lora.save(bare, tmp_path / "a")):
            with pytest.raises(ValueError, match="has no adapters; add some first"):
                refuse(net)
        lora.add(net)
        lora.save(net, tmp_path / "a")
        for refuse in (lora.add, lambda adapted: lora.load(adapted, tmp_path / "a")):
            with pytest.raises(ValueError, match="has adapters already; merge or remove them first"):
                refuse(net)


class TestFiles:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        net = network()
        lora.add(net, rank=3, alpha=5, targets=["qkv", "down"])
        lora.save(trained(net), tmp_path / "a.safetensors")
        return tmp_path / "a.safetensors"

    def test_adapters_come_back_beside_the_same_base(self, file: Path):
        there, back = network(), network()
        lora.add(there, rank=3, alpha=5, targets=["qkv", "down"])
        assert lora.load(back, file) == list(lora.layers(trained(there)))
        torch.testing.assert_close(back(TOKENS), there(TOKENS), rtol=0, atol=0)

    def test_a_file_holds_the_adapters_alone(self, file: Path):
        tensors, _ = read_tensors(file)
        assert {tuple(tensor.shape) for tensor in tensors.values()} == {(3, 16), (48, 3), (3, 64), (16, 3)}
        assert len(tensors) == 8

    def test_the_base_has_a_name_that_adapters_do_not_change(self):
        net = network()
        name = lora.base(net)
        lora.add(net)
        assert lora.base(trained(net)) == name
        lora.merge(net)
        assert lora.base(net) != name
        assert lora.base(network(seed=1)) != name

    @pytest.mark.parametrize(
        ("other", "said"),
        [
            (network(context=13), "belong to a network with context=12, not 13"),
            (network(seed=1), "belong to other weights"),
        ],
    )
    def test_another_network_is_refused(self, file: Path, other: Transformer, said: str):
        with pytest.raises(ValueError, match=f"{said}.*load them into the network that they were trained beside"):
            lora.load(other, file)
        assert not lora.layers(other)

    def test_other_sizes_are_refused(self, file: Path):
        tensors, about = read_tensors(file)
        for name, cut, said in (
            ("blocks.0.attention.qkv.A", (3, 15), r"its blocks.0.attention.qkv.A is \(3, 15\).* must be \(3, 16\)"),
            ("blocks.1.feed_forward.down.B", None, "its blocks.1.feed_forward.down.B is missing"),
            ("blocks.7.feed_forward.down.B", (16, 3), "must be missing"),
        ):
            wrong = {**tensors, name: torch.zeros(cut)} if cut else {k: t for k, t in tensors.items() if k != name}
            write_tensors(file, wrong, about)
            net = network()
            with pytest.raises(ValueError, match=said):
                lora.load(net, file)
            assert not lora.layers(net)

    @pytest.mark.parametrize("wrong", [{"layers": None}, {"network": None}, {"rank": "3"}, {"alpha": [16.0]}])
    def test_what_says_something_else_is_refused(self, file: Path, wrong: dict[str, Any]):
        tensors, about = read_tensors(file)
        write_tensors(file, tensors, {**about, **wrong})
        with pytest.raises(ValueError, match=r"holds no adapters; give a file that lora\.save wrote"):
            lora.load(network(), file)

    @pytest.mark.parametrize("spoil", [lambda a: a * torch.nan, lambda a: a.long(), lambda a: a > 0])
    def test_what_is_no_number_is_refused(self, file: Path, spoil: Callable[[torch.Tensor], torch.Tensor]):
        tensors, about = read_tensors(file)
        name = "blocks.1.feed_forward.down.A"
        write_tensors(file, {**tensors, name: spoil(tensors[name])}, about)
        net = network()
        with pytest.raises(ValueError, match=f"its {name} must hold finite floats"):
            lora.load(net, file)
        assert not lora.layers(net)

    def test_what_holds_no_adapters_is_refused(self, file: Path):
        write_tensors(file, {"x": torch.zeros(1)}, {"kind": "LoRA"})
        with pytest.raises(ValueError, match="holds no adapters"):
            lora.load(network(), file)
        file.write_bytes(file.read_bytes()[:-1])
        with pytest.raises(ValueError, match="is damaged"):
            lora.load(network(), file)
        with pytest.raises(FileNotFoundError):
            lora.load(network(), file.with_name("nowhere"))
