"""Draw measured numbers: learning curves, lines and bars with their spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from sdg_lab.metrics.rows import finite
from sdg_lab.metrics.uncertainty import mean_and_error
from sdg_lab.show.axes import axes_or_new, set_title
from sdg_lab.show.style import INK, WIDTH, colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = npt.NDArray[np.float64]


class Losses(Protocol):
    """What :func:`loss_curve` reads; ``sdg_lab.training.History`` has it."""

    @property
    def loss(self) -> Any:
        """Loss of every step."""

    @property
    def train_loss(self) -> Any:
        """Mean training loss of every epoch."""

    @property
    def validation_loss(self) -> Any:
        """Validation loss of every epoch; empty if none was measured."""


def loss_curve(history: Losses, *, unit: str, title: str | None = None, ax: Axes | None = None) -> Figure:
    """Draw how the loss fell: every step faintly, epochs as lines, training and validation named at their ends.

    Args:
        history: what ``training.train`` returned.
        unit: of the loss, such as "nats per image".
        title: a sentence that says what is seen; by default from where to where the loss went.
        ax: axes to draw on; by default a new figure.

    Raises:
        ValueError: if no epoch was trained.
    """
    from matplotlib.ticker import MaxNLocator

    train = np.asarray(history.train_loss, dtype=float)
    validation = np.asarray(history.validation_loss, dtype=float)
    steps = np.asarray(history.loss, dtype=float)
    if train.size == 0:
        raise ValueError("history holds no epoch; train for at least 1 epoch before drawing its loss")
    epochs = np.arange(1, train.size + 1)
    figure, ax = axes_or_new(ax, (WIDTH, 3.4))
    if steps.size > train.size:
        ax.plot(np.arange(1, steps.size + 1) * train.size / steps.size, steps, color="#D0D0D0", linewidth=0.7)
    ends = [("training", train, colour("train"))]
    if validation.size:
        ends.append(("validation", validation, colour("validation")))
    for name, values, hue in ends:
        ax.plot(epochs[: values.size], values, color=hue, marker="o" if values.size <= 30 else "", label=name)
    _name_ends(ax, [(name, float(values.size), float(values[-1]), hue) for name, values, hue in ends])
    _limit_to_epochs(ax, np.concatenate([train, validation]), steps)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel(f"loss ({unit})")
    shown, kind = (validation, "validation") if validation.size else (train, "training")
    epoch_word = "epoch" if shown.size == 1 else "epochs"
    set_title(
        ax, title or f"The {kind} loss goes from {shown[0]:.4g} to {shown[-1]:.4g} {unit} in {shown.size} {epoch_word}"
    )
    return figure


def line_with_error(
    x: Sequence[float] | npt.NDArray[Any],
    ys: Sequence[Any] | npt.NDArray[Any],
    *,
    label: str,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    hue: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw the mean over seeds as a line and one standard error to each side as a band.

    Draw a second line onto the same axes with ``ax=figure.axes[0]``; the legend grows with it.

    Args:
        x: (points,).
        ys: (seeds, points); with a single seed, or (points,), there is no band.
        label: the line's name in the legend.
        xlabel: quantity and unit on the x axis.
        ylabel: quantity and unit on the y axis.
        title: a sentence that says what is seen; may be left out for further lines.
        hue: a colour; by default the next of the cycle.
        ax: axes to draw on; by default a new figure.

    Raises:
        ValueError: if the shapes do not match or a value is not finite.
    """
    from matplotlib.ticker import MaxNLocator

    across = finite(x, f"{label}: x")
    values = finite(np.atleast_2d(np.asarray(ys, dtype=float)), label, axes=2)
    if across.shape != values.shape[1:]:
        raise ValueError(f"{label}: ys must have shape (seeds, {across.size}) to go with x, got {values.shape}")
    figure, ax = axes_or_new(ax, (WIDTH, 3.8))
    mean, error = _over_seeds(values)
    (line,) = ax.plot(across, mean, marker="o" if across.size <= 30 else "", label=label, color=hue)
    if len(values) > 1:
        ax.fill_between(across, mean - error, mean + error, color=line.get_color(), alpha=0.2, linewidth=0)
    if np.all(across == across.round()):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title is not None:
        set_title(ax, title)
    ax.legend()
    return figure


