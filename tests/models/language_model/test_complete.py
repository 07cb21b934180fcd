"""Completions: n of each prompt, a seed for each, why they end, how likely they are, and their pieces in a stream."""

from __future__ import annotations

import inspect
import re
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.models.completion import Completion
from sdg_lab.models.language_model import LanguageModel, stops

PROMPTS = ["the", "a thin inn in the", "", "in the inn", "the the the the the the"]
WARM: dict[str, Any] = {"max_tokens": 12, "temperature": 1.5}
CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]


def texts_of(rows: list[list[Completion]]) -> list[list[str]]:
    return [[completion.text for completion in row] for row in rows]


def all_of(stream: Generator[str, None, Completion]) -> tuple[list[str], Completion]:
    """Return the pieces of a stream, and its value."""
    pieces: list[str] = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


class TestSeeds:
    def test_a_text_depends_on_its_prompt_and_seed_and_not_on_what_stands_beside_it(self, tiny: LanguageModel):
        seeds = [3, 1, 4, 1, 5]
        together = tiny.complete(PROMPTS, n=3, seeds=seeds, **WARM)
        backwards = tiny.complete(PROMPTS[::-1], n=3, seeds=seeds[::-1], **WARM)[::-1]
        assert texts_of(together) == texts_of(backwards)
        for prompt, seed, row in zip(PROMPTS, seeds, together, strict=True):
            assert texts_of(tiny.complete([prompt], n=1, seeds=[seed], **WARM)) == [[row[0].text]]

    def test_the_real_model_says_alone_what_it_says_beside_others(self, smollm2: LanguageModel):
        prompts = ["The sky is", "Once upon a time there was a king who", "Water", "The sky is"]
        options = {"max_tokens": 8, "temperature": 0.8}
        together = smollm2.complete(prompts, seeds=[0, 1, 2, 3], **options)
        for seed in (1, 3):
            ((alone,),) = smollm2.complete([prompts[seed]], seeds=[seed], **options)
            assert alone.text == together[seed][0].text
            assert alone.log_prob == pytest.approx(together[seed][0].log_prob, abs=1e-3)
        assert together[0][0].text != together[3][0].text

    def test_the_same_prompt_and_seed_say_the_same_and_others_do_not(self, tiny: LanguageModel):
        rows = texts_of(tiny.complete(["the"] * 3, n=2, seeds=[7, 7, 8], **WARM))
        assert rows[0] == rows[1] != rows[2]
        assert rows[0][0] != rows[0][1]

    def test_one_seed_serves_a_list_of_prompts(self, tiny: LanguageModel):
        first, again, other = (tiny.complete(["the"] * 4, seed=seed, **WARM) for seed in (1, 1, 2))
        assert first == again != other
        assert len({row[0].text for row in first}) == 4
        assert tiny.complete(["the"], seed=None, **WARM) != tiny.complete(["the"], seed=None, **WARM)

    def test_as_many_of_each_as_asked(self, tiny: LanguageModel):
        five = tiny.complete(["the", "in"], n=5, **WARM)
        assert [len(row) for row in five] == [5, 5]
        assert [row[:2] for row in five] == tiny.complete(["the", "in"], n=2, **WARM)

    @pytest.mark.parametrize(
        ("options", "error", "sentence"),
        [
            ({"seeds": [1]}, ValueError, "seeds must be one for each of the 2 prompts, got 1"),
            ({"seeds": [1, -1]}, ValueError, "seed must be a whole number >= 0 .*, got -1"),
            ({"seeds": [1, 2], "seed": 3}, ValueError, "give seed or seeds, not both: got seed 3"),
            ({"seeds": 5}, TypeError, "seeds must be a list of whole numbers, one for each prompt, got 5"),
            ({"seeds": "12"}, TypeError, "seeds must be a list of whole numbers, one for each prompt, got '12'"),
            ({"seeds": [1, True]}, ValueError, "seed must be a whole number >= 0 .*, got True"),
            ({"n": 0}, ValueError, "n must be a whole number >= 1 and <= 100000, got 0"),
            ({"n": 10**9}, ValueError, "n must be a whole number >= 1 and <= 100000, got 1000000000"),
            ({"n": True}, ValueError, "n must be a whole number >= 1 and <= 100000, got True"),
            ({"temperature": float("nan")}, ValueError, "temperature must be >= 0, got nan"),
            (
                {"repetition_penalty": 1e-300},
                ValueError,
                "repetition_penalty must be >= 1e-06 and <= 1e.06, got 1e-300",
            ),
            ({"stop": "\ud800"}, ValueError, "stop 0 is .*, with half of a surrogate pair"),
            ({"prefix": "\ud800"}, ValueError, "prompt 0: position 1 holds .*, for which the vocabulary has no token"),
            ({"n": 2, "temperature": 0.0}, ValueError, "n must be 1 at temperature 0, got 2: all would be equal"),
            ({"tempreature": 1.0}, TypeError, "complete has no option 'tempreature'; did you mean 'temperature'"),
        ],
    )
    def test_refusals(self, tiny: LanguageModel, options: Any, error: type[Exception], sentence: str):
        with pytest.raises(error, match=sentence):
            tiny.complete(["a", "b"], **{"temperature": 1.0, **options})

    def test_all_options_are_shown(self):
        shown = inspect.signature(LanguageModel.complete).parameters
        assert {"n", "seeds", "prefix", "stop", "regex", "schema", "min_p", "repetition_penalty"} <= set(shown)


