"""A linear predictor of the next sample, which has coded speech since the 1970s: what a network has to beat.

Atal & Hanauer, *Speech Analysis and Synthesis by Linear Prediction of the Speech Wave* (1971). The next sample is
predicted as Σ_k a_k x_{t-k}, one set of coefficients for each instrument, by least squares; how far off it will be is
told by how far off it has just been. An error distributed as Student's t, over the interval of each μ-law code, makes
it an exact likelihood of the codes, comparable with that of any other model of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import seed_or_none, whole
from sdg_lab.data.types import Sounds, as_sounds
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.models.waveforms.mu_law import EDGES, decode, encode

FORGET = 0.95
"""Of the squared errors, what counts of the last mean in the next: about the last twenty samples."""

FLOOR = 1e-4
"""An error that is expected in silence: less than the quietest step of μ-law."""

DEGREES = 5.0
"""Of freedom of the errors' distribution."""

SCALES = np.geomspace(0.3, 2.0, 20)
"""By what an error's recent size is multiplied, to be tried on the training data."""


class LinearPredictor(SyntheticModel[Sounds]):
    """Linear prediction of μ-law coded sounds, with an error whose size follows the sound.

    Args:
        order: samples that it looks back.

    Attributes:
        coefficients: (classes, order), of the sample before first; one row where the sounds have no labels.
        scale: the factor of :data:`SCALES` that the training data liked best.
    """

    def __init__(self, *, order: int = 32) -> None:
        self.order = whole("order", order, least=1)
        self.coefficients: NDArray[np.float64] = np.empty((0, order))
        self.scale = 1.0
        self.rate = self.length = 0
        self.class_names: tuple[str, ...] = ()
        self.labels: NDArray[np.int64] = np.empty(0, np.int64)

    def fit(self, data: Sounds, *, seed: int = 0, progress: bool = True) -> LinearPredictor:
        """Solve the normal equations of each instrument; every sound counts alike, loud or soft.

        Args:
            data: sounds; labels, if there are any, must not leave out a class below the largest.
            seed: nothing is random.
            progress: there is nothing to show.

        Raises:
            TypeError: if the data are no sounds.
            ValueError: if there are none, all are silent, or a class has no sound.
        """
        sounds = as_sounds(data)
        if len(sounds) == 0:
            raise ValueError("there are no sounds; give at least one")
        waves = decode(encode(sounds.waves)).astype(np.float64)
        labels = np.zeros(len(sounds), np.int64) if sounds.labels is None else sounds.labels
        rows, loud = [], sounds.waves.any(axis=1)  # the code of silence stands for a wave that is nearly 0, not quite
        for label in range(int(labels.max()) + 1):
            own = waves[loud & (labels == label)]
            if len(own) == 0:
                raise ValueError(f"class {label} has no sound, or only silent ones; number the classes without it")
            rows.append(coefficients(own, self.order))
        before = self.__dict__.copy()
        self.coefficients, self.labels = np.stack(rows), labels
        self.rate, self.length, self.class_names = sounds.rate, sounds.waves.shape[1], sounds.classes
        try:
            some = sounds[:: max(1, len(sounds) // 64)]
            likely = []
            for self.scale in SCALES:
                likely.append(self.log_prob(some).sum())
            self.scale = float(SCALES[int(np.argmax(likely))])
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def predict(self, waves: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the prediction of each sample from those before it, (n, T); before the first was silence."""
        from scipy import signal

        found = np.empty_like(waves)
        for row, label in enumerate(labels):
            filtered = signal.lfilter(np.concatenate([[0.0], self.coefficients[label]]), [1.0], waves[row])
            found[row] = filtered
        return found

    def log_prob(self, x: Sounds) -> NDArray[np.float64]:
        """Return the exact log-probability of each sound's μ-law codes, given its label, in nats, (n,).

        Raises:
            TypeError: if these are no sounds.
            ValueError: if they have another rate, other classes, or a label that was not there in training.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        sounds = as_sounds(x)
        if sounds.rate != self.rate:
            raise ValueError(
                f"the sounds have {sounds.rate:,} samples a second, not {self.rate:,}; resample them first"
            )
        labels = self._labels(sounds)
        codes = encode(sounds.waves).astype(np.int64)
        waves = decode(codes).astype(np.float64)
        predicted = self.predict(waves, labels)
        spread = self.scale * _recent(waves - predicted)
        low, high = ((EDGES[codes + step] - predicted) / spread for step in (0, 1))
        found: NDArray[np.float64] = _log_between(low, high).sum(axis=1)
        return found

    def bits_per_sample(self, x: Sounds) -> NDArray[np.float64]:
        """Return -log₂ P of each sound over its samples, (n,)."""
        found: NDArray[np.float64] = -self.log_prob(x) / (np.log(2) * as_sounds(x).waves.shape[1])
        return found

    def sample(self, n: int, *, seed: int | None = None) -> Sounds:
        """Draw ``n`` sounds, of the training data's labels and length; a wave that would leave [-1, 1] is cut there."""
        self.require_fitted()
        n, rng = check_count(n), np.random.default_rng(seed_or_none(seed))
        labels = self.labels[rng.integers(len(self.labels), size=n)]
        taps = self.coefficients[labels]
        past, square = np.zeros((n, self.order)), np.full(n, FLOOR**2)
        waves = np.empty((n, self.length), np.float32)
        for t in range(self.length):
            predicted = (taps * past).sum(axis=1)
            drawn = predicted + self.scale * np.sqrt(square) * rng.standard_t(DEGREES, n)
            heard = decode(encode(np.clip(drawn, -1, 1)))
            square = FORGET * square + (1 - FORGET) * ((heard - predicted) ** 2 + FLOOR**2)
            past = np.concatenate([heard[:, None], past[:, :-1]], axis=1)
            waves[:, t] = heard
        labelled = len(self.coefficients) > 1 or self.class_names
        return Sounds(waves, self.rate, labels if labelled else None, self.class_names)

    @property
    def fitted(self) -> bool:
        """Whether it has coefficients."""
        return len(self.coefficients) > 0

    @property
    def n_parameters(self) -> int:
        """Coefficients, and the scale."""
        self.require_fitted()
        return self.coefficients.size + 1

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the coefficients, and the labels that are drawn from."""
        self.require_fitted()
        return {"coefficients": self.coefficients, "labels": self.labels}

    def facts(self) -> dict[str, Any]:
        """Return the scale, and what it knows of its training data."""
        about = {"scale": self.scale, "rate": self.rate, "length": self.length}
        return {**about, "class_names": list(self.class_names)}

    def restore(self, state: dict[str, Any], facts: dict[str, Any]) -> None:
        """Become the fitted predictor whose state and facts these are."""
        self.coefficients, self.labels = state["coefficients"], state["labels"]
        if self.coefficients.ndim != 2 or self.coefficients.shape[1] != self.order or len(self.labels) == 0:
            raise ValueError(f"coefficients must have shape (classes, {self.order}), got {self.coefficients.shape}")
        self.scale = float(facts["scale"])
        self.rate, self.length = whole("rate", facts["rate"], least=1), whole("length", facts["length"], least=1)
        self.class_names = tuple(str(name) for name in facts["class_names"])

    def _labels(self, sounds: Sounds) -> NDArray[np.int64]:
        if len(self.coefficients) == 1 and not self.class_names:
            return np.zeros(len(sounds), np.int64)
        if sounds.labels is None:
            raise ValueError("this predictor was fitted on labelled sounds: these need labels")
        if sounds.classes and self.class_names and sounds.classes != self.class_names:
            raise ValueError(
                f"the sounds' classes are {', '.join(sounds.classes)}, those of the training data "
                f"{', '.join(self.class_names)}; number the labels as there"
            )
        if len(sounds) and sounds.labels.max() >= len(self.coefficients):
            raise ValueError(f"labels must lie in 0..{len(self.coefficients) - 1}, got {sounds.labels.max()}")
        return sounds.labels


def coefficients(
    waves: NDArray[Any], order: int, lags: NDArray[np.int64] | None = None, around: int = 0
) -> NDArray[np.float64]:
    """Return the coefficients that predict best in the mean square, of the sample before first, (order + around,).

    Args:
        waves: (n, samples), of which silence stands before each; loud and soft ones count alike, silent ones do not.
        order: how many samples just before are read.
        lags: for each wave, how long ago further samples are read, (n,); by default none are.
        around: how many, with the lag in their middle.
    """
    around = 0 if lags is None else around
    gram, against = np.eye(order + around) * 1e-12, np.zeros(order + around)
    for row, wave in enumerate(np.asarray(waves, dtype=np.float64)):
        if not wave.any():
            continue
        loud = wave / np.sqrt(np.square(wave).mean())
        past = _before(loud, 1, order)
        if lags is not None:
            past = np.concatenate([past, _before(loud, int(lags[row]) - around // 2, around)], axis=1)
        gram += past.T @ past
        against += past.T @ loud
    ridge = 1e-6 * np.trace(gram) / len(gram)  # a looped recording is periodic: its past is then linearly dependent
    found: NDArray[np.float64] = np.linalg.solve(gram + ridge * np.eye(len(gram)), against)
    return found


def _before(wave: NDArray[np.float64], first: int, count: int) -> NDArray[np.float64]:
    """Return the samples first, first + 1, … before each, (T, count)."""
    padded = np.pad(wave, (first + count - 1, 0))[: len(wave) + count - 1]
    return np.lib.stride_tricks.sliding_window_view(padded, count)[:, ::-1]


def _recent(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the size of the errors before each, as a moving root mean square, (n, T)."""
    from scipy import signal

    squares = signal.lfilter([1 - FORGET], [1, -FORGET], errors**2 + FLOOR**2, axis=1, zi=_start(len(errors)))[0]
    before = np.concatenate([np.full((len(errors), 1), FLOOR**2), squares[:, :-1]], axis=1)
    found: NDArray[np.float64] = np.sqrt(before)
    return found


def _start(n: int) -> NDArray[np.float64]:
    """Return the filter's state after silence."""
    return np.full((n, 1), FORGET * FLOOR**2)


def _log_between(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log P(low < T < high) of Student's t, computed in the tail where both are on one side of 0."""
    from scipy.special import stdtr

    flip = low > 0  # the upper tail, seen from the lower one, keeps its digits
    low, high = np.where(flip, -high, low), np.where(flip, -low, high)
    between = stdtr(DEGREES, high) - stdtr(DEGREES, low)
    found: NDArray[np.float64] = np.log(np.maximum(between, np.finfo(np.float64).tiny))
    return found
