"""Likelihood: figures that follow from a fair die and a fair coin."""

import math

import numpy as np
import pytest

from sdg_lab.metrics import Likelihood, bits_per_dim, nats_per_symbol


def test_a_fair_die_costs_ln_6_nats_a_throw_whatever_the_lengths():
    lengths = np.array([1, 5, 20])
    assert nats_per_symbol(-lengths * math.log(6), lengths) == pytest.approx(math.log(6))


def test_long_sequences_weigh_more():
    assert nats_per_symbol([-1.0, -30.0], [1, 9]) == pytest.approx(3.1)


def test_fair_bits_cost_one_bit_a_dimension():
    assert bits_per_dim(np.full(3, -64 * math.log(2)), 64) == pytest.approx(1.0)
    assert bits_per_dim([-2 * math.log(2)], 1) == pytest.approx(2.0)


def test_a_bound_says_that_it_is_one():
    assert str(Likelihood(2.0854, "nats/char", exact=True)) == "2.085 nats/char"
    assert str(Likelihood(115.4, "nats/image", exact=False)) == "≤ 115.4 nats/image"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: nats_per_symbol([-1.0, -np.inf], [1, 1]), r"log_prob\[1\] is -inf; every value must be finite"),
        (lambda: nats_per_symbol([-1.0], [1, 1]), r"one a sequence, got shapes \(1,\) and \(2,\)"),
        (lambda: nats_per_symbol([-1.0], [0]), r"lengths\[0\] must be a whole number >= 1, got 0"),
        (lambda: nats_per_symbol([-1.0, -2.0], [1, np.nan]), r"lengths\[0\] must be a whole number >= 1, got 1\.0"),
        (lambda: nats_per_symbol([-1.0], [True]), r"lengths\[0\] must be a whole number >= 1, got True"),
        (lambda: nats_per_symbol([-1.0], [[1]]), r"lengths must be an array of 1 axes, got shape \(1, 1\)"),
        (lambda: bits_per_dim([-1.0], 0), "dims must be a whole number >= 1, got 0"),
        (lambda: bits_per_dim([], 1), r"log_prob must be an array of 1 axes, got shape \(0,\)"),
        (lambda: Likelihood(1.0, "nats", exact="no"), "exact must be True or False, got 'no'"),
        (lambda: Likelihood(math.inf, "nats", exact=True), "likelihood must be finite, got inf nats"),
    ],
)
def test_figures_that_mean_nothing_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
