"""The network: the formulas of the papers in plain torch, no look into the future, and a field that it really has."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.waveforms import mixture
from sdg_lab.models.waveforms.mu_law import LEVELS, decode
from sdg_lab.models.waveforms.network import ERRORS, GatedLayer, Network, Note
from sdg_lab.models.waveforms.notes import SILENT

TAPS, CHANNELS, SKIP, COMPONENTS, CONDITION = 3, 5, 7, 2, 4
DILATIONS, CLOCKS = (1, 3, 2), (4.0, 20.0)
GRAIN, GRAINS, PULL = 3, 5, 0.3
NEAR = TAPS + 2 * ERRORS
FIELD = NEAR + sum(DILATIONS)
LENGTH = FIELD + 30


def make(dropout: float = 0.0, levels: int = LEVELS) -> Network:
    """Return a small network with random weights."""
    torch.manual_seed(0)
    made = Network(
        taps=TAPS,
        channels=CHANNELS,
        dilations=DILATIONS,
        skip=SKIP,
        components=COMPONENTS,
        condition=CONDITION,
        clocks=CLOCKS,
        grain=GRAIN,
        pull=PULL,
        dropout=dropout,
        levels=levels,
    )
    return made if dropout else made.eval()


def codes(n: int, length: int = LENGTH, levels: int = LEVELS) -> Tensor:
    kind = np.uint8 if levels <= 256 else np.int16
    return torch.from_numpy(np.random.default_rng(0).integers(0, levels, (n, length)).astype(kind))


def note(n: int) -> Note:
    """Return another condition, prediction, start and level of each row; the first begins amid what is heard."""
    rng = torch.Generator().manual_seed(1)
    coefficients = torch.randn(n, TAPS, generator=rng) / 2
    h, expected = torch.randn(n, CONDITION, generator=rng), torch.randn(n, GRAINS, generator=rng)
    return Note(h, coefficients, torch.arange(n) * 7 - FIELD - 10, expected)


def plain(network: Network, x: Tensor, told: Note) -> tuple[Tensor, Tensor, Tensor]:
    """Return the outputs, the linear prediction and the step before each code that comes after a whole field.

    By van den Oord et al. (2016), section 2: a convolution for each of W_f, W_g, W_o and skip, whose sums are added up;
    before the first layer, a sample at a time, waves, errors of linear prediction in units of those before, and these.
    A unit is w^(1 - pull) e^pull: w the mean size of the errors before, e the one that is expected of the time.
    """
    waves, length = torch.from_numpy(decode(x.numpy(), network.levels)), x.shape[1]
    predicted = {t: (waves[:, t - TAPS : t] * told.coefficients).sum(dim=1) for t in range(TAPS, length + 1)}
    errors = {t: waves[:, t] - predicted[t] for t in range(TAPS, length)}
    recent = {
        t: sum(errors[s].abs() for s in range(t - ERRORS, t)) / ERRORS + SILENT
        for t in range(TAPS + ERRORS, length + 1)
    }  # fmt: skip
    wanted = {
        t: torch.stack([row[min(max(int(start) + t, 0) // GRAIN, GRAINS - 1)].exp()
                        for row, start in zip(told.expected, told.starts, strict=True)])
        for t in recent
    }  # fmt: skip
    steps = {t: recent[t] ** (1 - PULL) * wanted[t] ** PULL for t in recent}
    stream = []
    for t in range(NEAR, length + 1):  # the sample that comes next
        last = range(t - ERRORS, t)
        of_each = [torch.stack([waves[:, s], errors[s] / steps[s], (recent[s] / wanted[s]).log()], dim=1) for s in last]
        sees = torch.einsum("nit,cit->nc", torch.stack(of_each, dim=2), network.entry.weight) + network.entry.bias
        ages = (told.starts + t).clamp(min=0)[:, None]
        stream.append(sees + torch.exp(-ages / torch.tensor(CLOCKS)) @ network.clock.weight.T)
    found = torch.stack(stream, dim=2)
    count = len(stream) - sum(DILATIONS)
    total = torch.zeros(len(x), SKIP, count)
    for number, layer in enumerate(network.layers):
        assert isinstance(layer, GatedLayer)
        kernel = torch.stack([layer.before, layer.now], dim=-1)
        bias = told.h @ layer.condition.weight.T + layer.condition.bias
        filtered = F.conv1d(found, kernel[:CHANNELS], dilation=layer.dilation) + bias[:, :CHANNELS, None]
        gate = F.conv1d(found, kernel[CHANNELS:], dilation=layer.dilation) + bias[:, CHANNELS:, None]
        z = torch.tanh(filtered) / (1 + torch.exp(-gate))
        weight = network.skip.weight[:, number * CHANNELS : (number + 1) * CHANNELS, None]
        total = total + F.conv1d(z, weight)[:, :, -count:]
        out = layer.out.weight.reshape(CHANNELS, CHANNELS, 1)
        found = found[:, :, layer.dilation :] + F.conv1d(z, out, layer.out.bias)
    read = torch.relu(total + network.skip.bias[:, None])
    read = torch.relu(F.conv1d(read, network.hidden.weight[:, :, None], network.hidden.bias))
    outputs = F.conv1d(read, network.output.weight[:, :, None], network.output.bias).transpose(1, 2)
    nexts = range(FIELD, length + 1)
    return outputs, torch.stack([predicted[t] for t in nexts], dim=1), torch.stack([steps[t] for t in nexts], dim=1)


@pytest.mark.parametrize("levels", [LEVELS, 1024])
@pytest.mark.parametrize("more", [0, 1, 20])
def test_it_is_the_paper_s_network(more: int, levels: int):
    network = make(levels=levels)
    x, told = codes(3, FIELD + more, levels), note(3)
    found = network(x, told)
    assert found.shape == (3, more + 1, 3 * COMPONENTS)
    torch.testing.assert_close(found, plain(network, x, told)[0], rtol=1e-3, atol=1e-4)


def test_so_are_its_gradients():
    network, x, told = make(), codes(2), note(2)
    h, coefficients = (each.clone().requires_grad_() for each in (told.h, told.coefficients))
    told = replace(told, h=h, coefficients=coefficients)
    given = [h, coefficients, *network.parameters()]

    def gradients(outputs: Tensor) -> tuple[Any, ...]:
        return torch.autograd.grad((outputs**2).sum(), given, allow_unused=True)

    for one, other in zip(gradients(network(x, told)), gradients(plain(network, x, told)[0]), strict=True):
        if one is None or other is None or not other.any():  # what the last layer adds to the stream, nobody reads
            assert one is None or not one.any()
        else:
            torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-3 * float(other.abs().max()))


def test_a_layer_is_a_dilated_convolution_of_two_taps():
    torch.manual_seed(0)
    layer, x, h = GatedLayer(4, 5, 3), torch.randn(2, 4, 17), torch.randn(2, 3)
    first = x.permute(2, 0, 1)
    stream, z = (each.permute(1, 2, 0) for each in layer(first, h))
    assert stream.shape == z.shape == (2, 4, 12)
    convolution = nn.Conv1d(4, 8, 2, dilation=5, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(torch.stack([layer.before, layer.now], dim=-1))
    filtered, gate = (convolution(x) + layer.condition(h)[:, :, None]).chunk(2, dim=1)
    torch.testing.assert_close(z, F.glu(torch.cat([filtered.tanh(), gate], dim=1), dim=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(stream, x[:, :, 5:] + layer.out(z), rtol=1e-4, atol=1e-5)


def test_no_output_knows_the_future():
    network, x, told = make(), codes(1), note(1)
    before = network(x, told)
    for place in (FIELD, FIELD + 5, LENGTH - 1):
        other = x.clone()
        other[0, place] = (int(other[0, place]) + 100) % 256
        changed = (network(other, told) != before).any(dim=-1)[0]
        first = place - FIELD + 1  # the output that hears this sample as its last
        assert not changed[:first].any()
        assert changed[first]


def test_the_receptive_field_is_what_gradients_reach():
    network = make()
    assert network.receptive_field == FIELD
    network.waves = torch.randn(256, requires_grad=True)
    x = torch.arange(LENGTH, dtype=torch.uint8)[None]  # each code once: its wave's gradient is that of its place
    network(x, note(1))[0, -1].sum().backward()
    assert network.waves.grad is not None
    assert network.waves.grad.nonzero().flatten().tolist() == list(range(LENGTH - FIELD, LENGTH))


def test_dilations_that_double_see_a_field_that_doubles():
    small = {"taps": 2, "channels": 2, "skip": 2, "components": 1, "condition": 1, "clocks": (1.0,), "grain": 1}
    seen = [Network(**small, dilations=[2**i for i in range(n)]).receptive_field for n in range(1, 8)]
    assert [b - a for a, b in itertools.pairwise(seen)] == [2**i for i in range(1, 7)]


def test_each_row_has_its_own_condition_prediction_start_and_level():
    network, x, told = make(), codes(1).expand(2, -1), note(2)
    both, names = network(x, told), [field.name for field in fields(told)]
    alone = network(x[:1], Note(**{name: getattr(told, name)[1:] for name in names}))
    torch.testing.assert_close(alone[0], both[1], rtol=1e-4, atol=1e-5)
    for name in names:
        other = replace(told, **{name: getattr(told, name).flip(0)})
        assert not torch.allclose(network(x, other), both, rtol=1e-3), name


def test_before_a_sound_starts_its_clocks_stand_still():
    network, x, told = make(), codes(1), note(1)
    early, earlier, middle = (
        network(x, replace(told, starts=torch.tensor([start]))) for start in (-LENGTH, -3 * LENGTH, -FIELD)
    )
    torch.testing.assert_close(early, earlier)
    assert not torch.allclose(middle, early, rtol=1e-3)


@pytest.mark.parametrize("levels", [LEVELS, 1024])
def test_a_log_probability_is_the_mixture_s_around_the_linear_prediction(levels: int):
    network, x, told = make(levels=levels), codes(2, levels=levels), note(2)
    with torch.no_grad():
        found, (outputs, centre, step) = network.log_prob(x, told), plain(network, x[:, :-1], told)
    assert found.shape == (2, LENGTH - FIELD)
    expected = mixture.log_prob(x[:, FIELD:], outputs, centre, step, mixture.edges(levels))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_what_it_says_of_the_next_sample_sums_to_1():
    network, told = make(), note(1)
    x = codes(1, FIELD + 1).repeat(LEVELS, 1)
    x[:, -1] = torch.arange(LEVELS)
    every = Note(*(getattr(told, field.name).repeat_interleave(LEVELS, dim=0) for field in fields(told)))
    found = network.log_prob(x, every)
    assert float(found.detach().double().exp().sum()) == pytest.approx(1, abs=1e-4)


def test_dropout_acts_in_training_only():
    network, x, told = make(dropout=0.5), codes(1), note(1)
    assert not torch.equal(network(x, told), network(x, told))
    network.eval()
    torch.testing.assert_close(network(x, told), plain(network, x, told)[0], rtol=1e-3, atol=1e-4)
