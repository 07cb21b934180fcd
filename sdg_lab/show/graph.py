"""Draw a Bayesian network: its graph, its tables inside the boxes, how probable each state is, and two graphs at once.

All lengths are inches on the page, y runs downwards, and a drawing wider than the page is scaled to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sdg_lab.models.bayes_net.dag import Parents, structural_hamming_distance
from sdg_lab.show.layout import Layout, Point, Size, place
from sdg_lab.show.style import HIGHLIGHT, INK, MUTED, OKABE_ITO, PAPER, SEQUENTIAL, WIDTH, text_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sdg_lab.data.types import Network

LINE = 0.17
"""Height of a line of text in a box."""

HEAD = 0.24
EDGE = "#8C8C8C"
BAR = OKABE_ITO["sky blue"]


def network_graph(parents: Parents, *, title: str) -> Figure:
    """Draw a graph, parents above children.

    Args:
        parents: the parents of each node.
        title: a sentence that says what is seen.

    Raises:
        ValueError: if there is a cycle.
    """
    canvas = _Canvas(parents, {node: (0.2 + _width([node], bold=True), HEAD + 0.04) for node in parents}, title)
    for arrow in canvas.layout.way:
        canvas.arrow(*arrow)
    for node in parents:
        canvas.box(node)
    return canvas.figure


def network_tables(network: Network, *, title: str) -> Figure:
    """Draw a network with the table of every node in its box: one line for each setting of its parents.

    Args:
        network: small enough to be read; tables of more than 16 lines are refused.
        title: a sentence that says what is seen.

    Raises:
        ValueError: if a table has too many lines to be read.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle

    settings = {node: _settings(network, node) for node in network.nodes}
    for node, lines in settings.items():
        if len(lines) > 16:
            raise ValueError(
                f"the table of {node!r} has {len(lines)} lines; draw networks whose tables have at most 16"
            )
    cell = {node: max(0.42, 0.12 + _width(network.states[node])) for node in network.nodes}
    side = {node: _width(settings[node]) + 0.14 for node in network.nodes}
    sizes = {
        node: (
            side[node] + cell[node] * len(network.states[node]) + 0.08,
            HEAD + LINE * (len(settings[node]) + 1) + 0.06,
        )
        for node in network.nodes
    }
    canvas = _Canvas(network.parents, sizes, title, order=network.nodes)
    colours = colormaps[SEQUENTIAL]
    for arrow in canvas.layout.way:
        canvas.arrow(*arrow)
    for node in network.nodes:
        left, top = canvas.box(node)
        table = network.cpts[node].reshape(-1, len(network.states[node]))
        for column, state in enumerate(network.states[node]):
            x = left + side[node] + cell[node] * (column + 0.5)
            canvas.text(x, top + HEAD + LINE / 2, state, size=8, colour=MUTED)
            for row, label in enumerate(settings[node]):
                y = top + HEAD + LINE * (row + 1.5)
                if column == 0:
                    canvas.text(left + 0.06, y, label, size=8, colour=MUTED, align="left")
                fill = to_hex(colours(table[row, column]))
                canvas.ax.add_patch(
                    Rectangle((x - cell[node] / 2, y - LINE / 2), cell[node], LINE, color=fill, lw=0, zorder=3)
                )
                canvas.text(x, y, _share(table[row, column]), size=8, colour=text_on(fill))
    return canvas.figure


