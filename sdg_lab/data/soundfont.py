"""Read a SoundFont bank: which recording sounds for which key, and how a note of any pitch is made of it.

A bank holds recordings of instruments. An instrument divides the keyboard into zones; each zone names a recording, the
pitch at which it was recorded, a loop that is repeated while a note lasts longer than the recording, and an envelope.
Source: E-mu Systems, SoundFont Technical Specification 2.04 (2006), sections 5 to 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RELEASE = 0.05
"""Seconds at the end of a note in which it fades to silence, so that it ends without a click."""

RUMBLE = 60.0
"""Hz up to which the spectrum is faded in: some recordings are not centred on 0, and no note here is as low."""

_ROLL_OFF = 0.05
"""Share of the spectrum below the highest frequency that is kept over which it fades out: a sharp edge would ring."""

# Numbers of the generators that are used (section 8.1.2), and what holds where a zone does not name them. Times are
# timecents, 2^(t/1200) seconds; the sustain level is in tenths of a decibel below the peak.
_LOOP_START, _LOOP_END, _LOOP_START_FAR, _LOOP_END_FAR = 2, 3, 45, 50
_ATTACK, _HOLD, _DECAY, _SUSTAIN = 34, 35, 36, 37
_KEYS, _COARSE, _FINE, _RECORDING, _LOOPS, _ROOT = 43, 51, 52, 53, 54, 58
_UNSAID = {_ATTACK: -12_000, _HOLD: -12_000, _DECAY: -12_000, _KEYS: 127 << 8, _ROOT: -1}

_TABLES = {
    b"inst": np.dtype([("name", "S20"), ("bag", "<u2")]),
    b"ibag": np.dtype([("generator", "<u2"), ("modulator", "<u2")]),
    b"igen": np.dtype([("number", "<u2"), ("amount", "<i2")]),
    b"shdr": np.dtype(
        [
            ("name", "S20"),
            *((name, "<u4") for name in ("start", "end", "loop_start", "loop_end", "rate")),
            *(("pitch", "u1"), ("correction", "i1"), ("link", "<u2"), ("type", "<u2")),
        ]
    ),
    b"smpl": np.dtype("<i2"),
}


@dataclass(frozen=True, eq=False)
class Zone:
    """Some keys of an instrument, and the recording that sounds for them.

    Attributes:
        recording: the name of the recording.
        keys: MIDI note numbers.
        wave: float32, shape (samples,), in [-1, 1].
        rate: of the recording, samples per second.
        loop: first sample of the loop and the one after its last; None if the recording is played once.
        root: the pitch of the recording, a MIDI note number that need not be whole.
        attack: seconds from silence to the peak.
        hold: seconds at the peak.
        decay: seconds in which a note would fall by 100 dB.
        sustain: decibels below the peak at which the fall ends.
    """

    recording: str
    keys: range
    wave: NDArray[np.float32]
    rate: int
    loop: tuple[int, int] | None
    root: float
    attack: float
    hold: float
    decay: float
    sustain: float

    def note(self, pitch: float, *, rate: int, samples: int) -> NDArray[np.float32]:
        """Play the recording faster or slower, so that it has another pitch.

        What would lie above half the rate is filtered out before, so that it does not come back as another tone
        (aliasing). The bank's filters, vibrato and reverberation are left out.

        Args:
            pitch: MIDI note number; 69 is A4 = 440 Hz.
            rate: of the note, samples per second.
            samples: length of the note.

        Returns:
            float32, shape (samples,). The last 50 ms fade to silence.
        """
        # One sample of the note is so many of the recording.
        step = self.rate / rate * 2 ** ((pitch - self.root) / 12)
        beyond = round(RELEASE * rate)  # played on, fading: the Fourier transform takes the end to meet the beginning
        length = samples + beyond
        played = self.played(round(length * step))
        fading = min(len(played), round(beyond * step))
        played[len(played) - fading :] *= _falling(fading)
        spectrum = np.fft.rfft(played)[: min(len(played), length) // 2 + 1]
        edge = round(_ROLL_OFF * len(spectrum))
        spectrum[len(spectrum) - edge :] *= _falling(edge)
        low = round(RUMBLE * length / rate)
        spectrum[:low] *= 1 - _falling(low)
        wave = np.fft.irfft(spectrum, length)[:samples] * (length / len(played))
        wave *= self.envelope(np.arange(samples) / rate)
        release = min(samples, beyond)
        wave[samples - release :] *= _falling(release)
        return wave.astype(np.float32)

    def played(self, samples: int) -> NDArray[np.float32]:
        """Return the recording, going round its loop until there are so many samples; silence where it has none."""
        if self.loop is None:
            return np.pad(self.wave[:samples], (0, max(0, samples - len(self.wave))))
        first, end = self.loop
        places = np.arange(samples)
        places[end:] = first + (places[end:] - first) % (end - first)
        return self.wave[places]

    def envelope(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the amplitude at some times: a straight rise, a hold, and a fall that is straight in decibels."""
        fallen = (seconds - self.attack - self.hold).clip(0) * (100 / self.decay)
        return (seconds / self.attack).clip(0, 1) * 10 ** (-fallen.clip(0, self.sustain) / 20)


