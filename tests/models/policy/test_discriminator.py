"""A discriminator that can tell what can be told, cannot tell what cannot, and refuses what it does not know."""

import math

import numpy as np
import pytest
import torch

from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.policy.discriminator import SequenceDiscriminator
from sdg_lab.models.sequences.alphabet import Alphabet
from sdg_lab.training import DivergedError

ALPHABET = Alphabet.of(["abc"])


def words(n: int, seed: int, letters: str = "abc") -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(letters), size=rng.integers(2, 7))) for _ in range(n)]


def with_ab(n: int, seed: int) -> list[str]:
    return [word[:2] + "ab" + word[2:] for word in words(n, seed)]


def without_ab(n: int, seed: int) -> list[str]:
    return [word.replace("ab", "ac") for word in words(n, seed)]


def test_what_two_neighbours_give_away_is_told_on_new_sequences():
    discriminator = SequenceDiscriminator(ALPHABET).fit(with_ab(300, 0), without_ab(300, 1), epochs=8, lr=5e-3)
    assert discriminator.accuracy(with_ab(200, 2), without_ab(200, 3)) > 0.98


def test_two_samples_of_one_kind_cannot_be_told_apart():
    discriminator = SequenceDiscriminator(ALPHABET).fit(words(300, 0), words(300, 1), epochs=2)
    assert discriminator.accuracy(words(500, 2), words(500, 3)) == pytest.approx(0.5, abs=0.06)


def test_the_answer_does_not_depend_on_who_is_in_the_batch():
    discriminator = SequenceDiscriminator(ALPHABET).fit(with_ab(50, 0), without_ab(50, 1), epochs=1)
    together = discriminator.log_odds(["ab", "cccccccc"])
    np.testing.assert_allclose(together[:1], discriminator.log_odds(["ab"]), atol=1e-6)


def test_the_loss_of_one_who_cannot_tell_is_ln_2():
    discriminator = SequenceDiscriminator(ALPHABET).eval()
    with torch.no_grad():
        discriminator.head.weight.zero_()
        discriminator.head.bias.zero_()
    assert discriminator.loss(
        torch.tensor([[0, 1, 0, 0, 0], [0, 2, 0, 0, 0]]), torch.tensor([1.0, 0.0])
    ).item() == pytest.approx(math.log(2))


def test_the_seed_decides_and_going_on_is_not_beginning():
    real, drawn = with_ab(40, 0), without_ab(40, 1)
    one, two = (SequenceDiscriminator(ALPHABET).fit(real, drawn, epochs=1, seed=4).log_odds(real) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    discriminator = SequenceDiscriminator(ALPHABET).fit(real, drawn, epochs=1, seed=4)
    discriminator.fit(real, drawn, epochs=1, seed=4, fresh=False)
    assert not np.allclose(discriminator.log_odds(real), one)


def test_what_it_does_not_know_is_refused():
    discriminator = SequenceDiscriminator(ALPHABET)
    with pytest.raises(NotFittedError, match=r"call fit\(real, generated\) first"):
        discriminator.log_odds(["ab"])
    with pytest.raises(ValueError, match="real and generated sequences, got 2 and 0"):
        discriminator.fit(["ab", "ba"], [])
    with pytest.raises(ValueError, match="'z' was never seen"):
        discriminator.fit(["ab"], ["az"])


@pytest.mark.parametrize("options", [{"epochs": 0}, {"lr": -1.0}, {"fresh": "no"}, {"lr": 1e30}], ids=str)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_refused_fit_leaves_a_fitted_discriminator_as_it_was(options, fresh):
    real, drawn = with_ab(40, 0), without_ab(40, 1)
    discriminator = SequenceDiscriminator(ALPHABET).fit(real, drawn, epochs=1)
    before = discriminator.log_odds(real)
    with pytest.raises((ValueError, DivergedError)):
        discriminator.fit(real, drawn, **{"fresh": fresh} | options)
    assert discriminator.fitted
    np.testing.assert_array_equal(discriminator.log_odds(real), before)
    new = SequenceDiscriminator(ALPHABET)
    with pytest.raises((ValueError, DivergedError)):
        new.fit(real, drawn, **options)
    assert not new.fitted
