"""Teachers are asked alike: a language model here, and a function."""

from types import SimpleNamespace

import numpy as np
import pytest

from sdg_lab.distill.teacher import FunctionTeacher, LocalTeacher, Options, Teacher, UnansweredError, as_text
from sdg_lab.models.completion import Completion


class Model:
    """Has the methods of a language model that a teacher calls, and remembers how."""

    context = 60
    tokeniser = SimpleNamespace(special={"<end>": 0})

    def __init__(self, **metadata):
        self.metadata, self.calls = metadata, []

    def encode(self, text):
        return list(text)

    def prompt(self, messages):
        if any("<" in message["content"] for message in messages):
            raise ValueError("a message holds '<', which ends a turn")
        return "".join(f"<{m['role']}>{m['content']}" for m in messages) + "<assistant>"

    def complete(self, prompts, *, n=1, seeds=None, **options):
        self.calls.append((prompts, n, seeds, options))
        return [[Completion(f"{prompt}/{seed}", "end", 1, 2)] for prompt, seed in zip(prompts, seeds, strict=True)]

    def log_prob(self, texts, *, given):
        return np.array([-len(text) - len(before) for text, before in zip(texts, given, strict=True)], float)


class TestLocalTeacher:
    def test_a_mark_of_turns_in_a_text_is_refused_and_not_obeyed(self):
        with pytest.raises(UnansweredError, match="the text holds <end>"):
            LocalTeacher(Model()).generate(["a<end>b"], seeds=[1], options=Options())

    def test_texts_and_chats_are_asked_together(self):
        model = Model()
        chat = [{"role": "user", "content": "hi"}]
        opened = [*chat, {"role": "assistant", "content": "Well,"}]
        answers = LocalTeacher(model).generate(["a", chat, opened], seeds=[1, 2, 3], options=Options(max_tokens=5))
        texts = ["a", "<user>hi<assistant>", "<user>hi<assistant>Well,"]
        assert [answer.text for answer in answers] == [f"{text}/{i}" for i, text in enumerate(texts, 1)]
        assert model.calls == [(texts, 1, [1, 2, 3], {"max_tokens": 5, "temperature": 0.7})]

    def test_only_options_that_say_something_are_handed_on(self):
        model = Model()
        options = Options(9, 0.0, top_p=0.5, min_p=0.1, repetition_penalty=1.1, stop=("\n",), regex="[0-9]")
        LocalTeacher(model).generate(["a"], seeds=[1], options=options)
        given = {"max_tokens": 9, "temperature": 0.0, "top_p": 0.5, "min_p": 0.1, "repetition_penalty": 1.1}
        assert model.calls[0][3] == given | {"stop": ("\n",), "regex": "[0-9]"}

    def test_answers_are_scored_after_their_prompts(self):
        found = LocalTeacher(Model()).log_prob(["ab", [{"role": "user", "content": "q"}]], ["x", "yz"])
        assert found.tolist() == [-3, -2 - len("<user>q<assistant>")]

    @pytest.mark.parametrize(
        ("prompt", "said"),
        [
            ("x" * 61, "61 tokens, more than the context of 60"),
            ([{"role": "user", "content": "x" * 60}], "more than the context"),
            ([{"role": "user", "content": "<user>"}], "the model cannot be asked so: a message holds '<'"),
        ],
    )
    def test_a_prompt_that_cannot_be_read_is_refused_and_not_the_run(self, prompt, said):
        for ask in (
            lambda t: t.generate([prompt], seeds=[1], options=Options()),
            lambda t: t.log_prob([prompt], ["a"]),
        ):
            with pytest.raises(UnansweredError, match=said.replace("61", "6[12]")) as caught:
                ask(LocalTeacher(Model()))
            assert caught.value.refused
        with pytest.raises(UnansweredError, match="an empty answer cannot be scored"):
            LocalTeacher(Model()).log_prob(["a"], [""])

    def test_nothing_is_asked_for_nothing(self):
        teacher = LocalTeacher(Model())
        assert teacher.generate([], seeds=[], options=Options()) == []
        assert teacher.log_prob([], []).shape == (0,)

    def test_its_file_says_who_it_is(self):
        said = {"general.name": "Small", "general.license": "apache-2.0"}
        teacher = LocalTeacher(Model(**said))
        assert (teacher.name, teacher.licence, teacher.terms) == (
            "Small",
            "apache-2.0",
            "those of its licence, apache-2.0",
        )
        assert LocalTeacher(Model(**said, **{"general.license.link": "https://x"})).terms == "https://x"
        own = LocalTeacher(Model(**said), name="n", licence="l", terms="t")
        assert (own.name, own.licence, own.terms) == ("n", "l", "t")
        unknown = LocalTeacher(Model())
        assert (unknown.licence, unknown.terms) == ("not said in its file", "")
        assert isinstance(teacher, Teacher)


class TestFunctionTeacher:
    def test_it_writes_what_the_function_returns_within_the_options(self):
        teacher = FunctionTeacher(lambda prompt, seed: f"{prompt} {seed} three four. five")
        ask = lambda **options: teacher.generate(["one"], seeds=[2], options=Options(**options))[0]  # noqa: E731
        assert ask() == Completion("one 2 three four. five", "end", 5, 1)
        assert ask(stop=("five", ".")) == Completion("one 2 three four", "stop", 4, 1)
        assert ask(max_tokens=2) == Completion("one 2", "length", 2, 1)

    def test_it_scores_only_with_a_function_for_it(self):
        assert FunctionTeacher(str, score=lambda p, a: len(p) - len(a)).log_prob(["abc"], ["a"]).tolist() == [2]
        assert not FunctionTeacher(str).can_score
        with pytest.raises(ValueError, match="cannot score answers; give FunctionTeacher a function as score="):
            FunctionTeacher(str).log_prob(["a"], ["b"])

    def test_it_is_a_teacher(self):
        assert isinstance(FunctionTeacher(str), Teacher)
        assert FunctionTeacher(str).name == "str"


class TestOptions:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"max_tokens": 0}, "max_tokens must be a whole number >= 1, got 0"),
            ({"temperature": -1}, "temperature must be >= 0, got -1"),
            ({"top_p": 0}, "top_p must be > 0 and <= 1, got 0"),
            ({"min_p": 2}, "min_p must be > 0 and <= 1, got 2"),
            ({"repetition_penalty": 0}, "repetition_penalty must be > 0, got 0"),
            ({"stop": "\n"}, r"stop must be several values, such as \['\\n'\]"),
            ({"stop": ("",)}, "stop must be texts that are not empty"),
            ({"regex": "a", "schema": {}}, "a regex or a schema, not both"),
        ],
    )
    def test_what_is_out_of_range_is_refused(self, wrong, said):
        with pytest.raises(ValueError, match=said):
            Options(**wrong)


def test_a_chat_is_one_text_in_json():
    assert as_text("plain") == "plain"
    assert as_text([{"role": "user", "content": "é"}]) == '[{"role": "user", "content": "é"}]'
