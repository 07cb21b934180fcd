"""Figures with a grid of axes, and titles that fit over them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.show.style import WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sdg_lab.show.drawing import Drawing

TITLE_LETTERS = 10.5
"""Letters of a title's type that fit in an inch, on average."""


def panels(
    rows: int = 1,
    columns: int = 1,
    *,
    size: tuple[float, float] | None = None,
    title: str | None = None,
    **subplots: Any,
) -> tuple[Drawing, npt.NDArray[np.object_]]:
    """Make an empty figure with a grid of axes, to hand to the drawing functions as ``ax=``.

    Args:
        rows: number of rows.
        columns: number of columns.
        size: width and height in inches; by default the page's width and 3.2 inches a row.
        title: a sentence over the whole figure, left-aligned.
        **subplots: what ``Figure.subplots`` takes, such as ``sharex=True``.

    Returns:
        The figure, and an array of its axes of shape (rows, columns).

    Raises:
        ValueError: if rows or columns is below 1.
    """
    from sdg_lab.show.drawing import Drawing

    whole("rows", rows, least=1)
    whole("columns", columns, least=1)
    figure = Drawing(figsize=size or (WIDTH, 3.2 * rows + 0.4))
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure, figure.subplots(rows, columns, squeeze=False, **subplots)


def set_title(ax: Axes, title: str) -> None:
    """Write a title over axes, broken at words where it would run out of the figure or into its neighbour."""
    figure, place = ax.get_figure(root=True), ax.get_subplotspec()
    columns = place.get_gridspec().ncols / len(place.colspan) if place is not None else 1
    width = (figure.get_figwidth() if figure is not None else WIDTH) / columns
    letters = max(12, int((width - 0.6) * TITLE_LETTERS))
    ax.set_title("\n".join(textwrap.fill(line, letters) for line in title.split("\n")))


def axes_or_new(ax: Axes | None, size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Return the axes that were given with their figure, or fresh ones of a size in inches."""
    if ax is None:
        figure, axes = panels(size=size)
        return figure, axes[0, 0]
    figure_of = ax.get_figure(root=True)
    if figure_of is None:
        raise ValueError("ax belongs to no figure any more; make new axes with sdg_lab.show.panels()")
    return figure_of, ax
