"""Chapter 09: what its notebook's header says, and its exercises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.course.ch09.painter import train_painter
from sdg_lab.course.ch09.player import train_player
from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper, Wrong

CHAPTER = Chapter(
    number="09",
    title="Convolutions: waveforms and large images",
    builds="What a network needs once its inputs are thousands of samples or pixels: causal and dilated convolutions, "
    "how far they see and what they cost beside dense layers, recurrence and attention, samples as codes, generation "
    "sample by sample, and the way back to the full length.",
    read_first="Chapters 03, 05 (what a U-Net does) and 06; what a convolution is.",
    papers=(
        Paper(
            "WaveNet: A Generative Model for Raw Audio", "van den Oord et al.", 2016, "https://arxiv.org/abs/1609.03499"
        ),
        Paper(
            "Multi-Scale Context Aggregation by Dilated Convolutions",
            "Yu and Koltun",
            2016,
            "https://arxiv.org/abs/1511.07122",
        ),
        Paper("Fast Wavenet Generation Algorithm", "Paine et al.", 2016, "https://arxiv.org/abs/1611.09482"),
    ),
)

WEIGHTS = {"09-photographs": train_painter, "09-wavenet": train_player}


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


# How far a stack sees.


def receptive_field(kernel: int, dilations: Sequence[int]) -> int:
    """Return 1 + Σ (k - 1) d: so far back the last output sees, itself included."""
    reach = 0
    for dilation in dilations:
        reach += (kernel - 1) * dilation  # from the layer's last weight to its first
    return 1 + reach  # the newest sample, and those before it


def _field_cases(rng: np.random.Generator) -> Iterator[Case]:
    doubling = [2**layer for layer in range(10)]
    stacks: tuple[tuple[int, list[int]], ...] = (
        (3, [1, 2, 4]),
        (2, doubling),
        (2, doubling[:5] * 3),
        (3, [1, 1, 1, 1]),
        (5, [3]),
        (2, [1]),
        (1, [1, 2, 4]),
        (4, [8, 2, 1]),
        (3, []),
    )
    for kernel, dilations in stacks:
        yield Case(kernel, list(dilations))
    for layers in (2, 6, 7):
        yield Case(int(rng.integers(2, 8)), [int(d) for d in rng.integers(1, 40, size=layers)])


def _field_as(of_layers: Callable[[int, list[int]], int]) -> Callable[..., int]:
    """Return another answer, made of the kernel and the list of dilations."""
    return lambda kernel, dilations: of_layers(kernel, list(dilations))


# A convolution that never looks ahead.


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """Return y_t = b + Σ_j W_j x_{t - (k - 1 - j) d}, (n, c_out, T)."""
    length, size = x.shape[-1], weight.shape[-1]
    padded = F.pad(x, (dilation * (size - 1), 0))  # zeros before the first sample
    y = bias[:, None]
    for j in range(size):
        start = j * dilation
        y = y + weight[..., j] @ padded[..., start : start + length]
    return y


def _causal_cases(rng: np.random.Generator) -> Iterator[Case]:
    def case(
        n: int,
        c_in: int,
        length: int,
        c_out: int,
        size: int,
        dilation: int,
        dtype: torch.dtype = torch.float64,
        x: Tensor | None = None,
        name: str = "",
    ) -> Case:
        x = _normal(rng, n, c_in, length, dtype=dtype) if x is None else x
        weight, bias = _normal(rng, c_out, c_in, size, dtype=dtype), _normal(rng, c_out, dtype=dtype)
        shapes = f"x {tuple(x.shape)}, weight {tuple(weight.shape)}, dilation {dilation}"
        return Case(x, weight, bias, dilation, name=f"{name}, {shapes}" if name else shapes)

    yield case(2, 3, 11, 4, 3, 2)
    yield case(1, 1, 8, 1, 2, 1)
    yield case(3, 2, 16, 5, 2, 4)
    yield case(2, 3, 12, 3, 4, 1, name="as many channels out as in")
    yield case(2, 4, 7, 3, 1, 1, name="a kernel of one sample")
    yield case(1, 2, 5, 3, 3, 4, name="a reach longer than the input")
    yield case(4, 2, 1, 2, 2, 3, name="a single sample")
    yield case(2, 3, 20, 5, 3, 3, dtype=torch.float32)
    impulse = torch.zeros(1, 2, 14, dtype=torch.float64)
    impulse[0, :, 5] = 1
    yield case(1, 2, 14, 2, 3, 2, x=impulse, name="an impulse at sample 5")
    yield case(2, 2, 9, 4, 3, 2, x=torch.zeros(2, 2, 9, dtype=torch.float64), name="silence")


def _padded_as(pad: Callable[[Tensor, int, int], Tensor]) -> Callable[..., Tensor]:
    """Return torch's convolution of an x that was padded otherwise; pad takes x, k and the dilation."""
    return lambda x, weight, bias, dilation: F.conv1d(
        pad(x, weight.shape[-1], dilation), weight, bias, dilation=dilation
    )