def network_marginals(
    network: Network,
    marginals: Mapping[str, npt.NDArray[np.float64]],
    *,
    title: str,
    known: Sequence[str] = (),
    before: Mapping[str, npt.NDArray[np.float64]] | None = None,
) -> Figure:
    """Draw a network with a bar for each state, as long as the state is probable.

    Args:
        network: graph and states.
        marginals: the probabilities of each node's states.
        title: a sentence that says what is seen.
        known: nodes on which there is evidence; their boxes are framed.
        before: the probabilities without the evidence, drawn as a tick on every bar.

    Raises:
        ValueError: if a node has no marginal, or one of another length.
    """
    from matplotlib.patches import Rectangle

    for node in network.nodes:
        shape = np.shape(marginals.get(node, ()))
        if shape != (len(network.states[node]),):
            raise ValueError(f"marginals[{node!r}] must have shape ({len(network.states[node])},), got {shape}")
    label = {node: _width(network.states[node]) + 0.14 for node in network.nodes}
    bar = 0.85
    sizes = {
        node: (
            max(label[node] + bar + 0.54, 0.2 + _width([node], bold=True)),
            HEAD + LINE * len(network.states[node]) + 0.07,
        )
        for node in network.nodes
    }
    canvas = _Canvas(network.parents, sizes, title, order=network.nodes)
    for arrow in canvas.layout.way:
        canvas.arrow(*arrow)
    for node in network.nodes:
        left, top = canvas.box(node, framed=node in known)
        for row, (state, share) in enumerate(zip(network.states[node], marginals[node], strict=True)):
            y, x = top + HEAD + LINE * (row + 0.5), left + label[node]
            canvas.text(left + 0.06, y, state, size=8, colour=INK, align="left")
            hue = HIGHLIGHT if node in known else BAR
            canvas.ax.add_patch(Rectangle((x, y - 0.055), bar * share, 0.11, color=hue, lw=0, zorder=3))
            if before is not None:
                then = x + bar * float(before[node][row])
                canvas.ax.plot([then, then], [y - 0.075, y + 0.075], color=INK, linewidth=1.1, zorder=4)
            canvas.text(x + bar + 0.05, y, f"{share:.1%}", size=8, colour=INK, align="left")
    return canvas.figure


def graph_difference(found: Parents, truth: Parents, *, title: str | None = None) -> Figure:
    """Draw a learned graph over the true one: edges found, reversed, spurious and missing.

    Args:
        found: the learned graph.
        truth: the true one, on the same nodes; it gives the places.
        title: a sentence that says what is seen; by default the counts.

    Raises:
        ValueError: if the graphs have different nodes.
    """
    distance = structural_hamming_distance(found, truth)
    ours = {(parent, node) for node, above in found.items() for parent in above}
    theirs = {(parent, node) for node, above in truth.items() for parent in above}
    backwards = {(a, b) for a, b in ours if (b, a) in theirs}
    kinds = {
        "found": (ours & theirs, INK, "-"),
        "reversed": (backwards, OKABE_ITO["blue"], "-"),
        "spurious": (ours - theirs - backwards, OKABE_ITO["vermilion"], "--"),
        "missing": ({(a, b) for a, b in theirs - ours if (b, a) not in backwards}, EDGE, ":"),
    }
    sizes = {node: (0.2 + _width([node], bold=True), HEAD + 0.04) for node in truth}
    counts = ", ".join(f"{len(edges)} {kind}" for kind, (edges, _, _) in kinds.items())
    canvas = _Canvas(truth, sizes, title or f"Of {len(theirs)} edges: {counts}; structural Hamming distance {distance}")
    for kind, (edges, hue, style) in kinds.items():
        for edge in sorted(edges):
            canvas.arrow(*edge, colour=hue, style=style)
        canvas.ax.plot([], [], color=hue, linestyle=style, label=f"{kind} ({len(edges)})")
    for node in truth:
        canvas.box(node)
    canvas.figure.legend(loc="lower left", ncols=len(kinds), borderaxespad=0.3)
    return canvas.figure


