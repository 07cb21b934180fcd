"""A recurrent network of a time series: at each step a density of the next value, a mixture of Gaussians.

Bishop, *Mixture Density Networks* (1994); along a sequence, Graves, *Generating Sequences With Recurrent Neural
Networks* (2013). All densities are in nats and in the unit of the data:
log p(x) = Σ_t log p(x_t | x_1 … x_{t-1}, calendar).
"""

from __future__ import annotations

import math
from typing import Any, Self, Unpack

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.checks import number, one_of, whole
from sdg_lab.data.types import Series
from sdg_lab.models.contract import check_count
from sdg_lab.models.neural import NeuralModel, new_generator
from sdg_lab.models.recurrent.cells import CELLS, CellKind, State
from sdg_lab.models.sequences.sampling import draw
from sdg_lab.tables.columns import got
from sdg_lab.training.recipe import Recipe, defaults

Floats = NDArray[np.float64]

MIN_SCALE = 0.05
"""Smallest standard deviation of a component, in standard deviations of the data: measured values are rounded, and a
density could otherwise rise without bound on a value that is often repeated."""


class RecurrentSeries(NeuralModel[Series]):
    """A recurrent network that predicts the next value of a series as a mixture of Gaussians.

    An example is one value: ``sample(n)`` returns a path of n values, ``log_prob`` one number a value. Wherever a
    series is asked for, its values alone will do, as an array or tensor (n,): they are taken to follow one another.

    Args:
        cell: "rnn", "lstm" or "gru".
        width: numbers in the state.
        components: Gaussians in the mixture.
        period: length of a season in the unit of time (days for dates), whose phase the network reads as sine and
            cosine; None if there is no calendar.
        context: values in a window of training.
        noise: standard deviation of what is added to the values that are read in training, in standard deviations of
            the data: the network learns to go on from values that are not quite real, as its own will be.
        dropout: share of the units that are dropped out in training.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        cell: CellKind = "gru",
        *,
        width: int = 48,
        components: int = 5,
        period: float | None = None,
        context: int = 64,
        noise: float = 0.1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.kind: CellKind = one_of("cell", cell, CELLS)
        self.width, self.components = whole("width", width, least=1), whole("components", components, least=1)
        self.period = None if period is None else number("period", period, above=0)
        self.context, self.noise = whole("context", context, least=2), number("noise", noise, least=0)
        self.dropout = number("dropout", dropout, least=0, below=1)
        self.cell = CELLS[cell](1 if period is None else 3, width)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(width, 3 * components)
        self._units: dict[str, Any] = {}  # what the training series was measured in, and when

    # The density, on tensors.

    def mixture(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-weights, means and standard deviations of the components, each (..., components)."""
        weights, means, scales = self.head(self.drop(hidden)).chunk(3, dim=-1)
        return weights.log_softmax(dim=-1), means, MIN_SCALE + F.softplus(scales)

    def density(self, hidden: Tensor, values: Tensor) -> Tensor:
        """Return log p(value | hidden) for standardised values, (...), nats."""
        weights, means, scales = self.mixture(hidden)
        z = (values[..., None] - means) / scales
        return (weights - 0.5 * z.square() - scales.log() - 0.5 * math.log(2 * math.pi)).logsumexp(dim=-1)

    def loss(self, values: Tensor, phases: Tensor) -> Tensor:
        """Return the mean over windows of their nats per value, all being standardised and equally long.

        Args:
            values: (n, T).
            phases: of the season at each value, in radians, (n, T).
        """
        read = F.pad(values[:, :-1], (1, 0))  # at first nothing is known: the mean is read
        if self.training and self.noise:
            read = read + self.noise * torch.randn_like(read)
        hidden, _ = self.cell.fused(self._inputs(read, phases), self.cell.zero_state(len(values)))
        return -self.density(hidden, values).mean()

    # The contract, on series.

    @defaults(epochs=40, batch_size=32, lr=3e-3, clip=1.0)
    def fit(
        self,
        data: Series | ArrayLike | Tensor,
        *,
        validation: Series | ArrayLike | Tensor | None = None,
        seed: int = 0,
        progress: bool = True,
        **recipe: Unpack[Recipe],
    ) -> Self:
        """Train from new weights, on windows that begin at every eighth of the context, and the one that ends last.

        Args:
            data: one series without gaps.
            validation: what follows it; needed for ``patience``.
            seed: decides weights, order of windows and noise.
            progress: show a bar.
            recipe: see :class:`~sdg_lab.training.recipe.Recipe`.

        Raises:
            TypeError: if the data is no series.
            ValueError: if it is shorter than a window, constant, or of values too large to have a deviation.
        """
        data = _dated(data)
        values = _values(data)
        series = data if isinstance(data, Series) else Series(values, np.arange(len(values), dtype=np.float64), "")
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            mean, deviation = float(values.mean()), float(values.std())
        if not math.isfinite(deviation):
            raise ValueError(f"values up to {np.abs(values).max():g} have no finite deviation; take a larger unit")
        if deviation == 0:
            raise ValueError(f"all {len(values)} values of the series are {mean}; there is nothing to learn")
        with self.as_before_on_failure():
            self._units = {
                "mean": mean,
                "deviation": deviation,
                "unit": series.unit,
                "dates": np.issubdtype(series.times.dtype, np.datetime64),
                "first": float(_numbers(series)[0]),
                "step": float(np.median(np.diff(_numbers(series)))),
            }
            training.reinitialise(self, seed)
            batch = self._windows(series, "the series")
            held_out = None
            if validation is not None:
                held_out = self._windows(self._series(validation, after=series), "the validation series")
            self.learn(batch, validation=held_out, recipe=recipe, seed=seed, progress=progress)
        return self

    @torch.no_grad()
    def log_prob(self, x: Series | ArrayLike | Tensor, *, after: Series | ArrayLike | Tensor | None = None) -> Floats:
        """Return the exact log-density of each value given all before it, nats, in the unit of the data, (len(x),).

        Args:
            x: a series; if ``after`` is given, what follows it.
            after: what is read first without being counted.

        Raises:
            TypeError: if x is no series.
            ValueError: if it is empty.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        past = None if after is None else self._series(after)
        values, phases = self._standardised(self._series(x, after=past))
        state, last = self._state_after(past)
        read = torch.cat([last, values[:-1]])[None]
        hidden, _ = self.cell.fused(self._inputs(read, phases[None]), state)
        nats = self.density(hidden[0], values).cpu().double().numpy()
        return np.asarray(nats - math.log(self._units["deviation"]))

    def sample(self, n: int, *, seed: int | None = None, after: Series | ArrayLike | Tensor | None = None) -> Series:
        """Draw a path of ``n`` values.

        Args:
            n: how many.
            seed: the same seed draws the same path; without one it is different each time.
            after: what the path follows. Without it, the path begins with nothing known when the training series began.

        Raises:
            ValueError: for n < 1.
            NotFittedError: before ``fit``.
        """
        values = self.sample_paths(1, n, seed=seed, after=after)[0]
        past = None if after is None else self._series(after)
        return Series(values, self._times(n, past), self._units["unit"])

    @torch.no_grad()
    def sample_paths(
        self, paths: int, n: int, *, seed: int | None = None, after: Series | ArrayLike | Tensor | None = None
    ) -> Floats:
        """Draw several paths of ``n`` values side by side, (paths, n); the arguments are those of :meth:`sample`."""
        self.require_fitted()
        whole("paths", paths, least=1)
        generator = new_generator(seed)  # on the CPU: a seed means the same on every device
        past = None if after is None else self._series(after)
        one, value = self._state_after(past)
        state, last = tuple(part.expand(paths, -1) for part in one), value.expand(paths)
        times = self._times(check_count(n), past)
        drawn = []
        for phase in self._phases(Series(np.zeros(n), times, self._units["unit"])):
            inputs = self._inputs(last[:, None], phase.expand(paths, 1))
            state = self.cell(inputs[:, 0], state)
            log_weights, means, scales = self.mixture(state[0])
            chosen = draw(log_weights, generator)[:, None]
            noise = torch.randn(paths, generator=generator).to(self.device, self.dtype)
            last = means.gather(1, chosen)[:, 0] + scales.gather(1, chosen)[:, 0] * noise
            drawn.append(last)
        standard = torch.stack(drawn, dim=1).cpu().double().numpy()
        return np.asarray(self._units["mean"] + self._units["deviation"] * standard)

    # From series to tensors.

    def _inputs(self, read: Tensor, phases: Tensor) -> Tensor:
        """Return what the cell reads, (n, T, 1 or 3): the last value, and the season of the one to be predicted."""
        if self.period is None:
            return read[..., None]
        return torch.stack([read, phases.sin(), phases.cos()], dim=-1)

    def _state_after(self, past: Series | None) -> tuple[State, Tensor]:
        """Return the state of one network that has read a series but for its last value, and that value, (1,)."""
        state = self.cell.zero_state(1)
        if past is None:
            return state, torch.zeros(1, device=self.device, dtype=self.dtype)  # nothing is known: the mean is read
        values, phases = self._standardised(past)
        read = F.pad(values[:-1], (1, 0))[None]
        _, state = self.cell.fused(self._inputs(read, phases[None]), state)
        return state, values[-1:]

    def _windows(self, data: Series, name: str) -> tuple[Tensor, Tensor]:
        last = len(data) - self.context
        if last < 0:
            raise ValueError(
                f"{name} has {len(data)} values, fewer than a window of context={self.context}; give more, or make the "
                "context shorter"
            )
        starts = torch.tensor(sorted({*range(0, last, max(1, self.context // 8)), last}), device=self.device)
        places = starts[:, None] + torch.arange(self.context, device=self.device)
        values, phases = self._standardised(data)
        return values[places], phases[places]

    def _standardised(self, data: Series) -> tuple[Tensor, Tensor]:
        values = (data.values - self._units["mean"]) / self._units["deviation"]
        return torch.from_numpy(values.astype(np.float32)).to(self.device, self.dtype), self._phases(data)

    def _phases(self, data: Series) -> Tensor:
        angle = np.zeros(len(data)) if self.period is None else 2 * np.pi * (_numbers(data) / self.period % 1)
        return torch.from_numpy(angle.astype(np.float32)).to(self.device, self.dtype)

    def _times(self, n: int, after: Series | None) -> NDArray[Any]:
        """Return the times of what follows a series, or begins with the training series."""
        begin = self._units["first"] if after is None else _numbers(after)[-1] + self._units["step"]
        times: NDArray[Any] = begin + self._units["step"] * np.arange(n)
        return times.astype(np.int64).astype("datetime64[D]") if self._units["dates"] else times

    def _series(self, data: Series | ArrayLike | Tensor, after: Series | None = None) -> Series:
        """Return data as a series; values alone get the times that follow."""
        data = _dated(data)
        values = _values(data)
        if isinstance(data, Series):
            return data
        return Series(values, self._times(len(values), after), self._units["unit"])

    # Keeping.

    def config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``; the attribute ``cell`` is the network itself."""
        names = ("width", "components", "period", "context", "noise", "dropout")
        return {"cell": self.kind} | {name: getattr(self, name) for name in names}

    def facts(self) -> dict[str, Any]:
        """Return the units of the training series; nothing before ``fit``."""
        return {"units": self._units} if self._units else {}

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Take over the units of the training series."""
        self._units = dict(facts["units"])


def _numbers(data: Series) -> Floats:
    """Return times as numbers: days for dates, and what they are otherwise."""
    if np.issubdtype(data.times.dtype, np.datetime64):
        return data.times.astype("datetime64[D]").astype(np.int64).astype(np.float64)
    return np.asarray(data.times, dtype=np.float64)


def _dated(data: Series | ArrayLike | Tensor) -> Series | ArrayLike | Tensor:
    """Return a series of pandas that has dates with them, and anything else as it is."""
    index = getattr(data, "index", None) if hasattr(data, "iloc") else None
    if getattr(getattr(index, "dtype", None), "kind", "") != "M":
        return data
    return Series(_values(data), np.asarray(index).astype("datetime64[D]"), "")


def _values(data: Series | ArrayLike | Tensor) -> Floats:
    """Return the values of a series, (n,), or refuse what is none."""
    try:
        values = data.values if isinstance(data, Series) else data
        found = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"data must be a Series, or its values (n,), got {got(data)}") from None
    if found.ndim != 1:
        raise ValueError(f"the values of a series must have shape (n,), got {found.shape}")
    if len(found) == 0:
        raise ValueError("the series is empty: give at least one value")
    return found
