"""Chapter 09: its references against oracles of other makers; right answers of another making, and wrong ones."""

import math

import numpy as np
import pytest
import torch
from scipy import signal
from torch.nn import functional as F

from sdg_lab.course.ch09.exercises import (
    EXERCISES,
    causal_conv,
    mu_law,
    mu_law_inverse,
    next_output,
    receptive_field,
    transposed_conv,
)
from sdg_lab.course.engine.grade import WHEN_GRADING, verdict

SEEDS = [0, pytest.param(WHEN_GRADING, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
BY_KEY = {exercise.key.partition(".")[2]: exercise for exercise in EXERCISES}


def _normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# The references


def test_the_field_of_wavenet_s_block_is_that_of_the_paper() -> None:
    assert receptive_field(2, [2**layer for layer in range(10)]) == 1024


@pytest.mark.parametrize(("kernel", "dilations"), [(2, [1, 2, 4, 8]), (3, [1, 5]), (4, [3]), (3, []), (1, [2, 2])])
def test_the_field_is_the_length_of_the_impulse_response(kernel, dilations) -> None:
    response = np.ones(1)
    for dilation in dilations:
        layer = np.zeros((kernel - 1) * dilation + 1)
        layer[::dilation] = 1
        response = signal.convolve(response, layer)
    assert receptive_field(kernel, dilations) == len(response)


@pytest.mark.parametrize(("size", "dilation"), [(1, 1), (2, 1), (3, 4), (5, 2), (2, 16)])
def test_a_causal_convolution_is_torch_s_behind_zeros(size, dilation) -> None:
    x, weight, bias = _normal(2, 3, 12), _normal(4, 3, size, seed=1), _normal(4, seed=2)
    theirs = F.conv1d(F.pad(x, (dilation * (size - 1), 0)), weight, bias, dilation=dilation)
    torch.testing.assert_close(causal_conv(x, weight, bias, dilation), theirs)


def test_no_output_depends_on_a_later_sample() -> None:
    x, weight, bias = _normal(1, 2, 9), _normal(2, 2, 3, seed=1), _normal(2, seed=2)
    jacobian = torch.autograd.functional.jacobian(lambda x: causal_conv(x, weight, bias, 2).sum(dim=(0, 1)), x)
    assert (jacobian.squeeze(1).abs().amax(dim=1).triu(1) == 0).all()
    assert (jacobian.squeeze(1).abs().amax(dim=1).diagonal() > 0).all()


@pytest.mark.parametrize(
    ("x", "code"),
    [(-1.0, 0), (1.0, 255), (0.0, 128), (0.5, 239), (-0.5, 16), (0.01, 157), (1 / 255, 143), (-1 / 255, 112)],
)
def test_codes_worked_out_by_hand(x, code) -> None:
    assert mu_law(torch.tensor([x], dtype=torch.float64), 255).item() == code


@pytest.mark.parametrize("mu", [1, 3, 15, 100, 255])
def test_every_code_comes_back_from_its_sample_and_samples_rise(mu) -> None:
    codes = torch.arange(mu + 1)
    samples = mu_law_inverse(codes, mu).double()
    assert torch.equal(mu_law(samples, mu), codes)
    assert (samples.diff() > 0).all()
    torch.testing.assert_close(samples, -samples.flip(0), atol=1e-6, rtol=1e-5)
    assert samples[[0, -1]].tolist() == pytest.approx([-1, 1])


def test_the_error_is_half_a_step_of_the_curve() -> None:
    """A step of y is 2/μ, and dx/dy = ln(1 + μ) (1 + μ|x|) / μ, at the larger end of the step."""
    x = torch.linspace(-1, 1, 10_001, dtype=torch.float64)
    error = (mu_law_inverse(mu_law(x, 255), 255) - x).abs()
    steps = 2 / 255 * math.log(256) * (1 + 255 * x.abs()) / 255
    assert (error <= 0.5 * steps * 256 ** (1 / 255) + 1e-6).all()
    assert error.max() > 0.4 * steps.max()


@pytest.mark.parametrize(("size", "dilation"), [(1, 1), (2, 1), (3, 4), (4, 3)])
def test_step_by_step_it_is_the_whole_convolution(size, dilation) -> None:
    x, weight, bias = _normal(2, 3, 15), _normal(4, 3, size, seed=1), _normal(4, seed=2)
    queue, outputs = torch.zeros(2, 3, dilation * (size - 1), dtype=torch.float64), []
    for t in range(15):
        y, queue = next_output(x[..., t], queue, weight, bias, dilation)
        outputs.append(y)
    theirs = F.conv1d(F.pad(x, (dilation * (size - 1), 0)), weight, bias, dilation=dilation)
    torch.testing.assert_close(torch.stack(outputs, dim=-1), theirs)


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (1, 3), (4, 2), (3, 3), (2, 5), (5, 1)])
def test_a_transposed_convolution_is_torch_s_and_the_gradient_of_a_convolution(size, stride) -> None:
    x, weight = _normal(2, 3, 6), _normal(3, 4, size, seed=1)
    y = transposed_conv(x, weight, stride)
    torch.testing.assert_close(y, F.conv_transpose1d(x, weight, stride=stride))
    longer = torch.zeros_like(y).requires_grad_()
    (gradient,) = torch.autograd.grad(F.conv1d(longer, weight, stride=stride), longer, x)
    torch.testing.assert_close(y, gradient)


