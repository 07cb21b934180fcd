"""Draw pictures: a grid, named rows to compare, and samples over their closest training pictures.

A grid is one mosaic in one ``imshow``, not one axes a picture: a hundred digits draw in a blink and weigh little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.data.types import Images
from sdg_lab.metrics.rows import finite
from sdg_lab.show.axes import TITLE_LETTERS, axes_or_new, set_title
from sdg_lab.show.style import INK, INKS, MUTED, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Pixels = npt.NDArray[np.floating[Any]]
Pictures = Images | Pixels
"""Images, or an array (n, channels, height, width) in [0, 1] with 1 or 3 channels."""


def as_pixels(images: Pictures, name: str = "images") -> Pixels:
    """Return pictures as an array (n, channels, height, width).

    Args:
        images: Images, an array, or anything numpy can read as one, such as a tensor without gradient.
        name: what to call them in an error.

    Raises:
        ValueError: if the shape is another, there is no picture, a pixel is not finite or is outside [0, 1].
    """
    pixels = images.pixels if isinstance(images, Images) else np.asarray(images)
    if pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
        raise ValueError(f"{name} must have shape (n, 1 or 3 channels, height, width), got {pixels.shape}")
    if pixels.size == 0:
        raise ValueError(f"{name} holds no picture: shape {pixels.shape}")
    if not np.isfinite(pixels).all():
        raise ValueError(f"{name}[{_first_bad(~np.isfinite(pixels))}] has a pixel that is not a finite number")
    if pixels.min() < 0 or pixels.max() > 1:
        raise ValueError(
            f"{name} must lie in [0, 1], got {pixels.min():.3g} to {pixels.max():.3g}; scale or clip the pixels first"
        )
    return pixels


def mosaic(pixels: Pixels, columns: int) -> npt.NDArray[np.float64]:
    """Lay pictures out row by row, one pixel of gutter between them.

    Args:
        pixels: (n, channels, height, width).
        columns: pictures a row.

    Returns:
        (rows * (height + 1) - 1, columns * (width + 1) - 1, channels); the gutter and missing pictures are NaN.
    """
    n, channels, height, width = pixels.shape
    rows = math.ceil(n / columns)
    canvas = np.full((rows * columns, height + 1, width + 1, channels), np.nan)
    canvas[:n, :height, :width] = pixels.transpose(0, 2, 3, 1)
    canvas = canvas.reshape(rows, columns, height + 1, width + 1, channels).transpose(0, 2, 1, 3, 4)
    return canvas.reshape(rows * (height + 1), columns * (width + 1), channels)[:-1, :-1]


def image_grid(
    images: Pictures,
    *,
    title: str,
    rows: int | None = None,
    columns: int | None = None,
    labels: Sequence[object] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw pictures in a grid, row by row.

    Args:
        images: Images, or (n, channels, height, width) in [0, 1]. One channel is drawn as ink on paper.
        title: a sentence that says what is seen.
        rows: number of rows; the rest of the pictures is not drawn. By default all are.
        columns: number of columns; by default 10, or fewer if there are fewer pictures.
        labels: one short text a picture, printed above it.
        ax: axes to draw on; by default a new figure.

    Raises:
        ValueError: if the pictures are malformed (see :func:`as_pixels`), rows or columns is below 1, or the labels
            are not as many as the pictures.
    """
    pixels = as_pixels(images)
    for what, number in (("rows", rows), ("columns", columns)):
        if number is not None:
            whole(what, number, least=1)
    if labels is not None and len(labels) != len(pixels):
        raise ValueError(f"labels must be one a picture: got {len(labels)} labels for {len(pixels)} pictures")
    if columns is None:
        columns = min(10, len(pixels)) if rows is None else math.ceil(len(pixels) / rows)
    if rows is not None:
        pixels = pixels[: rows * columns]
    if labels is not None:
        pixels = _headroom(pixels)
    figure, ax = _draw(pixels, columns, ax, title)
    if labels is not None:
        _write_above(ax, pixels, columns, [str(label) for label in labels])
    return figure


