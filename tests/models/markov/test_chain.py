"""The Markov chain against exact enumeration, nltk.lm, and what every model owes."""

from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from sdg_lab import data
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.markov import MarkovChain

SMOOTHINGS = ("none", "add", "witten-bell", "kneser-ney")
TINY = ["ab", "abba", "b", "aab", "ab", "bb"]
SENTENCES = [("the", "cat", "sat"), ("the", "dog", "sat", "down"), ("a", "cat", "ran"), ("the", "cat", "ran")]


@pytest.fixture(scope="module")
def names() -> data.Dataset[list[str]]:
    return data.names()


# Against exact enumeration


def strings(longest: int, letters: str = "ab") -> list[str]:
    return ["".join(word) for length in range(longest + 1) for word in product(letters, repeat=length)]


def chain_rule(model: MarkovChain, word: str) -> tuple[float, float]:
    """Return the probability that a sequence begins with ``word``, and that it ends there, one symbol at a time."""
    begins = 1.0
    for t, letter in enumerate(word):
        if begins == 0:
            return 0.0, 0.0
        begins *= model.next_distribution(word[:t])[model.symbols.index(letter)]
    return begins, begins * model.next_distribution(word)[0] if begins else 0.0


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_all_strings_up_to_a_length_and_the_rest_share_probability_one(order, smoothing):
    model = MarkovChain(order, smoothing, alpha=0.5).fit(TINY)
    words = strings(6)
    probability = np.exp(model.log_prob(words))
    by_hand = np.array([chain_rule(model, word) for word in words])
    np.testing.assert_allclose(probability, by_hand[:, 1], rtol=1e-12, atol=1e-15)
    longest = np.array([len(word) == 6 for word in words])
    longer = (by_hand[longest, 0] - by_hand[longest, 1]).sum()
    assert probability.sum() + longer == pytest.approx(1, abs=1e-12)


@settings(max_examples=60)
@given(
    st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=12),
    st.integers(0, 4),
    st.sampled_from(SMOOTHINGS),
    st.text("abc", max_size=6),
)
def test_every_next_distribution_sums_to_one(words, order, smoothing, context):
    model = MarkovChain(order, smoothing, alpha=0.3, discount=0.6).fit(words)
    if not set(context) <= set("".join(words)):
        context = ""
    try:
        row = model.next_distribution(context)
    except ValueError:
        assert smoothing == "none"
        return
    assert row.shape == (len(model.symbols),)
    assert (row >= 0).all()
    assert row.sum() == pytest.approx(1, abs=1e-12)


# Against nltk.lm, given the same n-grams: those that end at a symbol or at the end, none that end in padding


def nltk_events(words: list[str], order: int) -> list[list[tuple[str, ...]]]:
    events = []
    for word in words:
        padded = ["<s>"] * order + list(word) + ["</s>"]
        events.append(
            [
                tuple(padded[end - length : end])
                for end in range(order + 1, len(padded) + 1)
                for length in range(1, order + 2)
            ]
        )
    return events


def nltk_fit(model, words: list[str], order: int):
    from nltk.lm import Vocabulary

    # Only the size of the vocabulary matters below: nltk adds its <UNK> to the letters, which makes it our V.
    model.vocab = Vocabulary(sorted(set("".join(words))), unk_cutoff=1)
    model.counts.update(nltk_events(words, order))
    return model


def nltk_log_prob(model, word: str, order: int) -> float:
    grams = [gram for gram in nltk_events([word], order)[0] if len(gram) == order + 1]
    return float(sum(np.log(model.unmasked_score(gram[-1], gram[:-1])) for gram in grams))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("smoothing", ["add", "witten-bell", "kneser-ney"])
def test_log_prob_is_that_of_nltk_on_names(names, smoothing, order):
    from nltk.lm import KneserNeyInterpolated, Lidstone, WittenBellInterpolated

    theirs = {
        "add": lambda: Lidstone(0.1, order + 1),
        "witten-bell": lambda: WittenBellInterpolated(order + 1),
        "kneser-ney": lambda: KneserNeyInterpolated(order + 1, discount=0.75),
    }[smoothing]()
    nltk_fit(theirs, names.train, order)
    ours = MarkovChain(order, smoothing, alpha=0.1, discount=0.75).fit(names.train)
    held_out = names.validation[:40]  # nltk counts continuations anew for every call
    want = [nltk_log_prob(theirs, word, order) for word in held_out]
    np.testing.assert_allclose(ours.log_prob(held_out), want, rtol=0, atol=1e-10)


def test_unsmoothed_log_prob_is_nltks_maximum_likelihood(names):
    from nltk.lm import MLE

    theirs = nltk_fit(MLE(3), names.train, 2)
    want = [nltk_log_prob(theirs, word, 2) for word in names.train[:200]]
    np.testing.assert_allclose(MarkovChain(2).fit(names.train).log_prob(names.train[:200]), want, rtol=0, atol=1e-10)