# Right answers of another making


def causal_by_torch(x, weight, bias, dilation):
    return F.conv1d(F.pad(x, (dilation * (weight.shape[-1] - 1), 0)), weight, bias, dilation=dilation)


def causal_cut_off(x, weight, bias, dilation):
    reach = dilation * (weight.shape[-1] - 1)
    return F.conv1d(x, weight, bias, padding=reach, dilation=dilation)[..., : x.shape[-1]]


def causal_by_unfold(x, weight, bias, dilation):
    size = weight.shape[-1]
    windows = F.pad(x, (dilation * (size - 1), 0)).unfold(-1, dilation * (size - 1) + 1, 1)
    return torch.einsum("nitk,oik->not", windows[..., ::dilation], weight) + bias[:, None]


def causal_sample_by_sample(x, weight, bias, dilation):
    n, _, length = x.shape
    columns = []
    for t in range(length):
        y = bias.expand(n, -1)
        for j in range(weight.shape[-1]):
            at = t - (weight.shape[-1] - 1 - j) * dilation
            if at >= 0:
                y = y + x[..., at] @ weight[..., j].T
        columns.append(y)
    return torch.stack(columns, dim=-1)


def causal_in_two_dimensions(x, weight, bias, dilation):
    padded = F.pad(x, (dilation * (weight.shape[-1] - 1), 0))[:, :, None]
    return F.conv2d(padded, weight[:, :, None], bias, dilation=(1, dilation))[:, :, 0]


def mu_by_round(x, mu):
    y = torch.sign(x) * torch.log(1 + mu * torch.abs(x)) / np.log(1 + mu)
    return torch.round((y + 1) / 2 * mu).to(torch.int64)


def mu_by_numpy(x, mu):
    x = x.numpy()
    return np.floor((np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu) + 1) / 2 * mu + 0.5).astype(int)


def mu_by_thresholds(x, mu):
    y = (2 * torch.arange(mu, dtype=torch.float64) + 1) / mu - 1  # between two codes
    return torch.bucketize(x.double(), y.sign() * torch.expm1(y.abs() * math.log1p(mu)) / mu, right=True)


def mu_by_where(x, mu):
    y = torch.where(x < 0, -torch.log1p(-mu * x.clamp(max=0)), torch.log1p(mu * x.clamp(min=0))) / math.log(1 + mu)
    return (mu * (y + 1) / 2 + 0.5).int()


def inverse_by_expm1(codes, mu):
    y = codes.double().mul(2).div(mu).sub(1)
    return torch.sign(y) * torch.expm1(torch.abs(y) * math.log1p(mu)) / mu


