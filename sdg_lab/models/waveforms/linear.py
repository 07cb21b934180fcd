"""A linear predictor of the next sample, which has coded speech since the 1970s: what a network has to beat.

Atal & Hanauer, *Speech Analysis and Synthesis by Linear Prediction of the Speech Wave* (1971). The next sample is
predicted as Σ_k a_k x_{t-k}, by least squares, with one set of coefficients for each pitch, since harmonics lie at
multiples of it, whatever plays them; or for each note, an instrument at a pitch, since how loud each of them is tells
the instrument. How far off the prediction will be is told by how far off it has just been. An error
distributed as Student's t, over the interval of each μ-law code, makes it an exact likelihood of the codes, comparable
with that of any other model of them.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import number, one_of, seed_or_none, whole
from sdg_lab.data.types import Sounds, as_sounds
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.models.waveforms.mu_law import LEVELS, MOST_LEVELS, audible, decode, edges, encode
from sdg_lab.models.waveforms.notes import check_notes, every_note, require

By = Literal["pitch", "instrument", "note", "all"]

NOTES = 128
"""MIDI note numbers."""

FORGET = 0.95
"""Of the squared errors, what counts of the last mean in the next: about the last twenty samples."""

FLOOR = 1e-4
"""An error that is expected in silence: less than the quietest step of μ-law."""

SHARED = 0.01
"""Of the mean equations of all waves, what is added to those of each class, in units of a wave's."""

GROUPED = 0.1
"""And of the mean equations of its group."""

RIDGE = 1e-6
"""Added to the diagonal, in units of its mean."""

DEGREES = 5.0
"""Of freedom of the errors' distribution."""

SCALES = np.geomspace(0.3, 2.0, 20)
"""By what an error's recent size is multiplied, to be tried on the training data."""