def compare_grids(
    grids: Mapping[str, Pictures],
    *,
    title: str,
    columns: int = 10,
    rows_each: int = 1,
    ax: Axes | None = None,
) -> Figure:
    """Draw the first pictures of several sources under each other, each row named at its left.

    Args:
        grids: pictures by name, all of one shape, such as ``{"real": test, "VAE": samples}``.
        title: a sentence that says what is seen.
        columns: pictures a row.
        rows_each: rows a source.
        ax: axes to draw on; by default a new figure.

    Raises:
        ValueError: if there is no source, the shapes differ, or one has fewer than columns * rows_each pictures.
    """
    if not grids:
        raise ValueError('grids is empty: name at least one source, such as {"real": images}')
    wanted = whole("columns", columns, least=1) * whole("rows_each", rows_each, least=1)
    chosen = {name: as_pixels(images, name)[:wanted] for name, images in grids.items()}
    first, shape = next((name, pixels.shape[1:]) for name, pixels in chosen.items())
    for name, pixels in chosen.items():
        if pixels.shape[1:] != shape:
            raise ValueError(f"{name} has pictures of shape {pixels.shape[1:]}, {first} of {shape}: they must be equal")
        if len(pixels) < wanted:
            raise ValueError(f"{name} has {len(pixels)} pictures, {wanted} are wanted; sample more, or ask for fewer")
    margin = 0.09 * max(len(name) for name in chosen)  # inches for the names, so that the figure fits its pictures
    figure, ax = _draw(np.concatenate(list(chosen.values())), columns, ax, title, margin=margin)
    block = rows_each * (shape[1] + 1)
    ax.set_yticks([i * block + (block - 1) / 2 - 0.5 for i in range(len(chosen))], list(chosen))
    ax.tick_params(axis="y", length=0, labelsize=10, labelcolor=INK)
    return figure


def nearest_pairs(
    samples: Pictures,
    nearest: Pictures,
    distances: Sequence[float] | npt.NDArray[Any],
    *,
    title: str,
    copies: Sequence[bool] | npt.NDArray[np.bool_] | None = None,
) -> Figure:
    """Draw samples above their closest training pictures: a copy shows at a glance.

    Args:
        samples: (n, channels, height, width) in [0, 1]; n of about 10 is legible.
        nearest: the closest training picture of each, same shape (see ``metrics.nearest_training``).
        distances: (n,) Euclidean distances between the two, over all pixels.
        title: a sentence that says what is seen.
        copies: (n,) whether each sample is a near copy (see ``metrics.near_copies``): "in train" or "new" is then
            written under each pair.

    Raises:
        ValueError: if they do not have the same n, or a distance is not finite.
    """
    above, below = as_pixels(samples, "samples"), as_pixels(nearest, "nearest")
    if above.shape != below.shape or len(distances) != len(above):
        raise ValueError(
            f"samples, nearest and distances must match, got {above.shape}, {below.shape} and {len(distances)}"
        )
    if copies is not None and len(copies) != len(above):
        raise ValueError(f"copies must say one thing a sample, got {len(copies)} for {len(above)} samples")
    figure = compare_grids({"sample": above, "closest in train": below}, title=title, columns=len(above))
    below_each = [f"{distance:.2f}" for distance in finite(distances, "distances")]
    if copies is not None:
        below_each = [f"{text}\n{'in train' if copy else 'new'}" for text, copy in zip(below_each, copies, strict=True)]
    # Room for the distances, and for what is written under them.
    figure.set_figheight(figure.get_figheight() + (0.45 if copies is None else 0.65))
    ax = figure.axes[0]
    width = above.shape[3] + 1
    ax.set_xticks([i * width + (width - 1) / 2 - 0.5 for i in range(len(above))], below_each)
    ax.tick_params(axis="x", length=0, labelcolor=INK)
    ax.set_xlabel("Euclidean distance between the two (0 is a copy)")
    return figure


def _draw(pixels: Pixels, columns: int, ax: Axes | None, title: str, *, margin: float = 0.0) -> tuple[Figure, Axes]:
    canvas = mosaic(pixels, columns)
    height, width = canvas.shape[:2]
    across = min(WIDTH - margin, 0.85 * columns)
    for_title = min(WIDTH, len(title) / TITLE_LETTERS + 0.7)
    figure, ax = axes_or_new(ax, (max(across + margin, for_title), across * height / width + 0.5))
    set_title(ax, title)
    ax.set_anchor("W")
    if canvas.shape[2] == 1:
        ax.imshow(canvas[..., 0], cmap=INKS, vmin=0, vmax=1)
    else:
        gutter = np.isnan(canvas[..., :1])
        ax.imshow(np.concatenate([np.nan_to_num(canvas), ~gutter], axis=2))  # the gutter is transparent
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure, ax


def _headroom(pixels: Pixels) -> Pixels:
    """Put empty rows over each picture, a third of its height, for its label."""
    room = math.ceil(pixels.shape[2] / 3)
    return np.pad(pixels, ((0, 0), (0, 0), (room, 0), (0, 0)), constant_values=np.nan)


def _write_above(ax: Axes, pixels: Pixels, columns: int, labels: list[str]) -> None:
    height, width = pixels.shape[2] + 1, pixels.shape[3] + 1
    room = height / 4  # _headroom made the picture 4/3 of its height
    for i in range(len(pixels)):
        row, column = divmod(i, columns)
        x, y = column * width + (width - 1) / 2 - 0.5, row * height + 0.8 * room - 0.5
        ax.text(x, y, labels[i], ha="center", va="bottom", fontsize=9, color=MUTED)


def _first_bad(bad: npt.NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))[0])