def test_kneser_ney_discounts_the_longest_context_and_counts_continuations_below():
    """One context by hand: what follows an a in ab, abba, b, aab, ab, bb."""
    model = MarkovChain(1, "kneser-ney", discount=0.75).fit(TINY)
    after_a = {"a": 1, "b": 4, "·": 1}
    continuations = {"a": 3, "b": 3, "·": 2}  # how many different symbols stand before each
    for letter, count in after_a.items():
        want = (count - 0.75) / 6 + 0.75 * 3 / 6 * continuations[letter] / 8
        assert model.next_distribution("a")[model.symbols.index(letter)] == pytest.approx(want, abs=1e-15)


# Sampling


@pytest.mark.parametrize("temperature", [1.0, 0.6, 1.7])
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_samples_follow_the_distribution(smoothing, temperature):
    model = MarkovChain(2, smoothing, alpha=0.5).fit(TINY)
    n = 20_000
    words = strings(5)
    samples = model.sample(n, seed=3, temperature=temperature)
    expected = np.array([tempered(model, word, temperature) for word in words])
    observed = np.array([samples.count(word) for word in words], dtype=float)
    assert not observed[expected == 0].any()
    common = expected * n > 5
    cells = np.append(observed[common], n - observed[common].sum())
    wanted = np.append(expected[common], 1 - expected[common].sum()) * n
    keep = wanted > 1e-6
    assert chisquare(cells[keep], wanted[keep] * cells[keep].sum() / wanted[keep].sum()).pvalue > 1e-3


def tempered(model: MarkovChain, word: str, temperature: float) -> float:
    """Return the probability of sampling ``word``, from rows raised to a power and normalised here."""
    probability = 1.0
    for t, letter in enumerate([*word, "·"]):
        if probability == 0:
            return 0.0
        row = model.next_distribution(word[:t]) ** (1 / temperature)
        probability *= row[model.symbols.index(letter)] / row.sum()
    return probability


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_no_rounding_carries_a_draw_out_of_its_context(names, smoothing):
    """The smallest uniform number, and the largest below what a context keeps for itself, draw what was seen there."""
    model = MarkovChain(3, smoothing).fit(names.train)
    level = model._levels[-1]
    for uniform in (np.zeros(len(level.contexts)), np.nextafter(1 - level.gamma[:-1], 0)):
        symbols, _ = level.draw(level.contexts, uniform)
        assert np.isin(level.contexts * level.n_symbols + symbols, level.grams).all()


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_each_share_of_the_uniform_numbers_draws_what_it_belongs_to(smoothing):
    """What a context keeps is cut into the shares of its n-grams, in their order; the rest goes to the shorter one."""
    level = MarkovChain(2, smoothing).fit(TINY)._levels[-1]
    for row, context in enumerate(level.contexts):
        entries = range(level.starts[row], level.starts[row + 1])
        begin = np.cumsum([0.0, *level.alpha[entries]])
        symbols, _ = level.draw(np.full(len(entries), context), (begin[:-1] + begin[1:]) / 2)
        np.testing.assert_array_equal(symbols, level.grams[entries] % level.n_symbols)
    unseen = np.setdiff1d(np.arange(level.n_symbols**2), level.contexts)[:1]
    contexts, own = np.append(level.contexts, unseen), np.append(1 - level.gamma[:-1], 0.0)
    symbols, left = level.draw(contexts[own < 1], own[own < 1])
    assert (symbols == -1).all()
    assert (left == 0).all()


def test_no_rounding_makes_a_temperature_draw_the_impossible(names):
    model = MarkovChain(3).fit(names.train)
    level = model._levels[-1]
    for uniform in (0.0, np.nextafter(1, 0)):
        symbols, _ = model._step_at(0.7, level.contexts, np.full(len(level.contexts), uniform))
        assert np.isin(level.contexts * level.n_symbols + symbols, level.grams).all()


def test_an_unsmoothed_chain_samples_only_what_it_holds_possible(names):
    model = MarkovChain(3).fit(names.train)
    assert np.isfinite(model.log_prob(model.sample(2000, seed=0))).all()


def test_a_chain_that_remembers_everything_repeats_its_training_data():
    model = MarkovChain(4).fit(TINY)
    assert set(model.sample(500, seed=0)) == set(TINY)


def test_a_low_temperature_takes_the_likeliest_path():
    model = MarkovChain(2, "witten-bell").fit(["abc"] * 9 + ["acb"])
    assert set(model.sample(50, seed=0, temperature=1e-3)) == {"abc"}


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_temperature_zero_takes_the_most_probable_symbol_and_of_equals_the_first(smoothing):
    model = MarkovChain(1, smoothing).fit(["ab", "ac", "ca", "ba"])  # after a come the end, twice, and b and c, once
    assert model.sample(3, seed=0, temperature=0) == ["a"] * 3
    tied = MarkovChain(1, smoothing, discount=0.1).fit(["bx", "ay", "cz"])
    assert set(tied.sample(20, seed=5, temperature=0)) == {"ay"}


