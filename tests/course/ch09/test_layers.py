"""What a layer sees and keeps, found by trying, on layers of torch of which it is known."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sdg_lab.course.ch09 import exercises
from sdg_lab.course.ch09.layers import equivariance_error, inputs_seen, outputs_reached, receptive_field

T = 40


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def causal_stack(kernel: int, dilations: list[int]):
    layers = [nn.Conv1d(3, 3, kernel, dilation=dilation) for dilation in dilations]

    def stack(x: torch.Tensor) -> torch.Tensor:
        for layer, dilation in zip(layers, dilations, strict=True):
            x = torch.tanh(layer(F.pad(x, (dilation * (kernel - 1), 0))))
        return x

    return stack


def dense():
    return nn.Linear(T, T)


@pytest.mark.parametrize(
    ("kernel", "dilations"), [(2, [1, 2, 4, 8]), (3, [1, 2, 4]), (3, [1, 1, 1]), (5, [3]), (1, [4]), (4, [5, 2])]
)
def test_the_gradient_sees_as_far_as_the_formula_says(kernel, dilations) -> None:
    found = receptive_field(causal_stack(kernel, dilations), torch.randn(2, 3, T))
    assert found == exercises.receptive_field(kernel, dilations)


def test_a_dilated_layer_sees_every_dilation_th_input() -> None:
    seen = inputs_seen(causal_stack(3, [4]), torch.randn(1, 3, T), at=20)
    assert seen.nonzero().flatten().tolist() == [12, 16, 20]


def test_perturbation_and_gradient_agree_on_every_pair() -> None:
    for layer in (causal_stack(2, [1, 3]), dense(), nn.Conv1d(3, 2, 3, stride=2, padding=1), nn.GRU(T, T)):
        function = (lambda x, layer=layer: layer(x)[0]) if isinstance(layer, nn.GRU) else layer
        x = torch.randn(2, 3, T)
        reached = torch.stack([outputs_reached(function, x, at) for at in range(T)])  # (inputs, outputs)
        seen = torch.stack([inputs_seen(function, x, at) for at in range(reached.shape[1])], dim=1)
        assert torch.equal(reached, seen)
        assert reached.any()


def test_causal_layers_reach_no_earlier_output_and_dense_ones_reach_all() -> None:
    x = torch.randn(1, 3, T)
    assert outputs_reached(causal_stack(2, [1, 2]), x, 10).nonzero().flatten().tolist() == [10, 11, 12, 13]
    assert outputs_reached(dense(), x, 10).all()
    assert receptive_field(dense(), x) == T


def test_what_depends_on_nothing_has_no_field() -> None:
    assert receptive_field(lambda x: 0 * x, torch.randn(1, 3, T)) == 0


def test_a_convolution_is_equivariant_away_from_the_edges() -> None:
    layer, x = nn.Conv1d(3, 4, 5, padding=2), torch.randn(2, 3, T)
    assert equivariance_error(layer, x, 3, margin=5) < 1e-5
    assert equivariance_error(layer, x, 3) > 0.1  # at the edges it pads with zeros
    circular = nn.Conv1d(3, 4, 5, padding=2, padding_mode="circular")
    assert equivariance_error(circular, x, -7) < 1e-5


def test_a_strided_convolution_is_equivariant_to_shifts_by_its_stride_only() -> None:
    layer, x = nn.Conv1d(3, 4, 4, stride=4), torch.randn(2, 3, T)
    assert equivariance_error(layer, x, 8, stride=4) < 1e-5
    for shift in (1, 2, 3, 5):
        assert equivariance_error(layer, x, shift, stride=4) > 0.1


def test_a_dense_layer_is_equivariant_to_nothing_but_no_shift() -> None:
    assert equivariance_error(dense(), torch.randn(2, 3, T), 1) > 0.1
    assert equivariance_error(dense(), torch.randn(2, 3, T), 0) == 0


def test_attention_without_positions_is_equivariant_and_with_them_it_is_not() -> None:
    layer, positions = nn.MultiheadAttention(6, 2, batch_first=True), torch.randn(6, T)

    def attend(x: torch.Tensor) -> torch.Tensor:
        return layer(x.mT, x.mT, x.mT)[0].mT

    x = torch.randn(1, 6, T)
    assert equivariance_error(attend, x, 11) < 1e-5
    assert equivariance_error(lambda x: attend(x + positions), x, 11) > 0.1


def test_images_are_shifted_along_their_width() -> None:
    assert equivariance_error(nn.Conv2d(3, 4, 3, padding=1), torch.randn(1, 3, 6, 12), 2, margin=3) < 1e-5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"margin": 20}, "margin must be a whole number >= 0 and <= 19, got 20"),
        ({"stride": 0}, "stride must be a whole number >= 1, got 0"),
        ({"shift": 1.5}, "shift must be a whole number, got 1.5"),
    ],
)
def test_what_leaves_nothing_to_compare_is_refused(options, says) -> None:
    with pytest.raises(ValueError, match=says):
        equivariance_error(dense(), torch.randn(1, 3, T), **{"shift": 1, **options})


def test_the_input_and_the_layer_keep_no_gradients() -> None:
    layer, x = nn.Conv1d(3, 4, 3), torch.randn(1, 3, T)
    inputs_seen(layer, x)
    assert x.grad is None
    assert not x.requires_grad
    assert layer.weight.grad is None
