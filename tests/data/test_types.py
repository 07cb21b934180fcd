from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sdg_lab.data import Card, Dataset, Images, Network, Series, as_images

GREY = np.zeros((3, 1, 2, 2), np.float32)
DAYS = np.arange("2020-01-01", "2020-01-04", dtype="datetime64[D]")


def with_pixel(value: float) -> np.ndarray:
    pixels = GREY.copy()
    pixels[1, 0, 1, 1] = value
    return pixels


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (
            (GREY.astype(np.float64),),
            TypeError,
            "pixels must be float32, got float64; divide by the largest grey level",
        ),
        ((GREY.tolist(),), TypeError, "pixels must be a numpy array, got list"),
        ((None,), TypeError, "pixels must be a numpy array, got NoneType"),
        ((GREY, [0, 1, 0]), TypeError, "labels must be a numpy array, got list"),
        ((GREY[0],), ValueError, "pixels must have shape (n, channels, height, width), got (1, 2, 2)"),
        ((with_pixel(2.0),), ValueError, "pixels must be in [0, 1], got values from 0.0 to 2.0 in image 1;"),
        ((with_pixel(-0.5),), ValueError, "pixels must be in [0, 1], got values from -0.5 to 0.0 in image 1;"),
        ((with_pixel(np.nan),), ValueError, "pixels must be in [0, 1], got values from nan to nan in image 1;"),
        ((GREY, np.zeros(3, np.int32)), TypeError, "labels must be int64, got int32"),
        ((GREY, np.zeros(2, np.int64)), ValueError, "labels must have shape (3,), one for each image, got (2,)"),
        ((GREY, np.array([0, -1, 0])), ValueError, "labels must be >= 0, got -1"),
        ((GREY, np.array([0, 2, 0]), ("a", "b")), ValueError, "label 2 has no class: classes names 2"),
    ],
)
def test_images_refuse(arguments: tuple[Any, ...], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as refusal:
        Images(*arguments)
    assert str(refusal.value).startswith(sentence)


def test_images_are_chosen_with_their_labels() -> None:
    pixels = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 1, 2, 2)
    images = Images(pixels, np.array([0, 1, 0]), ("cat", "dog"))
    for chosen in (slice(1, 3), [1, 2], np.array([1, 2]), np.array([False, True, True])):
        part = images[chosen]
        assert np.array_equal(part.pixels, pixels[1:])
        assert part.labels is not None
        assert part.labels.tolist() == [1, 0]
        assert part.classes == ("cat", "dog")
    assert Images(pixels)[:2].labels is None
    assert images.shape == (1, 2, 2)
    assert repr(images) == "<Images: 3 of 1×2×2, 2 classes>"


def test_one_image_is_not_images() -> None:
    with pytest.raises(TypeError, match=r"^images\[1\] is one image; take images\[1:2\] or images\.pixels\[1\]$"):
        Images(GREY)[1]  # type: ignore[index]
    with pytest.raises(TypeError, match=r"^images\[-1\] is one image; take images\[-1:\] or images\.pixels\[-1\]$"):
        Images(GREY)[-1]  # type: ignore[index]


def test_arrays_and_tensors_become_images() -> None:
    grey = np.random.default_rng(0).random((4, 2, 3))
    expected = Images(grey[:, None].astype(np.float32), np.array([1, 0, 1, 2]))
    for data in (grey, grey[:, None], torch.tensor(grey, requires_grad=True), grey.tolist()):
        for labels in ([1, 0, 1, 2], torch.tensor([1, 0, 1, 2]), np.array([1, 0, 1, 2], np.uint8)):
            images = as_images(data, labels)
            assert np.array_equal(images.pixels, expected.pixels)
            assert images.labels is not None
            assert images.labels.tolist() == [1, 0, 1, 2]
    assert as_images(grey).labels is None
    assert as_images(expected) is expected