class _Canvas:
    """A page with a layout on it, in inches, scaled down if the layout is wider than the page."""

    def __init__(
        self, parents: Parents, sizes: Mapping[str, Size], title: str, order: Sequence[str] | None = None
    ) -> None:
        from sdg_lab.show.drawing import Drawing

        self.sizes = sizes
        self.layout: Layout = place({node: tuple(parents[node]) for node in order or parents}, sizes)
        width, height = self.layout.size
        self.scale = min(1.0, (WIDTH - 0.3) / width)
        shown_width, shown_height = width * self.scale, height * self.scale
        self.figure = Drawing(
            figsize=(max(shown_width + 0.3, min(WIDTH, 0.3 + 0.085 * len(title))), shown_height + 0.75)
        )
        page = self.figure.get_size_inches()
        self.figure.set_layout_engine("none")
        self.figure.suptitle(title, x=0.1 / page[0], y=1 - 0.08 / page[1], ha="left", va="top")
        low = (0.3 / page[1], shown_height / page[1])
        self.ax: Axes = self.figure.add_axes(
            ((page[0] - shown_width) / 2 / page[0], low[0], shown_width / page[0], low[1])
        )
        self.ax.set(xlim=(0, width), ylim=(height, 0))
        self.ax.axis("off")

    def box(self, node: str, *, framed: bool = False) -> Point:
        """Draw a node's box with its name at the top; return its left upper corner."""
        from matplotlib.patches import FancyBboxPatch

        (x, y), (width, height) = self.layout.centre[node], self.sizes[node]
        left, top = x - width / 2, y - height / 2
        frame = HIGHLIGHT if framed else EDGE
        style = "round,pad=0,rounding_size=0.06"
        self.ax.add_patch(
            FancyBboxPatch(
                (left, top),
                width,
                height,
                boxstyle=style,
                fc=PAPER,
                ec=frame,
                lw=2.2 if framed else 1,
                zorder=2,
                clip_on=False,
            )
        )
        self.text(x, top + HEAD / 2 + 0.02, node, size=9, colour=INK, weight="bold")
        return left, top

    def text(
        self, x: float, y: float, what: str, *, size: float, colour: str, align: str = "center", **style: Any
    ) -> None:
        """Write text, scaled with the drawing."""
        self.ax.text(x, y, what, fontsize=size * self.scale, color=colour, ha=align, va="center", zorder=5, **style)

    def arrow(self, parent: str, child: str, *, colour: str = EDGE, style: str = "-") -> None:
        """Draw an arrow along its way through the layers, or straight if the layout knows no such arrow."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        way = self.layout.way
        if (parent, child) in way:
            points = self._ends(parent, child, down=True, through=way[parent, child])
        elif (child, parent) in way:
            points = self._ends(child, parent, down=True, through=way[child, parent])[::-1]
        else:
            points = self._ends(
                parent, child, down=self.layout.centre[parent][1] <= self.layout.centre[child][1], through=[]
            )
        # A smooth curve through all points, which leaves and arrives vertically (Catmull and Rom, 1974).
        at = np.array(points)
        slope = np.zeros_like(at)
        slope[1:-1] = (at[2:] - at[:-2]) / 6
        axis = 0 if at[0, 1] == at[-1, 1] else 1  # side by side: horizontally
        slope[[0, -1], axis] = (at[[1, -1], axis] - at[[0, -2], axis]) / 2
        vertices, codes = [at[0]], [Path.MOVETO]
        for start, end, leaving, arriving in zip(at[:-1], at[1:], slope[:-1], slope[1:], strict=True):
            vertices += [start + leaving, end - arriving, end]
            codes += [Path.CURVE4] * 3
        self.ax.add_patch(
            FancyArrowPatch(
                path=Path(np.array(vertices), codes),
                arrowstyle="-|>",
                mutation_scale=9,
                color=colour,
                linestyle=style,
                lw=1.2,
                zorder=1,
                clip_on=False,
            )
        )

    def _ends(self, upper: str, lower: str, *, down: bool, through: list[Point]) -> list[Point]:
        sign = 1 if down else -1
        (x0, y0), (x1, y1) = self.layout.centre[upper], self.layout.centre[lower]
        if y0 == y1:  # boxes of one layer: from flank to flank
            side = 1 if x0 < x1 else -1
            return [(x0 + side * self.sizes[upper][0] / 2, y0), (x1 - side * self.sizes[lower][0] / 2, y1)]
        return [
            (x0, y0 + sign * self.sizes[upper][1] / 2),
            *through,
            (x1, y1 - sign * self.sizes[lower][1] / 2),
        ]


def _settings(network: Network, node: str) -> list[str]:
    """Return a line for each setting of a node's parents, in the order of its table's rows."""
    lines = [""]
    for parent in network.parents[node]:
        lines = [f"{line}{parent} {state}  " for line in lines for state in network.states[parent]]
    return [line.rstrip() for line in lines]


def _share(probability: float) -> str:
    return f"{probability:.3f}".rstrip("0").rstrip(".") if probability not in (0, 1) else f"{probability:.0f}"


def _width(texts: Sequence[str], *, bold: bool = False) -> float:
    """Return the width of the widest text in inches: names, which are bold, at 9 points, all else at 8."""
    return max(_text_width(text, bold) for text in texts)


@cache
def _text_width(text: str, bold: bool) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text, size=9 if bold else 8, prop=font).get_extents().width) / 72 if text else 0.0
