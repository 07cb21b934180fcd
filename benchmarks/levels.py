"""What holding a note's level costs a WaveNet in likelihood, and what it brings to the ear.

A WaveNet measures the errors of its linear prediction in units of the errors just before. Its ``pull`` leads that unit
back to what the errors of the note were in training. For each pull and seed a WaveNet is trained for two epochs; of it
are measured, on the validation part, whose recordings it has not heard:

- bits per sample, at 4,096 levels;
- of notes at its instruments and pitches, generated at temperature 1, the share in which a classifier of the real
  training notes hears the instrument, and the share within a semitone of the pitch;
- the same of notes that are in the training data.

All figures are in ``notebooks/results/09-levels.csv``; ``python -m benchmarks.levels`` measures what is missing there.
"""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import Any

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import pandas as pd

from benchmarks.timing import Row
from benchmarks.waveforms import conditioned, sounds
from sdg_lab.data.types import Sounds
from sdg_lab.metrics.images.classifier import ImageClassifier
from sdg_lab.metrics.sounds.pitch import within
from sdg_lab.metrics.sounds.quality import fit_classifier, thumbnails
from sdg_lab.models.waveforms import WaveNet
from sdg_lab.training.schedules import warm_up_then_linear

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "09-levels.csv"
FIELDS = ("pull", "seed", "bits", "instrument", "pitch", "instrument_train", "pitch_train")
PULLS, SEEDS = (0.0, 0.1, 0.2, 0.4), range(3)
RECIPE: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 4,
    "lr": 3e-3,
    "weight_decay": 0.3,
    "schedule": partial(warm_up_then_linear, warm_up=0.03),
}


def heard(model: WaveNet, like: Sounds, judge: ImageClassifier, seed: int) -> tuple[float, float]:
    """Return in which share of notes like these the instrument is heard, and in which the pitch."""
    made = model.sample(len(like), seed=seed, labels=like.labels, pitches=like.pitches)
    found = within(made)
    assert found is not None
    return judge.accuracy(thumbnails(made)), found


def measure(pull: float, seed: int, judge: ImageClassifier) -> dict[str, float]:
    """Train a WaveNet and listen to it."""
    train, validation = sounds().train, sounds().validation
    model = conditioned(levels=4_096, dropout=0.1, pull=pull)
    model.fit(train, seed=seed, progress=False, **RECIPE)
    unheard, known = (heard(model, part, judge, seed) for part in (validation, train[::2]))
    return {
        "pull": pull,
        "seed": seed,
        "bits": float(model.bits_per_sample(validation).mean()),
        "instrument": unheard[0],
        "pitch": unheard[1],
        "instrument_train": known[0],
        "pitch_train": known[1],
    }


def measured() -> pd.DataFrame:
    """Return all figures; what is missing is measured, and written when it is there."""
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    there = {(row.pull, row.seed) for row in pd.read_csv(RESULTS).itertuples()}
    missing = [(pull, seed) for seed in SEEDS for pull in PULLS if (pull, seed) not in there]
    judge = fit_classifier(sounds().train) if missing else None
    for pull, seed in missing:
        assert judge is not None
        row = measure(pull, seed, judge)
        with RESULTS.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(f"{row[name]:.5g}" for name in FIELDS)
        print(", ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
    return pd.read_csv(RESULTS)


def run() -> list[Row]:
    """Set each pull beside none: bits per sample."""
    bits = measured().groupby("pull")["bits"].mean()
    what = "notes of unheard recordings: WaveNet, pull"
    return [
        Row(f"{what} {pull:g}", value, "pull 0", bits[0.0], goal=1.0, unit="bits/sample")
        for pull, value in bits.items()
        if pull
    ]


if __name__ == "__main__":
    print(measured().groupby("pull").agg(["mean", "sem"]).round(3).to_string())
