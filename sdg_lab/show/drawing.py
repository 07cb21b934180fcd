"""A Figure that a notebook shows exactly once; the one module of the package that matplotlib is loaded for."""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sdg_lab.show.style import png


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