def _both_sides(x: Tensor, size: int, dilation: int) -> Tensor:
    reach = dilation * (size - 1)
    return F.pad(x, (reach // 2, reach - reach // 2))


def _one_behind(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    return causal_conv(F.pad(x, (1, 0))[..., :-1], weight, bias, dilation)


def _circular(x: Tensor, size: int, dilation: int) -> Tensor:
    length, reach = x.shape[-1], dilation * (size - 1)
    return x[..., torch.arange(-reach, length) % length]


# Loudness in a few codes.


def mu_law(x: Tensor, mu: int) -> Tensor:
    """Return the codes 0 … μ of samples in [-1, 1] (van den Oord et al. 2016)."""
    y = x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)  # in [-1, 1]
    return ((y + 1) / 2 * mu + 0.5).floor().long()


def _samples(rng: np.random.Generator, shape: tuple[int, ...], mu: int, dtype: torch.dtype) -> Tensor:
    """Return samples whose codes rounding cannot change; every code is as likely."""
    codes = rng.integers(0, mu + 1, size=shape) + rng.uniform(-0.35, 0.35, size=shape)
    y = np.clip(2 * codes / mu - 1, -1, 1)
    return torch.as_tensor(np.sign(y) * np.expm1(np.abs(y) * np.log1p(mu)) / mu, dtype=dtype)


def _mu_law_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, mu, dtype in (
        ((12,), 255, torch.float64),
        ((2, 1, 16), 255, torch.float32),
        ((3, 7), 15, torch.float64),
        ((1, 20), 100, torch.float64),
        ((4, 2, 5), 127, torch.float64),
        ((9,), 3, torch.float64),
        ((40,), 65535, torch.float64),
    ):
        yield Case(_samples(rng, shape, mu, dtype), mu, name=f"samples of shape {shape}, μ = {mu}")
    for mu in (255, 15):
        ends = torch.tensor([-1.0, 0.0, 1.0, 0.5, -0.5], dtype=torch.float64)
        yield Case(ends, mu, name=f"-1, 0, 1, 0.5, -0.5, μ = {mu}")
    quiet = 0.004 * _samples(rng, (10,), 3, torch.float64)
    yield Case(quiet, 15, name="quiet samples, below 0.004, μ = 15")
    for mu in (3, 15):  # where the code is about to change, a wrong factor shows
        every = torch.arange(mu + 1, dtype=torch.float64)
        y = (2 * torch.cat([every[1:] - 0.45, every[:-1] + 0.45]) / mu) - 1
        yield Case(_expanded(y, mu), mu, name=f"samples at both ends of every code, μ = {mu}")


def _whole_numbers(value: Any, case: Case) -> Any:
    """Refuse codes that are whole but of a floating type: nothing could be looked up with them."""
    numbers = np.asarray(value.detach() if isinstance(value, Tensor) else value)
    if numbers.dtype.kind == "f" and (numbers == np.floor(numbers)).all():
        raise Wrong("expected whole numbers of type int64, got a floating type")
    return value


def _compressed(x: Tensor, mu: int) -> Tensor:
    return x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)


def _rounded(y: Tensor, mu: int) -> Tensor:
    return ((y + 1) / 2 * mu + 0.5).floor().long()


# And back.


def mu_law_inverse(codes: Tensor, mu: int) -> Tensor:
    """Return the samples in [-1, 1] that codes 0 … μ stand for."""
    y = 2 * codes / mu - 1  # in [-1, 1]
    return y.sign() * ((1 + mu) ** y.abs() - 1) / mu


def _inverse_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, mu in (((12,), 255), ((2, 1, 16), 255), ((3, 7), 15), ((1, 20), 100), ((4, 2, 5), 127), ((30,), 65535)):
        codes = torch.as_tensor(rng.integers(0, mu + 1, size=shape))
        yield Case(codes, mu, name=f"codes of shape {shape}, μ = {mu}")
    yield Case(torch.tensor([0, 1, 126, 127, 128, 129, 254, 255]), 255, name="the ends and the middle, μ = 255")
    yield Case(torch.arange(4), 3, name="all codes, μ = 3")
    yield Case(torch.arange(118, 138), 255, name="quiet samples, codes 118 to 137, μ = 255")


def _expanded(y: Tensor, mu: int) -> Tensor:
    return y.sign() * ((1 + mu) ** y.abs() - 1) / mu


# Generation, one sample at a time.


def next_output(x: Tensor, queue: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> tuple[Tensor, Tensor]:
    """Return a causal convolution's newest output, (n, c_out), and the next queue."""
    seen = torch.cat([queue, x[..., None]], dim=-1)  # the oldest first
    taps = seen[..., ::dilation]  # one for each weight: (n, c_in, k)
    y = bias + torch.einsum("nik,oik->no", taps, weight)
    return y, seen[..., 1:]


def _queue_cases(rng: np.random.Generator) -> Iterator[Case]:
    def case(
        n: int, c_in: int, c_out: int, size: int, dilation: int, dtype: torch.dtype = torch.float64, name: str = ""
    ) -> Case:
        x, queue = _normal(rng, n, c_in, dtype=dtype), _normal(rng, n, c_in, dilation * (size - 1), dtype=dtype)
        if name == "the first sample, after silence":
            queue = torch.zeros_like(queue)
        weight, bias = _normal(rng, c_out, c_in, size, dtype=dtype), _normal(rng, c_out, dtype=dtype)
        shapes = f"x {tuple(x.shape)}, queue {tuple(queue.shape)}, k = {size}, dilation {dilation}"
        return Case(x, queue, weight, bias, dilation, name=f"{name}: {shapes}" if name else shapes)

    yield case(3, 2, 5, 3, 2)
    yield case(1, 2, 2, 2, 1)
    yield case(2, 3, 4, 2, 4)
    yield case(4, 3, 3, 4, 3)
    yield case(1, 1, 1, 3, 1)
    yield case(2, 4, 3, 1, 1, name="a kernel of one sample, and no queue")
    yield case(2, 3, 3, 3, 5, name="the first sample, after silence")
    yield case(2, 3, 4, 2, 16, dtype=torch.float32)


def _queue_as(
    seen: Callable[[Tensor, Tensor], Tensor] = lambda x, queue: torch.cat([queue, x[..., None]], dim=-1),
    taps: Callable[[Tensor, int, int], Tensor] = lambda seen, size, dilation: seen[..., ::dilation],
    left: Callable[[Tensor], Tensor] = lambda seen: seen[..., 1:],
) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return another answer: other inputs in a row, other taps of them, or another queue made of them."""

    def answer(x: Tensor, queue: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> tuple[Tensor, Tensor]:
        row = seen(x, queue)
        return bias + torch.einsum("nik,oik->no", taps(row, weight.shape[-1], dilation), weight), left(row)

    return answer


def _phase_off(seen: Tensor, size: int, dilation: int) -> Tensor:
    return torch.cat([seen[..., :-1][..., dilation - 1 :: dilation], seen[..., -1:]], dim=-1)


def _output_queued(x: Tensor, queue: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> tuple[Tensor, Tensor]:
    y, _ = next_output(x, queue, weight, bias, dilation)
    return y, torch.cat([queue, y[..., None]], dim=-1)[..., 1:]


# From few positions back to many.


def transposed_conv(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return y, (n, c_out, (T - 1) s + k): each x_t is added at ts … ts + k - 1."""
    n, _, length = x.shape
    _, channels, size = weight.shape
    y = x.new_zeros(n, channels, (length - 1) * stride + size)
    for t in range(length):
        start = t * stride
        added = torch.einsum("ni,iok->nok", x[..., t], weight)
        y[..., start : start + size] += added
    return y


def _transposed_cases(rng: np.random.Generator) -> Iterator[Case]:
    def case(
        n: int,
        c_in: int,
        length: int,
        c_out: int,
        size: int,
        stride: int,
        dtype: torch.dtype = torch.float64,
        name: str = "",
    ) -> Case:
        x, weight = _normal(rng, n, c_in, length, dtype=dtype), _normal(rng, c_in, c_out, size, dtype=dtype)
        shapes = f"x {tuple(x.shape)}, weight {tuple(weight.shape)}, stride {stride}"
        return Case(x, weight, stride, name=f"{name}, {shapes}" if name else shapes)

    yield case(2, 3, 5, 4, 4, 2)
    yield case(1, 1, 4, 1, 3, 1)
    yield case(3, 2, 6, 5, 2, 2, name="no overlaps")
    yield case(2, 2, 3, 2, 2, 4, name="gaps between the kernels")
    yield case(1, 4, 1, 3, 5, 3, name="a single position")
    yield case(2, 3, 4, 3, 5, 2, name="as many channels out as in")
    yield case(2, 2, 7, 3, 6, 3, dtype=torch.float32)
    yield case(2, 1, 5, 2, 1, 3, name="a kernel of one sample")


def _overwritten(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    size, length = weight.shape[-1], x.shape[-1]
    y = x.new_zeros(len(x), weight.shape[1], (length - 1) * stride + size)
    for t in range(length):
        y[..., t * stride : t * stride + size] = torch.einsum("ni,iok->nok", x[..., t], weight)
    return y


def _averaged(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    ones = x.new_ones(1, 1, x.shape[-1])
    counts = transposed_conv(ones, x.new_ones(1, 1, weight.shape[-1]), stride)
    return transposed_conv(x, weight, stride) / counts.clamp(min=1)


def _copied(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    copies = x.repeat_interleave(stride, dim=-1)[..., : (x.shape[-1] - 1) * stride + 1]
    return transposed_conv(copies, weight, 1)


def _fit(y: Tensor, length: int) -> Tensor:
    return F.pad(y, (0, max(0, length - y.shape[-1])))[..., :length]


EXERCISES = (
    Exercise(
        key="09.receptive_field",
        title="How far a stack sees",
        task="Compute the receptive field of a stack of dilated causal convolutions: how many samples there are from "
        "the oldest that the last output depends on to the newest, both included.",
        points=1,
        minutes=5,
        hints=(
            "Begin with one layer: its kernel has k weights, d samples apart. How far is it from the first to the "
            "last?",
            "A layer reaches (k - 1)·d samples back, from wherever the layer above looks. What do the reaches do: add "
            "up, or multiply?",
            "1 + Σ (k - 1)·d over the layers; the 1 is the newest sample.",
        ),
        reference=receptive_field,
        cases=_field_cases,
        returns="the receptive field",
        mistakes=(
            Mistake(
                "The newest sample is missing: the reaches say how far back it goes, and one sample more is seen.",
                _field_as(lambda kernel, dilations: sum((kernel - 1) * d for d in dilations)),
            ),
            Mistake(
                "A kernel of k weights has k - 1 gaps: it reaches (k - 1)·d samples back, not k·d.",
                _field_as(lambda kernel, dilations: 1 + sum(kernel * d for d in dilations)),
            ),
            Mistake(
                "Reaches add up: a layer looks so much further back from where the one above it looks. They are not "
                "multiplied.",
                _field_as(lambda kernel, dilations: math.prod(1 + (kernel - 1) * d for d in dilations)),
            ),
            Mistake(
                "The fields of the layers overlap by one sample each; add up the reaches, and 1 at the end.",
                _field_as(lambda kernel, dilations: sum(1 + (kernel - 1) * d for d in dilations)),
            ),
            Mistake(
                "That is the last layer alone; those below it look further back from there.",
                _field_as(lambda kernel, dilations: 1 + (kernel - 1) * sum(dilations[-1:])),
            ),
            Mistake(
                "The dilations are left out: the weights of a layer are d samples apart.",
                _field_as(lambda kernel, dilations: 1 + (kernel - 1) * len(dilations)),
            ),
            Mistake(
                "kernel ** layers holds only where the dilations are 1, k, k², …; others are asked for, too.",
                _field_as(lambda kernel, dilations: kernel ** len(dilations)),
            ),
            Mistake(
                "Layers with the same dilation count each for itself.",
                _field_as(lambda kernel, dilations: 1 + (kernel - 1) * sum(set(dilations))),
            ),
        ),
    ),
    Exercise(
        key="09.causal_conv",
        title="A convolution that never looks ahead",
        task="Compute a causal dilated convolution: weight (c_out, c_in, k), bias (c_out,), as many samples out as in.",
        points=2,
        minutes=15,
        hints=(
            "The output at t may depend on x up to t. What must stand before the first sample, and how much of it?",
            "Pad with (k - 1)·dilation zeros on the left, none on the right. weight[..., k - 1] then meets the newest "
            "sample, as in torch.",
            "padded = F.pad(x, (dilation * (k - 1), 0)); then sum over j: weight[..., j] @ "
            "padded[..., j * dilation : j * dilation + T], and the bias.",
        ),
        reference=causal_conv,
        cases=_causal_cases,
        returns="y",
        differentiable=("x", "weight", "bias"),
        mistakes=(
            Mistake(
                "It looks ahead: the zeros are on both sides. All of them belong before the first sample.",
                _padded_as(_both_sides),
            ),
            Mistake(
                "It looks ahead and not back: the zeros are behind the last sample, or the wrong end was cut off.",
                _padded_as(lambda x, size, dilation: F.pad(x, (0, dilation * (size - 1)))),
            ),
            Mistake(
                "There are fewer samples out than in: pad with (k - 1)·dilation zeros on the left.",
                _padded_as(lambda x, size, dilation: x),
            ),
            Mistake(
                "The padding must be (k - 1)·dilation zeros; k - 1 are enough only without dilation.",
                _padded_as(lambda x, size, dilation: F.pad(x, (size - 1, 0))),
            ),
            Mistake(
                "There are more samples out than in: padding= pads both sides. Keep the first T outputs.",
                _padded_as(lambda x, size, dilation: F.pad(x, (dilation * (size - 1),) * 2)),
            ),
            Mistake(
                "The weights are in reverse: the last, weight[..., k - 1], belongs to the newest sample.",
                lambda x, weight, bias, dilation: causal_conv(x, weight.flip(-1), bias, dilation),
            ),
            Mistake(
                "The dilation is left out: neighbouring weights belong to samples that lie `dilation` apart.",
                lambda x, weight, bias, dilation: causal_conv(x, weight, bias, 1),
            ),
            Mistake(
                "The output at t does not see x_t itself: all is one sample late.",
                _one_behind,
            ),
            Mistake(
                "The bias is missing.",
                lambda x, weight, bias, dilation: causal_conv(x, weight, 0 * bias, dilation),
            ),
            Mistake(
                "Before the first sample stand zeros; there the end of the input came round again.",
                _padded_as(_circular),
            ),
            Mistake(
                "Before the first sample stand zeros, not copies of it.",
                _padded_as(lambda x, size, dilation: F.pad(x, (dilation * (size - 1), 0), mode="replicate")),
            ),
            Mistake(
                "The axes of the weight are exchanged: the first is that of the output's channels.",
                lambda x, weight, bias, dilation: causal_conv(x, weight.transpose(0, 1), bias, dilation),
            ),
        ),
    ),
    Exercise(
        key="09.mu_law",
        title="Samples as codes",
        task="Turn samples in [-1, 1] into codes 0 … μ, finer for quiet samples than for loud ones: "
        "y = sign(x)·ln(1 + μ|x|) / ln(1 + μ), and (y + 1)/2·μ to the nearest whole number.",
        points=1,
        minutes=10,
        hints=(
            "Two steps: a curve that is steep at 0 and takes [-1, 1] to [-1, 1]; then equal steps on what comes out.",
            "torch.log1p(mu * x.abs()) is ln(1 + μ|x|); the sign is put back afterwards. Divide by math.log1p(mu).",
            "((y + 1) / 2 * mu + 0.5).floor().long()",
        ),
        reference=mu_law,
        cases=_mu_law_cases,
        returns="the codes",
        form=_whole_numbers,
        mistakes=(
            Mistake(
                "These are equal steps of x: the logarithm is missing, and quiet samples share a few codes.",
                lambda x, mu: _rounded(x, mu),
            ),
            Mistake(
                "It is cut off, not rounded: add 0.5 before floor().",
                lambda x, mu: ((_compressed(x, mu) + 1) / 2 * mu).floor().long(),
            ),
            Mistake(
                "Divide by ln(1 + μ), so that y stays in [-1, 1].",
                lambda x, mu: _rounded(_compressed(x, mu) * math.log1p(mu), mu),
            ),
            Mistake(
                "Divide by ln(1 + μ), not by ln μ: y must be 1 where x is 1; with few codes it shows.",
                lambda x, mu: _rounded(_compressed(x, mu) * math.log1p(mu) / math.log(mu), mu),
            ),
            Mistake(
                "The sign is lost: -x and x have the same code.",
                lambda x, mu: _rounded(_compressed(x, mu).abs(), mu),
            ),
            Mistake(
                "The logarithm is taken of |x|; of what is below -1/μ there is none.",
                lambda x, mu: _rounded((torch.log1p(mu * x) / math.log1p(mu)).nan_to_num(nan=-1e6), mu),
            ),
            Mistake(
                "Codes go from 0 to μ: (y + 1)/2 is multiplied by μ and rounded, not by μ + 1 and cut off.",
                lambda x, mu: ((_compressed(x, mu) + 1) / 2 * (mu + 1)).floor().long(),
            ),
            Mistake(
                "Codes begin at 0: y = -1 must become 0, not a negative number.",
                lambda x, mu: (_compressed(x, mu) / 2 * mu + 0.5).floor().long(),
            ),
            Mistake(
                "That is y, which is not yet rounded to codes.",
                _compressed,
            ),
            Mistake(
                "μ is an argument; it need not be 255.",
                lambda x, mu: mu_law(x, 255),
            ),
            Mistake(
                "The codes are right, but their type is a floating one; .long() makes them int64, to look things up.",
                lambda x, mu: mu_law(x, mu).to(x.dtype),
            ),
        ),
    ),
    Exercise(
        key="09.mu_law_inverse",
        title="Codes as samples",
        task="Turn codes 0 … μ back into samples: y = 2·code/μ - 1, and x = sign(y)·((1 + μ)^|y| - 1)/μ.",
        points=1,
        minutes=5,
        hints=(
            "Undo the steps in reverse: first from 0 … μ back to y in [-1, 1], then the logarithm.",
            "The inverse of ln(1 + μ|x|) / ln(1 + μ) is ((1 + μ)^|y| - 1) / μ.",
            "y = 2 * codes / mu - 1; then y.sign() * ((1 + mu) ** y.abs() - 1) / mu",
        ),
        reference=mu_law_inverse,
        cases=_inverse_cases,
        returns="the samples",
        mistakes=(
            Mistake(
                "That is y; the logarithm is not undone.",
                lambda codes, mu: 2 * codes / mu - 1,
            ),
            Mistake(
                "The sign is lost: codes below the middle stand for negative samples.",
                lambda codes, mu: _expanded((2 * codes / mu - 1).abs(), mu),
            ),
            Mistake(
                "Codes go from 0 to μ: divide by μ, not by μ + 1, so that μ becomes 1.",
                lambda codes, mu: _expanded(2 * codes / (mu + 1) - 1, mu),
            ),
            Mistake(
                "Code 0 stands for -1 and μ for 1: y = 2·code/μ - 1, not code/μ.",
                lambda codes, mu: _expanded(codes / mu, mu),
            ),
            Mistake(
                "The 1 is missing: (1 + μ)^|y| - 1 is 0 where y is 0.",
                lambda codes, mu: (y := 2 * codes / mu - 1).sign() * (1 + mu) ** y.abs() / mu,
            ),
            Mistake(
                "Divide by μ: the samples must lie in [-1, 1].",
                lambda codes, mu: mu * mu_law_inverse(codes, mu),
            ),
            Mistake(
                "The logarithm was divided by ln(1 + μ): its inverse is (1 + μ)^|y|, not e^|y|.",
                lambda codes, mu: (y := 2 * codes / mu - 1).sign() * torch.expm1(y.abs()) / mu,
            ),
            Mistake(
                "μ is an argument; it need not be 255.",
                lambda codes, mu: mu_law_inverse(codes, 255),
            ),
            Mistake(
                "// cuts the fraction off: divide with /.",
                lambda codes, mu: _expanded((2 * codes // mu - 1).double(), mu),
            ),
        ),
    ),
    Exercise(
        key="09.queue",
        title="One sample at a time",
        task="Compute a causal convolution's newest output, (n, c_out), from the newest input x, (n, c_in), and a "
        "queue of those before it, (n, c_in, dilation·(k - 1)), the oldest first. Return it and the next queue.",
        points=2,
        minutes=15,
        hints=(
            "All k inputs that this output depends on are in the queue or are x. Where do they stand?",
            "Put x behind the queue: of these dilation·(k - 1) + 1 inputs, every dilation-th from the first on is one "
            "that a weight belongs to.",
            "seen = torch.cat([queue, x[..., None]], dim=-1); the taps are seen[..., ::dilation], the next queue is "
            "seen[..., 1:].",
        ),
        reference=next_output,
        cases=_queue_cases,
        returns=("the output", "the new queue"),
        mistakes=(
            Mistake(
                "The queue stays as it was: x must enter, and the oldest leave.",
                _queue_as(left=lambda seen: seen[..., :-1]),
            ),
            Mistake(
                "The queue grows: when x enters, the oldest leaves.",
                _queue_as(left=lambda seen: seen),
            ),
            Mistake(
                "These are the last k inputs side by side; the weights belong to inputs that lie `dilation` apart.",
                _queue_as(taps=lambda seen, size, dilation: seen[..., -size:]),
            ),
            Mistake(
                "Every dilation-th input, but from the wrong one on: the first tap is the oldest in the queue.",
                _queue_as(taps=_phase_off),
            ),
            Mistake(
                "The newest belongs behind the oldest: x was put in front of the queue.",
                _queue_as(
                    seen=lambda x, queue: torch.cat([x[..., None], queue], dim=-1), left=lambda seen: seen[..., :-1]
                ),
            ),
            Mistake(
                "The weights are in reverse: the last, weight[..., k - 1], belongs to x.",
                _queue_as(taps=lambda seen, size, dilation: seen[..., ::dilation].flip(-1)),
            ),
            Mistake(
                "The bias is missing.",
                lambda x, queue, weight, bias, dilation: next_output(x, queue, weight, 0 * bias, dilation),
            ),
            Mistake(
                "The output has an axis too many: (n, c_out) is asked for, one sample.",
                lambda x, queue, weight, bias, dilation: (
                    next_output(x, queue, weight, bias, dilation)[0][..., None],
                    next_output(x, queue, weight, bias, dilation)[1],
                ),
            ),
            Mistake(
                "The output was put into the queue, which holds this layer's inputs; the output enters that of the "
                "layer above.",
                _output_queued,
            ),
        ),
    ),
    Exercise(
        key="09.transposed_conv",
        title="From few positions back to many",
        task="Compute a transposed convolution: each position of x, (n, c_in, T), adds its kernel, of weight "
        "(c_in, c_out, k), to the output, (n, c_out, (T - 1)·stride + k), `stride` further than the one before.",
        points=2,
        minutes=15,
        hints=(
            "A convolution gathers: each output is a sum over a window. Its transpose scatters: what does one input "
            "do?",
            "x_t times the kernel is a piece of k samples that begins at t·stride. Where pieces overlap, add them.",
            'torch.einsum("ni,iok->nok", x[..., t], weight) is the piece; y[..., start : start + k] += piece.',
        ),
        reference=transposed_conv,
        cases=_transposed_cases,
        returns="y",
        differentiable=("x", "weight"),
        mistakes=(
            Mistake(
                "Where kernels overlap, the later one overwrites: use += instead of =.",
                _overwritten,
            ),
            Mistake(
                "The kernel is in reverse: weight[..., 0] is added at t·stride, where the piece begins.",
                lambda x, weight, stride: transposed_conv(x, weight.flip(-1), stride),
            ),
            Mistake(
                "The length is not T·stride: the last piece begins at (T - 1)·stride and is k long.",
                lambda x, weight, stride: _fit(transposed_conv(x, weight, stride), x.shape[-1] * stride),
            ),
            Mistake(
                "The axes of the weight are exchanged: here the first is that of the input's channels.",
                lambda x, weight, stride: transposed_conv(x, weight.transpose(0, 1), stride),
            ),
            Mistake(
                "The stride is left out: pieces begin `stride` samples apart.",
                lambda x, weight, stride: transposed_conv(x, weight, 1),
            ),
            Mistake(
                "Where kernels overlap they are averaged; add them up.",
                _averaged,
            ),
            Mistake(
                "Between the positions of x belong zeros, not copies of them.",
                _copied,
            ),
            Mistake(
                "That is the convolution itself, which makes x shorter; its transpose makes it longer.",
                lambda x, weight, stride: F.conv1d(x, weight.transpose(0, 1), stride=stride),
            ),
        ),
    ),
)
