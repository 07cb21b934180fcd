"""Differentiable augmentation: what is done to each image, and that a gradient passes through it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from sdg_lab.models.gan.augment import augment, brightness, cutout, translation

Alteration = Callable[[Tensor, Generator], Tensor]
ALTERATIONS: list[Alteration] = [brightness, translation, cutout, augment]


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int, side: int = 8, channels: int = 1) -> Tensor:
    return 2 * torch.rand(n, channels, side, side, dtype=torch.float64, generator=seeded(9)) - 1


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_gradients_pass_through(alter: Alteration) -> None:
    x = images(2, side=4, channels=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: alter(x, seeded(3)), (x,))


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_the_same_draw_alters_alike_and_each_image_has_its_own(alter: Alteration) -> None:
    x = images(1).expand(50, -1, -1, -1)
    altered = alter(x, seeded(0))
    assert altered.shape == x.shape
    assert torch.equal(altered, alter(x, seeded(0)))
    assert not torch.equal(altered, alter(x, seeded(1)))
    assert len({tuple(image.flatten().tolist()) for image in altered}) > 5


def test_brightness_shifts_a_whole_image_at_most_so_far() -> None:
    x = images(4_000, side=2)
    shift = (brightness(x, seeded(), most=0.3) - x).flatten(1)
    torch.testing.assert_close(shift, shift[:, :1].expand_as(shift))
    assert 0.29 < shift.max() <= 0.3
    assert -0.3 <= shift.min() < -0.29
    assert abs(shift[:, 0].mean()) < 5 * 0.6 / (12 * 4_000) ** 0.5


def test_translation_moves_by_whole_pixels_and_fills_with_background() -> None:
    x = images(1)[0]
    background = torch.full((1, 10, 10), -1.0, dtype=torch.float64)
    background[:, 1:9, 1:9] = x  # one pixel of 8 is the most
    expected = {
        tuple(background[:, r : r + 8, c : c + 8].flatten().tolist()): (r, c) for r in range(3) for c in range(3)
    }
    moved = translation(x.expand(900, -1, -1, -1), seeded())
    counts = dict.fromkeys(expected.values(), 0)
    for image in moved:
        counts[expected[tuple(image.flatten().tolist())]] += 1
    assert min(counts.values()) > 60  # each of the nine places, 100 times on average


def test_a_still_image_can_be_asked_for() -> None:
    x = images(5, channels=3)
    assert torch.equal(translation(x, seeded(), share=0.0), x)
    assert torch.equal(cutout(x, seeded(), share=0.0), x)


def test_cutout_covers_one_rectangle_with_background() -> None:
    x = torch.ones(600, 1, 8, 8)
    covered = cutout(x, seeded())[:, 0] < 0
    for image in covered[:50]:
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns[None, :])
        assert rows.sum() <= 4
        assert columns.sum() <= 4
    assert covered.flatten(1).sum(1).max() == 16
    # Every pixel is covered now and then, so nothing of an image is safe from being hidden.
    assert covered.float().mean(0).min() > 0.05


def test_an_augmented_image_is_shifted_in_brightness_then_moved_then_covered() -> None:
    n, side = 3_000, 16
    bright = torch.zeros(n, 1, side, side, dtype=torch.float64)
    altered = augment(bright, seeded())[:, 0]
    shown = altered != -1  # the background is as dark as without a shift of brightness: it comes after it
    assert shown.flatten(1).any(1).all()
    shifts = torch.stack([image[mask][0] for image, mask in zip(altered, shown, strict=True)])
    for image, mask, shift in zip(altered[:100], shown, shifts, strict=False):
        torch.testing.assert_close(image[mask], shift.expand(int(mask.sum())))
    assert abs(float(shifts.mean())) < 5 / (12 * n) ** 0.5  # uniform on ±½
    assert float(shifts.std()) == pytest.approx(12**-0.5, rel=0.05)
    # Moved: the first row is background in all columns if the image went down, which is for 2 of 5 draws.
    gone = (~shown)[:, 0].all(1).double().mean()
    assert 0.35 < float(gone) < 0.5
    # Covered: now and then a hole that does not touch the edge.
    inside = (~shown)[:, 3:-3, 3:-3].flatten(1).any(1).double().mean()
    assert float(inside) > 0.8