class TestCompletion:
    def test_it_counts_tokens_and_says_why_it_ends(self, tiny: LanguageModel):
        ((long,), (full,)) = tiny.complete(["the", "x" * 45], max_tokens=6)
        assert (long.reason, long.tokens, long.prompt_tokens) == ("length", 6, len(tiny.encode("the")))
        assert (full.reason, full.tokens, full.prompt_tokens) == ("context", 4, 45)

    def test_a_mark_ends_a_text_and_is_counted_and_not_shown(self, tiny: LanguageModel):
        ended = [
            completion
            for (completion,) in tiny.complete(["the"] * 300, max_tokens=20, temperature=3.0)
            if completion.reason == "end"
        ]
        assert ended
        for completion in ended:
            assert "<|im_end|>" not in completion.text
            assert "<|endoftext|>" not in completion.text
            assert 1 <= completion.tokens <= 20

    def test_its_log_probability_is_that_of_all_it_wrote(self, tiny: LanguageModel):
        for (completion,) in tiny.complete(["the", "in"], max_tokens=9, temperature=0.5, top_k=20):
            assert completion.reason == "length"
        ((completion,),) = tiny.complete(["the"], max_tokens=9)
        tokens = tiny.encode("the")
        total = 0.0
        for _ in range(9):
            log_p = tiny.logits(tokens)[-1].double().log_softmax(-1)
            total += float(log_p.max())
            tokens.append(int(log_p.argmax()))
        assert completion.log_prob == pytest.approx(total, abs=1e-3)

    def test_it_ends_before_a_stop(self, tiny: LanguageModel):
        ((whole,),) = tiny.complete(["the"], max_tokens=20)
        ((stopped,),) = tiny.complete(["the"], max_tokens=20, stop=[whole.text[4:6], "☃"])
        assert stopped.reason == "stop"
        assert stopped.text == whole.text[: whole.text.index(whole.text[4:6])]
        assert stopped.tokens < whole.tokens

    def test_an_answer_goes_on_from_its_prefix_and_begins_with_it(self, tiny: LanguageModel):
        talk = [{"role": "user", "content": "?"}]
        ((found,),) = tiny.complete([talk], prefix="in ", max_tokens=4)
        (rest,) = tiny.generate([tiny.prompt(talk) + "in "], max_tokens=4)
        assert found.text == "in " + rest
        assert tiny.chat(talk, prefix="in ", max_tokens=4) == found.text
        assert found.tokens == 4

    def test_a_stop_is_looked_for_after_the_prefix(self, tiny: LanguageModel):
        ((whole,),) = tiny.complete(["the"], prefix=" inn", max_tokens=6)
        written = whole.text.removeprefix(" inn")
        assert " inn" not in written
        for stop in (" inn", "inn" + written[0]):  # within the prefix, and begun there
            assert tiny.complete(["the"], prefix=" inn", max_tokens=6, stop=stop) == [[whole]]
            assert "".join(tiny.stream("the", prefix=" inn", max_tokens=6, stop=stop)) == whole.text
        ((stopped,),) = tiny.complete(["the"], prefix=" inn", max_tokens=6, stop=written[1:3])
        assert (stopped.text, stopped.reason) == (" inn" + written[: written.index(written[1:3])], "stop")

    def test_a_prefix_is_counted_with_the_prompt_and_what_is_written_by_itself(self, tiny: LanguageModel):
        ((begun,),) = tiny.complete(["the"], prefix=" inn", max_tokens=4)
        ((whole,),) = tiny.complete(["the inn"], max_tokens=4)
        assert begun.text == " inn" + whole.text
        assert (begun.tokens, begun.log_prob) == (4, whole.log_prob)
        assert begun.prompt_tokens == whole.prompt_tokens == len(tiny.encode("the inn"))

    def test_a_stop_is_counted_though_the_text_is_without_it(self, tiny: LanguageModel):
        ((whole,),) = tiny.complete(["the"], max_tokens=6)
        ((stopped,),) = tiny.complete(["the"], max_tokens=6, stop=whole.text[0])
        assert (stopped.text, stopped.reason) == ("", "stop")
        assert stopped.tokens >= 1
        assert stopped.log_prob is not None
        assert stopped.log_prob < 0

    @pytest.mark.parametrize(
        ("prefix", "error", "sentence"),
        [
            ("<|im_end|>", ValueError, "prefix '<|im_end|>' holds <|im_end|>, which marks turns"),
            (["a", "b"], ValueError, "prefix must be one text, or one for each of the 1 prompts, got 2"),
            ([5], TypeError, "prefix must be a str, or a list of one for each prompt, got [5]"),
            (None, TypeError, "prefix must be a str, or a list of one for each prompt, got None"),
            ({"a": 1}, TypeError, "prefix must be a str, or a list of one for each prompt, got {'a': 1}"),
        ],
    )
    def test_prefixes_that_are_none(self, tiny: LanguageModel, prefix: Any, error: type[Exception], sentence: str):
        for take in (lambda: tiny.complete([CAPITAL], prefix=prefix), lambda: tiny.stream(CAPITAL, prefix=prefix)):
            with pytest.raises(error, match=re.escape(sentence)):
                take()

    def test_a_prefix_in_a_list_of_one_is_streamed_as_the_text_that_it_is(self, tiny: LanguageModel):
        options: dict[str, Any] = {"prefix": ["in"], "max_tokens": 3}
        assert "".join(tiny.stream("the", **options)) == tiny.complete(["the"], **options)[0][0].text

    def test_texts_and_conversations_stand_side_by_side(self, tiny: LanguageModel):
        rows = tiny.complete(["the", CAPITAL], max_tokens=3)
        assert texts_of(rows) == [tiny.generate(["the"], max_tokens=3), [tiny.chat(CAPITAL, max_tokens=3)]]

    def test_one_conversation_alone_is_refused(self, tiny: LanguageModel):
        with pytest.raises(TypeError, match=r"prompts must be a list of texts or conversations, .*one alone is"):
            tiny.complete(CAPITAL)  # type: ignore[arg-type]

    def test_a_stream_refuses_before_it_is_asked_for_a_piece(self, tiny: LanguageModel):
        for refused in ({"temperature": -1.0}, {"regex": "["}, {"stop": ""}, {"prefix": "<|im_end|>"}):
            with pytest.raises(ValueError, match=next(iter(refused))):
                tiny.stream("the", **refused)  # type: ignore[arg-type]

    def test_the_edges_of_the_options_are_taken(self, tiny: LanguageModel):
        (likeliest,) = tiny.generate(["the"], max_tokens=4)
        assert tiny.generate(["the"], max_tokens=4, min_p=1, temperature=1.0) == [likeliest]
        assert tiny.generate(["the"], max_tokens=4, temperature=1e-320) == [likeliest]
        ((filled,),) = tiny.complete(["the"], max_tokens=10**12, stop=())
        assert filled.reason in ("context", "end")
        assert np.isfinite(tiny.complete(["the"], max_tokens=4, temperature=1e300)[0][0].log_prob or np.nan)

    @pytest.mark.parametrize("prompts", ["the", [5], [None], ["the", b"in"], {"the": 1}])
    def test_prompts_that_are_none_are_refused(self, tiny: LanguageModel, prompts: Any):
        with pytest.raises(TypeError, match="prompts must be a list of texts or conversations, got "):
            tiny.complete(prompts)
        with pytest.raises(TypeError, match="prompts must be a list of texts or conversations, got "):
            tiny.log_prob(["a"] * len(prompts), given=prompts)

    def test_the_real_model_goes_on_in_an_answer_that_was_begun(self, smollm2: LanguageModel):
        assert smollm2.chat(CAPITAL, prefix="It is called", max_tokens=6).startswith("It is called Paris")


