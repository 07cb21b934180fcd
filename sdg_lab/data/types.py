"""What a loader returns: a card that says what the data is, and three parts that hold it.

Every container checks itself when it is made, so that bad data is refused where it enters and not where it hurts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import several, whole
from sdg_lab.tables.columns import as_array, got

T = TypeVar("T")

Kind: TypeAlias = Literal["images", "sounds", "sequences", "pairs", "text", "series", "table", "network"]
Selection: TypeAlias = "slice | Sequence[int] | NDArray[np.integer[Any]] | NDArray[np.bool_]"


@dataclass(frozen=True)
class Card:
    """Say what a data set is and where it comes from; written once, shown in the docstring and in the catalog.

    Attributes:
        name: how ``data.load`` finds it.
        title: what it is, in a few words.
        kind: the type of its parts.
        source: who made it.
        licence: under which terms it may be used.
        shape: how much there is, and the shape of one item.
        units: what the numbers or symbols mean.
        package: import name of the package that ships it; empty for the user's own files.
        target: the column that one usually predicts (tables only).
        extra: anything that a user would otherwise stumble over.
    """

    name: str
    title: str
    kind: Kind
    source: str
    licence: str
    shape: str
    units: str
    package: str
    target: str = ""
    extra: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Generic[T]):
    """A data set in three parts: fit on ``train``, choose on ``validation``, report on ``test``.

    Attributes:
        card: what it is and where it comes from.
        train: the part that models are fitted on.
        validation: the part that settings are chosen on.
        test: the part that is never trained on.
        notes: what was decided when a file was read, or left out.
    """

    card: Card
    train: T
    validation: T
    test: T
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def parts(self) -> dict[str, T]:
        """The three parts by name, in order."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def __repr__(self) -> str:
        unit = "characters" if self.card.kind == "text" else "items"
        sizes = ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())  # type: ignore[arg-type]
        shown = f"<{self.card.name}: {self.card.title}; {self.card.kind}, {unit}: {sizes}>"
        return "\n  ".join((shown, *self.notes))


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """Pictures of one size, and what they show.

    Attributes:
        pixels: float32, shape (n, channels, height, width), each in [0, 1]: 0 is background, 1 is full ink or light.
        labels: int64, shape (n,), or None.
        classes: what each label means, so that ``classes[label]`` can be printed; empty if there are no labels.

    Raises:
        TypeError: for what is no array, or of another dtype.
        ValueError: for another shape, a pixel that is not in [0, 1], or labels that do not fit.
    """

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_array("pixels", self.pixels)
        if self.pixels.dtype != np.float32:
            raise TypeError(f"pixels must be float32, got {self.pixels.dtype}; divide by the largest grey level first")
        if self.pixels.ndim != 4:
            raise ValueError(f"pixels must have shape (n, channels, height, width), got {self.pixels.shape}")
        # Written so that NaN fails as well: every comparison with NaN is false.
        if not bool(np.all((self.pixels >= 0) & (self.pixels <= 1))):
            wrong = int(
                np.flatnonzero(~((self.pixels >= 0) & (self.pixels <= 1)).reshape(len(self), -1).all(axis=1))[0]
            )
            raise ValueError(
                f"pixels must be in [0, 1], got values from {self.pixels[wrong].min()} to {self.pixels[wrong].max()} "
                f"in image {wrong}; divide by the largest grey level, and repair NaN"
            )
        _check_labels(self.labels, self.classes, len(self), "image")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, chosen: Selection) -> Images:
        if isinstance(chosen, int | np.integer):
            raise TypeError(
                f"images[{chosen}] is one image; take images[{chosen}:{chosen + 1 or ''}] or images.pixels[{chosen}]"
            )
        labels = None if self.labels is None else self.labels[chosen]
        return Images(self.pixels[chosen], labels, self.classes)

    def numbered_as(self, classes: Sequence[str]) -> Images:
        """Return the same images with each label's number in another list of classes, found by its name.

        Where one of both has no names, numbers are all there is, and they stay.

        Raises:
            ValueError: if an image shows a class that is not in the list.
        """
        if self.labels is None or not self.classes or not classes or tuple(classes) == self.classes:
            return self
        place = {name: number for number, name in enumerate(classes)}
        shown = np.unique(self.labels)
        if unknown := [self.classes[label] for label in shown if self.classes[label] not in place]:
            raise ValueError(f"the class {unknown[0]!r} is none of {', '.join(classes)}; leave its images out")
        numbers = np.array([place.get(name, -1) for name in self.classes], dtype=np.int64)
        return Images(self.pixels, numbers[self.labels], tuple(classes))

    def __repr__(self) -> str:
        channels, height, width = self.shape
        labelled = f", {len(self.classes)} classes" if self.classes else "" if self.labels is None else ", labelled"
        return f"<Images: {len(self):,} of {channels}×{height}×{width}{labelled}>"