def bars_with_error(
    labels: Sequence[str],
    values: Sequence[Any] | npt.NDArray[Any],
    *,
    unit: str,
    title: str,
    floor: tuple[str, float] | None = None,
    hues: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw one bar a group from zero, its mean and standard error in figures, and every seed as a dot.

    Args:
        labels: (groups,) names, drawn from the top down.
        values: (groups, seeds); (groups,) if there was one seed.
        unit: quantity and unit on the axis, such as "accuracy on real test digits".
        title: a sentence that says what is seen.
        floor: name and value of a reference to draw as a dashed line, such as ``("real", 0.97)``.
        hues: (groups,) colours; by default all bars are of the synthetic role.
        ax: axes to draw on; by default a new figure.

    Raises:
        ValueError: if the numbers of labels, values and hues differ or a value is not finite.
    """
    table = np.asarray(values, dtype=float)
    table = finite(table[:, None] if table.ndim == 1 else table, unit, axes=2)
    if len(labels) != len(table):
        raise ValueError(f"values must have shape ({len(labels)} labels, seeds), got {np.asarray(values).shape}")
    if hues is not None and len(hues) != len(labels):
        raise ValueError(f"hues must be one a label: got {len(hues)} for {len(labels)} labels")
    figure, ax = axes_or_new(ax, (WIDTH, 0.9 + 0.48 * len(labels)))
    mean, error = _over_seeds(table.T)
    places = np.arange(len(labels))
    seeds = table.shape[1]
    ax.barh(places, mean, height=0.66, color=hues or colour("synthetic"), alpha=0.85, zorder=2)
    if seeds > 1:
        ax.errorbar(mean, places, xerr=error, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3, zorder=4)
        ax.scatter(
            table, np.repeat(places, seeds), s=9, facecolor="white", edgecolor=INK, linewidth=0.6, alpha=0.9, zorder=3
        )
    for place, middle, spread in zip(places, mean, error, strict=True):
        ax.annotate(  # in a column of their own beside the axes: nothing runs through them
            f"{middle:.3g}" if seeds == 1 else plus_minus(middle, spread),
            (1, place),
            xycoords=ax.get_yaxis_transform(),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
        )
    if floor is not None:
        ax.axvline(floor[1], color=colour("real"), linestyle="--", linewidth=1.4, zorder=1)
        ax.annotate(
            f"{floor[0]}: {floor[1]:.3g}",
            (floor[1], 1),
            xycoords=ax.get_xaxis_transform(),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=9,
            color=colour("real"),
        )
    ax.set_yticks(places, list(labels))
    ax.tick_params(axis="y", length=0, labelsize=10, labelcolor=INK)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.margins(x=0.03)
    ax.set_xlabel(unit if seeds == 1 else f"{unit}: mean ± standard error of {seeds} seeds (dots)")
    set_title(ax, f"{title}\n" if floor is not None else title)  # the empty line holds the floor's name
    return figure


def plus_minus(mean: float, error: float) -> str:
    """Return "0.840 ± 0.009": the error to one figure (two if it starts with 1), the mean to the same decimal."""
    if error <= 0:
        return f"{mean:.3g} ± 0"
    exponent = math.floor(math.log10(error))
    decimals = max(0, -exponent + (error / 10**exponent < 2))
    return f"{mean:.{decimals}f} ± {error:.{decimals}f}"


def _over_seeds(values: Numbers) -> tuple[Numbers, Numbers]:
    """Return the mean over the first axis and its standard error; a single seed is drawn without one."""
    return mean_and_error(values) if len(values) > 1 else (values[0], np.zeros_like(values[0]))


def _name_ends(ax: Axes, ends: list[tuple[str, float, float, str]]) -> None:
    """Write each line's name at its right end; of two lines, the higher one's above and the other's below."""
    highest = max(y for _, _, y, _ in ends)
    for name, x, y, hue in ends:
        up = y == highest
        ax.annotate(
            f"{name} {y:.4g}",
            (x, y),
            xytext=(6, 3 if up else -3),
            textcoords="offset points",
            ha="left",
            va="bottom" if up else "top",
            color=hue,
            fontsize=9,
            annotation_clip=False,
        )


def _limit_to_epochs(ax: Axes, epochs: Numbers, steps: Numbers) -> None:
    """Fit the y axis to the epochs' losses: the first steps of a network may be a hundred times higher."""
    low = min(epochs.min(), np.quantile(steps, 0.02) if steps.size else epochs.min())
    high = max(epochs.max(), np.quantile(steps, 0.98) if steps.size else epochs.max())
    high = min(high, epochs.max() + 0.5 * (epochs.max() - epochs.min())) if epochs.max() > epochs.min() else high
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    ax.set_ylim(low - room, high + room)
