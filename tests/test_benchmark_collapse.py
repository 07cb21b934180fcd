"""The benchmark of collapse: its own arithmetic on curves that are made up, and a file that is taken up again."""

import dataclasses
import math

import numpy as np
import pytest

from benchmarks import collapse
from benchmarks.collapse import COUNT, SHARES, Plan


def made_up(left, seeds=4, spread=0.0):
    """Return rows in which so much is left at each share, of 0.8 at first."""
    rows = []
    for seed in range(seeds):
        for share, part in zip(SHARES, left, strict=True):
            last = 0.8 * part * (1 + spread * (seed - (seeds - 1) / 2))
            values = {str(g): str(0.8 if g == 0 else last) for g in range(COUNT + 1)}
            about = ("names", "mix" if share else "replace", f"{share:g}", "redrawn", str(seed), "recall")
            rows.append(dict(zip(collapse.FIELDS, about, strict=False)) | values)
    return rows


@pytest.mark.parametrize(
    ("left", "level", "share"),
    [
        ([0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0], 0.5, 0.075),
        ([0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0], 0.9, 0.5),
        ([0.1, 0.2, 0.4, 0.6, 0.8, 0.85, 0.89], 0.9, math.inf),
        ([0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], 0.5, 0.0),
        ([0.1, 0.6, 0.4, 0.6, 0.8, 0.9, 1.0], 0.5, 0.075),  # what is held once by chance is not held
    ],
)
def test_the_share_is_where_the_level_is_reached_and_kept(left, level, share):
    found, low, high = collapse.share_that_holds(made_up(left), "names", level)
    assert (found, low, high) == pytest.approx((share,) * 3)


def test_seeds_that_differ_widen_the_interval_around_the_share():
    left = [0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0]
    narrow, wide = (collapse.share_that_holds(made_up(left, spread=s), "names", 0.5)[1:] for s in (0.02, 0.1))
    assert wide[0] < narrow[0] < 0.075 < narrow[1] < wide[1]


def test_a_run_that_was_cut_off_is_finished_and_nothing_is_measured_twice(tmp_path, monkeypatch):
    whole = dataclasses.replace(collapse.KINDS["ring, kernels"], plans=[Plan(), Plan("mix", 0.5)])
    monkeypatch.setattr(collapse, "KINDS", {"ring, kernels": whole})
    monkeypatch.setattr(collapse, "SEEDS", range(2))
    monkeypatch.setattr(collapse, "COUNT", 2)
    monkeypatch.setattr(collapse, "RESULTS", tmp_path / "all.csv")
    rows = collapse.measured()
    lines = collapse.RESULTS.read_text("utf-8").splitlines()
    assert len(lines) == 1 + 2 * 3 * 2
    monkeypatch.setattr(collapse, "RESULTS", tmp_path / "cut.csv")
    collapse.RESULTS.write_text("\n".join(lines[:5]) + "\n", "utf-8")
    assert collapse.measured() == rows
    curve = collapse.curves(rows, "ring, kernels", Plan("mix", 0.5), "kept")
    assert curve.shape == (2, 3)
    assert (curve == 8).all()
    assert np.isfinite(collapse.perfect_of(rows, "ring, kernels")).all()
