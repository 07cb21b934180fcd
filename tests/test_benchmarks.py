"""The benchmarks' own arithmetic; nothing is timed here."""

import importlib

import pytest

from benchmarks.__main__ import RESULTS, cells, chosen, comparisons, ran, updated
from benchmarks.timing import Row, Rows, interleaved


def test_every_comparison_can_be_run():
    assert {"markov", "vae_step"} <= set(comparisons())
    for name in comparisons():
        module, _, part = name.partition("/")
        module = importlib.import_module(f"benchmarks.{module}")
        assert callable(module.run)
        assert hasattr(module, "PARTS") == bool(part)


def test_parts_are_run_together_or_one_by_one(monkeypatch):
    there = ["markov", "tables/fair", "tables/wine"]
    assert chosen([], there) == there
    assert chosen(["tables"], there) == there[1:]
    assert chosen(["tables/wine", "markov"], there) == ["markov", "tables/wine"]
    with pytest.raises(ValueError, match=r"^no benchmark called tables/win; there are markov, tables/fair"):
        chosen(["tables/win"], there)
    tables = importlib.import_module("benchmarks.tables")
    monkeypatch.setattr(tables, "run", lambda part: part)
    assert ran("tables/wine") == "wine"


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


def test_what_stands_below_a_table_is_kept_with_it():
    row = Row("names", 0.5, "other", 2.0, 4.0)
    kept = updated("", {"markov": Rows([row], details="More of it.\n")})
    assert kept.endswith("| 0.5 s | other | 2 s | 4.00 | >= 4 | yes |\n\nMore of it.\n")
    assert updated(kept, {}) == kept


def test_the_kept_tables_are_of_comparisons_that_there_are():
    kept = RESULTS.read_text(encoding="utf-8")
    assert updated(kept, {}) == kept
