"""Temperature, top-k and top-p against an enumeration of all sets of symbols, and draws against their distribution."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from sdg_lab.models.sequences.sampling import draw, draw_each, filter_logits, penalise_repeats

LOGITS = torch.tensor([1.2, -0.3, 0.9, 2.0, -4.0], dtype=torch.float64)

rows = st.lists(st.integers(-400, 400), min_size=1, max_size=6, unique=True).map(
    lambda whole: torch.tensor(whole, dtype=torch.float64) / 100
)


def kept(logits: Tensor) -> set[int]:
    return set(torch.isfinite(logits).nonzero()[:, 0].tolist())


def subsets(n: int) -> list[tuple[int, ...]]:
    return [subset for size in range(1, n + 1) for subset in itertools.combinations(range(n), size)]


@given(rows, st.floats(0.01, 10))
def test_a_temperature_is_a_power_of_the_probabilities(logits: Tensor, temperature: float) -> None:
    power = logits.softmax(-1) ** (1 / temperature)
    torch.testing.assert_close(filter_logits(logits, temperature=temperature).softmax(-1), power / power.sum())


@given(rows, st.integers(1, 8))
def test_top_k_is_the_likeliest_of_all_sets_of_k(logits: Tensor, k: int) -> None:
    k_at_most = min(k, len(logits))
    probability = logits.softmax(-1)
    best = max(itertools.combinations(range(len(logits)), k_at_most), key=lambda s: float(probability[list(s)].sum()))
    result = filter_logits(logits, top_k=k)
    assert kept(result) == set(best)
    assert torch.equal(result[list(best)], logits[list(best)])


@given(rows, st.floats(0.001, 0.999))
def test_top_p_is_the_smallest_set_that_reaches_p_and_of_those_the_likeliest(logits: Tensor, p: float) -> None:
    mass = {subset: float(logits.softmax(-1)[list(subset)].sum()) for subset in subsets(len(logits))}
    if any(abs(m - p) < 1e-9 for m in mass.values()):
        return  # a tie that rounding decides
    enough = [subset for subset, m in mass.items() if m >= p]
    fewest = min(map(len, enough))
    best = max((subset for subset in enough if len(subset) == fewest), key=mass.__getitem__)
    assert kept(filter_logits(logits, top_p=p)) == set(best)


def test_the_order_is_temperature_then_top_k_then_top_p() -> None:
    # Of softmax(logits / 2) the three likeliest hold shares 0.45, 0.30, 0.26 of their sum: two of them reach 0.7.
    three = filter_logits(LOGITS, temperature=2.0, top_k=3)
    assert kept(three) == {0, 2, 3}
    want = torch.tensor([2.0, 1.2, 0.9]).double().div(2).softmax(-1)
    assert float(want[:2].sum()) > 0.7 > float(want[0])
    result = filter_logits(LOGITS, temperature=2.0, top_k=3, top_p=0.7)
    assert kept(result) == {0, 3}
    torch.testing.assert_close(result[[0, 3]].softmax(-1), (LOGITS[[0, 3]] / 2).softmax(-1))
    # Without the cut by rank a third symbol is needed.
    assert kept(filter_logits(LOGITS, temperature=2.0, top_p=0.7)) == {0, 2, 3}


def test_rows_are_filtered_each_for_itself() -> None:
    both = torch.stack([LOGITS, LOGITS.flip(0) * 3]).reshape(2, 1, 5)
    result = filter_logits(both, temperature=0.7, top_k=4, top_p=0.8)
    for row in range(2):
        assert torch.equal(result[row, 0], filter_logits(both[row, 0], temperature=0.7, top_k=4, top_p=0.8))


def test_the_likeliest_symbol_stays_however_small_p_is_and_nothing_changes_without_a_filter() -> None:
    assert kept(filter_logits(LOGITS, top_p=1e-12)) == {3}
    assert filter_logits(LOGITS) is LOGITS
    assert filter_logits(LOGITS, top_k=5, top_p=1.0) is LOGITS


@given(rows, st.floats(0.001, 1))
def test_min_p_keeps_what_is_that_share_as_likely_as_the_likeliest(logits: Tensor, share: float) -> None:
    probability = logits.softmax(-1)
    ratio = probability / probability.max()
    if bool((ratio / share - 1).abs().min() < 1e-9):
        return  # a tie that rounding decides
    assert kept(filter_logits(logits, min_p=share)) == set((ratio >= share).nonzero()[:, 0].tolist())


@pytest.mark.parametrize("options", [{"temperature": 0.7}, {"top_k": 7}, {"top_p": 0.8}, {"min_p": 0.05}, {}])
def test_filters_and_the_penalty_are_those_of_transformers_in_its_order(options: dict[str, float]) -> None:
    from transformers.generation import logits_process as theirs

    torch.manual_seed(0)
    logits = 3 * torch.randn(20, 50, dtype=torch.float64)
    tokens = torch.randint(50, (20, 8))
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, tokens, True)
    chosen = options or {"temperature": 1.4, "top_k": 30, "top_p": 0.95, "min_p": 0.02}
    steps = {
        "temperature": theirs.TemperatureLogitsWarper,
        "top_k": theirs.TopKLogitsWarper,
        "top_p": theirs.TopPLogitsWarper,
        "min_p": theirs.MinPLogitsWarper,
    }
    want = theirs.RepetitionPenaltyLogitsProcessor(1.3)(tokens, logits.clone())
    for name, step in steps.items():
        if name in chosen:
            want = step(chosen[name])(tokens, want)
    found = filter_logits(penalise_repeats(logits, seen, 1.3), **chosen)  # type: ignore[arg-type]
    torch.testing.assert_close(found.softmax(-1), want.softmax(-1))


def test_a_penalty_is_above_0_and_1_changes_nothing() -> None:
    seen = torch.tensor([True, True, False, False, True])
    assert torch.equal(penalise_repeats(LOGITS, seen, 1.0), LOGITS)
    assert penalise_repeats(LOGITS, seen, 2.0).tolist() == [0.6, -0.6, 0.9, 2.0, -8.0]
    with pytest.raises(ValueError, match=r"repetition_penalty must be > 0, got 0\.0"):
        penalise_repeats(LOGITS, seen, 0.0)


@given(rows)
def test_a_temperature_of_nothing_leaves_the_likeliest_alone_and_so_does_nearly_nothing(logits: Tensor) -> None:
    for temperature in (0, 0.0, 1e-300):
        for row in (logits, logits.float()):
            share = filter_logits(row, temperature=temperature).softmax(-1)
            assert share.nonzero()[:, 0].tolist() == [int(row.argmax())]


def test_greedy_takes_one_of_several_that_are_equally_likely() -> None:
    tied = torch.tensor([[0.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    assert [len(kept(row)) for row in filter_logits(tied, temperature=0)] == [1, 1]
    with pytest.raises(ValueError, match="the logits of row 1 are no distribution"):
        draw(filter_logits(torch.tensor([[0.0, 1.0], [0.0, math.nan]]), temperature=0))


def test_equally_likely_symbols_share_the_last_rank() -> None:
    assert kept(filter_logits(torch.tensor([0.0, 1.0, 1.0, 1.0]), top_k=2)) == {1, 2, 3}


def test_draws_follow_the_filtered_distribution() -> None:
    filtered = filter_logits(LOGITS, temperature=1.5, top_k=4, top_p=0.95)
    drawn = draw(filtered.expand(40_000, -1), torch.Generator().manual_seed(0)).numpy()
    counts = np.bincount(drawn, minlength=5)
    want = filtered.softmax(-1).numpy()
    assert (counts[want == 0] == 0).all()
    assert chisquare(counts[want > 0], want[want > 0] * len(drawn)).pvalue > 0.001


def test_draws_of_rows_that_have_their_own_generator_follow_the_filtered_distribution() -> None:
    filtered = filter_logits(LOGITS, temperature=1.5, top_k=4, top_p=0.95)
    drawn = draw_each(filtered.expand(20_000, -1), [np.random.default_rng([0, row]) for row in range(20_000)])
    counts = np.bincount(drawn, minlength=5)
    want = filtered.softmax(-1).numpy()
    assert (counts[want == 0] == 0).all()
    assert chisquare(counts[want > 0], want[want > 0] * len(drawn)).pvalue > 0.001


def test_a_rows_draw_is_its_own_and_errors_of_rounding_hardly_ever_change_it() -> None:
    torch.manual_seed(0)
    logits = 3 * torch.randn(400, 3000)
    moved = logits + 1e-5 * (2 * torch.rand_like(logits) - 1)

    def drawn(logits: Tensor, rows: range) -> list[int]:
        return draw_each(logits[list(rows)], [np.random.default_rng([1, row]) for row in rows])

    together = drawn(logits, range(400))
    assert [token for row in range(400) for token in drawn(logits, range(row, row + 1))] == together
    # 400 draws and errors of 1e-5: 0.008 other draws are expected at most.
    assert sum(a != b for a, b in zip(together, drawn(moved, range(400)), strict=True)) <= 1
    # A token that is taken out moves no other draw.
    without = logits.index_fill(1, torch.tensor([together[0]]), -math.inf)
    changed = [row for row, (a, b) in enumerate(zip(together, drawn(without, range(400)), strict=True)) if a != b]
    assert changed == [row for row, token in enumerate(together) if token == together[0]]


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_the_least_and_the_greatest_uniform_number_draw_a_token_that_can_be_drawn(
    uniform: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = torch.randn(500, 9, generator=torch.Generator().manual_seed(0))
    logits[:, [0, 8]] = -math.inf
    monkeypatch.setattr(torch, "rand", lambda *shape, **options: torch.full(shape, uniform, dtype=torch.float64))
    assert set(draw(logits).tolist()) == {1 if uniform == 0 else 7}


def test_the_generator_decides_the_draw_and_one_symbol_alone_is_always_drawn() -> None:
    logits = torch.randn(50, 9, generator=torch.Generator().manual_seed(1))
    first, again, other = (draw(logits, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(draw(filter_logits(logits, top_k=1)), logits.argmax(-1))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"temperature": -1.0}, r"temperature must be >= 0, got -1\.0"),
        ({"temperature": math.inf}, "temperature must be >= 0, got inf"),
        ({"top_k": 0}, "top_k must be a whole number >= 1, got 0"),
        ({"top_k": 2.5}, r"top_k must be a whole number >= 1, got 2\.5"),
        ({"top_p": 0.0}, r"top_p must be > 0 and <= 1, got 0\.0"),
        ({"top_p": 1.5}, r"top_p must be > 0 and <= 1, got 1\.5"),
        ({"min_p": 0.0}, r"min_p must be > 0 and <= 1, got 0\.0"),
        ({"min_p": 1.5}, r"min_p must be > 0 and <= 1, got 1\.5"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        filter_logits(LOGITS, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [[0.0, math.nan], [0.0, math.inf], [-math.inf, -math.inf]])
def test_a_row_that_is_no_distribution_is_named(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="the logits of row 1 are no distribution"):
        draw(torch.tensor([[0.0, 1.0], bad]))
    with pytest.raises(ValueError, match="the logits of row 1 are no distribution"):
        draw_each(torch.tensor([[0.0, 1.0], bad]), [np.random.default_rng(0)] * 2)