def test_max_length_cuts():
    model = MarkovChain(1).fit(["a" * 200])
    assert max(map(len, model.sample(200, seed=0, max_length=7))) == 7


# What every model owes


@pytest.mark.parametrize("sequences", [TINY, SENTENCES])
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_samples_are_of_the_data_s_type_and_follow_the_seed(smoothing, sequences):
    model = MarkovChain(2, smoothing).fit(sequences)
    samples = model.sample(30, seed=5)
    assert len(samples) == 30
    assert {type(sequence) for sequence in samples} == {type(sequences[0])}
    assert samples == model.sample(30, seed=5)
    assert samples != model.sample(30, seed=6)


def test_tokens_and_characters_are_the_same_to_the_chain():
    characters = MarkovChain(2, "kneser-ney").fit(TINY)
    tokens = MarkovChain(2, "kneser-ney").fit([tuple(word) for word in TINY])
    np.testing.assert_array_equal(tokens.log_prob([tuple(word) for word in TINY]), characters.log_prob(TINY))
    assert tokens.sample(50, seed=1) == [tuple(word) for word in characters.sample(50, seed=1)]


def test_a_refused_fit_leaves_a_fitted_chain_as_it_was():
    model = MarkovChain(40).fit(["a"])
    for bad, error in (([], ValueError), (["a", ""], ValueError), ("a", TypeError), (TINY, ValueError)):
        with pytest.raises(error):
            model.fit(bad)
        assert model.symbols == ("·", "a")
        assert model.sample(2, seed=0) == ["a"] * 2


def test_fitting_again_starts_from_nothing():
    model = MarkovChain(1).fit(TINY).fit(["xyz"])
    assert model.symbols == ("·", "x", "y", "z")
    assert model.sample(3, seed=0) == ["xyz"] * 3


def test_the_same_sequences_in_another_order_give_the_same_model():
    one, other = MarkovChain(2, "witten-bell").fit(TINY), MarkovChain(2, "witten-bell").fit(TINY[::-1])
    assert one.sample(40, seed=0) == other.sample(40, seed=0)


@pytest.mark.parametrize("sequences", [TINY, SENTENCES])
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_save_and_load_give_the_same_model(tmp_path, smoothing, sequences):
    model = MarkovChain(2, smoothing, alpha=0.3, discount=0.6).fit(sequences)
    model.save(tmp_path / "chain.safetensors")
    loaded = MarkovChain.load(tmp_path / "chain.safetensors")
    assert (loaded.order, loaded.smoothing, loaded.alpha, loaded.discount) == (2, smoothing, 0.3, 0.6)
    assert loaded.symbols == model.symbols
    np.testing.assert_array_equal(loaded.log_prob(sequences), model.log_prob(sequences))
    assert loaded.sample(40, seed=2) == model.sample(40, seed=2)


def test_a_damaged_file_is_refused_or_read_but_takes_no_memory_that_it_does_not_hold(tmp_path):
    path = tmp_path / "chain.safetensors"
    MarkovChain(2, "witten-bell").fit(TINY).save(path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    tracemalloc.start()
    for place in rng.choice(8 * len(whole), 400, replace=False):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        try:
            MarkovChain.load(path).sample(3, seed=0, max_length=20)
        except ValueError:
            continue
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"grams": np.array([5, 3])}, "the n-grams are not those of the alphabet and the order"),
        ({"grams": np.array([-1, 3])}, "the n-grams are not"),
        ({"grams": np.array([0, 27])}, "the n-grams are not"),
        ({"grams": np.array([[0, 1]])}, "the n-grams are not"),
        ({"grams": np.array([0.0, 1.0])}, "the n-grams are not"),
        ({"grams": np.empty(0, dtype=np.int64)}, "the n-grams are not"),
    ],
)
def test_n_grams_that_no_data_can_have_given_are_refused(changed, says):
    model = MarkovChain(2).fit(TINY)
    state = {name: torch.as_tensor(array) for name, array in {**model.state(), **changed}.items()}
    with pytest.raises(ValueError, match=says):
        MarkovChain.from_header(model.header(), state)


def test_an_order_beyond_the_n_grams_of_a_file_is_refused():
    model = MarkovChain(2).fit(TINY)
    header, state = model.header(), {name: torch.as_tensor(array) for name, array in model.state().items()}
    with pytest.raises(ValueError, match="order 10000 over 3 symbols has more n-grams than a 64-bit number can name"):
        MarkovChain.from_header({**header, "config": {**header["config"], "order": 10_000}}, state)


