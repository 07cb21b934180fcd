"""A recurrent network of a time series: at each step a density of the next value, a mixture of Gaussians.

Bishop, *Mixture Density Networks* (1994); along a sequence, Graves, *Generating Sequences With Recurrent Neural
Networks* (2013). All densities are in nats and in the unit of the data:
log p(x) = Σ_t log p(x_t | x_1 … x_{t-1}, calendar).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, Self, Unpack, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.data.types import Series
from sdg_lab.models.contract import NeuralModel, NotFittedError, check_count, new_generator
from sdg_lab.models.recurrent.cells import State, make_cell
from sdg_lab.training.recipe import Settings, run

Floats = NDArray[np.float64]

LEAST_SCALE = 0.05
"""Smallest standard deviation of a component, in standard deviations of the data: measured values are rounded, and a
density could otherwise rise without bound on a value that is often repeated."""


class RecurrentSeries(NeuralModel[Series]):
    """A recurrent network that predicts the next value of a series as a mixture of Gaussians.

    An example is one value: ``sample(n)`` returns a path of n values, ``log_prob`` one number a value.

    Args:
        cell: "rnn", "lstm" or "gru".
        width: numbers in the state.
        components: Gaussians in the mixture.
        period: length of a season in the unit of time (days for dates), whose phase the network is told as sine and
            cosine; None if there is no calendar to be told.
        context: values in a window of training.
        noise: standard deviation of what is added to the values that are read in training, in standard deviations of
            the data: the network learns to go on from values that are not quite real, as its own will be.
        dropout: share of the units that are silent in training.

    Attributes:
        history: how the last fit went; None for a model that was loaded.
        trained: what of it is saved with the model: seconds, cpu_seconds, epochs, steps.

    Raises:
        ValueError: if an argument is out of range.
    """

    defaults: ClassVar[Settings] = {"epochs": 40, "batch_size": 32, "lr": 3e-3, "clip": 1.0}
    """The settings that count where the caller says nothing."""

    def __init__(
        self,
        cell: Literal["rnn", "lstm", "gru"] = "gru",
        *,
        width: int = 48,
        components: int = 5,
        period: float | None = None,
        context: int = 64,
        noise: float = 0.1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if cell not in get_args(Literal["rnn", "lstm", "gru"]):
            raise ValueError(f"cell must be one of rnn, lstm, gru, got {cell!r}")
        for name, number, least in (("width", width, 1), ("components", components, 1), ("context", context, 2)):
            if number < least:
                raise ValueError(f"{name} must be >= {least}, got {number}")
        if period is not None and not (period > 0 and math.isfinite(period)):
            raise ValueError(f"period must be > 0 and finite, got {period}")
        if not (noise >= 0 and math.isfinite(noise)):
            raise ValueError(f"noise must be >= 0 and finite, got {noise}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
        self.kind: Literal["rnn", "lstm", "gru"] = cell
        self.width, self.components, self.period = width, components, period
        self.context, self.noise, self.dropout = context, noise, dropout
        self.cell = make_cell(cell, 1 if period is None else 3, width)
        self.silence = nn.Dropout(dropout)
        self.head = nn.Linear(width, 3 * components)
        self.history: training.History | None = None
        self.trained: dict[str, float] = {}
        self._units: dict[str, Any] = {}  # what the training series was measured in, and when

    # Stage 1: the density, on tensors.

    def mixture(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-weights, means and standard deviations of the components, each (..., components)."""
        weights, means, scales = self.head(self.silence(hidden)).chunk(3, dim=-1)
        return weights.log_softmax(dim=-1), means, LEAST_SCALE + F.softplus(scales)

    def density(self, hidden: Tensor, values: Tensor) -> Tensor:
        """Return log p(value | hidden) for standardised values, (...), nats."""
        weights, means, scales = self.mixture(hidden)
        z = (values[..., None] - means) / scales
        return (weights - 0.5 * z.square() - scales.log() - 0.5 * math.log(2 * math.pi)).logsumexp(dim=-1)

    def loss(self, values: Tensor, phases: Tensor) -> Tensor:
        """Return the mean surprise of a value, in nats, of standardised windows.

        Args:
            values: (n, T).
            phases: of the season at each value, in radians, (n, T).
        """
        read = F.pad(values[:, :-1], (1, 0))  # at first nothing is known: the mean is read
        if self.training and self.noise:
            read = read + self.noise * torch.randn_like(read)
        hidden, _ = self.cell.fused(self._inputs(read, phases), self.cell.zero_state(len(values)))
        return -self.density(hidden, values).mean()

    # Stage 2: the contract, on series.

    def fit(
        self,
        data: Series,
        *,
        validation: Series | None = None,
        seed: int = 0,
        progress: bool = True,
        **settings: Unpack[Settings],
    ) -> Self:
        """Train from new weights, on windows that begin at every eighth of the context.

        Args:
            data: one series without gaps.
            validation: what follows it; needed for ``patience``.
            seed: decides weights, order of windows and noise.
            progress: show a bar.
            settings: see :class:`~sdg_lab.training.recipe.Settings`.

        Raises:
            TypeError: if the data is no Series.
            ValueError: if it is shorter than a window, or constant.
        """
        _checked(data)
        mean, deviation = float(data.values.mean()), float(data.values.std())
        if deviation == 0:
            raise ValueError(f"all {len(data)} values of the series are {mean}; there is nothing to learn")
        step = float(np.median(np.diff(_numbers(data)))) if len(data) > 1 else 1.0
        self.fitted = False  # until it is: a run that diverges leaves no model behind
        self._units = {
            "mean": mean,
            "deviation": deviation,
            "unit": data.unit,
            "dates": np.issubdtype(data.times.dtype, np.datetime64),
            "first": float(_numbers(data)[0]),
            "step": step,
        }
        training.reinitialise(self, seed)
        batch = self._windows(data, "the series")
        held_out = None if validation is None else self._windows(_checked(validation), "the validation series")
        chosen: Settings = {**self.defaults, **settings}
        self.history, self.trained = run(self, batch, held_out, chosen, seed=seed, progress=progress)
        self.fitted = True
        return self

    @torch.no_grad()
    def log_prob(self, x: Series, *, after: Series | None = None) -> Floats:
        """Return the exact log-density of each value given all before it, nats, in the unit of the data, (len(x),).

        Args:
            x: a series; if ``after`` is given, what follows it.
            after: what is read first without being counted.

        Raises:
            TypeError: if x is no Series.
            ValueError: if it is empty.
            NotFittedError: before ``fit``.
        """
        units = self._fitted_units()
        values, phases = self._standardised(_checked(x))
        state = self.cell.zero_state(1)
        last = values.new_zeros(1)
        if after is not None and len(after):
            state, last = self._after(after)
        read = torch.cat([last, values[:-1]])[None]
        hidden, _ = self.cell.fused(self._inputs(read, phases[None]), state)
        nats: Floats = self.density(hidden[0], values).double().cpu().numpy() - math.log(units["deviation"])
        return nats

    def sample(self, n: int, *, seed: int | None = None, after: Series | None = None) -> Series:
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
        return Series(values, self._times(check_count(n), after), self._units["unit"])

    @torch.no_grad()
    def sample_paths(self, paths: int, n: int, *, seed: int | None = None, after: Series | None = None) -> Floats:
        """Draw several paths of ``n`` values side by side, (paths, n); the arguments are those of :meth:`sample`."""
        units = self._fitted_units()
        paths, n = check_count(paths), check_count(n)
        generator = new_generator(seed, self.device)
        state, last = self.cell.zero_state(paths), torch.zeros(paths, device=self.device)
        if after is not None and len(after):
            one, value = self._after(after)
            state, last = tuple(part.expand(paths, -1) for part in one), value.expand(paths)
        times = self._times(n, after)
        phases = self._phases(Series(np.zeros(n), times, units["unit"]))
        drawn = []
        for phase in phases:
            inputs = self._inputs(last[:, None], phase.expand(paths, 1))
            state = self.cell(inputs[:, 0], state)
            weights, means, scales = self.mixture(state[0])
            chosen = torch.multinomial(weights.exp(), 1, generator=generator)
            noise = torch.randn(paths, generator=generator, device=self.device)
            last = means.gather(1, chosen)[:, 0] + scales.gather(1, chosen)[:, 0] * noise
            drawn.append(last)
        standard = torch.stack(drawn, dim=1).double().cpu().numpy()
        found: Floats = units["mean"] + units["deviation"] * standard
        return found

    # Stage 3: what the two stages above share.

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device

    def _inputs(self, read: Tensor, phases: Tensor) -> Tensor:
        """Return what the cell reads, (n, T, 1 or 3): the last value, and the season of the one to be predicted."""
        if self.period is None:
            return read[..., None]
        return torch.stack([read, phases.sin(), phases.cos()], dim=-1)

    def _after(self, past: Series) -> tuple[State, Tensor]:
        """Return the state of one network that has read a series but for its last value, and that value, (1,)."""
        values, phases = self._standardised(_checked(past))
        read = F.pad(values[:-1], (1, 0))[None]
        _, state = self.cell.fused(self._inputs(read, phases[None]), self.cell.zero_state(1))
        return state, values[-1:]

    def _windows(self, data: Series, name: str) -> tuple[Tensor, Tensor]:
        if len(data) < self.context:
            raise ValueError(
                f"{name} has {len(data)} values, fewer than a window of context={self.context}; give more, or make the "
                "context shorter"
            )
        values, phases = self._standardised(data)
        stride = max(1, self.context // 8)
        return values.unfold(0, self.context, stride), phases.unfold(0, self.context, stride)

    def _standardised(self, data: Series) -> tuple[Tensor, Tensor]:
        values = (data.values - self._units["mean"]) / self._units["deviation"]
        return torch.from_numpy(values.astype(np.float32)).to(self.device), self._phases(data)

    def _phases(self, data: Series) -> Tensor:
        angle = np.zeros(len(data)) if self.period is None else 2 * np.pi * (_numbers(data) / self.period % 1)
        return torch.from_numpy(angle.astype(np.float32)).to(self.device)

    def _times(self, n: int, after: Series | None) -> NDArray[Any]:
        """Return the times of a path."""
        begin = self._units["first"] if after is None or not len(after) else _numbers(after)[-1] + self._units["step"]
        times: NDArray[Any] = begin + self._units["step"] * np.arange(n)
        return times.astype(np.int64).astype("datetime64[D]") if self._units["dates"] else times

    def _fitted_units(self) -> dict[str, Any]:
        if not self.fitted:
            raise NotFittedError("this RecurrentSeries has not been fitted: call fit(data) or load(path) first")
        return self._units

    # Stage 4: keeping.

    def config(self) -> dict[str, Any]:
        """Return the arguments, the units of the training series, and how long the training took."""
        names = ("width", "components", "period", "context", "noise", "dropout")
        arguments = {"cell": self.kind} | {name: getattr(self, name) for name in names}
        return {"arguments": arguments, "units": self._units, "trained": self.trained}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Tensor]) -> Self:
        """Make a fitted model from what :meth:`config` and :meth:`state` returned."""
        model = cls(**config["arguments"])
        model._units, model.trained = config["units"], config["trained"]
        model.load_state_dict(state)
        model.fitted = True
        return model.eval()


def _numbers(data: Series) -> Floats:
    """Return times as numbers: days for dates, and what they are otherwise."""
    if np.issubdtype(data.times.dtype, np.datetime64):
        return data.times.astype("datetime64[D]").astype(np.int64).astype(np.float64)
    return np.asarray(data.times, dtype=np.float64)


def _checked(data: object) -> Series:
    """Return what is a series of finite values, or refuse it."""
    if not isinstance(data, Series):
        raise TypeError(f"the model learns from sdg_lab.data.Series, got {type(data).__name__}: wrap it in Series(...)")
    if len(data) == 0:
        raise ValueError("the series is empty: give at least one value")
    return data
