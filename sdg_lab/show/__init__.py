"""Everything that draws, in one look: pictures, curves, matrices, series, sounds, and widgets.

Every function validates what it is given, draws on ``ax`` or on a new figure, and returns the Figure; none calls
``plt.show()``. In a notebook a returned Figure shows itself where it is the value of a cell or is handed to
``display``. Importing this package applies the style to pyplot's own figures as well, as soon as there is a matplotlib:
it takes half a second and is not loaded before something is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdg_lab.show.axes import panels
from sdg_lab.show.curves import bars_with_error, line_with_error, loss_curve
from sdg_lab.show.images import compare_grids, image_grid, nearest_pairs
from sdg_lab.show.matrices import matrix
from sdg_lab.show.series import series_panels
from sdg_lab.show.sound import note_name, player, spectrogram, spectrograms, waveform
from sdg_lab.show.style import colour, use_style, use_style_once_loaded
from sdg_lab.show.widgets import explore

if TYPE_CHECKING:
    from sdg_lab.show.drawing import Drawing

use_style_once_loaded()

__all__ = [
    "Drawing",
    "bars_with_error",
    "colour",
    "compare_grids",
    "explore",
    "image_grid",
    "line_with_error",
    "loss_curve",
    "matrix",
    "nearest_pairs",
    "note_name",
    "panels",
    "player",
    "series_panels",
    "spectrogram",
    "spectrograms",
    "use_style",
    "waveform",
]


def __getattr__(name: str) -> Any:
    """Load the one module that needs matplotlib when it is asked for."""
    if name == "Drawing":
        from sdg_lab.show.drawing import Drawing

        return Drawing
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
