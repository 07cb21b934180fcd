"""Draw tables of numbers as colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdg_lab.metrics.rows import finite
from sdg_lab.show.axes import axes_or_new, set_title
from sdg_lab.show.style import DIVERGING, INK, SEQUENTIAL, WIDTH, text_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MOST_WRITTEN = 12
"""Up to this many columns a cell is wide enough to carry its number."""

_VISIBLE = {" ": "␣", "\n": "↵", "\t": "⇥"}


def visible(symbol: object) -> str:
    """Return a symbol as it can be printed on an axis: white space as a sign, all else as it is."""
    return _VISIBLE.get(str(symbol), str(symbol))


def matrix(
    values: npt.ArrayLike,
    *,
    title: str,
    rows: Sequence[object],
    columns: Sequence[object],
    xlabel: str,
    ylabel: str,
    unit: str,
    diverging: bool = False,
    root: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Draw a matrix as a heat map with a colour bar; small matrices carry their numbers as well.

    Args:
        values: (rows, columns).
        title: a sentence that says what is seen.
        rows: a name for each row, from the top.
        columns: a name for each column.
        xlabel: what the columns are.
        ylabel: what the rows are.
        unit: of the values, beside the colour bar.
        diverging: colour around zero, for signed values.
        root: colour by the square root, so that small values >= 0 can be told from 0; the colour bar says so.
        ax: axes to draw on; by default a new figure.

    Raises:
        ValueError: if the values are no matrix, are not finite, or rows and columns do not name them all.
    """
    from matplotlib.colors import PowerNorm

    table = finite(values, "values", axes=2)
    if table.shape != (len(rows), len(columns)):
        raise ValueError(
            f"values must have shape ({len(rows)} rows, {len(columns)} columns) to go with the names, got {table.shape}"
        )
    if root and (diverging or table.min() < 0):
        raise ValueError(
            f"root=True needs values >= 0 and no diverging colours, got a least value of {table.min():.3g}"
        )
    figure, ax = axes_or_new(ax, _size(table.shape))
    limit = float(np.abs(table).max()) or 1.0
    low = -limit if diverging else min(0.0, float(table.min()))
    norm = PowerNorm(0.5 if root else 1.0, vmin=low, vmax=limit)
    image = ax.imshow(table, cmap=DIVERGING if diverging else SEQUENTIAL, norm=norm, aspect="auto")
    bar = figure.colorbar(image, ax=ax, pad=0.02, fraction=0.05)
    bar.set_label(f"{unit} (√ scale)" if root else unit)
    bar.outline.set_visible(False)
    ax.set_xticks(range(len(columns)), [visible(name) for name in columns])
    ax.set_yticks(range(len(rows)), [visible(name) for name in rows])
    ax.tick_params(length=0, labelcolor=INK)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    set_title(ax, title)
    if len(columns) <= MOST_WRITTEN:
        _write(ax, image, table)
    return figure


def _size(shape: tuple[int, ...]) -> tuple[float, float]:
    """Give a cell about 0.24 inches of height, within what a page can show."""
    return WIDTH, float(np.clip(0.24 * shape[0] + 1.0, 2.4, 9.0))


def _write(ax: Axes, image: AxesImage, table: npt.NDArray[np.float64]) -> None:
    from matplotlib.colors import to_hex

    fills = image.to_rgba(table)
    for (row, column), value in np.ndenumerate(table):
        fill = to_hex(tuple(fills[row, column]))
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=9, color=text_on(fill))
