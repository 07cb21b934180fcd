"""Numbers as states: which columns keep to a scale of their own."""

from __future__ import annotations

import numpy as np

from sdg_lab.tables.numbers import is_scale


def test_zeros_and_a_few_amounts_are_no_scale_however_many_zeros_there_are() -> None:
    amounts = np.random.default_rng(0).integers(1_000, 10**7, 100)
    values, counts = np.unique(np.concatenate([np.zeros(2_900), amounts]), return_counts=True)
    assert not is_scale(values, counts, 0, 10)
    answers, times = np.unique(np.repeat([0.0, 100, 500, 2_000], [2_900, 40, 30, 30]), return_counts=True)
    assert is_scale(answers, times, 0, 10)
    assert not is_scale(np.arange(20.0), np.full(20, 100), 0, 10)  # all there is without decimals