@pytest.mark.parametrize("labels", [["cat", "ant", "cat"], np.array(["cat", "ant", "cat"], object)])
def test_labels_that_are_text_name_classes(labels: Any) -> None:
    images = as_images(GREY, labels)
    assert images.classes == ("ant", "cat")
    assert images.labels is not None
    assert images.labels.tolist() == [1, 0, 1]


def test_only_bytes_are_divided_by_255() -> None:
    levels = np.array([[[0, 51, 255]]])
    assert as_images(levels.astype(np.uint8)).pixels.ravel().tolist() == pytest.approx([0, 0.2, 1], abs=1e-6)
    assert as_images(np.array([[[0, 1]]])).pixels.ravel().tolist() == [0, 1]
    assert as_images(np.array([[[False, True]]])).pixels.ravel().tolist() == [0, 1]
    with pytest.raises(
        ValueError, match=r"^pixels must be in \[0, 1\], got values from 0\.0 to 255\.0 in image 0; divide"
    ):
        as_images(levels)


@pytest.mark.parametrize(
    ("data", "labels", "error", "sentence"),
    [
        (Images(GREY), [0, 1, 0], ValueError, "labels were given beside Images, which bring their own"),
        ("digits", None, TypeError, "images must be Images, or an array or tensor of numbers, got str"),
        (
            Dataset(Card("a", "a", "images", "", "", "", "", ""), *[Images(GREY)] * 3),
            None,
            TypeError,
            "images must be Images, or an array or tensor of numbers, got Dataset; pass one of its parts",
        ),
        (
            torch.ones(2, 3, 3, dtype=torch.bfloat16),
            None,
            TypeError,
            "numpy cannot hold a tensor of torch.bfloat16, or",
        ),
        (
            torch.ones(2, 3, 3).to_sparse(),
            None,
            TypeError,
            "numpy cannot hold a tensor of torch.float32, or it is sparse",
        ),
        (np.zeros((3, 64)), None, ValueError, "images must have shape (n, height, width) or (n, channels, height, wid"),
        (
            np.zeros((3, 8, 8, 3)),
            None,
            ValueError,
            "images of shape (3, 8, 8, 3) have their channels last; pass images.",
        ),
        ([np.zeros((2, 3)), np.zeros((2, 2))], None, ValueError, "the items of a list must be of one shape"),
        (GREY, [0.5, 1.0, 0.0], TypeError, "labels must be whole numbers or text, got float64"),
        (GREY, [1, 0], ValueError, "labels must have shape (3,), one for each image, got (2,)"),
    ],
)
def test_what_is_no_image_is_refused(data: Any, labels: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as refusal:
        as_images(data, labels)
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    ("values", "times", "error", "sentence"),
    [
        (np.zeros(3, np.float32), DAYS, TypeError, "values must be float64, got float32"),
        ([1.0, 2.0, 3.0], DAYS, TypeError, "values must be a numpy array, got list"),
        (np.zeros(3), None, TypeError, "times must be a numpy array, got NoneType"),
        (np.zeros(3), np.arange(3), TypeError, "times must be datetime64[D] or float64 (years), got int64"),
        (np.zeros(2), DAYS, ValueError, "values and times must have one shape (n,), got (2,) and (3,)"),
        (np.array([0, np.nan, 1]), DAYS, ValueError, "values must be finite, got nan at index 1; fill or cut the gap"),
        (
            np.ones(3),
            np.array([0, 1, np.nan]),
            ValueError,
            "times must be finite, got nan at index 2; fill or cut the gap",
        ),
        (np.ones(1), DAYS[:1] + np.timedelta64("NaT"), ValueError, "times must be finite, got NaT at index 0"),
        (np.zeros(3), DAYS[[0, 2, 1]], ValueError, "times must rise, but 2020-01-02 at index 2 follows 2020-01-03"),
        (np.zeros(3), np.array([1.0, 1.0, 2.0]), ValueError, "times must rise, but 1.0 at index 1 follows 1.0"),
    ],
)
def test_series_refuse(values: Any, times: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as refusal:
        Series(values, times, "mm")
    assert str(refusal.value).startswith(sentence)


def test_series_are_cut_with_slices_only() -> None:
    series = Series(np.array([1.0, 2.0, 3.0]), DAYS, "mm")
    assert series[1:].values.tolist() == [2.0, 3.0]
    assert repr(series) == "<Series: 3 values in mm, 2020-01-01 to 2020-01-03>"
    with pytest.raises(TypeError, match=r"^cut a series with a slice, got 1; single values are in series\.values$"):
        series[1]  # type: ignore[index]


def network(**changes: Any) -> Network:
    parts: dict[str, Any] = {
        "nodes": ("rain", "wet"),
        "states": {"rain": ("yes", "no"), "wet": ("yes", "no")},
        "parents": {"rain": (), "wet": ("rain",)},
        "cpts": {"rain": np.array([0.2, 0.8]), "wet": np.array([[0.9, 0.1], [0.0, 1.0]])},
    }
    return Network(**{**parts, **changes})


def test_networks_know_their_edges() -> None:
    assert network().edges == (("rain", "wet"),)
    assert repr(network()) == "<Network: 2 nodes, 1 edges, 3 free parameters>"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cpts": {"rain": np.array([0.2, 0.8])}}, "cpts says nothing about node 'wet'"),
        ({"nodes": ("rain", "rain")}, "nodes must be different, got 'rain' twice; rename one"),
        (
            {"states": {"rain": ("yes", "yes"), "wet": ("yes", "no")}},
            "the states of 'rain' must be different, got 'yes' twice; rename one",
        ),
        ({"nodes": None}, "nodes must be several values, such as [None], got None"),
        ({"nodes": ("wet", "rain")}, "parent 'rain' of 'wet' must come before it in nodes (and no cycle may remain)"),
        (
            {"cpts": {"rain": np.array([0.2, 0.8]), "wet": np.array([0.5, 0.5])}},
            "the table of 'wet' must have shape (2, 2) (parents..., node), got (2,)",
        ),
        (
            {"cpts": {"rain": np.array([0.2, 0.7]), "wet": np.eye(2)}},
            "each row of the table of 'rain' must be probabilities that sum to 1, got [0.2 0.7]",
        ),
        (
            {"cpts": {"rain": np.array([0.2, 0.8]), "wet": np.array([[0.5, 0.5], [1.2, -0.2]])}},
            "each row of the table of 'wet' must be probabilities that sum to 1, got [ 1.2 -0.2] where rain = no",
        ),
    ],
)
def test_networks_refuse(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is compared below
        network(**changes)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"states": [("yes", "no")] * 2}, "states must say something for each node, as a dict does, got list"),
        ({"parents": None}, "parents must say something for each node, as a dict does, got NoneType"),
        ({"cpts": {"rain": [0.2, 0.8]}}, "the table of 'rain' must be a numpy array, got list"),
    ],
)
def test_networks_hold_mappings_of_arrays(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError) as refusal:
        network(**{"nodes": ("rain",), **changes})
    assert str(refusal.value) == sentence


def test_labels_are_numbered_as_in_another_list_by_their_names():
    images = Images(np.zeros((3, 1, 2, 2), np.float32), np.array([0, 1, 1]), ("b", "c"))
    assert images.numbered_as(("a", "b", "c")).labels.tolist() == [1, 2, 2]
    assert images.numbered_as(("c", "b")).classes == ("c", "b")
    assert images.numbered_as(()) is images
    bare = Images(images.pixels, images.labels)
    assert bare.numbered_as(("a", "b")) is bare
    with pytest.raises(ValueError, match="the class 'b' is none of a, c; leave its images out"):
        images.numbered_as(("a", "c"))
    assert images[1:].numbered_as(("c",)).labels.tolist() == [0, 0]  # what no image shows need not be there
