"""Photographs: patches in colour, and no pixel of one part in another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sdg_lab import data
from sdg_lab.data import Dataset, Images, packages
from sdg_lab.data.photographs import PHOTOGRAPHS


@pytest.fixture(scope="module")
def patches() -> Dataset[Images]:
    return data.photographs()


def reduced(name: str, height: int) -> NDArray[np.float32]:
    """Return a photograph as Pillow makes it smaller, (3, height, width), in [0, 1]."""
    photograph = Image.open(packages.file(*PHOTOGRAPHS[name][0]))
    across, down = photograph.size
    cut = 0.13 if name == "retina" else 0.0
    box = (cut * across, cut * down, (1 - cut) * across, (1 - cut) * down)
    small = photograph.resize((round(height * across / down), height), Image.Resampling.BICUBIC, box)
    return np.asarray(small, np.float32).transpose(2, 0, 1) / 255


def place_of(patch: NDArray[np.float32], picture: NDArray[np.float32], step: int) -> tuple[int, int, float]:
    """Return the top left corner at which a patch is most like the picture, and how much they differ at most."""
    side = patch.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(picture, (side, side), axis=(1, 2))[:, ::step, ::step]
    # A few rows of pixels are enough to find it, and then all are compared.
    rough = np.abs(windows[..., ::9, :] - patch[:, None, None, ::9, :]).max(axis=(0, 3, 4))
    down, across = np.unravel_index(int(rough.argmin()), rough.shape)
    exact = np.abs(windows[:, down, across] - patch).max()
    return int(down) * step, int(across) * step, float(exact)


def test_there_are_patches_of_every_photograph_in_every_part(patches: Dataset[Images]) -> None:
    assert {part: np.bincount(images.labels).tolist() for part, images in patches.parts.items()} == {
        # By name; those that are wider than high have more in train.
        "train": [125, 525, 525, 525, 225, 125, 525, 525],
        "validation": [50] * 8,
        "test": [50] * 8,
    }
    for images in patches.parts.values():
        assert images.shape == (3, 64, 64)
        assert images.classes == tuple(PHOTOGRAPHS)
        assert len(np.unique(images.labels[:100])) == 8  # shuffled


def test_patches_are_in_colour_and_differ(patches: Dataset[Images]) -> None:
    for images in patches.parts.values():
        assert np.ptp(images.pixels, axis=1).mean() > 0.1  # grey would have 0
        assert len({patch.tobytes() for patch in images.pixels}) == len(images)
        assert images.pixels.reshape(len(images), -1).std(axis=1).min() > 0.005
    levels = patches.test.pixels * 255
    assert np.abs(levels - levels.round()).max() < 1e-4


@pytest.mark.parametrize("side", [16, pytest.param(64, marks=pytest.mark.slow)])
def test_no_pixel_is_in_two_parts_and_a_gap_lies_between(side: int) -> None:
    dataset, step, gap = data.photographs(side), side // 8, side // 8
    rng = np.random.default_rng(0)
    for label, name in enumerate(PHOTOGRAPHS):
        picture = reduced(name, 4 * side)
        seen: dict[str, tuple[int, int]] = {}
        for part, images in dataset.parts.items():
            own = images.pixels[images.labels == label]
            chosen = rng.choice(len(own), min(len(own), 60), replace=False)
            found = [place_of(patch, picture, step) for patch in own[chosen]]
            assert max(difference for *_, difference in found) < 1e-6, (part, name)
            lefts = [left for _, left, _ in found]
            seen[part] = min(lefts), max(lefts) + side
        bands = sorted(seen.values())
        assert all(after[0] - before[1] >= gap for before, after in pairwise(bands)), (name, seen)


def test_another_side_shows_the_same_at_another_size(patches: Dataset[Images]) -> None:
    small = data.photographs(32)
    assert small.test.shape == (3, 32, 32)
    assert [len(part) for part in small.parts.values()] == [3_100, 400, 400]
    means = [part.test.pixels.mean(axis=(0, 2, 3)) for part in (patches, small)]
    np.testing.assert_allclose(*means, atol=0.01)


@pytest.mark.parametrize(
    ("side", "sentence"),
    [
        (60, "side must be a multiple of 8, for a patch lies every eighth of it, got 60"),
        (8, "side must be a whole number >= 16 and <= 72, got 8"),
        (80, "side must be a whole number >= 16 and <= 72, got 80"),
        (64.0, "side must be a whole number >= 16 and <= 72, got 64.0"),
    ],
)
def test_other_sides_are_refused(side: Any, sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is compared below
        data.photographs(side)
    assert str(refusal.value) == sentence


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"^the package skimage is not installed, .* run: .* scikit-image$"):
        data.photographs()