def test_log_prob_has_one_number_a_sequence_in_nats():
    model = MarkovChain(0).fit(["ab"])  # a, b and the end have probability 1/3 each
    np.testing.assert_allclose(model.log_prob(["", "a", "ab"]), np.log(1 / 3) * np.array([1, 2, 3]), rtol=1e-15)


def test_what_never_happened_is_impossible_without_smoothing():
    model = MarkovChain(1).fit(["ab"])
    np.testing.assert_array_equal(model.log_prob(["ba", "ab"]), [-np.inf, 0.0])


def test_a_context_of_one_symbol_holds_the_shares_of_what_followed():
    model = MarkovChain(1).fit(["ab", "b"])
    for context, want in (("", [0, 0.5, 0.5]), ("a", [0, 0, 1]), ("b", [1, 0, 0])):  # to: ·, a, b
        np.testing.assert_array_equal(model.next_distribution(context), want)


def test_parameters_are_the_n_grams_remembered():
    assert MarkovChain(1).fit(["ab", "b"]).n_parameters == 4  # ·a, ·b, ab, b·
    assert MarkovChain(1, "witten-bell").fit(["ab", "b"]).n_parameters == 7  # and a, b, ·


def test_the_context_is_cut_to_the_order():
    model = MarkovChain(2, "witten-bell").fit(TINY)
    np.testing.assert_array_equal(model.next_distribution("bbbab"), model.next_distribution("aab"))
    assert not np.array_equal(model.next_distribution("b"), model.next_distribution("bb"))


# Refusals


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"order": -1}, r"order must be a whole number >= 0, got -1"),
        ({"order": 1.5}, r"order must be a whole number >= 0, got 1\.5"),
        ({"order": True}, r"order must be a whole number >= 0, got True"),
        ({"smoothing": "laplace"}, r"smoothing must be one of none, add, witten-bell, kneser-ney, got 'laplace'"),
        ({"alpha": 0}, r"alpha must be > 0, got 0"),
        ({"alpha": float("nan")}, r"alpha must be > 0, got nan"),
        ({"discount": 0}, r"discount must be > 0 and <= 1, got 0"),
        ({"discount": 1.2}, r"discount must be > 0 and <= 1, got 1\.2"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        MarkovChain(**arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n": 0}, r"n, the number of samples, must be a whole number >= 1, got 0"),
        ({"n": 2, "temperature": -1.0}, r"temperature must be >= 0, got -1\.0"),
        ({"n": 2, "temperature": float("inf")}, r"temperature must be >= 0, got inf"),
        ({"n": 2, "max_length": 0}, r"max_length must be a whole number >= 1, got 0"),
    ],
)
def test_samples_out_of_range_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        MarkovChain(1).fit(TINY).sample(**arguments)


def test_an_unseen_symbol_is_named_with_its_place():
    sentence = r"sequence 1, position 2: symbol 'c' was never seen in training; leave the sequence out"
    with pytest.raises(ValueError, match=sentence):
        MarkovChain(1, "add").fit(TINY).log_prob(["ab", "abc"])


def test_an_unseen_context_is_refused_without_smoothing():
    with pytest.raises(
        ValueError, match=r"context 'bbb' never occurs in training.* choose a smoothing, or a lower order"
    ):
        MarkovChain(3).fit(TINY).next_distribution("bbb")


def test_n_grams_beyond_64_bits_are_refused():
    with pytest.raises(ValueError, match=r"order 40 over 3 symbols has more n-grams than a 64-bit number can name"):
        MarkovChain(40).fit(TINY)


def test_a_model_of_another_kind_is_not_loaded(tmp_path):
    class Other(MarkovChain):
        pass

    Other(1).fit(TINY).save(tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"holds a Other, not a MarkovChain"):
        MarkovChain.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize("ask", ["sample", "log_prob", "next_distribution", "save", "n_parameters"])
def test_nothing_is_answered_before_fit(ask, tmp_path):
    model = MarkovChain(1)
    calls = {
        "sample": lambda: model.sample(1),
        "log_prob": lambda: model.log_prob(TINY),
        "next_distribution": lambda: model.next_distribution("a"),
        "save": lambda: model.save(tmp_path / "x"),
        "n_parameters": lambda: model.n_parameters,
    }
    with pytest.raises(NotFittedError, match="has not been fitted: call fit"):
        calls[ask]()


def test_a_chain_says_what_it_knows():
    assert repr(MarkovChain(2, "add")) == "<MarkovChain of order 2, smoothing 'add': not fitted>"
    chain = MarkovChain(1).fit(["ab"])
    assert repr(chain) == f"<MarkovChain of order 1, smoothing 'none': 2 symbols, {chain.n_parameters} n-grams>"
