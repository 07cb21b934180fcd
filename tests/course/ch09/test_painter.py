"""Chapter 09's painter: the weights that ship, and where in the photographs a patch is found."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sdg_lab import course
from sdg_lab.course.ch09 import painter
from sdg_lab.course.ch09.painter import closest_windows
from sdg_lab.course.engine import registry
from sdg_lab.data.types import Images
from sdg_lab.models.diffusion import Diffusion


def images_of(pixels: NDArray[Any], labels: list[int]) -> Images:
    return Images(pixels.astype(np.float32), np.array(labels), ("left", "right"))


@pytest.fixture
def patches() -> Images:
    return images_of(np.random.default_rng(0).random((6, 3, 16, 16)), [0, 0, 0, 1, 1, 1])


def by_hand(image: NDArray[Any], there: NDArray[Any], margin: int) -> tuple[float, NDArray[Any]]:
    """Return distance and window of one image by trying every place."""
    side = image.shape[1]
    inner = image[:, margin : side - margin, margin : side - margin].astype(np.float64)
    windows = [
        patch[:, down : down + side - 2 * margin, across : across + side - 2 * margin]
        for patch in there
        for down in range(2 * margin + 1)
        for across in range(2 * margin + 1)
    ]
    distances = [np.sqrt(np.square(inner - window).mean()) for window in windows]
    return min(distances), windows[int(np.argmin(distances))]


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_every_place_is_tried(patches: Images, margin: int) -> None:
    images = images_of(np.random.default_rng(1).random((5, 3, 16, 16)), [1, 0, 1, 0, 0])
    distance, windows = closest_windows(images, patches, margin=margin)
    assert windows.shape == (3, 16 - 2 * margin, 16 - 2 * margin)
    for row, label in enumerate([1, 0, 1, 0, 0]):
        wanted, window = by_hand(images.pixels[row], patches.pixels[patches.labels == label], margin)
        assert distance[row] == pytest.approx(wanted, rel=1e-6)
        assert np.array_equal(windows.pixels[row], window)


def test_a_moved_copy_is_found_and_only_under_its_own_label(patches: Images) -> None:
    moved = np.roll(patches.pixels[4:5], (2, -3), axis=(2, 3))  # what comes in at the edges lies in the margin
    distance, windows = closest_windows(images_of(moved, [1]), patches, margin=4)
    assert distance[0] == 0
    assert np.array_equal(windows.pixels[0], moved[0, :, 4:-4, 4:-4])
    assert closest_windows(images_of(moved, [0]), patches, margin=4)[0][0] > 0.1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": Images(np.zeros((1, 3, 8, 8), np.float32), np.array([0]))}, "must be equal"),
        ({"images": Images(np.zeros((1, 3, 16, 16), np.float32))}, "must have labels"),
        ({"images": Images(np.zeros((1, 3, 16, 16), np.float32), np.array([2]))}, "no patch has the label 2"),
        ({"margin": 8}, "margin must be"),
        ({"margin": -1}, "margin must be"),
    ],
)
def test_what_cannot_be_compared_is_refused(patches: Images, change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        closest_windows(**({"images": patches, "patches": patches} | change))


@pytest.fixture(scope="module")
def shipped() -> Diffusion:
    return course.weights("09-photographs", Diffusion)


def test_the_weights_that_ship_are_those_of_the_model_that_the_command_trains(
    shipped: Diffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Diffusion, dict[str, Any]]] = []

    def fit(self: Diffusion, data: Images, **settings: Any) -> Diffusion:
        made.append((self, settings))
        return self

    monkeypatch.setattr(Diffusion, "fit", fit)
    registry.weights("09")["09-photographs"]()
    model, settings = made[0]
    assert shipped.config() == model.config()
    assert shipped.trained["epochs"] == settings["epochs"] == painter.EPOCHS


def test_the_shipped_model_paints_what_it_is_asked_for(shipped: Diffusion) -> None:
    names = shipped.class_names
    night, eye = names.index("galaxies"), names.index("retina")
    images = shipped.sample(8, seed=0, labels=[night, eye] * 4, steps=10)
    assert images.shape == (3, 64, 64)
    red, _, blue = images.pixels.mean(axis=(2, 3)).T
    assert red[1::2].mean() - blue[1::2].mean() > 0.2  # a retina is red,
    assert images.pixels[::2].mean() < 0.3  # and the sky between galaxies black
