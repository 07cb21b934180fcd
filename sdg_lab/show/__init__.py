"""Everything that draws, in one look: pictures, curves, matrices, series, and widgets.

Every function validates what it is given, draws on ``ax`` or on a new figure, and returns the Figure; none calls
``plt.show()``. In a notebook a returned Figure shows itself where it is the value of a cell or is handed to
``display``. Importing this package applies the style to pyplot's own figures as well.
"""

from sdg_lab.show.curves import bars_with_error, line_with_error, loss_curve
from sdg_lab.show.images import compare_grids, image_grid, nearest_pairs
from sdg_lab.show.matrices import matrix, transition_matrix
from sdg_lab.show.series import series_panels
from sdg_lab.show.style import Drawing, colour, panels, use_style
from sdg_lab.show.widgets import explore

use_style()

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
    "panels",
    "series_panels",
    "transition_matrix",
    "use_style",
]
