"""Each filter keeps what it should and says why it refuses the rest."""

import functools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill import filters
from sdg_lab.distill.pipeline import describe
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.rouge import rouge_l

NONE = Pool()


def task(instruction: str, kind: str = "instruction", **others: Any) -> Record:
    return Record.new(kind, {"instruction": instruction, **others})


def pair(given: str, output: str, instruction: str = "Do it") -> Record:
    return task(instruction, "instance", input=given, output=output)


class TestInstructions:
    @pytest.mark.parametrize(
        ("count", "said"),
        [
            (0, "0 words, fewer than 4"),
            (3, "3 words, fewer than 4"),
            (4, None),
            (150, None),
            (151, "151 words, more than 150"),
        ],
    )
    def test_four_to_150_words(self, count: int, said: str | None):
        assert filters.word_count(task("word " * count), NONE) == said

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("Describe the Image below.", "the word 'image'"),
            ("Go to the shop.", "the word 'go to'"),
            ("Imagine a plotter that graphed profiles.", None),  # none of them as a whole word
            ("Plot, if you can!", "the word 'plot'"),
        ],
    )
    def test_what_a_language_model_cannot_do(self, text: str, said: str | None):
        assert filters.keywords(task(text), NONE) == said

    def test_a_list_of_ones_own(self):
        mine = functools.partial(filters.keywords, field="question", of=("C++",))
        assert mine(Record.new("q", {"question": "Why c++?"}), NONE) is None  # no word ends after a plus sign
        assert mine(Record.new("q", {"question": "Why c++x?"}), NONE) == "the word 'C++'"

    def test_programs(self):
        assert filters.program(task("Write a program that sorts."), NONE) == 'begins with "Write a program"'
        assert filters.program(task("Write a programme for a concert."), NONE) is not None  # the paper's rule, as it is
        assert filters.program(task("Do not write a program."), NONE) is None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "empty"),
            ("- Write", "begins with punctuation"),
            ("Écris un poème", "begins with a character outside ASCII"),
            ("7 reasons to sing", None),
            ("Write", None),
        ],
    )
    def test_how_it_begins(self, text: str, said: str | None):
        assert filters.first_character(task(text), NONE) == said


class TestNovel:
    def test_against_a_person_and_the_teacher_and_what_comes_later(self):
        novel = filters.Novel()
        pool = Pool([task("Write a poem about rain.", "seed"), task("Write a poem about rain.", "elsewhere")])
        assert novel(task("Write a song about rain."), pool) == "ROUGE-L 0.80 with a kept seed"
        assert novel(task("Name three rivers of Europe."), pool) is None
        pool.add(task("Name three rivers of Europe."))
        assert novel(task("Name four rivers of Europe."), pool) == "ROUGE-L 0.80 with a kept instruction"
        assert novel(task("Name four rivers of Europe."), NONE) is None  # another pool

    @given(st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=6).map(" ".join), max_size=12))
    def test_what_is_kept_is_apart(self, texts: list[str]):
        novel, pool = filters.Novel(threshold=0.6), Pool()
        for text in texts:
            if novel(task(text), pool) is None:
                pool.add(task(text))
            else:
                assert max(rouge_l(text, kept["instruction"]) for kept in pool) >= 0.6
        kept = [record["instruction"] for record in pool]
        assert all(rouge_l(a, b) < 0.6 for i, a in enumerate(kept) for b in kept[:i])

    def test_its_numbers_are_in_the_runs_description_and_checked(self):
        wanted = {"name": "Novel", "kinds": ["seed"], "field": "instruction", "threshold": 0.5}
        assert describe(filters.Novel(("seed",), threshold=0.5)) == wanted
        assert filters.Novel(threshold=1.01)(task("a"), Pool([task("a", "seed")])) is None
        with pytest.raises(ValueError, match="threshold must be > 0, got 0"):
            filters.Novel(threshold=0)
        with pytest.raises(ValueError, match="kinds must be several values"):
            filters.Novel("seed")  # type: ignore[arg-type]


class TestInstances:
    @pytest.mark.parametrize(
        ("given", "output", "said"),
        [
            ("3 + 4", "7", None),
            ("", "A poem.", None),
            ("3 + 4", "  ", "the output is empty"),
            ("abc ", "abc", "the output is the input"),
            ("Text:", "7", "breaks off after a colon"),
            ("abc", "The answer is: ", "breaks off after a colon"),
        ],
    )
    def test_one(self, given: str, output: str, said: str | None):
        assert filters.instance(pair(given, output), NONE) == said
        if not given:
            assert filters.instance(task("Sing", "instance", output=output), NONE) == said

    @pytest.mark.parametrize(
        ("pairs", "said"),
        [
            ([], None),
            ([("a", "1"), ("b", "1"), ("a", "1 ")], None),
            ([("a", "1"), ("b", "2"), (" a", "3")], "one input has several outputs"),
            ([("", "1"), ("", "2")], "one input has several outputs"),
        ],
    )
    def test_a_set(self, pairs: list[tuple[str, str]], said: str | None):
        assert filters.consistent([{"input": a, "output": b} for a, b in pairs]) == said

    def test_an_answer_that_repeats_its_question(self):
        question = "Explain why the sky is blue and not green."
        assert filters.copied(pair("", "Explain why the sky is blue", question), NONE) == (
            "3 of 3 runs of 4 words are the question's"
        )
        assert filters.copied(pair("", "Because blue light is scattered most by the air.", question), NONE) is None
        assert filters.copied(pair("", "sky", question), NONE) is None  # one word may well stand there