def inverse_by_numpy(codes, mu):
    y = 2 * codes.numpy() / mu - 1
    return np.copysign(((1.0 + mu) ** np.abs(y) - 1) / mu, y)


def inverse_by_a_table(codes, mu):
    table = [math.copysign(((1 + mu) ** abs(y) - 1) / mu, y) for y in (2 * c / mu - 1 for c in range(mu + 1))]
    return torch.tensor(table, dtype=torch.float64)[codes]


def queue_by_a_convolution(x, queue, weight, bias, dilation):
    seen = torch.cat([queue, x.unsqueeze(2)], dim=2)
    return F.conv1d(seen, weight, bias, dilation=dilation).squeeze(2), seen[:, :, 1:]


def queue_by_its_taps(x, queue, weight, bias, dilation):
    y = x @ weight[..., -1].T + bias
    for j in range(weight.shape[-1] - 1):
        y = y + queue[..., j * dilation] @ weight[..., j].T
    return y, torch.cat([queue, x[..., None]], dim=2)[..., 1:]


def queue_rolled(x, queue, weight, bias, dilation):
    new = queue.roll(-1, dims=-1)
    if new.shape[-1]:
        new[..., -1] = x
    taps = torch.cat([queue[..., ::dilation], x[..., None]], dim=-1)
    return (taps[:, None] * weight).sum(dim=(2, 3)) + bias, new


def transposed_by_torch(x, weight, stride):
    return F.conv_transpose1d(x, weight, stride=stride)


def transposed_by_zeros(x, weight, stride):
    n, channels, length = x.shape
    apart = torch.cat([x[..., None], x.new_zeros(n, channels, length, stride - 1)], dim=-1).flatten(2)
    apart = apart[..., : (length - 1) * stride + 1]
    size = weight.shape[-1]
    return F.conv1d(apart, weight.transpose(0, 1).flip(-1), padding=size - 1)


def transposed_by_taps(x, weight, stride):
    n, _, length = x.shape
    y = x.new_zeros(n, weight.shape[1], (length - 1) * stride + weight.shape[-1])
    for j in range(weight.shape[-1]):
        y[..., j : j + (length - 1) * stride + 1 : stride] += weight[..., j].T @ x
    return y


def transposed_by_fold(x, weight, stride):
    size, length = weight.shape[-1], x.shape[-1]
    pieces = torch.einsum("nit,iok->nokt", x, weight).flatten(1, 2)
    return F.fold(pieces, (1, (length - 1) * stride + size), (1, size), stride=(1, stride))[:, :, 0]


def transposed_by_padding(x, weight, stride):
    total = (x.shape[-1] - 1) * stride + weight.shape[-1]
    pieces = [
        F.pad(torch.einsum("ni,iok->nok", x[..., t], weight), (t * stride, total - t * stride - weight.shape[-1]))
        for t in range(x.shape[-1])
    ]
    return torch.stack(pieces).sum(dim=0)


RIGHT = {
    "receptive_field": (
        lambda kernel, dilations: (kernel - 1) * sum(dilations) + 1,
        lambda kernel, dilations: int(1 + np.sum((kernel - 1) * np.array(dilations, dtype=int))),
        lambda kernel, dilations: torch.tensor([(kernel - 1) * d for d in dilations]).sum() + 1,
    ),
    "causal_conv": (
        causal_by_torch,
        causal_cut_off,
        causal_by_unfold,
        causal_sample_by_sample,
        causal_in_two_dimensions,
    ),
    "mu_law": (mu_by_round, mu_by_numpy, mu_by_thresholds, mu_by_where),
    "mu_law_inverse": (inverse_by_expm1, inverse_by_numpy, inverse_by_a_table),
    "queue": (queue_by_a_convolution, queue_by_its_taps, queue_rolled),
    "transposed_conv": (
        transposed_by_torch,
        transposed_by_zeros,
        transposed_by_taps,
        transposed_by_fold,
        transposed_by_padding,
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name, all_of in RIGHT.items() for answer in all_of])
def test_right_answers_of_another_making_pass(name, answer, seed) -> None:
    result = verdict(BY_KEY[name], answer, seed=seed)
    assert result.status == "passed", result