@dataclass(frozen=True, eq=False, repr=False)
class Sounds:
    """Recordings of one length and rate, of one channel each, and what is heard.

    Attributes:
        waves: float32, shape (n, samples), the pressure of the air in [-1, 1]: 0 is silence, ±1 is full scale.
        rate: samples per second (Hz).
        labels: int64, shape (n,), which instrument or class is heard, or None.
        classes: what each label means; empty if there are no labels.
        pitches: int64, shape (n,), the MIDI note number of each in 0..127 (69 is A4 = 440 Hz, one more is a semitone
            more), or None.

    Raises:
        TypeError: for what is no array, or of another dtype.
        ValueError: for another shape, a sample that is not in [-1, 1], a rate below 1 Hz, or labels or pitches that do
            not fit.
    """

    waves: NDArray[np.float32]
    rate: int
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    pitches: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _check_array("waves", self.waves)
        if self.waves.dtype != np.float32:
            raise TypeError(f"waves must be float32, got {self.waves.dtype}; divide by the full scale first")
        if self.waves.ndim != 2 or self.waves.shape[1] == 0:
            raise ValueError(f"waves must have shape (n, samples), samples >= 1, got {self.waves.shape}")
        # Written so that NaN fails as well, as in Images.
        if len(wrong := np.flatnonzero(~(np.abs(self.waves) <= 1).all(axis=1))):
            wave = self.waves[wrong[0]]
            raise ValueError(
                f"waves must be in [-1, 1], got values from {wave.min()} to {wave.max()} in sound {wrong[0]}; "
                "divide by the full scale, and repair NaN"
            )
        object.__setattr__(self, "rate", whole("rate", self.rate, least=1))  # numpy's integers are no JSON
        _check_labels(self.labels, self.classes, len(self), "sound")
        if self.pitches is not None:
            _check_numbers("pitches", self.pitches, len(self), "sound")
            if len(self) and not 0 <= int(self.pitches.min()) <= int(self.pitches.max()) <= 127:
                raise ValueError(
                    f"pitches must be MIDI note numbers in 0..127, got {self.pitches.min()} to {self.pitches.max()}"
                )

    @property
    def seconds(self) -> float:
        """How long each sound is."""
        return int(self.waves.shape[1]) / self.rate

    def __len__(self) -> int:
        return len(self.waves)

    def __getitem__(self, chosen: Selection) -> Sounds:
        if isinstance(chosen, int | np.integer):
            raise TypeError(
                f"sounds[{chosen}] is one sound; take sounds[{chosen}:{chosen + 1 or ''}] or sounds.waves[{chosen}]"
            )
        labels, pitches = (None if kept is None else kept[chosen] for kept in (self.labels, self.pitches))
        return Sounds(self.waves[chosen], self.rate, labels, self.classes, pitches)

    def __repr__(self) -> str:
        labelled = f", {len(self.classes)} classes" if self.classes else "" if self.labels is None else ", labelled"
        return f"<Sounds: {len(self):,} of {self.seconds:g} s at {self.rate:,} Hz{labelled}>"