class TestEvolved:
    PARENT = task("Write a poem about rain.", "seed")
    POOL = Pool([PARENT])

    def child(self, instruction: str) -> Record:
        return Record.new("evolved", {"instruction": instruction}, parents=[self.PARENT.id])

    @pytest.mark.parametrize(
        ("text", "says_more"),
        [
            ("Write a poem about rain in at most four lines.", True),
            ("Write a poem about rain, and about that too.", False),  # only stop words
            ("Write a poem about rain.", False),
            ("About rain write a poem", False),
        ],
    )
    def test_it_says_more_than_its_parent(self, text: str, says_more: bool):
        assert (filters.gain(self.child(text), self.POOL) is None) is says_more

    def test_one_other_word_in_a_long_instruction_is_too_little(self):
        parent = task(f"{'Write many words about rain and snow ' * 5}today.", "seed")
        child = Record.new("evolved", {"instruction": f"{parent['instruction']} Please."}, parents=[parent.id])
        assert filters.gain(child, Pool([parent])) == "says no more than its parent, ROUGE-L 0.99"
        assert functools.partial(filters.gain, threshold=0.995)(child, Pool([parent])) is None

    def test_without_a_parent_in_the_pool_there_is_nothing_to_compare(self):
        assert filters.gain(self.child("Write a poem about rain."), NONE) is None

    def test_the_prompts_words(self):
        assert filters.prompt_copied(task("#Rewritten Prompt# Sing."), NONE) == "the prompt's words 'rewritten prompt'"
        assert filters.prompt_copied(task("Rewrite the sentence."), NONE) is None

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ("Sorry, I can't.", "says sorry in 3 words"),
            ("I am sorry. " + "word " * 77, None),
            ("I am sorry. " + "word " * 76, "says sorry in 79 words"),
            ("A sorrytale.", None),
        ],
    )
    def test_a_teacher_that_is_sorry(self, answer: str, said: str | None):
        assert filters.refusal(pair("", answer), NONE) == said

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ("... !", "only punctuation"),
            ("It is, and so on.", "only stop words"),
            ("It is blue.", None),
            ("да", None),  # words of other scripts are no punctuation
            ("", "only punctuation"),
        ],
    )
    def test_an_answer_that_says_nothing(self, answer: str, said: str | None):
        assert filters.says_something(pair("", answer), NONE) == said


class TestAnything:
    def test_a_grade(self):
        stage = functools.partial(filters.at_least, least=2)
        assert stage(Record.new("a", {"score": 2}), NONE) is None
        assert stage(Record.new("a", {"score": 1.5}), NONE) == "score 1.5, below 2"
        with pytest.raises(ValueError, match="the field 'score' must be a finite number, got 'good'"):
            stage(Record.new("a", {"score": "good"}), NONE)

    def test_test_data_are_found_word_for_word(self):
        clean = filters.Clean(["How many legs has a spider, if none is lost?", "Name it."], n=5)
        assert clean(task("Say how many legs has a SPIDER!"), NONE) == (
            "shares 'how many legs has a' with the test data"
        )
        assert clean(task("How many legs has an ant?"), NONE) is None
        assert clean(task("Please name it now"), NONE) == "shares 'name it' with the test data"  # short: as a whole
        assert clean(pair("", "a spider, if none is lost"), NONE) is not None
        assert clean(Record.new("other", {"text": "How many legs has a spider"}), NONE) is None

    @given(st.lists(st.sampled_from("abc"), min_size=4, max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
    def test_by_enumeration(self, test: list[str], other: list[str]):
        runs = {tuple(test[i : i + 4]) for i in range(len(test) - 3)}
        shares = any(tuple(other[i : i + 4]) in runs for i in range(len(other) - 3))
        assert bool(filters.Clean([" ".join(test)], n=4).shared(" ".join(other))) is shares

    def test_other_test_data_are_another_run(self):
        one, other = (describe(filters.Clean([text], n=3)) for text in ("a b c", "a b d"))
        assert isinstance(one, Mapping)
        assert one != other
        assert one["n"] == 3
        with pytest.raises(ValueError, match="the test data have no words to look for"):
            filters.Clean(["…"])
        with pytest.raises(ValueError, match="texts must be several values"):
            filters.Clean("a b c")