class TestStops:
    texts = st.text("abc", max_size=12)
    several = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3)

    @given(text=texts, rest=texts, ends=several)
    def test_what_is_settled_stays_whatever_follows(self, text: str, rest: str, ends: list[str]):
        if stops.cut(text, ends) != text:
            return  # it has ended
        assert stops.cut(text + rest, ends).startswith(text[: stops.settled(text, ends)])

    @given(text=texts, ends=several)
    def test_no_more_is_held_back_than_may_be_cut(self, text: str, ends: list[str]):
        held = text[stops.settled(text, ends) :]
        assert held == "" or any(stop.startswith(held) for stop in ends)

    @given(text=texts, ends=several)
    def test_the_cut_is_before_the_first(self, text: str, ends: list[str]):
        places = [place for place in range(len(text)) if any(text.startswith(stop, place) for stop in ends)]
        assert stops.cut(text, ends) == text[: places[0] if places else len(text)]

    @pytest.mark.parametrize("seed", range(6))
    def test_the_pieces_of_a_stream_are_the_completion(self, tiny: LanguageModel, seed: int):
        options: dict[str, Any] = {"max_tokens": 30, "temperature": 1.0, "seed": seed, "prefix": "in"}
        whole = tiny.complete(["the"], **options)[0][0].text
        for ends in ([], [whole[9:11]], [whole[9:14], whole[12:13] + "☃"], ["☃"]):
            pieces, completion = all_of(tiny.stream("the", stop=ends, **options))
            assert completion == tiny.complete(["the"], stop=ends, **options)[0][0]
            assert "".join(pieces) == completion.text
            assert all(pieces)

    def test_a_stream_holds_back_what_may_be_a_stop(self, tiny: LanguageModel):
        whole = tiny.generate(["the"], max_tokens=20)[0]
        pieces, completion = all_of(tiny.stream("the", max_tokens=20, stop=[whole[5:12]]))
        assert completion.reason == "stop"
        assert "".join(pieces) == whole[: whole.index(whole[5:12])]

    def test_a_stop_of_several_tokens_is_found(self, tiny: LanguageModel):
        for length in (1, 3, 8):
            whole = tiny.generate(["in"], max_tokens=20)[0]
            stop = whole[6 : 6 + length]
            assert tiny.generate(["in"], max_tokens=20, stop=stop) == [whole[: whole.index(stop)]]


def test_many_rows_are_written_in_groups(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdg_lab.models.language_model import continuation

    whole = tiny.complete(["the", "in"], n=10, **WARM)
    monkeypatch.setattr(continuation, "MAX_ROWS", 3)
    assert texts_of(tiny.complete(["the", "in"], n=10, **WARM)) == texts_of(whole)
    assert np.isfinite([completion.log_prob or 0.0 for row in whole for completion in row]).all()