@dataclass(frozen=True, eq=False, repr=False)
class Series:
    """One quantity measured at rising times.

    Attributes:
        values: float64, shape (n,), all finite.
        times: datetime64[D] or years as floats, shape (n,), strictly rising.
        unit: the unit of the values.

    Raises:
        TypeError: for what is no array, or of another dtype.
        ValueError: for another shape, a value or time that is not finite (NaT is not), or times that do not rise.
    """

    values: NDArray[np.float64]
    times: NDArray[Any]
    unit: str

    def __post_init__(self) -> None:
        _check_array("values", self.values)
        _check_array("times", self.times)
        if self.values.dtype != np.float64:
            raise TypeError(f"values must be float64, got {self.values.dtype}")
        if self.times.dtype not in (np.dtype("datetime64[D]"), np.dtype(np.float64)):
            raise TypeError(f"times must be datetime64[D] or float64 (years), got {self.times.dtype}")
        if self.values.ndim != 1 or self.values.shape != self.times.shape:
            raise ValueError(
                f"values and times must have one shape (n,), got {self.values.shape} and {self.times.shape}"
            )
        for name, numbers in (("values", self.values), ("times", self.times)):
            wrong = np.flatnonzero(~np.isfinite(numbers))
            if len(wrong):
                raise ValueError(
                    f"{name} must be finite, got {numbers[wrong[0]]} at index {wrong[0]}; fill or cut the gap first"
                )
        falls = np.flatnonzero(self.times[1:] <= self.times[:-1])
        if len(falls):
            index = int(falls[0]) + 1
            raise ValueError(
                f"times must rise, but {self.times[index]} at index {index} follows {self.times[index - 1]}"
            )

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, chosen: slice) -> Series:
        if not isinstance(chosen, slice):
            raise TypeError(f"cut a series with a slice, got {chosen!r}; single values are in series.values")
        return Series(self.values[chosen], self.times[chosen], self.unit)

    def __repr__(self) -> str:
        when = f", {self.times[0]} to {self.times[-1]}" if len(self) else ""
        return f"<Series: {len(self):,} values in {self.unit}{when}>"


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A Bayesian network over discrete variables: a directed acyclic graph and one table for each node.

    Attributes:
        nodes: the variables, parents before children: sampling them in this order is ancestral sampling.
        states: the values of each node, in the order of the table's axis.
        parents: the parents of each node, in the order of the table's axes; () for a root.
        cpts: float64, for each node its conditional probability table p(node | parents), of shape
            (states of parents..., states of node); the last axis sums to 1.

    Raises:
        TypeError: if what belongs to the nodes is no mapping, or a table no array.
        ValueError: if two nodes, or two states of a node, have one name; if a parent is unknown or late; or if a table
            has another shape, is negative or does not sum to 1.
    """

    nodes: tuple[str, ...]
    states: Mapping[str, tuple[str, ...]]
    parents: Mapping[str, tuple[str, ...]]
    cpts: Mapping[str, NDArray[np.float64]]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        _refuse_twins("nodes", several("nodes", self.nodes))
        for node in self.nodes:
            for held in ("states", "parents", "cpts"):
                if not isinstance(getattr(self, held), Mapping):
                    raise TypeError(
                        f"{held} must say something for each node, as a dict does, got {got(getattr(self, held))}"
                    )
                if node not in getattr(self, held):
                    raise ValueError(f"{held} says nothing about node {node!r}")
            _refuse_twins(f"the states of {node!r}", several(f"the states of {node!r}", self.states[node]))
            late = [parent for parent in self.parents[node] if parent not in seen]
            if late:
                raise ValueError(
                    f"parent {late[0]!r} of {node!r} must come before it in nodes (and no cycle may remain)"
                )
            shape = tuple(len(self.states[name]) for name in (*self.parents[node], node))
            cpt = self.cpts[node]
            _check_array(f"the table of {node!r}", cpt)
            if cpt.shape != shape:
                raise ValueError(f"the table of {node!r} must have shape {shape} (parents..., node), got {cpt.shape}")
            wrong = np.argwhere((cpt < 0).any(axis=-1) | ~np.isclose(cpt.sum(axis=-1), 1, rtol=0, atol=1e-9))
            if len(wrong):
                above = zip(self.parents[node], wrong[0], strict=True)
                setting = ", ".join(f"{parent} = {self.states[parent][state]}" for parent, state in above)
                raise ValueError(
                    f"each row of the table of {node!r} must be probabilities that sum to 1, got "
                    f"{cpt[tuple(wrong[0])]}" + (f" where {setting}" if setting else "")
                )
            seen.add(node)

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """All arrows as (parent, child)."""
        return tuple((parent, node) for node in self.nodes for parent in self.parents[node])

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        free = sum(self.cpts[node].size // len(self.states[node]) * (len(self.states[node]) - 1) for node in self.nodes)
        return f"<Network: {len(self.nodes)} nodes, {len(self.edges)} edges, {free:,} free parameters>"


def _check_array(name: str, array: Any) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a numpy array, got {got(array)}")


def _check_numbers(name: str, numbers: Any, n: int, item: str) -> None:
    _check_array(name, numbers)
    if numbers.dtype != np.int64:
        raise TypeError(f"{name} must be int64, got {numbers.dtype}")
    if numbers.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), one for each {item}, got {numbers.shape}")


def _check_labels(labels: NDArray[np.int64] | None, classes: tuple[str, ...], n: int, item: str) -> None:
    if labels is None:
        return
    _check_numbers("labels", labels, n, item)
    if n and int(labels.min()) < 0:
        raise ValueError(f"labels must be >= 0, got {int(labels.min())}")
    if classes and n and int(labels.max()) >= len(classes):
        raise ValueError(f"label {int(labels.max())} has no class: classes names {len(classes)}")


def _refuse_twins(name: str, values: tuple[str, ...]) -> None:
    if len(set(values)) < len(values):
        twin = next(value for value in values if values.count(value) > 1)
        raise ValueError(f"{name} must be different, got {twin!r} twice; rename one")


def as_images(data: Any, labels: Any = None) -> Images:
    """Return images as they are; wrap an array or tensor of them.

    Args:
        data: Images; or numbers of shape (n, height, width) or (n, channels, height, width), as numpy or torch hold
            them: bytes (uint8) are grey levels from 0 to 255 and are divided by 255, others must be in [0, 1] already.
        labels: for an array, one whole number for each image, or one text, which names its class.

    Raises:
        TypeError: if the data are no images, or the labels neither whole numbers nor text.
        ValueError: for another shape or range, and for labels beside Images, which bring their own.
    """
    if isinstance(data, Images):
        if labels is not None:
            raise ValueError("labels were given beside Images, which bring their own: Images(pixels, labels)")
        return data
    pixels = as_array(data)
    if pixels.dtype.kind not in "buif":
        raise TypeError(f"images must be Images, or an array or tensor of numbers, got {got(data)}")
    if pixels.ndim not in (3, 4):
        raise ValueError(
            f"images must have shape (n, height, width) or (n, channels, height, width), got {pixels.shape}"
        )
    if pixels.ndim == 4 and pixels.shape[-1] in (1, 3) and pixels.shape[1] not in (1, 3):
        raise ValueError(f"images of shape {pixels.shape} have their channels last; pass images.transpose(0, 3, 1, 2)")
    grey = pixels.astype(np.float32) / np.float32(255 if pixels.dtype == np.uint8 else 1)
    grey = grey[:, None] if grey.ndim == 3 else grey
    codes, classes = _codes(labels)
    return Images(grey, codes, classes)


def as_sounds(data: Any, rate: int | None = None, labels: Any = None, pitches: Any = None) -> Sounds:
    """Return sounds as they are; wrap an array or tensor of them.

    Args:
        data: Sounds; or numbers of shape (n, samples) or (n, 1, samples), as numpy or torch hold them: 16-bit samples
            (int16) are divided by 32,768, others must be in [-1, 1] already.
        rate: of an array: samples per second (Hz).
        labels: for an array, one whole number for each sound, or one text, which names its class.
        pitches: for an array, the MIDI note number of each sound.

    Raises:
        TypeError: if the data are no sounds, or labels or pitches of another kind.
        ValueError: for another shape or range, an array without its rate, another rate than that of Sounds, and for
            labels or pitches beside Sounds, which bring their own.
    """
    if isinstance(data, Sounds):
        for name, given in (("labels", labels), ("pitches", pitches)):
            if given is not None:
                raise ValueError(
                    f"{name} were given beside Sounds, which bring their own: Sounds(waves, rate, {name}=…)"
                )
        if rate is not None and rate != data.rate:
            raise ValueError(f"the sounds have {data.rate:,} samples a second, not rate={rate!r}; resample them first")
        return data
    waves = as_array(data)
    if waves.dtype.kind != "f" and waves.dtype != np.int16:
        raise TypeError(
            "sounds must be Sounds, or an array or tensor of floats in [-1, 1] or of 16-bit samples (int16), "
            f"got {got(data)}" + (f" of {waves.dtype}" if waves.dtype.kind in "buif" else "")
        )
    if waves.ndim == 3 and waves.shape[1] == 1:
        waves = waves[:, 0]
    if waves.ndim != 2:
        raise ValueError(f"sounds must have shape (n, samples) or (n, 1, samples), got {waves.shape}")
    if rate is None:
        raise ValueError("an array of sounds needs its rate, in samples per second: as_sounds(array, rate=8_000)")
    scaled = waves.astype(np.float32) / np.float32(32_768 if waves.dtype == np.int16 else 1)
    codes, classes = _codes(labels)
    notes = None if pitches is None else as_array(pitches)
    if notes is not None and notes.dtype.kind not in "iu":
        raise TypeError(f"pitches must be whole numbers, got {notes.dtype}")
    return Sounds(scaled, rate, codes, classes, None if notes is None else notes.astype(np.int64))


def _codes(labels: Any) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return labels as whole numbers, and the names of the classes if they were text."""
    if labels is None:
        return None, ()
    codes = as_array(labels)
    if codes.dtype.kind in "US" or (codes.dtype == object and all(isinstance(name, str) for name in codes.flat)):
        classes, codes = np.unique(codes.astype(str), return_inverse=True)
        return codes.astype(np.int64), tuple(classes.tolist())
    if codes.dtype.kind not in "iu":
        raise TypeError(f"labels must be whole numbers or text, got {codes.dtype}")
    return codes.astype(np.int64), ()
