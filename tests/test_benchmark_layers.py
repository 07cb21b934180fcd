"""The benchmark of layers: they are what they are called, its arithmetic on made-up figures, a file taken up again."""

import itertools
import math
import time

import numpy as np
import pytest
import torch

from benchmarks import layers
from benchmarks.layers import DIGITS, LAYERS, PERMUTED, PIXELS, SAMPLES, WIDTH
from sdg_lab.course.ch09.layers import outputs_reached
from sdg_lab.training import n_parameters


def layer_and_input(part, name, size):
    torch.manual_seed(0)
    return layers.make(part, name, size), torch.randn(1, layers.channels_of(part), layers.positions(part, size))


def reached(name, size, at):
    layer, x = layer_and_input(SAMPLES, name, size)
    return outputs_reached(layer, x, at, amount=10.0).nonzero().flatten().tolist()


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in LAYERS.items() for name in names])
def test_every_layer_gives_16_channels_of_as_many_positions(part, name):
    layer, x = layer_and_input(part, name, 8)
    assert layer(x).shape == (1, WIDTH, x.shape[-1])
    assert layers.parameters_of(part, name, 8) == n_parameters(layer)


def test_what_a_sample_reaches():
    everything = list(range(32))
    assert reached("convolution", 32, 10) == [9, 10, 11]
    assert reached("GRU", 32, 10) == everything[10:]
    for name in ("dense", "dense, shared", "attention", "attention, fused"):
        assert reached(name, 32, 10) == everything


@pytest.mark.parametrize("size", [4, 8, 64, 100, 256])
def test_a_dilated_stack_sees_a_whole_row_and_without_its_last_layer_it_would_not(size):
    found = layers.dilations(size)
    assert found == [2**i for i in range(len(found))]
    assert 1 + 2 * sum(found) >= size > 1 + 2 * sum(found[:-1])


def test_both_kinds_of_attention_are_the_same_function():
    (written, x), (fused, _) = (layer_and_input(SAMPLES, name, 32) for name in ("attention", "attention, fused"))
    fused.load_state_dict(written.state_dict())
    torch.testing.assert_close(written(x), fused(x), rtol=1e-4, atol=1e-5)


def test_weights_are_counted_as_on_paper_and_none_is_made():
    assert layers.parameters_of(SAMPLES, "dense", 65_536) == (16 * 65_536) ** 2 + 16 * 65_536
    assert layers.parameters_of(SAMPLES, "dense, shared", 4096) == 16 * 17 + 4096 * 4097
    assert layers.parameters_of(PIXELS, "dense", 256) == 48 * 256**4 + 16 * 256**2
    assert layers.parameters_of(PIXELS, "convolution", 256) == 16 * (3 * 9 + 1)
    assert layers.megabytes_needed(SAMPLES, "attention", 65_536) == pytest.approx(4e-6 * 3 * 65_536**2, rel=1e-3)
    assert layers.megabytes_needed(PIXELS, "dense", 64) == pytest.approx(8e-6 * 48 * 64**4, rel=1e-3)


# What is read off the table


def row(part, layer, size, repeat, *, seconds, megabytes=1.0, measured=1, accuracy=""):
    values = (part, layer, size, repeat, 0, megabytes, seconds, accuracy, measured)
    return {name: str(value) for name, value in zip(layers.FIELDS, values, strict=True)}


@pytest.mark.parametrize(("part", "power"), [(SAMPLES, 1.0), (SAMPLES, 2.0), (PIXELS, 1.3)])
def test_a_power_law_is_found_by_the_number_of_positions(part, power):
    rows = [
        row(part, "GRU", size, repeat, seconds=3e-5 * layers.positions(part, size) ** power)
        for size in layers.SIZES[part]
        for repeat in range(3)
    ]
    middle, low, high, sizes = layers.slope(rows, part, "GRU")
    assert (middle, low, high) == pytest.approx((power,) * 3)
    assert sizes == list(layers.SIZES[part][-3:])


def test_noise_widens_the_interval_and_what_was_computed_or_is_small_does_not_count():
    rng = np.random.default_rng(0)
    rows = [
        row(SAMPLES, "dense", n, repeat, seconds=n**2 * math.exp(0.1 * rng.normal()), megabytes=n / 1000)
        for n in (256, 1024, 4096, 16384)
        for repeat in range(3)
    ]
    rows += [row(SAMPLES, "dense", 65536, repeat, seconds=1e-9, measured=0) for repeat in range(3)]
    middle, low, high, sizes = layers.slope(rows, SAMPLES, "dense")
    assert sizes == [1024, 4096, 16384]
    assert low < 2 < high
    assert 0.01 < high - low < 0.4
    assert low < middle < high
    assert layers.slope(rows, SAMPLES, "dense", "megabytes", least=4)[3] == [4096, 16384]
    with pytest.raises(ValueError, match="a slope needs two sizes, got 1 of dense with more than 16 megabytes"):
        layers.slope(rows, SAMPLES, "dense", "megabytes", least=16)


