"""The sums of chapter 07: written as digits, and added by a network that has not learnt yet or learns a little."""

from __future__ import annotations

import torch

from sdg_lab.course.ch07.sums import Adder, write_sums


def test_sums_are_written_with_the_answer_reversed() -> None:
    codes = write_sums(torch.tensor([7, 999]), torch.tensor([25, 999])).tolist()
    assert codes[0] == [0, 0, 7, 10, 0, 2, 5, 11, 2, 3, 0, 0]
    assert codes[1] == [9, 9, 9, 10, 9, 9, 9, 11, 8, 9, 9, 1]


def test_the_adder_writes_what_its_logits_say_and_learns() -> None:
    a, b = torch.randint(1000, (2, 512), generator=torch.Generator().manual_seed(0))
    adder = Adder(d_model=16, n_layers=1, n_heads=2)
    before = float(adder.loss(write_sums(a, b)).detach())
    adder.fit(write_sums(a, b).repeat(4, 1), batch_size=64, lr=2e-2, progress=False)
    assert float(adder.loss(write_sums(a, b)).detach()) < before - 0.3
    answers = adder.add(a, b)
    # Where the digit-by-digit answer is right, so are the likeliest digits given the right ones before, and conversely.
    likeliest = (adder.logits(write_sums(a, b))[..., :10].argmax(-1) == write_sums(a, b)[:, -4:]).all(1)
    assert torch.equal(answers == a + b, likeliest)
    # Whatever it writes first is the last digit of its answer.
    first = adder.logits(write_sums(a, b))[:, 0, :10].argmax(-1)
    assert torch.equal(answers % 10, first)


def test_the_seed_decides_the_weights() -> None:
    sums = write_sums(torch.arange(64), torch.arange(64))
    first, again, other = Adder(16, 1, 2), Adder(16, 1, 2), Adder(16, 1, 2)
    for adder, seed in ((first, 1), (again, 1), (other, 2)):
        adder.fit(sums, batch_size=32, seed=seed, progress=False)
    weight = "network.blocks.0.attention.qkv.weight"
    assert torch.equal(first.state_dict()[weight], again.state_dict()[weight])
    assert not torch.equal(first.state_dict()[weight], other.state_dict()[weight])
