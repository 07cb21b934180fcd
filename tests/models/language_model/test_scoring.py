"""Log-probabilities of answers that share what stands before them, beside each pair read alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.models.language_model import LanguageModel, prefill, scoring
from sdg_lab.models.language_model.scoring import log_probs
from sdg_lab.models.transformer import Transformer

CONTEXT = 12


@pytest.fixture(scope="module", params=["learned", "rotary"])
def network(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(0)
    made = Transformer(5, d_model=16, n_layers=2, n_heads=2, context=CONTEXT, positions=request.param)
    for parameter in made.requires_grad_(False).parameters():
        parameter.copy_(parameter * 3 + 0.5 * torch.randn_like(parameter))
    return made.double().eval()


def by_definition(network: Transformer, first: list[int], text: list[int]) -> float:
    log_p = network(torch.tensor([first + text]))[0].log_softmax(-1)
    return sum(float(log_p[len(first) - 1 + place, token]) for place, token in enumerate(text))


codes = st.integers(0, 4)
pairs = st.integers(1, CONTEXT - 1).flatmap(
    lambda n: st.tuples(st.lists(codes, min_size=n, max_size=n), st.lists(codes, min_size=1, max_size=CONTEXT - n))
)


@settings(max_examples=40)
@given(
    found=st.lists(pairs, min_size=1, max_size=7),
    limits=st.sampled_from([(4096, 2**30), (5, 2**30), (4096, 2**13)]),
)
def test_pairs_together_are_as_likely_as_alone(
    network: Transformer, found: list[tuple[list[int], list[int]]], limits: tuple[int, int]
) -> None:
    found = [*found, *((found[0][0], text) for _, text in found if len(found[0][0]) + len(text) <= CONTEXT)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "MAX_TOKENS", limits[0])
        patch.setattr(prefill, "MAX_BYTES", limits[1])
        patch.setattr(scoring, "MAX_POSITIONS", 3)
        together = log_probs(network, found)
    np.testing.assert_allclose(together, [by_definition(network, *pair) for pair in found], atol=1e-9)


def test_a_prompt_is_read_once_for_all_its_answers(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[int, ...]] = []
    hidden = tiny.network.hidden
    monkeypatch.setattr(
        tiny.network, "hidden", lambda tokens, *rest: (read.append(tuple(tokens.shape)), hidden(tokens, *rest))[1]
    )
    tiny.choose(["in the inn", "thin the a"], ["t", "h", "i"])
    assert [shape[0] for shape in read] == [2]  # the answers are one token each: nothing more is read
    read.clear()
    tiny.choose(["in the inn", "thin the a"], ["tin", "h"])
    assert [shape[0] for shape in read] == [2, 4]


class TestChoose:
    def test_it_is_the_log_probability_of_each_answer_after_each_prompt(self, tiny: LanguageModel):
        prompts, answers = ["the", "a thin", ""], [" inn", "x", " the inn"]
        found = tiny.choose(prompts, answers)
        assert found.shape == (3, 3)
        for row, prompt in enumerate(prompts):
            for column, answer in enumerate(answers):
                assert found[row, column] == pytest.approx(tiny.log_prob([answer], given=[prompt])[0], abs=1e-4)

    def test_probabilities_of_all_tokens_sum_to_1(self, tiny: LanguageModel):
        singles = [chr(byte) for byte in range(33, 127)]
        found = np.exp(tiny.choose(["the"], singles)[0])
        table = tiny.next_token("the", n=400).set_index("token").probability
        np.testing.assert_allclose(found, [table[single] for single in singles], atol=1e-6)

    def test_conversations_may_stand_before_an_answer(self, tiny: LanguageModel):
        talk = [{"role": "user", "content": "in?"}]
        assert tiny.choose([talk], ["the"])[0, 0] == tiny.log_prob(["the"], given=[tiny.prompt(talk)])[0]

    @pytest.mark.parametrize(
        ("prompts", "answers", "error", "sentence"),
        [
            ("the", ["a"], TypeError, r"prompts must be a list of texts or conversations, got 'the'"),
            ([{"role": "user", "content": "a"}], ["a"], TypeError, "one alone is"),
            ([], ["a"], ValueError, "there are no prompts; give at least one"),
            (["the"], "a", TypeError, "texts must be a list of str, got 'a'"),
            (["the"], [], ValueError, "there are no texts"),
            (["the"], ["a", ""], ValueError, "text 1 is empty"),
            (["x" * 48], ["a"], ValueError, "has 49 tokens, and this model's context holds 48"),
        ],
    )
    def test_refusals(self, tiny: LanguageModel, prompts, answers, error: type[Exception], sentence: str):
        with pytest.raises(error, match=sentence):
            tiny.choose(prompts, answers)

    def test_the_real_model_labels_by_it(self, smollm2: LanguageModel):
        shown = "Review: What a joy.\nSentiment: positive\n\nReview: So boring.\nSentiment: negative\n\n"
        texts = ["I loved every minute of it.", "A waste of time, and of money."]
        found = smollm2.choose([f"{shown}Review: {text}\nSentiment:" for text in texts], [" positive", " negative"])
        assert found.argmax(axis=1).tolist() == [0, 1]
        assert math.isclose(
            found[1, 0],
            smollm2.log_prob([" positive"], given=[f"{shown}Review: {texts[1]}\nSentiment:"])[0],
            abs_tol=1e-3,
        )