class Bank:
    """A SoundFont file.

    Args:
        path: the file.

    Raises:
        ValueError: if it is no SoundFont, or not whole.
    """

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        found = {name: content[start:end] for name, start, end in _chunks(content, 12, len(content)) if end}
        if content[:4] != b"RIFF" or content[8:12] != b"sfbk" or not _TABLES.keys() <= found.keys():
            raise ValueError(f"{path} is no whole SoundFont; install the package that ships it again")
        self._tables = {name: np.frombuffer(found[name], dtype) for name, dtype in _TABLES.items()}

    def zones(self, instrument: str) -> list[Zone]:
        """Return the zones of an instrument, by its name in the bank.

        Raises:
            ValueError: if there is none of this name.
        """
        names = [_text(name) for name in self._tables[b"inst"]["name"]]
        if instrument not in names:
            raise ValueError(f"the bank has no instrument {instrument!r}; it has {', '.join(names[:-1])}")
        place = names.index(instrument)
        first, end = self._tables[b"inst"]["bag"][place : place + 2]
        zones, common = [], dict(_UNSAID)
        for bag in range(first, end):
            start, stop = self._tables[b"ibag"]["generator"][bag : bag + 2]
            said = {int(number): int(amount) for number, amount in self._tables[b"igen"][start:stop]}
            if _RECORDING in said:
                zones.append(self._zone({**common, **said}))
            elif bag == first:  # a first zone without a recording says what holds for all
                common.update(said)
        return zones

    def _zone(self, said: dict[int, int]) -> Zone:
        header = self._tables[b"shdr"][said[_RECORDING]]
        start, end = int(header["start"]), int(header["end"])
        loop = (
            int(header["loop_start"]) - start + said.get(_LOOP_START, 0) + 32_768 * said.get(_LOOP_START_FAR, 0),
            int(header["loop_end"]) - start + said.get(_LOOP_END, 0) + 32_768 * said.get(_LOOP_END_FAR, 0),
        )
        recorded = said[_ROOT] if said[_ROOT] >= 0 else int(header["pitch"])
        cents = 100 * said.get(_COARSE, 0) + said.get(_FINE, 0) + int(header["correction"])
        attack, hold, decay = (2 ** (said[number] / 1200) for number in (_ATTACK, _HOLD, _DECAY))
        return Zone(
            recording=_text(header["name"]),
            keys=range(said[_KEYS] & 255, (said[_KEYS] >> 8) + 1),
            wave=self._tables[b"smpl"][start:end].astype(np.float32) / np.float32(32_768),
            rate=int(header["rate"]),
            loop=loop if said.get(_LOOPS, 0) & 1 else None,
            root=recorded - cents / 100,
            attack=attack,
            hold=hold,
            decay=decay,
            sustain=said.get(_SUSTAIN, 0) / 10,
        )


def _chunks(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each chunk, and where its content begins and ends; of a list, those in it."""
    while start + 8 <= end:
        name, size = content[start : start + 4], int.from_bytes(content[start + 4 : start + 8], "little")
        if name == b"LIST":
            yield from _chunks(content, start + 12, min(end, start + 8 + size))
        else:
            # One that is cut off has no end.
            yield name, start + 8, start + 8 + size if start + 8 + size <= end else 0
        start += 8 + size + size % 2


def _falling(n: int) -> NDArray[np.float32]:
    """Return n factors from 1 to 0, along half a wave of a cosine."""
    return ((1 + np.cos(np.linspace(0, np.pi, n))) / 2).astype(np.float32)


def _text(name: Any) -> str:
    """Return a name up to its first zero byte; banks leave older names behind it."""
    return bytes(name).split(b"\0")[0].decode("latin-1").strip()