# Wrong answers, and a piece of what their authors read


def causal_by_same(x, weight, bias, dilation):
    return F.conv1d(x, weight, bias, padding="same", dilation=dilation)


def causal_cut_at_the_wrong_end(x, weight, bias, dilation):
    reach = dilation * (weight.shape[-1] - 1)
    return F.conv1d(x, weight, bias, padding=reach, dilation=dilation)[..., -x.shape[-1] :]


def causal_depthwise(x, weight, bias, dilation):
    return causal_conv(x, weight.mean(dim=1, keepdim=True).expand_as(weight), bias, dilation)


def causal_in_place(x, weight, bias, dilation):
    y = causal_by_torch(x, weight, bias, dilation)
    with torch.no_grad():
        weight.mul_(0.5)
    return y


def causal_activated(x, weight, bias, dilation):
    return F.relu(causal_conv(x, weight, bias, dilation))


def causal_by_numpy(x, weight, bias, dilation):
    return causal_conv(x.detach(), weight.detach(), bias.detach(), dilation).numpy()


def mu_of_eight_bits(x, mu):
    return mu_law(x, mu).to(torch.uint8)


def mu_by_another_base(x, mu):
    return torch.floor((x.sign() * torch.log1p(mu * x.abs()) / math.log(mu) + 1) / 2 * mu + 0.5).long()


def mu_clipped(x, mu):
    y = x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)
    return ((y + 1) / 2 * (mu + 1)).floor().clamp(0, mu).long()


def queue_in_place(x, queue, weight, bias, dilation):
    y, new = next_output(x, queue, weight, bias, dilation)
    queue[...] = new
    return y, queue


def queue_of_the_output_alone(x, queue, weight, bias, dilation):
    return next_output(x, queue, weight, bias, dilation)[0]


def queue_that_stands_still(x, queue, weight, bias, dilation):
    return next_output(x, queue, weight, bias, dilation)[0], queue


def queue_sees_the_next(x, queue, weight, bias, dilation):
    _, new = next_output(x, queue, weight, bias, dilation)
    return next_output(x, new, weight, bias, dilation)[0], new


def transposed_cropped(x, weight, stride):
    return F.conv_transpose1d(x, weight, stride=stride, padding=1)


def transposed_overwriting(x, weight, stride):
    y = x.new_zeros(len(x), weight.shape[1], (x.shape[-1] - 1) * stride + weight.shape[-1])
    for t in range(x.shape[-1]):
        y[..., t * stride : t * stride + weight.shape[-1]] = (x[..., t] @ weight.flatten(1)).view(
            len(x), *weight.shape[1:]
        )
    return y


def transposed_interpolated(x, weight, stride):
    length = (x.shape[-1] - 1) * stride + 1
    apart = F.interpolate(x, size=length, mode="linear", align_corners=True)
    return F.conv_transpose1d(apart, weight)


def transposed_without_a_gradient(x, weight, stride):
    with torch.no_grad():
        return transposed_conv(x, weight, stride)