# Measuring


@pytest.fixture
def steps(monkeypatch):
    """A clock that counts the steps of a training: it is read before and after each."""
    ticks = itertools.count()
    monkeypatch.setattr(time, "process_time", lambda: float(next(ticks)))


@pytest.fixture
def small(tmp_path, monkeypatch, steps):
    """A benchmark of few, small layers, in a file of its own; nothing in it depends on the real clock."""
    monkeypatch.setattr(layers, "RESULTS", tmp_path / "layers.csv")
    monkeypatch.setattr(layers, "SIZES", {SAMPLES: (8, 16, 64)})
    monkeypatch.setattr(layers, "LAYERS", {SAMPLES: ("dense", "convolution")})
    monkeypatch.setattr(layers, "REPEATS", 2)
    monkeypatch.setattr(layers, "SEEDS", range(2))
    monkeypatch.setattr(layers, "BUDGETS", (1, 2))
    monkeypatch.setattr(layers, "MOST_MEGABYTES", 1.0)
    asked = []

    def cost(part, layer, size):
        asked.append((layer, size))
        return {"parameters": 7, "megabytes": 0.1, "seconds": 0.01 * size}

    monkeypatch.setattr(layers, "in_a_process", cost)
    return asked


def test_what_is_too_much_is_computed_and_marked(small):
    rows = layers.measured()
    assert small == [("dense", 8), ("convolution", 8), ("dense", 16), ("convolution", 16), ("convolution", 64)] * 2
    computed = [row for row in rows if row["measured"] == "0"]
    assert [(row["layer"], row["size"]) for row in computed] == [("dense", "64")] * 2
    assert float(computed[0]["parameters"]) == (16 * 64) ** 2 + 16 * 64
    assert float(computed[0]["megabytes"]) == pytest.approx(8e-6 * ((16 * 64) ** 2 + 16 * 64), rel=1e-3)
    assert float(computed[0]["seconds"]) == pytest.approx(0.16 * (64 / 16) ** 2)
    assert {row["part"] for row in rows} == {SAMPLES, DIGITS, PERMUTED}
    assert "(" in layers.table(rows)


def test_a_run_that_was_cut_off_is_finished_and_nothing_is_measured_twice(small):
    layers.measured()
    lines = layers.RESULTS.read_text("utf-8").splitlines()
    layers.RESULTS.write_text("\n".join(lines[:4]) + "\n", "utf-8")
    small.clear()
    again = layers.measured()
    assert small[:2] == [("convolution", 16), ("convolution", 64)]
    assert len(again) == len(lines) - 1
    small.clear()
    assert layers.measured() == again
    assert small == []


@pytest.mark.slow  # a process of its own
def test_a_process_of_its_own_sees_the_memory_that_a_layer_takes():
    found = layers.in_a_process(SAMPLES, "dense", 128)
    assert found["parameters"] == (16 * 128) ** 2 + 16 * 128
    assert found["megabytes"] == pytest.approx(8e-6 * found["parameters"], rel=0.2)  # weights and their gradients
    assert found["seconds"] > 0


# Digits


def test_both_networks_have_as_many_parameters():
    dense, convolution = (n_parameters(layers.network(name)) for name in layers.RATES)
    assert (dense, convolution) == (6085, 6090)


def test_permuted_digits_are_the_same_pixels_in_one_other_order():
    (plain, labels, others, _), (permuted, same, permuted_others, _) = (layers.digits(p) for p in (DIGITS, PERMUTED))
    assert torch.equal(labels, same)
    assert torch.equal(plain.flatten(1).sort(dim=1).values, permuted.flatten(1).sort(dim=1).values)
    assert not torch.equal(plain, permuted)
    order = np.random.default_rng(0).permutation(64)
    assert torch.equal(permuted_others.flatten(1), others.flatten(1)[:, order])


def test_a_network_learns_as_its_steps_go_by(steps):
    parameters, (soon, later) = layers.learn(DIGITS, "dense", 0, rate=1e-2, budgets=(1, 300))
    assert parameters == 6085
    assert soon < 0.6
    assert later > 0.9
