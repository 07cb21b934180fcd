"""Batches and their randomness: every example once an epoch, and to each process its share."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import numpy as np
import pytest
import torch

from sdg_lab.training import as_batch, n_parameters, reinitialise, start_epoch
from sdg_lab.training.batches import Batches
from sdg_lab.training.devices import Processor
from sdg_lab.training.randomness import caller_keeps_randomness
from tests.training.problems import CLOUD, Line, run, weights


@dataclass
class Rank:
    """One of several processes, as far as batches ask."""

    global_rank: int
    world_size: int


def batches(n: int, size: int, rank: int = 0, processes: int = 1, seed: int = 0) -> Batches:
    numbers = torch.arange(n)
    return Batches((numbers, numbers * 10.0), size, cast(Processor, Rank(rank, processes)), seed)


def epoch_of(made: Batches, epoch: int) -> tuple[list[int], list[list[int]]]:
    steps, lists = [], []
    for step, (first, second) in made.epoch(epoch):
        assert torch.equal(second, first * 10.0)  # the tensors are shuffled together
        steps.append(step)
        lists.append(first.tolist())
    return steps, lists


def test_each_epoch_has_every_example_once_in_an_order_of_its_own() -> None:
    made = batches(50, 16)
    first, second = epoch_of(made, 0), epoch_of(made, 1)
    assert made.steps == 4
    assert (first[0], second[0]) == ([0, 1, 2, 3], [4, 5, 6, 7])
    assert [len(batch) for batch in first[1]] == [16, 16, 16, 2]
    assert sorted(chain(*first[1])) == sorted(chain(*second[1])) == list(range(50))
    assert first[1] != second[1]
    assert epoch_of(made, 0) == first
    assert epoch_of(batches(50, 16, seed=1), 0) != first


def test_an_epoch_is_drawn_from_seed_epoch_and_rank_in_this_order() -> None:
    """Runs of earlier versions go on to the same bits: their order and their noise are those of these keys."""

    def key(*numbers: int) -> int:
        return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) // 2

    with torch.random.fork_rng(devices=[]):
        for seed, epoch, rank in ((0, 0, 0), (7, 2, 0), (2, 7, 0), (7, 2, 3)):
            order = start_epoch(seed, epoch, 20, rank=rank)
            assert torch.initial_seed() == key(seed, epoch, rank + 1)
            assert torch.equal(order, torch.randperm(20, generator=torch.Generator().manual_seed(key(seed, epoch))))
        start_epoch(7, 2, 20)
        assert torch.initial_seed() == key(7, 2, 1)


def test_the_random_state_of_every_gpu_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[list[int]] = []

    @contextmanager
    def fork_rng(devices: Iterable[int]) -> Iterator[None]:
        kept.append(list(devices))
        yield

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.random, "fork_rng", fork_rng)
    with caller_keeps_randomness():
        assert kept == [[0, 1, 2]]


def test_processes_share_each_batch_evenly() -> None:
    together = epoch_of(batches(40, 16), 2)[1]
    dealt = [epoch_of(batches(40, 16, rank, 4), 2)[1] for rank in range(4)]
    assert [[len(part) for part in parts] for parts in zip(*dealt, strict=True)] == [[4] * 4, [4] * 4, [2] * 4]
    assert [sorted(chain(*parts)) for parts in zip(*dealt, strict=True)] == [sorted(batch) for batch in together]


def test_processes_draw_noise_of_their_own() -> None:
    drawn = []
    for rank in range(3):
        for _, _ in batches(9, 9, rank, 3).epoch(0):
            drawn.append(torch.rand(()).item())
    assert len(set(drawn)) == 3


def test_what_processes_cannot_share_evenly_is_left_out_of_an_epoch() -> None:
    shares = [batches(51, 16, rank, 4) for rank in range(4)]
    dealt = [[sorted(chain(*epoch_of(share, epoch)[1])) for share in shares] for epoch in (0, 1)]
    assert [len(part) for part in chain(*dealt)] == [12] * 8
    left_out = [set(range(51)).difference(*parts) for parts in dealt]
    assert [len(some) for some in left_out] == [3, 3]
    assert left_out[0] != left_out[1]
    assert {share.steps for share in shares} == {3}


def test_what_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(ValueError, match="data must hold an example for each of 4 processes, got 3"):
        batches(3, 4, 0, 4)
    with pytest.raises(ValueError, match="batch_size must be a multiple of the 4 processes, got 6"):
        batches(8, 6, 0, 4)
    assert batches(4, 4, 0, 4).steps == 1


def test_the_layout_is_that_of_pictures_alone() -> None:
    pictures, labels = torch.rand(4, 2, 3, 3), torch.arange(4)
    made = Batches((pictures, labels), 4, cast(Processor, Rank(0, 1)), 0, channels_last=True)
    ((_, (x, y)),) = made.epoch(0)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert not x.is_contiguous()
    assert torch.equal(x, pictures[y])
    ((_, (x, _)),) = Batches((pictures, labels), 4, cast(Processor, Rank(0, 1)), 0).epoch(0)
    assert x.is_contiguous()


def test_processes_have_one_order_and_noise_of_their_own() -> None:
    drawn: dict[tuple[int, int, int], list[float]] = {}
    orders: dict[tuple[int, int, int], list[int]] = {}
    for key in [(seed, epoch, rank) for seed in (0, 1) for epoch in (0, 1) for rank in (0, 1)]:
        torch.manual_seed(hash(key) % 1000)  # what was drawn before decides nothing
        orders[key] = start_epoch(key[0], key[1], 20, rank=key[2]).tolist()
        drawn[key] = torch.rand(3).tolist()
    assert len(set(map(tuple, drawn.values()))) == 8
    assert len(set(map(tuple, orders.values()))) == 4
    assert orders[1, 0, 0] == orders[1, 0, 1]
    order = start_epoch(0, 0, 20)
    assert torch.randperm(20).tolist() != order.tolist()  # noise is not the stream that the order was drawn from


# Data.


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ((), "data is empty"),
        (torch.empty(0, 3), "data is empty"),
        ((torch.ones(3, 3), torch.ones(2, 1)), r"must have one length, got \[3, 2\]"),
        ((torch.ones(3), torch.tensor([[1.0], [float("nan")], [1.0]])), "tensor 1 of data is not finite at example 1"),
        (torch.tensor([1.0, float("-inf"), 3.0, float("nan")]), "tensor 0 of data is not finite at example 1"),
    ],
)
def test_bad_data_never_train(data: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        as_batch(data)
    with pytest.raises(ValueError, match=sentence):
        run(Line(), data)
    with pytest.raises(ValueError, match=sentence.replace("data", "validation")):
        run(Line(), validation=data)


def test_large_numbers_are_not_infinite_ones() -> None:
    largest = torch.full((4,), torch.finfo(torch.float32).max)
    assert torch.isinf(largest.sum())
    assert as_batch(largest)[0] is largest


# Weights.


def test_reinitialise_is_a_function_of_the_seed() -> None:
    one, two, other = Line(), Line(), Line()
    torch.manual_seed(4)
    before = torch.get_rng_state()
    for model, seed in ((one, 3), (two, 3), (other, 4)):
        reinitialise(model, seed)
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(weights(one), weights(two))
    assert not torch.allclose(weights(one), weights(other))


def test_only_what_training_changes_is_counted() -> None:
    model = Line()
    assert n_parameters(model) == 3 * 4 + 4 + 4 + 1
    first: Any = model.net[0]
    first.weight.requires_grad_(False)
    assert n_parameters(model) == 4 + 4 + 1
    model.register_buffer("constant", CLOUD)
    assert n_parameters(model) == 4 + 4 + 1


@pytest.mark.parametrize("strange", [np.ones((4, 2)), [[1.0], [2.0]]], ids=["array", "list"])
def test_what_are_no_tensors_are_refused_by_name(strange: Any) -> None:
    with pytest.raises(TypeError, match=r"data must be tensors, got (ndarray|list): torch\.as_tensor"):
        as_batch(strange if isinstance(strange, list) else (strange,))
