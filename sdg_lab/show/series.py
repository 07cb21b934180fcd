"""Draw a few time series under each other, on the same axes, so that real and synthetic can be told apart or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sdg_lab.data.types import Series
from sdg_lab.metrics.rows import finite
from sdg_lab.show.axes import panels
from sdg_lab.show.style import Role, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Line: TypeAlias = Series | tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""A Series, or times (n,) and values (n,)."""


def series_panels(
    lines: Mapping[str, Line],
    *,
    title: str,
    unit: str | None = None,
    xlabel: str = "year",
    roles: Mapping[str, Role] | None = None,
) -> Figure:
    """Draw each series in a panel of its own, all with the same axes.

    Args:
        lines: series by name, drawn from the top.
        title: a sentence that says what is seen.
        unit: of the values, on every y axis; by default that of the first Series.
        xlabel: quantity and unit on the x axis.
        roles: the colour role of each; by default "real" for the first and "synthetic" for the others.

    Raises:
        ValueError: if there is no series, one has other units than the first, values and times do not match, a value is
            not finite, or no unit is known.
    """
    if not lines:
        raise ValueError('lines is empty: name at least one series, such as {"real": series}')
    parts = {name: _values(name, line) for name, line in lines.items()}
    units = {name: line.unit for name, line in lines.items() if isinstance(line, Series)}
    if unit is None:
        if not units:
            raise ValueError("unit is not known: pass unit=, or a Series, which has one")
        unit = next(iter(units.values()))
    for name, other in units.items():
        if other != unit:
            raise ValueError(f"{name} is in {other}, the axis is in {unit}; convert one of them first")
    figure, axes = panels(len(parts), size=(8.2, 0.8 + 1.35 * len(parts)), title=title, sharex=True, sharey=True)
    for i, (ax, (name, (times, values))) in enumerate(zip(axes[:, 0], parts.items(), strict=True)):
        role = (roles or {}).get(name, "real" if i == 0 else "synthetic")
        ax.plot(times, values, color=colour(role), linewidth=1.1, label=name)
        ax.set_title(name, fontsize=10, color=colour(role), pad=3)
        ax.margins(x=0.01)
    figure.supylabel(unit, fontsize=10)
    axes[-1, 0].set_xlabel(xlabel)
    return figure


def _values(name: str, line: Line) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    times, values = (line.times, line.values) if isinstance(line, Series) else (np.asarray(part) for part in line)
    if times.shape != values.shape:
        raise ValueError(f"{name}: times and values must have one shape (n,), got {times.shape} and {values.shape}")
    return times, finite(values, name)
