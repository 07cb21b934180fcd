"""The two networks: against torch.nn.functional and diffusers, and that all that they are given makes a difference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.models.diffusion.mlp import Condition, DenoisingMLP, time_features
from sdg_lab.models.diffusion.unet import ResidualBlock, UNet


def awake(net: nn.Module, seed: int = 0) -> Any:
    """Give every weight a value: a new U-Net answers zero to everything."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(0.2 * torch.randn(weight.shape, generator=generator))
    return net.eval()


def normal(n: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))


NETWORKS: list[tuple[type[nn.Module], dict[str, Any]]] = [
    (UNet, {"shape": (1, 8, 8), "widths": (16, 32), "classes": 3}),
    (UNet, {"shape": (3, 8, 16), "widths": (16, 32, 16), "unshuffle": 2, "classes": 3}),
    (UNet, {"shape": (1, 5, 7), "widths": (16,), "classes": 3}),
    (DenoisingMLP, {"shape": (1, 4, 4), "widths": (16, 32, 32), "classes": 3}),
    (DenoisingMLP, {"shape": (2,), "widths": (16,), "classes": 3}),
]


@pytest.mark.parametrize(("kind", "arguments"), NETWORKS, ids=str)
def test_time_label_and_image_decide_the_output_and_neighbours_do_not(
    kind: type[nn.Module], arguments: dict[str, Any]
) -> None:
    net = awake(kind(**arguments))
    x, time, y = normal(4, *arguments["shape"]), torch.tensor([0.1, 0.5, 0.5, 0.9]), torch.tensor([0, 1, 2, 0])
    with torch.no_grad():
        out = net(x, time, y)
        assert out.shape == x.shape
        assert not torch.allclose(out, net(x, time + 0.01, y), atol=1e-3)
        assert not torch.allclose(out, net(x, time, (y + 1) % 3), atol=1e-3)
        torch.testing.assert_close(net(x, time, None), net(x, time, torch.full_like(y, 3)))
        # An image's output does not depend on the rest of the batch, nor on the order.
        order = torch.tensor([2, 0, 3, 1])
        torch.testing.assert_close(net(x[order], time[order], y[order]), out[order], rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(net(x[:1], time[:1], y[:1]), out[:1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("kind", "arguments"), NETWORKS, ids=str)
def test_every_weight_takes_part(kind: type[nn.Module], arguments: dict[str, Any]) -> None:
    net = awake(kind(**arguments)).train()
    y = torch.arange(8) % 4  # the fourth is the null token
    net(normal(8, *arguments["shape"]), torch.rand(8), y).square().mean().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.any()), name


# The condition.


def test_time_features_are_those_of_diffusers() -> None:
    from diffusers.models.embeddings import get_timestep_embedding

    time = torch.linspace(0, 1, 51)
    for width in (4, 32):
        want = get_timestep_embedding(1000 * time, width, downscale_freq_shift=1)
        torch.testing.assert_close(time_features(time, width), want, rtol=1e-3, atol=1e-3)  # sines of up to 1000


def test_times_get_codes_that_differ_and_have_one_length() -> None:
    codes = time_features(torch.linspace(0, 1, 1001), 32)
    assert codes.shape == (1001, 32)
    torch.testing.assert_close(codes.norm(dim=1), torch.full((1001,), 4.0))  # √16: each pair is on a circle
    apart = torch.cdist(codes, codes) + 9 * torch.eye(1001)
    assert apart.min() > 0.1


def test_the_label_s_embedding_is_added_to_the_time_s() -> None:
    condition: Condition = awake(Condition(8, classes=3))
    assert condition.label is not None
    time, y = torch.tensor([0.2, 0.7]), torch.tensor([2, 0])
    with torch.no_grad():
        h = F.silu(time_features(time, 8) @ condition.first.weight.T + condition.first.bias)
        h = h @ condition.second.weight.T + condition.second.bias
        torch.testing.assert_close(condition(time, y), F.silu(h + condition.label.weight[y]))
        torch.testing.assert_close(condition(time, None), F.silu(h + condition.label.weight[[3, 3]]))


# The dense network.


def test_dense_layers_have_residual_connections_where_widths_allow() -> None:
    net: DenoisingMLP = awake(DenoisingMLP((2, 3), (16, 8, 8), classes=3))
    x, time, y = normal(5, 2, 3), torch.rand(5), torch.tensor([0, 1, 2, 3, 0])
    with torch.no_grad():
        code, h = net.condition(time, y), F.linear(x.flatten(1), net.entry.weight, net.entry.bias)
        for i, (layer, shift) in enumerate(zip(net.layers, net.shifts, strict=True)):
            new = layer(
                F.silu((h - h.mean(1, True)) / (h.var(1, keepdim=True, correction=0) + 1e-5).sqrt() + shift(code))
            )
            h = new if i == 0 else h + new  # 16 → 8, 8 → 8, 8 → 8
        want = F.linear(F.silu(h), net.exit.weight, net.exit.bias).reshape(5, 2, 3)
        torch.testing.assert_close(net(x, time, y), want, rtol=1e-4, atol=1e-4)


# The U-Net.


@pytest.mark.parametrize(("few", "many"), [(16, 16), (16, 32)])
def test_a_block_is_two_convolutions_scaled_and_shifted_between_and_a_residual_connection(few: int, many: int) -> None:
    block: ResidualBlock = awake(ResidualBlock(few, many, 8))
    x, code = normal(2, few, 4, 4), normal(2, 8, seed=1)
    with torch.no_grad():
        h = F.silu(F.group_norm(x, few // 16, block.norm_in.weight, block.norm_in.bias))
        h = F.conv2d(h, block.conv_in.weight, block.conv_in.bias, padding=1)
        numbers = code @ block.scale_shift.weight.T + block.scale_shift.bias
        scale, shift = numbers[:, :many, None, None], numbers[:, many:, None, None]
        h = F.silu(F.group_norm(h, many // 16) * (1 + scale) + shift)
        h = F.conv2d(h, block.conv_out.weight, block.conv_out.bias, padding=1)
        want = h + (x if few == many else F.conv2d(x, block.around.weight, block.around.bias))  # type: ignore[arg-type]
        torch.testing.assert_close(block(x, code), want, rtol=1e-4, atol=1e-4)


def test_down_and_up_again_with_skip_connections_between_equal_sizes() -> None:
    net: UNet = awake(UNet((1, 8, 8), (16, 32), unshuffle=2, classes=3))
    x, time, y = normal(2, 1, 8, 8), torch.tensor([0.3, 0.8]), torch.tensor([2, 3])
    with torch.no_grad():
        code = net.condition(time, y)
        fine = net.down[0](net.entry(F.pixel_unshuffle(x, 2)), code)
        coarse = net.down[1](net.shrink[0](fine), code)
        assert fine.shape[2:] == (4, 4)
        assert coarse.shape[2:] == (2, 2)
        h = net.up[1](coarse + coarse, code)
        h = net.grow[0](h.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        h = net.up[0](h + fine, code)
        h = net.exit(F.silu(F.group_norm(h, 1, net.norm.weight, net.norm.bias)))
        torch.testing.assert_close(net(x, time, y), F.pixel_shuffle(h, 2), rtol=1e-4, atol=1e-4)


def test_a_new_unet_answers_zero_and_a_new_block_passes_its_input() -> None:
    net = UNet((1, 8, 8), (16, 32))
    training.reinitialise(net, seed=3)  # what fit does first
    assert not net(normal(2, 1, 8, 8), torch.rand(2)).any()
    block, x = ResidualBlock(16, 16, 8), normal(2, 16, 4, 4)
    assert torch.equal(block(x, torch.zeros(2, 8)), x)


def test_at_one_resolution_a_mirrored_image_has_a_mirrored_output() -> None:
    net = awake(UNet((1, 6, 6), (16,)))
    x, time = normal(2, 1, 6, 6), torch.rand(2)
    with torch.no_grad():
        want = net(x, time).flip(-1)
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.copy_(layer.weight.flip(-1))
        torch.testing.assert_close(net(x.flip(-1), time), want, rtol=1e-3, atol=1e-3)


def test_every_output_pixel_can_see_the_whole_image() -> None:
    # Through 7×7 places a 3×3 convolution sees far; without the lower resolution it would not.
    net = awake(UNet((1, 28, 28), (16, 32, 32)))
    x = normal(1, 1, 28, 28).requires_grad_()
    net(x, torch.tensor([0.5]))[0, 0, 14, 14].backward()
    assert x.grad is not None
    assert bool((x.grad[0, 0, [0, 0, -1, -1], [0, -1, 0, -1]] != 0).all())


# What is refused, and the sentence.


def test_what_cannot_be_built_is_refused() -> None:
    for arguments, sentence in [
        (
            {"shape": (1, 7, 8), "widths": (16, 32)},
            r"multiples of 2, got 7×8: unshuffle=1 and 2 resolutions; give fewer",
        ),
        ({"shape": (1, 28, 28), "widths": (16, 32, 48), "unshuffle": 2}, r"must be multiples of 8, got 28×28"),
        ({"widths": ()}, r"widths must be multiples of 16, one for each resolution, got \(\)"),
        ({"widths": (16, 24)}, r"widths must be multiples of 16, one for each resolution, got \(16, 24\)"),
        ({"unshuffle": 0}, "unshuffle must be a whole number >= 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            UNet(**arguments)  # type: ignore[arg-type]
    for widths, sentence in (
        ((), "widths must name at least one hidden layer, the first of them even"),
        ((15,), "widths must name at least one hidden layer, the first of them even"),
        ((2,), "each of widths must be a whole number >= 4, got 2"),
        (256, "widths must be several whole numbers"),
    ):
        with pytest.raises(ValueError, match=sentence):
            DenoisingMLP((2,), widths)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="width must be even and >= 4, got 7"):
        time_features(torch.zeros(1), 7)
    with pytest.raises(ValueError, match="images have shape"):
        UNet((1, 8, 8), (16,))(normal(1, 3, 8, 8), torch.rand(1))


def test_without_classes_no_label_is_known() -> None:
    assert Condition(8).label is None
    with pytest.raises(ValueError, match="labels were given to a network without classes"):
        Condition(8)(torch.rand(2), torch.tensor([0, 1]))
