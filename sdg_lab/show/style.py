"""One look for every figure: type, grid, and colours with fixed roles.

The hues are those of Okabe and Ito (2008), which stay apart under the common kinds of colour blindness; the tests
simulate them. A role keeps its colour through the whole course: real data are always blue, synthetic always vermilion.
"""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sdg_lab.checks import one_of

if TYPE_CHECKING:
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


_CYCLE = ("blue", "vermilion", "green", "purple", "black", "orange", "sky blue")
"""The hues of lines that are given no colour, in order."""


def use_style() -> None:
    """Set matplotlib's defaults to the look of the course, also for what is drawn with pyplot."""
    import matplotlib
    from cycler import cycler

    colours = cycler(color=[OKABE_ITO[hue] for hue in _CYCLE])
    matplotlib.rcParams.update({**_STYLE, "axes.prop_cycle": colours})


def use_style_once_loaded() -> None:
    """Set the defaults now if matplotlib is there, else as soon as somebody imports it: that takes half a second."""
    if "matplotlib" in sys.modules:
        use_style()
    else:
        sys.meta_path.insert(0, _OnImport())


class _OnImport:
    """Lets ``import matplotlib`` run as ever, and sets the style at its end; whoever only looks for it finds it."""

    def __init__(self) -> None:
        self.searching = False

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "matplotlib" or self.searching:
            return None
        self.searching = True  # the search below is the ordinary one
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.searching = False
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_style(module: ModuleType) -> None:
                run(module)
                sys.meta_path.remove(self)
                use_style()

            spec.loader.exec_module = run_and_style  # type: ignore[method-assign]
        return spec


def colour(role: Role) -> str:
    """Return the colour of a role, as ``#RRGGBB``.

    Raises:
        ValueError: if there is no such role.
    """
    return _ROLES[one_of("role", role, _ROLES)]


def luminance(hex_colour: str) -> float:
    """Return the relative luminance of ``#RRGGBB``, 0 (black) to 1 (white), as WCAG 2.2 defines it."""
    srgb = np.array([int(hex_colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2: text wants 4.5, marks want 3)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_on(fill: str) -> str:
    """Return ink or white, whichever reads better on a fill ``#RRGGBB``."""
    return max((INK, PAPER), key=lambda text: contrast(text, fill))


def png(figure: Figure) -> bytes:
    """Render any Figure to PNG bytes at its own size and resolution."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    return buffer.getvalue()
