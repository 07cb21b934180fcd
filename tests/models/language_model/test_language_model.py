"""A language model: its tokens, its likelihoods and its speech, on a tiny file and on SmolLM2 itself.

The oracles are not ours: transformers' loader of the same file, and byte-pair encoding written down literally below.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
import regex
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.data import packages
from sdg_lab.models.language_model import LanguageModel
from sdg_lab.models.language_model.chat import render
from sdg_lab.models.language_model.continuation import Continuation
from sdg_lab.models.language_model.tokeniser import BYTES, Tokeniser
from tests.models.conftest import WriteGGUF

CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
HARD = [
    "",
    " ",
    "The capital of France is Paris.",
    "  two  spaces   three\n\n\nlines\t\ttabs \r\n end ",
    "1234567890 3.14 1,000,000 2nd x2 ½ ² Ⅳ ٣",
    "I'll've can't 'tis it's we'd",
    "Zoë naïve café Straße İstanbul",
    "日本語のテキスト и русский text, עברית",
    "🍓 👩‍👩‍👧‍👦 🇫🇷 emoji🙂glued",
    "e\u0301 combining, \u200b zero width, \ufeff mark, \u00a0 hard space",
    "def f(x):\n    return x**2  # comment\n",
    "<|im_start|>user\nHello<|im_end|>\n<|endoftext|>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


@functools.cache
def tables(tokeniser: Tokeniser) -> tuple[dict[int, str], dict[tuple[str, ...], int], dict[str, int]]:
    """Return the spelling of each byte, the rank of each merge and the number of each token."""
    return (
        {byte: character for character, byte in BYTES.items()},
        {tuple(merge.split(" ")): rank for rank, merge in enumerate(tokeniser.merges)},
        {token: number for number, token in enumerate(tokeniser.vocabulary)},
    )


def encode_literally(tokeniser: Tokeniser, text: str) -> list[int]:
    """Byte-pair encoding by its definition: cut, spell in bytes, merge the pair of lowest rank until none is left."""
    characters, merges, number_of = tables(tokeniser)
    special = "|".join(map(re.escape, tokeniser.special))
    cut = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
    ids: list[int] = []
    for part in re.split(f"({special})", text):
        if part in tokeniser.special:
            ids.append(tokeniser.special[part])
            continue
        for stretch in regex.split(r"(\p{N})", part):
            for word in cut.findall(stretch):
                pieces = [characters[byte] for byte in word.encode()]
                while len(pieces) > 1:
                    ranks = [merges.get(pair, math.inf) for pair in itertools.pairwise(pieces)]
                    first = min(range(len(ranks)), key=ranks.__getitem__)
                    if ranks[first] == math.inf:
                        break
                    pieces[first : first + 2] = [pieces[first] + pieces[first + 1]]
                ids += [number_of[piece] for piece in pieces]
    return ids


class TestTokens:
    @pytest.mark.parametrize("text", HARD)
    def test_hard_texts_have_the_tokens_of_the_definition(self, smollm2: LanguageModel, text: str):
        assert smollm2.encode(text) == encode_literally(smollm2.tokeniser, text)
        assert smollm2.decode(smollm2.encode(text)) == text

    @settings(max_examples=60)
    @given(text=st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=30))
    def test_any_text_has_the_tokens_of_the_definition(self, smollm2: LanguageModel, text: str):
        assert smollm2.encode(text) == encode_literally(smollm2.tokeniser, text)
        assert smollm2.decode(smollm2.encode(text)) == text

    @settings(max_examples=60)
    @given(text=st.text(max_size=40))
    def test_any_text_of_a_whole_vocabulary_returns(self, tiny: LanguageModel, text: str):
        assert tiny.decode(tiny.encode(text)) == text

    def test_special_tokens_are_written_as_they_are_spelt(self, tiny: LanguageModel):
        assert tiny.tokeniser.special
        assert tiny.decode(list(tiny.tokeniser.special.values())) == "".join(tiny.tokeniser.special)

    def test_pieces_are_readable(self, smollm2: LanguageModel):
        assert smollm2.tokens("In 2026 🍓!") == ["In", " ", "2", "0", "2", "6", r" \xf0\x9f", r"\x8d", r"\x93", "!"]
        assert smollm2.tokens("<|im_end|>") == ["<|im_end|>"]

    def test_a_character_without_a_token_is_named(self, smollm2: LanguageModel):
        with pytest.raises(ValueError, match=r"position 4 holds '\\x06', for which the vocabulary has no token"):
            smollm2.encode("ring\x06")
        with pytest.raises(ValueError, match=r"position 1 holds '\\ud83c', for which the vocabulary has no token"):
            smollm2.encode("a\ud83c")

    def test_a_token_outside_the_vocabulary_is_named(self, tiny: LanguageModel):
        with pytest.raises(ValueError, match="token 320 at position 1 is outside the vocabulary of 320"):
            tiny.logits([5, 320])
        with pytest.raises(ValueError, match="token -1 at position 0 is outside the vocabulary"):
            tiny.decode([-1])


class TestChatTemplate:
    def test_turns_are_marked_and_the_next_is_opened(self, tiny: LanguageModel):
        assert tiny.prompt(CAPITAL) == (
            "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
        )

    @pytest.mark.parametrize(
        ("messages", "error", "sentence"),
        [
            ([], ValueError, "messages must be a list such as"),
            (
                "Hello",
                ValueError,
                "got 'Hello'; put the text in the place of \"...\", or continue it with generate([text])",
            ),
            (None, ValueError, 'messages must be a list such as [{"role": "user", "content": "..."}], got None'),
            (iter(CAPITAL), ValueError, "messages must be a list such as"),
            (CAPITAL[0], ValueError, "one message alone is a list of length 1"),
            (["Hello"], TypeError, 'message 0 must be {"role": ..., "content": ...}, got \'Hello\''),
            ([{**CAPITAL[0], "name": "Ann"}], TypeError, 'message 0 must be {"role": ..., "content": ...}'),
            ([{"role": "user", "content": None}], TypeError, "message 0: its content must be a str, got None"),
            ([{"role": "user"}], TypeError, 'message 0 must be {"role": ..., "content": ...}'),
            (
                [{"role": "king", "content": "Hi"}],
                ValueError,
                "message 0: its role must be one of system, user",
            ),
            ([{"role": "user", "content": 5}], TypeError, "message 0: its content must be a str, got 5"),
            ([{"role": "user", "content": "<|im_end|>"}], ValueError, "message 0 holds <|im_end|>, which marks turns"),
        ],
    )
    def test_refusals(self, tiny: LanguageModel, messages: Any, error: type[Exception], sentence: str):
        for take in (tiny.prompt, tiny.chat):
            with pytest.raises(error, match=re.escape(sentence)):
                take(messages)

    def test_a_template_reaches_nothing_but_the_messages(self):
        with pytest.raises(ValueError, match="the file's chat template cannot render these messages"):
            render("{{ messages.__class__.__mro__[1].__subclasses__() }}", CAPITAL, ())

    @pytest.mark.parametrize(
        "template",
        [
            "{{ messages[0]['content'] + 1 }}",  # TypeError
            "{{ 1 // 0 }}",
            "{{ range(10 ** 9) | list }}",  # OverflowError, of the sandbox
            "{{ messages | tojson(indent='x', separators=1) }}",
            "{% for m in messages %}",
            "{{ pad_token }}",  # written, and not given
            "{{ 'a' ~ messages[0].name }}",
        ],
    )
    def test_a_template_that_fails_in_any_way_is_named(self, template: str):
        with pytest.raises(ValueError, match=r"the file's chat template cannot render these messages: \w+: .*; give"):
            render(template, CAPITAL, ())

    def test_a_template_may_ask_for_what_is_not_there_and_write_what_is(self):
        template = (
            "{% if tools or x is defined %}?{% endif %}{% for t in tools %}{{ t }}{% endfor %}{{ y | default(1) }}"
        )
        assert render(template, CAPITAL, ()) == "1"
        assert render("{{ bos_token }}{{ messages | length }}", CAPITAL, (), bos_token="<s>") == "<s>1"

    def test_a_template_is_told_the_files_marks(self, write_gguf: WriteGGUF):
        template = "{{ bos_token }} {{ messages[0]['content'] }} {{ eos_token }}"
        model = LanguageModel.from_gguf(write_gguf(metadata={"tokenizer.chat_template": template}))
        assert model.prompt([{"role": "user", "content": "Hi"}]) == "<|im_start|> Hi <|im_end|>"

    def test_a_model_without_a_template_cannot_chat(self, write_gguf: WriteGGUF):
        model = LanguageModel.from_gguf(write_gguf(metadata={"tokenizer.chat_template": None}))
        with pytest.raises(ValueError, match="this model's file has no chat template: continue a text with generate"):
            model.chat(CAPITAL)


class TestLikelihood:
    def test_it_is_the_sum_of_the_log_softmax_at_each_token(self, tiny: LanguageModel):
        ids = [tiny.tokeniser.start, *tiny.encode("the inn")]
        log_p = tiny.logits(ids).double().log_softmax(dim=-1)
        by_hand = sum(float(log_p[place, token]) for place, token in enumerate(ids[1:]))
        assert tiny.log_prob(["the inn"])[0] == pytest.approx(by_hand, abs=1e-4)

    def test_texts_together_are_as_likely_as_alone(self, tiny: LanguageModel):
        texts = ["in", "the thin inn", "a", "then the inn"]
        alone = [tiny.log_prob([text])[0] for text in texts]
        np.testing.assert_allclose(tiny.log_prob(texts), alone, atol=1e-4)

    def test_the_chain_rule_holds(self, tiny: LanguageModel):
        whole = tiny.log_prob(["the inn"])[0]
        parts = tiny.log_prob(["the"])[0] + tiny.log_prob([" inn"], given=["<|endoftext|>the"])[0]
        assert whole == pytest.approx(parts, abs=1e-4)

    def test_next_tokens_are_those_of_the_logits(self, tiny: LanguageModel):
        table = tiny.next_token("the", n=400)
        assert list(table.columns) == ["token", "id", "probability"]
        assert table.probability.sum() == pytest.approx(1, abs=1e-5)
        wanted = tiny.logits(tiny.encode("the"))[-1].softmax(dim=-1)
        np.testing.assert_allclose(table.probability, wanted[table["id"].tolist()], atol=1e-6)
        assert table.probability.is_monotonic_decreasing
        assert len(tiny.next_token("the", top_k=3)) == 3
        assert tiny.next_token("the", temperature=0).probability.tolist() == [1.0]

    def test_attention_looks_back_only(self, tiny: LanguageModel):
        weights = tiny.attention("the inn")
        length = len(tiny.encode("the inn"))
        assert weights.shape == (2, 4, length, length)
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
        assert not np.triu(weights, 1).any()

    @pytest.mark.parametrize(
        ("call", "error", "sentence"),
        [
            (lambda m: m.log_prob("the"), TypeError, "texts must be a list of str, got 'the'"),
            (lambda m: m.log_prob(None), TypeError, "texts must be a list of str, got None"),
            (
                lambda m: m.log_prob(["a"], given=5),
                TypeError,
                "prompts must be a list of texts or conversations, got 5",
            ),
            (lambda m: m.log_prob(["a", "b\ud800"]), ValueError, r"text 1: position 1 holds '\\ud800', for which"),
            (lambda m: m.log_prob([]), ValueError, "there are no texts; give at least one"),
            (lambda m: m.log_prob(["a", ""]), ValueError, "text 1 is empty; leave it out"),
            (lambda m: m.log_prob(["a"], given=["b", "c"]), ValueError, "given must have one text for each of the 1"),
            (lambda m: m.log_prob(["x" * 48]), ValueError, "has 49 tokens, and this model's context holds 48"),
            (lambda m: m.logits([]), ValueError, "the text has no tokens; give at least one"),
            (lambda m: m.next_token("a", n=-1), ValueError, "n, the number of tokens to list, .* >= 1, got -1"),
            (lambda m: m.next_token("a", n=2.5), ValueError, "n, the number of tokens to list, .* >= 1, got 2.5"),
            (lambda m: m.attention("x" * 49), ValueError, "the text has 49 tokens, and this model's context holds 48"),
        ],
    )
    def test_refusals(self, tiny: LanguageModel, call: Any, error: type[Exception], sentence: str):
        with pytest.raises(error, match=sentence):
            call(tiny)


PROMPTS = ["the", "a thin inn in the", "", "in the inn", "the the the the the the"]


class TestSpeech:
    def test_greedy_takes_the_likeliest_token_of_the_whole_pass(self, tiny: LanguageModel):
        ids = tiny.encode("the inn")
        for _ in range(8):
            ids.append(int(tiny.logits(ids)[-1].argmax()))
        spoken = ids[len(tiny.encode("the inn")) :]
        ends = [place for place, token in enumerate(spoken) if token in tiny.tokeniser.ends]
        assert tiny.generate(["the inn"], max_tokens=8) == [tiny.decode(spoken[: ends[0]] if ends else spoken)]

    def test_prompts_of_unequal_length_are_continued_as_if_alone(self, tiny: LanguageModel):
        together = tiny.generate(PROMPTS, max_tokens=20)
        assert together == [tiny.generate([prompt], max_tokens=20)[0] for prompt in PROMPTS]

    def test_the_real_model_continues_a_batch_as_it_continues_one(self, smollm2: LanguageModel):
        prompts = ["The sky is", "Once upon a time there was a king who", "Water"]
        together = smollm2.generate(prompts, max_tokens=8)
        assert together == [smollm2.generate([prompt], max_tokens=8)[0] for prompt in prompts]

    def test_options_are_shown_and_a_mistyped_one_is_named(self, tiny: LanguageModel):
        for function in (tiny.generate, tiny.chat, tiny.stream):
            shown = inspect.signature(function).parameters
            assert shown["max_tokens"].default == 128
            assert shown["temperature"].default == 0
        with pytest.raises(TypeError, match=r"LanguageModel.generate has no option 'top_q'; did you mean 'top_p'"):
            tiny.generate(["the"], top_q=0.5)

    def test_the_same_seed_says_the_same(self, tiny: LanguageModel):
        options = {"max_tokens": 12, "temperature": 1.5}
        first = tiny.generate(PROMPTS, seed=3, **options)
        assert first == tiny.generate(PROMPTS, seed=3, **options)
        assert first != tiny.generate(PROMPTS, seed=4, **options)

    def test_draws_follow_the_distribution(self, tiny: LanguageModel):
        n = 2000
        drawn = tiny.generate(["the"] * n, max_tokens=1, temperature=1.0, top_k=3)
        table = tiny.next_token("the", top_k=3)
        for token, probability in zip(table.token, table.probability, strict=True):
            assert drawn.count(token) / n == pytest.approx(probability, abs=4 * math.sqrt(0.25 / n))

    def test_a_text_has_ended_at_the_tokens_that_end_it_and_at_no_other(self, tiny: LanguageModel):
        ended = tiny._ended([])
        texts = [Continuation([1], np.random.default_rng(0), tokens=[token]) for token in range(len(tiny.tokeniser))]
        assert {text.tokens[0] for text in texts if ended(text) == "end"} == tiny.tokeniser.ends
        assert {ended(text) for text in texts} == {"end", None}

    def test_it_ends_at_a_stop(self, tiny: LanguageModel):
        whole = tiny.generate(["the"], max_tokens=20)[0]
        assert len(whole) > 6
        stop = whole[4:6]
        assert tiny.generate(["the"], max_tokens=20, stop=[stop]) == [whole[: whole.index(stop)]]
        assert tiny.generate(["the"], max_tokens=20, stop=stop) == [whole[: whole.index(stop)]]
        assert tiny.generate(["the"], max_tokens=20, stop=whole[0] + "☃") == [whole]  # its letters are no stops

    @pytest.mark.parametrize(
        ("stop", "error", "sentence"),
        [
            ([""], ValueError, "stop 0 is '', which would empty every text; leave it out"),
            (["a", ""], ValueError, "stop 1 is '', which would empty every text"),
            ("", ValueError, "stop 0 is '', which would empty every text"),
            (["a", 5], TypeError, r"stop must be a str or a list of str, got \['a', 5\]"),
            (None, TypeError, "stop must be a str or a list of str, got None; for no stop leave it out"),
        ],
    )
    def test_stops_that_are_none_are_refused(
        self, tiny: LanguageModel, stop: Any, error: type[Exception], sentence: str
    ):
        with pytest.raises(error, match=sentence):
            tiny.generate(["the"], stop=stop)

    def test_it_ends_where_the_context_is_full(self, tiny: LanguageModel):
        assert len(tiny.encode("x" * 45)) == 45
        pieces = list(tiny.stream("x" * 45, max_tokens=100, temperature=1.0))
        assert 1 <= len(pieces) <= 4  # 45 are read and 48 fit: 3 more are read, and a fourth is said

    def test_the_pieces_of_a_stream_are_the_whole(self, tiny: LanguageModel):
        for seed in range(4):
            options = {"max_tokens": 20, "temperature": 2.0, "seed": seed}
            assert "".join(tiny.stream("the", **options)) == tiny.generate(["the"], **options)[0]

    def test_unless_told_otherwise_a_stream_is_as_long_as_what_is_generated(self, write_gguf: WriteGGUF):
        model = LanguageModel.from_gguf(write_gguf(metadata={"llama.context_length": 400}))
        model.tokeniser.ends = frozenset()
        assert "".join(model.stream("the")) == model.generate(["the"])[0]
        assert "".join(model.stream(CAPITAL)) == model.chat(CAPITAL) == model.generate([model.prompt(CAPITAL)])[0]

    def test_a_prompt_longer_than_the_context_is_refused(self, tiny: LanguageModel):
        with pytest.raises(ValueError, match="prompt 1 has 49 tokens, and this model's context holds 48; shorten it"):
            tiny.generate(["the", "x" * 49])

    def test_the_real_model_answers_offline(self, smollm2: LanguageModel):
        assert smollm2.context == 8192
        assert smollm2.chat(CAPITAL) == "The capital of France is Paris."


@pytest.fixture(scope="module")
def theirs(smollm2: LanguageModel) -> Any:
    from benchmarks.language_model import by_transformers

    return by_transformers(packages.language_model_file())


@pytest.mark.notebook
class TestAgainstTransformers:
    """Slow: transformers takes twelve seconds to read the file."""

    def test_logits_agree_to_the_precision_of_float32(self, smollm2: LanguageModel, theirs: Any):
        network, _ = theirs
        for text in (smollm2.prompt(CAPITAL), "\n".join(HARD[2:])):
            ids = smollm2.encode(text)
            with torch.no_grad():
                wanted = network(torch.tensor([ids])).logits[0]
            found = smollm2.logits(ids)
            assert (found - wanted).abs().max() < 1e-3 * wanted.std()
            assert torch.equal(found.argmax(dim=-1), wanted.argmax(dim=-1))

    def test_greedy_continuations_agree(self, smollm2: LanguageModel, theirs: Any):
        network, tokenizer = theirs
        prompt = "Once upon a time there was a"
        ids = torch.tensor([smollm2.encode(prompt)])
        wanted = network.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False)
        text = tokenizer.decode(wanted[0, ids.shape[1] :], skip_special_tokens=True)
        assert smollm2.generate([prompt], max_tokens=24) == [text]

    def test_the_chat_template_agrees(self, smollm2: LanguageModel, theirs: Any):
        _, tokenizer = theirs
        talk = [*CAPITAL, {"role": "assistant", "content": "Paris."}, {"role": "user", "content": " And\nof Spain? "}]
        for messages in (CAPITAL, talk, [{"role": "system", "content": "Be brief."}, *talk]):
            wanted = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            assert smollm2.prompt(messages) == wanted

    @pytest.mark.parametrize("text", [text for text in HARD if "  " not in text and "½" not in text])
    def test_tokens_agree(self, smollm2: LanguageModel, theirs: Any, text: str):
        # Its reading of the file leaves out that digits are cut off one by one, which shows where spaces stand
        # before a digit: the definition above decides about those.
        _, tokenizer = theirs
        assert smollm2.encode(text) == tokenizer(text, add_special_tokens=False)["input_ids"]
