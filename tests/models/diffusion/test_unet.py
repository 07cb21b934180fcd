"""The networks: what goes in comes out in the same shape, and everything they are told makes a difference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sdg_lab import training
from sdg_lab.models.diffusion.mlp import Condition, DenoisingMLP, time_features
from sdg_lab.models.diffusion.unet import ResidualBlock, UNet


def awake(net: nn.Module, seed: int = 0) -> nn.Module:
    """Give every weight a value: a new U-Net answers zero to everything."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(0.2 * torch.randn(weight.shape, generator=generator))
    return net.eval()


def pictures(n: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))


NETWORKS: list[tuple[type[nn.Module], dict[str, Any]]] = [
    (UNet, {"shape": (1, 8, 8), "widths": (16, 32), "classes": 3}),
    (UNet, {"shape": (3, 8, 12), "widths": (16, 32), "fold": 2, "blocks": 2, "classes": 3}),
    (UNet, {"shape": (1, 5, 7), "widths": (16,), "classes": 3}),
    (DenoisingMLP, {"shape": (1, 4, 4), "widths": (16, 32, 32), "classes": 3}),
    (DenoisingMLP, {"shape": (2,), "widths": (16,), "classes": 3}),
]


@pytest.mark.parametrize(("kind", "arguments"), NETWORKS, ids=str)
def test_time_label_and_picture_decide_the_answer_and_neighbours_do_not(
    kind: type[nn.Module], arguments: dict[str, Any]
) -> None:
    net = awake(kind(**arguments))
    x, time, y = pictures(4, *arguments["shape"]), torch.tensor([0.1, 0.5, 0.5, 0.9]), torch.tensor([0, 1, 2, 0])
    with torch.no_grad():
        out = net(x, time, y)
        assert out.shape == x.shape
        assert not torch.allclose(out, net(x, time + 0.01, y), atol=1e-4)
        assert not torch.allclose(out, net(x, time, (y + 1) % 3), atol=1e-4)
        torch.testing.assert_close(net(x, time, None), net(x, time, torch.full_like(y, 3)))
        # A picture's answer does not depend on the rest of the batch, nor on the order.
        order = torch.tensor([2, 0, 3, 1])
        torch.testing.assert_close(net(x[order], time[order], y[order]), out[order], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(net(x[:1], time[:1], y[:1]), out[:1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "arguments"), NETWORKS, ids=str)
def test_every_weight_takes_part(kind: type[nn.Module], arguments: dict[str, Any]) -> None:
    net = awake(kind(**arguments)).train()
    y = torch.arange(8) % 4  # the fourth is "no label"
    net(pictures(8, *arguments["shape"]), torch.rand(8), y).square().mean().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.any()), name


def test_a_new_unet_answers_zero_and_a_new_block_passes_its_input() -> None:
    net = UNet((1, 8, 8), (16, 32))
    training.reinitialise(net, seed=3)  # what fit does first
    assert not net(pictures(2, 1, 8, 8), torch.rand(2)).any()
    block, x = ResidualBlock(16, 16, 8), pictures(2, 16, 4, 4)
    assert torch.equal(block(x, torch.zeros(2, 8)), x)
    wider = ResidualBlock(16, 32, 8)
    assert torch.equal(wider(x, torch.zeros(2, 8)), wider.around(x))


def test_at_one_resolution_a_mirrored_picture_has_a_mirrored_answer() -> None:
    net = awake(UNet((1, 6, 6), (16,)))
    x, time = pictures(2, 1, 6, 6), torch.rand(2)
    with torch.no_grad():
        want = net(x, time).flip(-1)
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.copy_(layer.weight.flip(-1))
        torch.testing.assert_close(net(x.flip(-1), time), want, rtol=1e-3, atol=1e-4)


def test_every_output_pixel_can_see_the_whole_picture() -> None:
    # Through 7×7 places a 3×3 convolution sees far; without the lower resolution it would not.
    net = awake(UNet((1, 28, 28), (16, 32, 32), fold=1))
    x = pictures(1, 1, 28, 28).requires_grad_()
    net(x, torch.tensor([0.5]))[0, 0, 14, 14].backward()
    assert x.grad is not None
    assert bool((x.grad[0, 0, [0, 0, -1, -1], [0, -1, 0, -1]] != 0).all())


def test_folding_makes_a_step_cheaper_by_a_quarter_of_the_places() -> None:
    shapes: list[torch.Size] = []
    net = UNet((1, 8, 8), (16,), fold=2)
    net.entry.register_forward_hook(lambda _, inputs, __: shapes.append(inputs[0].shape))
    net(pictures(3, 1, 8, 8), torch.rand(3))
    assert shapes == [torch.Size([3, 4, 4, 4])]


def test_times_get_codes_that_differ_and_have_one_length() -> None:
    codes = time_features(torch.linspace(0, 1, 1001), 32)
    assert codes.shape == (1001, 32)
    torch.testing.assert_close(codes.norm(dim=1), torch.full((1001,), 4.0))  # √16: each pair is on a circle
    apart = torch.cdist(codes, codes) + 9 * torch.eye(1001)
    assert apart.min() > 0.1


def test_what_cannot_be_built_is_refused() -> None:
    for arguments, sentence in [
        ({"shape": (1, 7, 8), "widths": (16, 32)}, r"must be multiples of 2, got 7×8: fold=1 and 2 resolutions"),
        ({"shape": (1, 28, 28), "widths": (16, 32, 48), "fold": 2}, r"must be multiples of 8, got 28×28"),
        ({"shape": (8, 8)}, r"shape must be \(channels, height, width\), each >= 1, got \(8, 8\)"),
        ({"widths": ()}, r"widths must be multiples of 16, one for each resolution, got \(\)"),
        ({"widths": (16, 24)}, r"widths must be multiples of 16, one for each resolution, got \(16, 24\)"),
        ({"blocks": 0}, "blocks must be >= 1, got 0"),
        ({"fold": 0}, "fold must be >= 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            UNet(**arguments)  # type: ignore[arg-type]
    for widths in ((), (2,), (15,)):
        with pytest.raises(ValueError, match="widths must name at least one hidden layer, each >= 4, the first even"):
            DenoisingMLP((2,), widths)
    with pytest.raises(ValueError, match="width must be even and >= 4, got 7"):
        time_features(torch.zeros(1), 7)
    with pytest.raises(ValueError, match="pictures have shape"):
        UNet((1, 8, 8), (16,))(pictures(1, 3, 8, 8), torch.rand(1))


def test_without_classes_no_label_is_known() -> None:
    assert Condition(8).label is None
    with pytest.raises(ValueError, match="labels were given to a network without classes"):
        Condition(8)(torch.rand(2), torch.tensor([0, 1]))
