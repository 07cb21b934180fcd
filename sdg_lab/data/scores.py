"""Read the soprano of Bach's chorales out of the scores that music21 ships, and tell which of them are one tune.

The scores are MusicXML in zip files. Only pitches, lengths and ties of one part are wanted, and for that the standard
library is several times as fast as building music21's full score objects; the tests compare the two.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree

from sdg_lab.data import packages

Melody: TypeAlias = tuple[str, ...]

LAYOUT = 2
"""Raised when tokens are written differently, so that old caches are not read."""

PHRASE = 8
"""Successive intervals that make a phrase one recognises."""

SAME_TUNE = 0.25
"""Share of the shorter melody's phrases that must occur in the other for the two to be one tune."""

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {-2: "--", -1: "-", 0: "", 1: "#", 2: "##"}


def melodies(*, progress: bool = True) -> list[Melody]:
    """Return all melodies, from the cache if they are there; its first line is the SHA-256 of the rest.

    Raises:
        ImportError: if music21 is not installed.
    """
    from importlib.metadata import version

    corpus = packages.file("music21", "corpus", "bach")
    kept = packages.cache() / f"chorales-{LAYOUT}-music21-{version('music21')}.json"
    try:
        checksum, text = kept.read_bytes().split(b"\n", 1)
        whole = checksum.decode() == hashlib.sha256(text).hexdigest()
    except (OSError, ValueError):  # not there yet, or something else
        whole = False
    if whole:
        return [tuple(tokens) for tokens in json.loads(text).values()]
    found = read_all(corpus, progress=progress)
    text = json.dumps(found).encode()
    packages.keep(kept, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
    return list(found.values())


def tunes(found: Sequence[Melody]) -> list[bytes]:
    """Name the tune of each melody.

    Bach set many hymns several times, in other keys and with other passing notes. If one setting were in train and
    another in test, the test would measure memory. Melodies that share enough phrases, directly or through a third, are
    one tune; phrases are compared as intervals, so in any key.
    """
    phrases = [_phrases(melody) for melody in found]
    holders: dict[tuple[int, ...], list[int]] = {}
    tune = list(range(len(found)))

    def root(index: int) -> int:
        while tune[index] != index:
            index = tune[index]
        return index

    for index, own in enumerate(phrases):
        shared: dict[int, int] = {}
        for phrase in own:
            for other in holders.setdefault(phrase, []):
                shared[other] = shared.get(other, 0) + 1
            holders[phrase].append(index)
        for other, count in shared.items():
            if count >= SAME_TUNE * min(len(own), len(phrases[other])):
                first, second = sorted((root(index), root(other)))
                tune[second] = first
    return [repr(found[root(index)]).encode() for index in range(len(found))]


def read_soprano(score: ElementTree.Element) -> Melody | None:
    """Return the tokens of the first part called soprano, or None if there is none.

    Tied notes are one note; grace notes are left out; repeats are written once. Of a chord the first note is taken.
    """
    parts = {part.get("id"): part for part in score.iter("part")}
    for entry in score.iter("score-part"):
        if (entry.findtext("part-name") or "").strip().startswith("Soprano"):
            return tuple(f"{pitch}:{float(length)}" for pitch, length in _notes(parts[entry.get("id")]))
    return None


def midi(token: str) -> int | None:
    """Return the MIDI number of a token's pitch (60 is C4), or None for a rest."""
    pitch = token.split(":")[0]
    if pitch == "R":
        return None
    alteration = pitch.count("#") - pitch.count("-")
    return 12 * (int(pitch[-1]) + 1) + _SEMITONES[pitch[0]] + alteration


def _notes(part: ElementTree.Element) -> Iterator[tuple[str, Fraction]]:
    """Yield pitch and length in quarter notes."""
    divisions = 1
    tied: tuple[str, Fraction] | None = None
    for element in part.iter():
        if element.tag == "divisions":
            divisions = int(element.text or 1)
        if element.tag != "note" or element.find("duration") is None or element.find("chord") is not None:
            continue
        pitch = _pitch(element)
        length = Fraction(element.findtext("duration") or 0) / divisions
        ties = {tie.get("type") for tie in element.findall("tie")}
        if tied is not None and "stop" in ties and tied[0] == pitch:
            length += tied[1]
        elif tied is not None:
            yield tied
        tied = (pitch, length)
        if "start" not in ties:
            yield tied
            tied = None
    if tied is not None:
        yield tied


def _pitch(note: ElementTree.Element) -> str:
    if note.find("rest") is not None:
        return "R"
    alteration = _ACCIDENTALS[int(note.findtext("pitch/alter") or 0)]
    return f"{note.findtext('pitch/step')}{alteration}{note.findtext('pitch/octave')}"


def _phrases(melody: Melody) -> set[tuple[int, ...]]:
    """Return all runs of successive intervals, in semitones; of a short melody, its only one."""
    heights = [height for height in map(midi, melody) if height is not None]
    intervals = [second - first for first, second in pairwise(heights)]
    return {tuple(intervals[start : start + PHRASE]) for start in range(max(1, len(intervals) - PHRASE + 1))}


def read_all(corpus: Path, *, progress: bool = True) -> dict[str, Melody]:
    """Read every score of a folder that has a soprano; return the melodies by file name."""
    from tqdm.auto import tqdm

    scores = sorted(path for path in corpus.iterdir() if path.suffix in (".mxl", ".xml"))
    found = {}
    for path in tqdm(scores, desc="reading chorales", unit="score", leave=False, disable=not progress):
        melody = read_soprano(open_score(path))
        if melody is not None:
            found[path.stem] = melody
    return found


def open_score(path: Path) -> ElementTree.Element:
    """Parse a score; a .mxl file is a zip whose container names the score inside."""
    if path.suffix == ".xml":
        return ElementTree.parse(path).getroot()
    with zipfile.ZipFile(path) as archive:
        container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
        rootfile = next(element for element in container.iter() if element.tag.endswith("rootfile"))
        return ElementTree.fromstring(archive.read(rootfile.get("full-path") or ""))
