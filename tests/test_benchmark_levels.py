"""The benchmark of levels: its table is whole, what is there is not measured again, and means are of all seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import levels


def test_the_table_that_is_kept_is_whole_and_within_bounds():
    kept = pd.read_csv(levels.RESULTS)
    assert tuple(kept.columns) == levels.FIELDS
    assert sorted(zip(kept["pull"], kept["seed"], strict=True)) == [(p, s) for p in levels.PULLS for s in levels.SEEDS]
    shares = kept[["instrument", "pitch", "instrument_train", "pitch_train"]]
    assert shares.ge(0).all(axis=None)
    assert shares.le(1).all(axis=None)
    assert (kept["bits"] < 12).all()  # what 4,096 levels cost of which nothing is known


def test_what_is_there_is_not_measured_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def made_up(pull: float, seed: int, _: Any) -> dict[str, float]:
        measured.append((pull, seed))
        return dict.fromkeys(levels.FIELDS, 0.5) | {"pull": pull, "seed": seed, "bits": 7 + pull + seed}

    measured: list[tuple[float, int]] = []
    monkeypatch.setattr(levels, "measure", made_up)
    monkeypatch.setattr(levels, "fit_classifier", lambda _: "a judge")
    monkeypatch.setattr(levels, "RESULTS", tmp_path / "levels.csv")
    (tmp_path / "levels.csv").write_text(",".join(levels.FIELDS) + "\n0.2,1,7.5,0.1,0.2,0.3,0.4\n", encoding="utf-8")
    rows = levels.run()
    assert len(measured) == len(levels.PULLS) * len(levels.SEEDS) - 1
    assert (0.2, 1) not in measured
    assert [row.peer for row in rows] == ["pull 0"] * 3
    assert rows[0].ours == pytest.approx(7 + 0.1 + 1)
    assert rows[1].ours == pytest.approx((7.2 + 7.5 + 9.2) / 3)
    measured.clear()
    levels.run()
    assert measured == []