class LinearPredictor(SyntheticModel[Sounds]):
    """Linear prediction of μ-law coded sounds, with an error whose size follows the sound.

    Args:
        order: samples that it looks back.
        by: for what there is a set of coefficients each: "pitch", "instrument", "note", an instrument at a pitch, which
            may be one that training has at other pitches only, or "all", one for all sounds.
        levels: of the μ-law codes. An even number has no level for 0: silence is then half a step, which is much of few
            levels.

    Attributes:
        coefficients: (sets, order), of the sample before first; a pitch that training did not have gets those of all,
            and a note those of the instrument's nearest pitch, played faster or slower.
        scale: the factor of :data:`SCALES` that the training data liked best.
    """

    def __init__(self, *, order: int = 64, by: By = "pitch", levels: int = LEVELS) -> None:
        self.order = whole("order", order, least=1)
        self.by: By = one_of("by", by, get_args(By))
        self.levels = whole("levels", levels, least=2, most=MOST_LEVELS)
        self.coefficients: NDArray[np.float64] = np.empty((0, order))
        self.scale = 1.0
        self.rate = self.length = 0
        self.class_names: tuple[str, ...] = ()
        self.notes: NDArray[np.int64] = np.empty((0, 2), np.int64)

    def fit(self, data: Sounds, *, seed: int = 0, progress: bool = True) -> LinearPredictor:
        """Solve the normal equations of each set; every sound counts alike, loud or soft.

        Args:
            data: sounds, with the pitches or labels that tell the sets apart.
            seed: nothing is random.
            progress: there is nothing to show.

        Raises:
            TypeError: if the data are no sounds.
            ValueError: if there are none, all are silent as codes, or they lack what tells the sets apart.
        """
        sounds = as_sounds(data)
        if len(sounds) == 0:
            raise ValueError("there are no sounds; give at least one")
        waves = self._rounded(sounds.waves).astype(np.float64)
        loud = audible(sounds.waves, self.levels)
        if not loud.any():
            raise ValueError("all sounds are silent; give some that are heard")
        keys = self._keys(sounds)
        if self.by == "note":
            found = self._by_note(waves[loud], sounds[loud], int(keys.max()) // NOTES + 1)
        else:
            count = NOTES if self.by == "pitch" else int(keys.max()) + 1
            found = by_class(waves[loud], keys[loud], count, self.order)
        before = self.__dict__.copy()
        self.coefficients, self.notes = (
            found,
            np.stack([_or_none(sounds.labels, len(sounds)), _or_none(sounds.pitches, len(sounds))], axis=1),
        )
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

    def predict(self, waves: NDArray[np.float64], keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the prediction of each sample from those before it, (n, T); before the first was silence."""
        return waves - errors_of(waves, self.coefficients[keys])

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
        keys = self._keys(sounds)
        if len(keys) and keys.max() >= len(self.coefficients):
            a_label = NOTES if self.by == "note" else 1
            last = len(self.coefficients) // a_label - 1
            raise ValueError(f"labels must lie in 0..{last}, got {keys.max() // a_label}")
        codes = encode(sounds.waves, self.levels).astype(np.int64)
        waves, ends = decode(codes, self.levels).astype(np.float64), edges(self.levels)
        predicted = self.predict(waves, keys)
        spread = self.scale * _recent(waves - predicted)
        low, high = ((ends[codes + step] - predicted) / spread for step in (0, 1))
        found: NDArray[np.float64] = _log_between(low, high).sum(axis=1)
        return found

    def bits_per_sample(self, x: Sounds) -> NDArray[np.float64]:
        """Return -log₂ P of each sound over its samples, (n,)."""
        found: NDArray[np.float64] = -self.log_prob(x) / (np.log(2) * as_sounds(x).waves.shape[1])
        return found

    def sample(self, n: int, *, seed: int | None = None) -> Sounds:
        """Draw ``n`` sounds, of the training data's notes and length; a wave that would leave [-1, 1] is cut there."""
        self.require_fitted()
        n, rng = check_count(n), np.random.default_rng(seed_or_none(seed))
        label, pitch = self.notes[rng.integers(len(self.notes), size=n)].T
        keys = {"pitch": pitch, "instrument": label, "note": label * NOTES + pitch, "all": np.zeros(n, np.int64)}
        taps = self.coefficients[keys[self.by]]
        past, square = np.zeros((n, self.order)), np.full(n, FLOOR**2)
        waves = np.empty((n, self.length), np.float32)
        for t in range(self.length):
            predicted = (taps * past).sum(axis=1)
            drawn = predicted + self.scale * np.sqrt(square) * rng.standard_t(DEGREES, n)
            heard = self._rounded(np.clip(drawn, -1, 1))
            square = FORGET * square + (1 - FORGET) * ((heard - predicted) ** 2 + FLOOR**2)
            past = np.concatenate([heard[:, None], past[:, :-1]], axis=1)
            waves[:, t] = heard
        known = (None if (column < 0).any() else column for column in (label, pitch))
        return Sounds(waves, self.rate, next(known), self.class_names, next(known))

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
        """Return the coefficients, and the notes that are drawn from."""
        self.require_fitted()
        return {"coefficients": self.coefficients, "notes": self.notes}

    def facts(self) -> dict[str, Any]:
        """Return the scale, and what it knows of its training data."""
        about = {"scale": self.scale, "rate": self.rate, "length": self.length}
        return {**about, "class_names": list(self.class_names)}

    def restore(self, state: dict[str, Any], facts: dict[str, Any]) -> None:
        """Become the fitted predictor whose state and facts these are."""
        require(state, "coefficients", "notes")
        require(facts, "scale", "rate", "length", "class_names")
        self.coefficients, self.notes = state["coefficients"], state["notes"]
        if self.coefficients.ndim != 2 or self.coefficients.shape[1] != self.order or not self.notes.shape[1:] == (2,):
            raise ValueError(f"coefficients must have shape (sets, {self.order}), got {self.coefficients.shape}")
        if self.by in ("pitch", "note") and len(self.coefficients) % NOTES:
            raise ValueError(
                f"coefficients by {self.by} must be {NOTES} sets or a multiple, got {len(self.coefficients)}"
            )
        if not np.isfinite(self.coefficients).all():
            raise ValueError("some coefficients are not finite")
        self.scale = number("scale", facts["scale"], above=0)
        self.rate, self.length = whole("rate", facts["rate"], least=1), whole("length", facts["length"], least=1)
        self.class_names = tuple(str(name) for name in facts["class_names"])
        sets = len(self.coefficients)
        labels = sets if self.by == "instrument" else sets // NOTES if self.by == "note" else len(self.class_names)
        check_notes(
            self.notes,
            labels=(0 if self.by in ("instrument", "note") else -1, labels - 1 if labels else None),
            pitches=(0 if self.by in ("pitch", "note") else -1, NOTES - 1),
        )

    def _rounded(self, waves: NDArray[Any]) -> NDArray[np.float32]:
        """Return waves as their codes have them."""
        return decode(encode(waves, self.levels), self.levels)

    def _keys(self, sounds: Sounds) -> NDArray[np.int64]:
        """Return which set of coefficients is each sound's, (n,)."""
        keys = np.zeros(len(sounds), np.int64)
        for column, missing, of in (
            (sounds.labels, "labels", ("instrument", "note")),
            (sounds.pitches, "pitches", ("pitch", "note")),
        ):
            if self.by in of:
                if column is None:
                    raise ValueError(
                        f"a predictor by {self.by} needs sounds with {missing}; give them, or take by='all'"
                    )
                keys = keys * NOTES + column
        named = self.by in ("instrument", "note") and sounds.classes and self.class_names
        if named and sounds.classes != self.class_names:
            raise ValueError(
                f"the sounds' classes are {', '.join(sounds.classes)}, those of the training data "
                f"{', '.join(self.class_names)}; number the labels as there"
            )
        return keys

    def _by_note(self, waves: NDArray[np.float64], sounds: Sounds, instruments: int) -> NDArray[np.float64]:
        """Return the coefficients of each of so many instruments at each pitch; not all of them need be heard."""
        labels, pitches = sounds.labels, sounds.pitches
        assert labels is not None
        assert pitches is not None
        low, high = int(pitches.min()), int(pitches.max())
        filled, label, tone = every_note(waves, labels, pitches - low, high - low + 1)
        count = instruments * NOTES
        groups = np.arange(count) % NOTES
        return by_class(filled, label * NOTES + tone + low, count, self.order, groups=groups)


def _or_none(column: NDArray[np.int64] | None, n: int) -> NDArray[np.int64]:
    """Return a column of the notes, -1 where there is none."""
    return np.full(n, -1, np.int64) if column is None else column


def by_class(
    waves: NDArray[Any],
    classes: NDArray[np.int64],
    count: int,
    order: int,
    *,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return for each class the coefficients that predict best in the mean square, (count, order).

    Coefficients begin with that of the sample before. A class's own waves count as they are; a hundredth of the mean
    over all waves is added to their equations, which decides alone where a class has none, and if classes form groups,
    a tenth of the mean over the group's.

    Args:
        waves: (n, samples), none silent, with silence before each; loud and soft ones count alike.
        classes: of each, in 0..count-1, (n,).
        count: how many classes there are.
        order: samples that are read.
        groups: of each class, (count,), whole numbers from 0.
    """
    grams, against = np.zeros((count, order, order)), np.zeros((count, order))
    for label, wave in zip(classes, np.asarray(waves, dtype=np.float64), strict=True):
        loud = wave / np.sqrt(np.square(wave).mean())
        past = np.lib.stride_tricks.sliding_window_view(np.pad(loud, (order, 0))[:-1], order)[:, ::-1]
        grams[label] += past.T @ past
        against[label] += past.T @ loud
    for equations in (grams, against):
        whole = SHARED * equations.sum(axis=0) / max(len(waves), 1)
        if groups is not None:
            sums = np.zeros((groups.max() + 1, *equations.shape[1:]))
            np.add.at(sums, groups, equations)
            sizes = np.bincount(groups[classes], minlength=len(sums)).reshape(-1, *[1] * (equations.ndim - 1))
            equations += GROUPED * (sums / np.maximum(sizes, 1))[groups]
        equations += whole
    # A looped recording is periodic, and its past then linearly dependent: a little ridge decides among equals.
    ridge = RIDGE * grams.trace(axis1=1, axis2=2) / order + np.finfo(np.float64).tiny
    found: NDArray[np.float64] = np.linalg.solve(grams + ridge[:, None, None] * np.eye(order), against[:, :, None])
    return found[:, :, 0]


def errors_of(waves: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each sample is from its linear prediction, (n, T); before the first was silence.

    Args:
        waves: (n, T).
        coefficients: of each wave, that of the sample before first, (n, order).
    """
    from scipy import signal

    found = np.empty_like(waves)
    for row, taps in enumerate(coefficients):
        found[row] = signal.lfilter(np.concatenate([[1.0], -taps]), [1.0], waves[row])
    return found


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
