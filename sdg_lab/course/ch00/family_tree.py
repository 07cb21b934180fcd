"""The family tree of generative models: what each can say about data, and its idea in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdg_lab.course.ch00.families import ANSWERS, FAMILIES, Family
from sdg_lab.show.style import INK, MUTED, PAPER, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# All lengths are inches on the page; y runs downwards.
CARD_HEIGHT = 0.58
CARD_GAP = 0.12
GROUP_GAP = 0.16
TOP = 0.5
ROOT = (0.05, 1.45)
BRANCH = (1.85, 3.55)
CARD = (3.95, WIDTH - 0.05)
BAND = 0.1
LINE = "#8C8C8C"


def family_tree() -> Figure:
    """Draw the families as cards on a tree that branches by what a model says about the probability of data."""
    from sdg_lab.show.drawing import Drawing

    groups = {answer: [family for family in FAMILIES if family.likelihood == answer] for answer in ANSWERS}
    height = TOP + len(FAMILIES) * (CARD_HEIGHT + CARD_GAP) + (len(groups) - 1) * GROUP_GAP
    figure = Drawing(figsize=(WIDTH, height), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(height, 0))
    ax.axis("off")
    figure.suptitle(
        "Every family learns from data how to make more of it; they differ in what they can say about p(x)",
        x=ROOT[0] / WIDTH,
        y=1 - 0.08 / height,
        ha="left",
        va="top",
        fontsize=11,
    )
    root_y = (TOP + height) / 2
    top = TOP
    for answer, families in groups.items():
        bottom = top + len(families) * (CARD_HEIGHT + CARD_GAP) - CARD_GAP
        branch_y = (top + bottom) / 2
        _join(ax, ROOT[1], root_y, BRANCH[0], branch_y)
        for i, family in enumerate(families):
            card_top = top + i * (CARD_HEIGHT + CARD_GAP)
            _join(ax, BRANCH[1], branch_y, CARD[0], card_top + CARD_HEIGHT / 2)
            _card(ax, family, card_top)
        _node(ax, BRANCH, branch_y, *ANSWERS[answer])
        top = bottom + CARD_GAP + GROUP_GAP
    _node(ax, ROOT, root_y, "generative\nmodels", "fit, then sample")
    return figure


def _card(ax: Axes, family: Family, top: float) -> None:
    from matplotlib.patches import Rectangle

    left, right = CARD
    middle = top + CARD_HEIGHT / 2
    box = Rectangle(
        (left, top),
        right - left,
        CARD_HEIGHT,
        facecolor=PAPER,
        edgecolor=INK,
        linewidth=1.0,
        gid=f"card-{family.key}",
    )
    band = Rectangle((left, top), BAND, CARD_HEIGHT, facecolor=family.colour, linewidth=0)
    ax.add_patch(box)
    ax.add_patch(band)
    text_left = left + BAND + 0.1
    ax.text(text_left, middle - 0.04, family.name, va="bottom", color=INK, weight="bold")
    ax.text(text_left, middle + 0.05, family.idea, va="top", fontsize=9, color=INK)
    ax.text(
        right - 0.08, middle - 0.05, f"chapter {family.chapter}", va="bottom", ha="right", fontsize=8.5, color=MUTED
    )


def _node(ax: Axes, span: tuple[float, float], y: float, name: str, meaning: str) -> None:
    """Write a name over what it means, on a pale box centred at height y."""
    from matplotlib.patches import FancyBboxPatch

    left, right = span
    half = 0.1 + 0.09 * (name.count("\n") + 1) + 0.085 * (meaning.count("\n") + 1)
    style = FancyBboxPatch(
        (left, y - half),
        right - left,
        2 * half,
        boxstyle="round,pad=0,rounding_size=0.08",
        facecolor="#F2F2F2",
        edgecolor=LINE,
        linewidth=0.8,
    )
    ax.add_patch(style)
    x = (left + right) / 2
    split = y + 0.09 * (name.count("\n") + 1) - 0.085 * (meaning.count("\n") + 1)
    ax.text(x, split - 0.02, name, ha="center", va="bottom", fontsize=10, weight="bold")
    ax.text(x, split + 0.03, meaning, ha="center", va="top", fontsize=8.5, color=MUTED)


def _join(ax: Axes, x0: float, y0: float, x1: float, y1: float) -> None:
    """Draw a smooth line that leaves and arrives level."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    middle = (x0 + x1) / 2
    curve = Path([(x0, y0), (middle, y0), (middle, y1), (x1, y1)], [Path.MOVETO, *[Path.CURVE4] * 3])
    ax.add_patch(PathPatch(curve, facecolor="none", edgecolor=LINE, linewidth=1.0, zorder=0))
