"""One look for every figure: type, grid, colours with fixed roles, and a Figure that a notebook shows exactly once.

The hues are those of Okabe and Ito (2008), which stay apart under the common kinds of colour blindness; the tests
simulate them. A role keeps its colour through the whole course: real data are always blue, synthetic always vermilion.
"""

from __future__ import annotations

import io
import textwrap
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
}
"""The eight hues by name; as fills they carry dark or white text, see :func:`text_on`."""

INK = "#222222"
"""Text."""

MUTED = "#595959"
"""Secondary text and marks; still 7:1 on white."""

PAPER = "#FFFFFF"
"""What figures are drawn on."""

HIGHLIGHT = OKABE_ITO["orange"]
"""Frames and fills that point at something; too pale on white for text or thin lines."""

Role = Literal["real", "synthetic", "baseline", "augmented", "both", "train", "validation"]

_ROLES: dict[Role, str] = {
    "real": OKABE_ITO["blue"],
    "synthetic": OKABE_ITO["vermilion"],
    "baseline": MUTED,
    "augmented": OKABE_ITO["green"],
    "both": OKABE_ITO["purple"],
    "train": MUTED,
    "validation": OKABE_ITO["blue"],
}

SEQUENTIAL = "Blues"
"""Colour map for amounts: one hue that darkens steadily; nothing is white, and lightness alone tells how much."""

DIVERGING = "RdBu_r"
"""Colour map for signed values around zero."""

INKS = "gray_r"
"""Colour map for pictures of one channel: 0 is paper, 1 is ink."""

DPI = 110
"""Dots per inch: 8.2 in wide is 900 px, and a chapter with fifteen figures stays below 3 MB."""

WIDTH = 8.2
"""Width of a full figure, inches."""

TITLE_LETTERS = 10.5
"""Letters of a title's type that fit in an inch, on average."""

_STYLE: dict[Any, Any] = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.figsize": (WIDTH, 4.0),
    "figure.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same figure on every machine
    "font.size": 10,
    "text.color": INK,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "figure.titlesize": 12,
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#8C8C8C",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(
        color=[OKABE_ITO[hue] for hue in ("blue", "vermilion", "green", "purple", "black", "orange", "sky blue")]
    ),
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "image.cmap": SEQUENTIAL,
    "image.interpolation": "nearest",
}


def use_style() -> None:
    """Set matplotlib's defaults to the look of the course; ``import sdg_lab.show`` calls it."""
    mpl.rcParams.update(_STYLE)


def colour(role: Role) -> str:
    """Return the colour of a role, as ``#RRGGBB``.

    Raises:
        ValueError: if there is no such role.
    """
    if role not in _ROLES:
        raise ValueError(f"no colour for the role {role!r}; the roles are {', '.join(_ROLES)}")
    return _ROLES[role]


def luminance(hex_colour: str) -> float:
    """Return the relative luminance of ``#RRGGBB``, 0 (black) to 1 (white), as WCAG 2.2 defines it."""
    srgb = np.asarray(mpl.colors.to_rgb(hex_colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2: text wants 4.5, marks want 3)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_on(fill: str) -> str:
    """Return ink or white, whichever reads better on a fill ``#RRGGBB``."""
    return max((INK, PAPER), key=lambda text: contrast(text, fill))


class Drawing(Figure):
    """A Figure that belongs to its caller alone.

    pyplot keeps every figure that it makes until it is closed, and a notebook draws such a figure a second time when it
    is also the value of the cell. A Drawing is unknown to pyplot: it is shown where it is displayed, once, with its
    title as the text alternative, and is freed with its last reference.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        FigureCanvasAgg(self)

    def png(self) -> bytes:
        """Return the figure as a PNG at its own size; the same drawing gives the same bytes."""
        return png(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/png": self.png(), "text/plain": f"Figure: {self.alternative()}"}

    def alternative(self) -> str:
        """Return what a reader who cannot see the figure is told: its titles."""
        titles = [self.get_suptitle(), *(axes.get_title(loc) for axes in self.axes for loc in ("left", "center"))]
        return "; ".join(title for title in titles if title) or "untitled"


def png(figure: Figure) -> bytes:
    """Render any Figure to PNG bytes at its own size and resolution."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    return buffer.getvalue()


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
    if rows < 1 or columns < 1:
        raise ValueError(f"a figure needs at least 1 row and 1 column of axes, got {rows} x {columns}")
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
