"""Sums: the truth of Python's own arithmetic, and a checker that any text may be given to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdg_lab.distill.world import sums
from sdg_lab.distill.world.sums import Sum, check


@st.composite
def problems(draw: st.DrawFn) -> Sum:
    digits = draw(st.integers(1, sums.MAX_DIGITS))
    numbers = st.integers(0, 10**digits - 1)
    return Sum(digits, draw(numbers), draw(numbers))


class TestProblems:
    def test_the_example_of_the_module(self):
        problem = Sum(3, 347, 285)
        assert problem.prompt == "347+285="
        assert problem.solution() == "7+5+0=12;4+8+1=13;3+2+1=06;#0632"
        assert problem.solution([True, False, True]) == "5+7+0=12;4+8+1=13;2+3+1=06;#0632"

    @given(problems(), st.data())
    def test_what_is_written_is_read_and_right(self, problem: Sum, data: st.DataObject):
        swapped = data.draw(st.lists(st.booleans(), max_size=problem.digits))
        text = problem.solution(swapped)
        assert Sum.read(problem.prompt) == problem
        assert check(problem, text) == "right"
        assert list(sums.explain(problem, text)) == []
        assert sums.refuse(problem.prompt, text) is None
        read = sums.read_solution(text)
        assert read is not None
        assert read.answer == problem.a + problem.b
        assert len(text) <= 92

    @given(problems())
    def test_the_totals_of_the_steps_spell_the_answer(self, problem: Sum):
        """An oracle beside the steps: their last digits, and the last carry, are those of Python's sum."""
        steps = problem.steps()
        spelt = [str(step.total % 10) for step in steps] + [str(steps[-1].total // 10)]
        assert int("".join(reversed(spelt))) == problem.a + problem.b

    def test_all_characters_are_declared(self):
        problem = Sum(9, 123456789, 987654321)
        text = problem.prompt + problem.solution() + sums.hinted(problem, sums.masked(problem.solution()))
        assert set(text) <= set(sums.SYMBOLS)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((0, 1, 1), "digits must be a whole number >= 1"),
            ((10, 1, 1), "digits must be a whole number >= 1 and <= 9"),
            ((2, 100, 1), "a must be a whole number >= 0 and <= 99"),
            ((2, 1, -1), "b must be a whole number >= 0"),
        ],
    )
    def test_numbers_that_do_not_fit_are_refused(self, arguments: tuple[int, int, int], said: str):
        with pytest.raises(ValueError, match=said):
            Sum(*arguments)

    def test_more_orders_than_steps_are_refused(self):
        with pytest.raises(ValueError, match="swapped must name at most 2 steps, got 3"):
            Sum(2, 1, 1).solution([True] * 3)

    @pytest.mark.parametrize(
        "prompt", ["", "12+3=", "1+2", "a+b=", "٣+٤=", "1+2=\n", " 1+2=", "1+2=3", "12345678901+1="]
    )
    def test_other_prompts_are_refused(self, prompt: str):
        with pytest.raises(ValueError, match="a prompt must be like"):
            Sum.read(prompt)


