"""Queues: sample by sample they are the network, and what they draw is what the network would."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from sdg_lab.models.waveforms import mixture
from sdg_lab.models.waveforms.generation import Queues
from sdg_lab.models.waveforms.mu_law import LEVELS, decode, silence
from sdg_lab.models.waveforms.network import ERRORS, Network, Note
from sdg_lab.models.waveforms.notes import SILENT

TAPS, DILATIONS, CONDITION = 4, (1, 4, 2, 8), 2
GRAIN, PULL = 50, 0.2
LENGTH = 270


def make(levels: int = LEVELS) -> Network:
    torch.manual_seed(0)
    made = Network(
        taps=TAPS,
        channels=6,
        dilations=DILATIONS,
        skip=5,
        components=3,
        condition=CONDITION,
        clocks=(5.0, 40.0),
        grain=GRAIN,
        pull=PULL,
        levels=levels,
    ).eval()
    with torch.no_grad():
        for weight in (made.skip.weight, made.hidden.weight, made.output.weight, made.output.bias):
            weight.normal_()
    return made


def note() -> Note:
    """Three rows that are told other things; a linear prediction that does not explode."""
    rng = torch.Generator().manual_seed(1)
    h, coefficients = torch.randn(3, CONDITION, generator=rng), torch.randn(3, TAPS, generator=rng) / 8
    return Note(h, coefficients, torch.zeros(3), torch.randn(3, 4, generator=rng) - 2)


def some(levels: int) -> np.ndarray:
    """Codes of three sounds, (3, LENGTH), no waves among them that would drown all others."""
    kind = np.uint8 if levels <= 256 else np.int16
    return np.random.default_rng(0).integers(0, levels, (3, LENGTH)).astype(kind)


@torch.no_grad()
def by_network(network: Network, codes: np.ndarray, told: Note) -> tuple[np.ndarray, ...]:
    """Return outputs, linear prediction and step before each of ``codes`` and after the last, silence before them.

    The last two from their definitions: a sum over the last waves, and the mean size of its last errors, to the power
    1 - pull, times the size that is expected in each fifty samples, to the power pull.
    """
    field = network.receptive_field
    quiet = silence(network.levels)
    heard = torch.from_numpy(np.pad(codes, ((0, 0), (field, 0)), constant_values=quiet))
    outputs = network(heard, replace(told, starts=torch.full((len(codes),), -field)))
    waves = np.pad(decode(codes, network.levels), ((0, 0), (field, 0)), constant_values=decode(quiet, network.levels))
    windows = np.lib.stride_tricks.sliding_window_view(waves, TAPS, axis=1)
    predicted = (windows * told.coefficients.numpy()[:, None]).sum(axis=-1)  # of the sample after each window
    errors = np.abs(waves[:, TAPS:] - predicted[:, :-1])
    sizes = np.lib.stride_tricks.sliding_window_view(errors, ERRORS, axis=1).mean(axis=-1) + SILENT
    count = codes.shape[1] + 1
    wanted = told.expected.exp().numpy()[:, np.minimum(np.arange(count) // GRAIN, 3)]
    return outputs.numpy(), predicted[:, -count:], sizes[:, -count:] ** (1 - PULL) * wanted**PULL


both = pytest.mark.parametrize("levels", [LEVELS, 4096])


@both
def test_each_sample_is_read_as_the_network_reads_it(levels: int):
    """Rows that are told other things side by side, for more than three times the receptive field."""
    network, told = make(levels), note()
    assert 3 * network.receptive_field < LENGTH
    codes = some(levels)
    expected, queues = by_network(network, codes, told), Queues(network, told)
    for t in range(LENGTH):
        for ours, theirs in zip(queues.next(), expected, strict=True):
            np.testing.assert_allclose(ours, theirs[:, t], rtol=1e-3, atol=1e-4)
        queues.hear(codes[:, t])


@both
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_generated_is_what_the_whole_field_gives(levels: int, temperature: float):
    """Naively: hear all that there is, take the last outputs, draw with the same random numbers."""
    network, told = make(levels), note()
    found = Queues(network, told).generate(LENGTH, temperature=temperature, rng=np.random.default_rng(3))
    assert found.shape == (3, LENGTH)
    assert found.dtype == (np.uint8 if levels == LEVELS else np.int16)
    assert len(np.unique(found)) > 5, "a note that never moves would prove nothing"
    rng = np.random.default_rng(3)
    for t, parts in enumerate(
        zip(*(np.moveaxis(each, 1, 0) for each in by_network(network, found, told)), strict=True)
    ):
        if t < LENGTH:  # what is computed once more is the same to the last digits: that may be the next code's edge
            drawn = mixture.draw(*parts, temperature, rng, levels)
            assert np.abs(drawn.astype(int) - found[:, t]).max() <= 1


@both
def test_rows_do_not_hear_each_other(levels: int):
    network, told = make(levels), note()
    codes = some(levels)
    together = Queues(network, told)
    alone = [Queues(network, Note(*(getattr(told, each.name)[[row]] for each in fields(told)))) for row in range(3)]
    for t in range(60):
        outputs = together.next()[0]
        for row, queues in enumerate(alone):
            np.testing.assert_allclose(queues.next()[0][0], outputs[row], rtol=1e-3, atol=1e-4)
            queues.hear(codes[row : row + 1, t])
        together.hear(codes[:, t])
    assert not np.allclose(outputs[0], outputs[1])


def test_what_is_trained_afterwards_does_not_come_through():
    network, told = make(), note()
    queues, untouched = Queues(network, told), Queues(network, told)
    heard = np.full(3, 77, np.uint8)
    first = untouched.next()
    untouched.hear(heard)
    second = untouched.next()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(queues.next()[0], first[0])
    queues.hear(heard)
    for one, other in zip(queues.next(), second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_network_in_double_precision_is_read_too():
    told = note()
    plain = Queues(make(), told)
    double = Queues(make().double(), replace(told, h=told.h.double(), coefficients=told.coefficients.double()))
    for one, other in zip(plain.next(), double.next(), strict=True):
        assert other.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
