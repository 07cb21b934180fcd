"""The benchmarks' own arithmetic; nothing is timed here."""

import importlib

import pytest

from benchmarks.__main__ import RESULTS, cells, comparisons, updated
from benchmarks.timing import Row, interleaved


def test_every_comparison_can_be_run():
    assert {"markov", "vae_step"} <= set(comparisons())
    for name in comparisons():
        assert callable(importlib.import_module(f"benchmarks.{name}").run)


def test_a_ratio_is_theirs_over_ours():
    row = Row("names", ours=0.5, peer="other", theirs=2.0, goal=4.0)
    assert row.ratio == 4.0
    assert row.reached
    assert cells(row) == ["names", "0.5 s", "other", "2 s", "4.00", ">= 4", "yes"]
    assert not Row("names", ours=0.5, peer="other", theirs=1.9, goal=4.0).reached


def test_functions_take_turns_after_a_warm_up():
    calls: list[str] = []
    seconds = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=2)
    assert calls == ["a", "b"] * 3
    assert set(seconds) == {"a", "b"}
    assert min(seconds.values()) >= 0


def test_no_turns_are_no_measurement():
    with pytest.raises(ValueError, match="repeats must be a whole number >= 1, got 0"):
        interleaved({"a": lambda: None}, repeats=0)


def test_a_table_is_replaced_and_the_others_stay():
    kept = updated(
        "", {"vae_step": [Row("a step", 1.0, "bare", 2.0, 0.5)], "markov": [Row("names", 0.5, "other", 2.0, 4.0)]}
    )
    again = updated(kept, {"markov": [Row("names", 0.25, "other", 2.0, 4.0)]})
    assert again.index("## markov") < again.index("## vae_step")  # the order is not that of the runs
    assert again.count("| names | 0.25 s | other | 2 s | 8.00 | >= 4 | yes |") == 1
    assert "0.5 s | other" not in again
    assert again.split("## vae_step")[1] == kept.split("## vae_step")[1]


def test_the_kept_tables_are_of_comparisons_that_there_are():
    kept = RESULTS.read_text(encoding="utf-8")
    assert updated(kept, {}) == kept