class TestSplit:
    @given(st.integers(0, 20))
    def test_no_two_problems_are_equal_nor_mirrored_in_another_part(self, seed: int):
        parts = sums.split((1, 2), (40, 4, 6), seed=seed)
        assert [len(part) for part in parts] == [40, 4, 6]
        assert [sum(p.digits == 2 for p in part) for part in parts] == [20, 2, 3]
        everything = [problem for part in parts for problem in part]
        assert len(set(everything)) == len(everything)
        mirrored = [{(p.digits, *sorted((p.a, p.b))) for p in part} for part in parts]
        assert len(set.union(*mirrored)) == sum(map(len, mirrored))

    def test_a_seed_decides_and_the_test_part_stays_when_training_grows(self):
        small, large, other = (sums.split(2, (n, 10, 20), seed=s) for n, s in ((30, 0), (60, 0), (30, 1)))
        assert small == sums.split(2, (30, 10, 20), seed=0)
        assert small.test == large.test
        assert small.train == large.train[:30]
        assert small.test != other.test

    def test_the_numbers_are_even(self):
        """Digits of 2,000 problems, each place: a tenth each, within 5 σ."""
        train = sums.split(3, (2_000, 0, 0), seed=0).train
        for place in range(3):
            counts = [0] * 10
            for problem in train:
                counts[problem.a // 10**place % 10] += 1
            assert all(abs(count - 200) < 5 * (2_000 * 0.09) ** 0.5 for count in counts)

    def test_too_many_are_refused(self):
        with pytest.raises(ValueError, match="26 different problems of 1 digits are too many: there are 100 in all"):
            sums.split(1, (20, 3, 3), seed=0)

    @pytest.mark.parametrize(
        ("digits", "sizes", "said"),
        [
            ((), (1, 1, 1), "at least one length and three sizes"),
            (2, (1, 1), "at least one length and three sizes"),
            ((0,), (1, 1, 1), "digits must be a whole number >= 1"),
            (2, (1, -1, 1), "each of sizes must be a whole number >= 0, got -1"),
        ],
    )
    def test_other_sizes_are_refused(self, digits: Any, sizes: Any, said: str):
        with pytest.raises(ValueError, match=said):
            sums.split(digits, sizes, seed=0)

    def test_solutions_are_drawn_in_both_orders(self):
        train = sums.split(3, (200, 0, 0), seed=0).train
        pairs = sums.write(train, seed=0)
        assert pairs == sums.write(train, seed=0) != sums.write(train, seed=1)
        swapped = sum(solution != problem.solution() for problem, (_, solution) in zip(train, pairs, strict=True))
        assert 150 < swapped < 200  # 7 of 8, less those with equal digits
        assert all(check(problem, solution) == "right" for problem, (_, solution) in zip(train, pairs, strict=True))


class TestTheChecker:
    PROBLEM = Sum(3, 347, 285)

    @pytest.mark.parametrize(
        ("text", "verdict", "said"),
        [
            ("7+5+0=12;4+8+1=13;3+2+1=06;#0632", "right", []),
            (" 7+5+0=12; 4+8+1=13;\n3+2+1=06; # 632 \n", "right", []),
            ("7+5+0=12;4+8+1=13;3+2+1=06#632", "right", []),
            ("7+5+0=12;4+8+1=13;3+2+1=06;#0631", "wrong answer", ["the answer is 632, not 631"]),
            ("#632", "right answer by a wrong chain", [f"step {n}: it is missing" for n in (1, 2, 3)]),
            (
                "7+5+0=12;4+8+0=13;3+2+1=06;#0632",
                "right answer by a wrong chain",
                ["step 2: the carry is 1, not 0"],
            ),
            (
                "7+6+0=12;4+8+1=14;3+2+1=06;#0632",
                "right answer by a wrong chain",
                ["step 1: the digits are 7 and 5, not 7 and 6", "step 2: the total is 13, not 14"],
            ),
            ("7+5+0=12;so 4+8+1=13;3+2+1=06;#0632", "right answer by a wrong chain", ["step 2: it cannot be read"]),
            (
                "7+5+0=12;4+8+1=13;3+2+1=06;0+0+0=00;#0632",
                "right answer by a wrong chain",
                ["step 4: it is one too many"],
            ),
            ("7+5+0=12;4+8+1=13;3+2+1=06;", "unreadable", ["it gives no answer that can be read"]),
            ("7+5+0=12;#0632#0632", "unreadable", ["it gives no answer that can be read"]),
            ("#-632", "unreadable", ["it gives no answer that can be read"]),
            ("#6e2", "unreadable", ["it gives no answer that can be read"]),
            ("#٦٣٢", "unreadable", ["it gives no answer that can be read"]),
            ("#⁶³²", "unreadable", ["it gives no answer that can be read"]),
            ("#6 3 2", "unreadable", ["it gives no answer that can be read"]),
            ("#" + "0" * 13 + "632", "unreadable", ["it gives no answer that can be read"]),
            ("7+5+0=12;" * 100_000 + "#0632", "unreadable", ["it gives no answer that can be read"]),
            ("#__import__('os').abort()", "unreadable", ["it gives no answer that can be read"]),
            ("", "unreadable", ["it gives no answer that can be read"]),
        ],
    )
    def test_each_kind_of_text(self, text: str, verdict: str, said: list[str]):
        assert check(self.PROBLEM, text) == verdict
        assert list(sums.explain(self.PROBLEM, text)) == said

    @given(problems(), st.text() | st.text(alphabet=sums.SYMBOLS, max_size=60))
    @example(Sum(1, 0, 0), "0+0+0=00;#")
    def test_any_text_gets_a_verdict(self, problem: Sum, text: str):
        verdict = check(problem, text)
        assert verdict in sums.VERDICTS
        assert (verdict == "right") == (list(sums.explain(problem, text)) == [])
        weak, strong = sums.refuse_answer(problem.prompt, text), sums.refuse(problem.prompt, text)
        assert strong == (None if verdict == "right" else verdict)
        assert weak == (verdict if verdict in ("wrong answer", "unreadable") else None)

    def test_shares_are_of_all_texts(self):
        texts = [self.PROBLEM.solution(), "#0632", "#1", "?"] + [self.PROBLEM.solution([True])] * 4
        assert sums.shares([self.PROBLEM] * 8, texts) == {
            "right": 0.625,
            "right answer by a wrong chain": 0.125,
            "wrong answer": 0.125,
            "unreadable": 0.125,
        }
        with pytest.raises(ValueError, match="give a text for each problem, and one at least, got 1 and 2"):
            sums.shares([self.PROBLEM], ["", ""])

    @given(problems(), st.data())
    def test_one_wrong_digit_is_seen(self, problem: Sum, data: st.DataObject):
        """A changed digit is a wrong step or a wrong answer, unless it makes the step that stands there anyhow."""
        text = problem.solution()
        place = data.draw(st.sampled_from([i for i, c in enumerate(text) if c.isdigit()]))
        digit = data.draw(st.sampled_from([d for d in "0123456789" if d != text[place]]))
        changed = text[:place] + digit + text[place + 1 :]
        assert check(problem, changed) == (
            "wrong answer" if place > text.index("#") else "right answer by a wrong chain"
        )


class TestHints:
    @given(problems(), st.data())
    def test_a_masked_solution_keeps_the_digits_and_no_result(self, problem: Sum, data: st.DataObject):
        solution = problem.solution(data.draw(st.lists(st.booleans(), max_size=problem.digits)))
        hint = sums.masked(solution)
        assert [piece[:4] for piece in hint.split(";")[:-1]] == [piece[:4] for piece in solution.split(";")[:-1]]
        assert hint.count("=__;") == problem.digits
        assert hint.count("+_=") == problem.digits - 1
        assert "#" not in hint
        assert Sum.read(sums.hinted(problem, hint)) == problem

    def test_the_example_of_the_module(self):
        problem = Sum(3, 347, 285)
        hint = "7+5+0=__;4+8+_=__;3+2+_=__;"
        assert sums.masked(problem.solution()) == hint
        assert sums.hinted(problem, hint) == "{7+5+0=__;4+8+_=__;3+2+_=__;}347+285="

    @pytest.mark.parametrize("text", ["", "#12", "1+1+0=02;x;#2", "7+5+0=__;"])
    def test_only_solutions_are_masked(self, text: str):
        with pytest.raises(ValueError, match="only a solution can be masked"):
            sums.masked(text)


def test_a_length_is_named_once():
    with pytest.raises(ValueError, match="each length may be named once, or parts would share problems"):
        sums.split([2, 2], (4, 1, 1), seed=0)