WRONG = {
    "receptive_field": [
        (lambda kernel, dilations: kernel + sum(dilations), "expected"),
        (lambda kernel, dilations: kernel * sum(dilations), "expected"),
        (lambda kernel, dilations: 2 ** len(dilations), "expected"),
        (lambda kernel, dilations: (kernel - 1) * max(dilations, default=0) + 1, "expected"),
        (lambda kernel, dilations: (kernel - 1) * sum(dilations), "newest sample is missing"),
        (lambda kernel, dilations: kernel + (kernel - 1) * (len(dilations) - 1), "dilations are left out"),
        (lambda kernel, dilations: [(kernel - 1) * d + 1 for d in dilations], "expected"),
        (lambda kernel, dilations: 1 + (kernel - 1) * dilations[-1], "last layer alone"),
    ],
    "causal_conv": [
        (causal_by_same, "both sides"),
        (causal_cut_at_the_wrong_end, "ahead and not back"),
        (causal_depthwise, "expected"),
        (causal_in_place, "changes weight in place"),
        (causal_activated, "expected"),
        (causal_by_numpy, "no gradient reaches x"),
        (lambda x, weight, bias, dilation: causal_by_torch(x, weight, None, dilation), "bias is missing"),
        (lambda x, weight, bias, dilation: causal_conv(x, weight, bias, dilation).mT, "shape"),
        (lambda x, weight, bias, dilation: causal_conv(x, weight, bias.detach(), dilation), "no gradient reaches bias"),
        (lambda x, weight, bias, dilation: F.conv1d(F.pad(x, (2, 0)), weight, bias, dilation=dilation), "for"),
    ],
    "mu_law": [
        (mu_of_eight_bits, "expected"),
        (mu_clipped, "expected"),
        (mu_by_another_base, "not by ln μ"),
        (lambda x, mu: ((x + 1) * 127.5).round().long(), "expected"),
        (lambda x, mu: mu_by_round(x, mu) - mu // 2, "expected"),
        (lambda x, mu: mu_by_round(x, mu).float(), "long() makes them int64"),
        (lambda x, mu: mu_by_round(-x, mu), "expected"),
        (lambda x, mu: mu_by_round(x, 255), "need not be 255"),
    ],
    "mu_law_inverse": [
        (lambda codes, mu: mu_law_inverse(codes, mu).abs(), "sign is lost"),
        (lambda codes, mu: inverse_by_expm1(codes + 0.5, mu), "expected"),
        (lambda codes, mu: inverse_by_expm1(mu - codes, mu), "expected"),
        (lambda codes, mu: inverse_by_numpy(codes, mu) * mu, "Divide by μ"),
        (lambda codes, mu: inverse_by_numpy(codes, mu).round(3), "expected"),
        (lambda codes, mu: torch.round(mu_law_inverse(codes, mu), decimals=4), "expected"),
    ],
    "queue": [
        (queue_in_place, "changes queue in place"),
        (queue_of_the_output_alone, "expected 2 things (the output, the new queue)"),
        (queue_sees_the_next, "expected"),
        (
            lambda x, queue, weight, bias, dilation: (queue_rolled(x, queue, weight, bias, dilation)[0], queue),
            "must enter",
        ),
        (lambda *case: next_output(*case)[::-1], "the output"),
        (lambda *case: (next_output(*case)[0].unsqueeze(-1), next_output(*case)[1]), "an axis too many"),
    ],
    "transposed_conv": [
        (transposed_cropped, "for"),
        (transposed_overwriting, "+= instead of ="),
        (transposed_interpolated, "expected"),
        (transposed_without_a_gradient, "no gradient reaches x"),
        (lambda x, weight, stride: transposed_by_torch(x, weight, 1), "stride is left out"),
        (lambda x, weight, stride: F.conv_transpose1d(x, weight, stride=stride, output_padding=stride - 1), "for"),
        (lambda x, weight, stride: transposed_by_zeros(x, weight.flip(-1), stride), "in reverse"),
        (lambda x, weight, stride: transposed_conv(x, weight, stride) / weight.shape[-1], "expected"),
    ],
}


@pytest.mark.slow  # each is compared with every usual mistake
@pytest.mark.parametrize("seed", [0, WHEN_GRADING, 2])
@pytest.mark.parametrize(
    ("name", "answer", "says"), [(name, answer, says) for name, all_of in WRONG.items() for answer, says in all_of]
)
def test_wrong_answers_are_refused_in_words_that_help(name, answer, says, seed) -> None:
    result = verdict(BY_KEY[name], answer, seed=seed)
    assert result.status in ("failed", "error"), result
    assert says in result.message
