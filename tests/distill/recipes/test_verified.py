"""Verified solutions: what is counted is exact, what is kept is right, and nobody crowds out the others."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill import registry
from sdg_lab.distill.pipeline import run
from sdg_lab.distill.recipes.verified import PROBLEM, SOLUTION, Verified, coverage, fair, pairs, pass_at_k
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.teacher import FunctionTeacher, Prompt
from sdg_lab.distill.world import sums
from sdg_lab.distill.world.sums import Sum

PROBLEMS = sums.split(2, (12, 0, 3), seed=0)
QUESTIONS = [problem.prompt for problem in PROBLEMS.train]


def writes(prompt: Prompt, seed: int) -> str:
    """Right in one of two, wrong in one of four, right by a wrong chain in one of four; by the seed."""
    problem = Sum.read(str(prompt))
    solution = problem.solution([bool(seed & 4), bool(seed & 8)])
    match seed % 4:
        case 2:
            return solution[:-1] + str((int(solution[-1]) + 1) % 10)
        case 3:
            return solution.partition(";")[2]
    return solution


class TestPassAtK:
    @given(st.integers(1, 7), st.data())
    def test_it_is_the_share_of_all_choices(self, n: int, data: st.DataObject):
        c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
        choices = list(itertools.combinations([i < c for i in range(n)], k))
        assert pass_at_k(n, [c], k)[0] == pytest.approx(np.mean([any(choice) for choice in choices]), abs=1e-12)

    def test_it_is_unbiased_where_the_plain_estimate_is_not(self):
        """Exact means over c ~ Binomial(n, p), enumerated."""
        n, k, p = 6, 4, 0.2
        c = np.arange(n + 1)
        binomial = np.array([len(list(itertools.combinations(range(n), i))) * p**i * (1 - p) ** (n - i) for i in c])
        truth = 1 - (1 - p) ** k
        assert binomial @ pass_at_k(n, c, k) == pytest.approx(truth, abs=1e-12)
        assert binomial @ (1 - (1 - c / n) ** k) < truth - 0.03

    def test_many_samples_overflow_nothing(self):
        found = pass_at_k(10_000, [0, 1, 5_000, 10_000], 100)
        np.testing.assert_allclose(found[[0, 1, 3]], [0, 0.01, 1], rtol=1e-9)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((0, [0], 1), "samples must be a whole number >= 1"),
            ((3, [1], 4), "k must be a whole number >= 1 and <= 3, got 4"),
            ((3, [4], 1), "right must be whole numbers from 0 to samples = 3"),
            ((3, [-1], 1), "right must be whole numbers"),
            ((3, [0.5], 1), "right must be whole numbers"),
        ],
    )
    def test_other_numbers_are_refused(self, arguments: Any, said: str):
        with pytest.raises(ValueError, match=said):
            pass_at_k(*arguments)


class TestTheRecipe:
    def test_what_is_kept_is_right_distinct_and_untested(self):
        test = [QUESTIONS[0], QUESTIONS[1].upper() + " "]
        recipe = Verified(QUESTIONS, sums.refuse, samples=8, test=test)
        result = run(recipe, FunctionTeacher(writes), progress=False)
        assert [record["question"] for record in result.pool.of(PROBLEM)] == QUESTIONS[2:]
        solutions = result.pool.of(SOLUTION)
        for record in solutions:
            assert sums.check(Sum.read(record["question"]), record["solution"]) == "right"
            assert result.pool.get(record.parents[0])["question"] == record["question"]
        assert len(set(pairs(solutions))) == len(solutions) > 15
        fell = str(result.funnel)
        assert all(name in fell for name in ("Right", "new", "Untested", "right answer by a wrong chain"))

    def test_a_weak_program_lets_wrong_chains_pass(self):
        strong, weak = (
            run(Verified(QUESTIONS, verify, samples=4, distinct=False), FunctionTeacher(writes), progress=False)
            for verify in (sums.refuse, sums.refuse_answer)
        )
        verdicts = Counter(
            sums.check(Sum.read(record["question"]), record["solution"]) for record in weak.pool.of(SOLUTION)
        )
        assert set(verdicts) == {"right", "right answer by a wrong chain"}
        assert verdicts["right"] == len(strong.pool.of(SOLUTION))

    def test_samples_take_turns_with_the_forms_of_prompts(self):
        masked = {p.prompt: sums.hinted(p, sums.masked(p.solution())) for p in PROBLEMS.train}
        recipe = Verified(QUESTIONS, sums.refuse, samples=3, forms=(str, masked.__getitem__), distinct=False)
        asked: list[str] = []

        def right(prompt: Prompt, seed: int) -> str:
            asked.append(str(prompt))
            return Sum.read(str(prompt)).solution()

        result = run(recipe, FunctionTeacher(right), progress=False)
        assert asked == [*QUESTIONS, *masked.values(), *QUESTIONS]
        assert [record["sample"] for record in result.pool.of(SOLUTION)] == [n for n in range(3) for _ in QUESTIONS]
        assert {record["question"] for record in result.pool.of(SOLUTION)} == set(QUESTIONS), "a student reads no hint"

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"questions": ()}, "questions is empty"),
            ({"questions": "1+1="}, "questions must be several values"),
            ({"forms": ()}, "forms is empty"),
            ({"samples": 0}, "samples must be a whole number >= 1"),
            ({"forms": (str, str), "samples": 1}, "samples must be a whole number >= 2"),
        ],
    )
    def test_what_cannot_run_is_refused(self, wrong: dict[str, Any], said: str):
        with pytest.raises(ValueError, match=said):
            Verified(**{"questions": QUESTIONS, "verify": sums.refuse, **wrong})

    @given(st.integers(1, 12))
    def test_its_parts_are_the_whole(self, of: int):
        recipe = Verified(QUESTIONS, sums.refuse)
        parts = [recipe.part(index, of).questions for index in range(of)]
        assert sorted(question for part in parts for question in part) == sorted(QUESTIONS)
        with pytest.raises(ValueError, match="12 questions cannot be cut into 13 parts"):
            recipe.part(12, 13)


class TestFromAFile:
    def test_a_small_world_is_asked_in_the_form_that_is_shown(self):
        made = registry.make("verified", {"questions": {"digits": 2, "count": 9, "seed": 4}, "hints": True})
        assert isinstance(made, Verified)
        assert list(made.questions) == [p.prompt for p in sums.split(2, (9, 0, 0), seed=4).train]
        plainly, hinted = (form(made.questions[0]).split("\n") for form in made.forms)
        assert len(plainly) == len(hinted) == 5
        assert (plainly[-1], Sum.read(hinted[-1]).prompt) == (made.questions[0], made.questions[0])
        assert hinted[-1].startswith("{")
        for example in plainly[:-1]:
            question, _, solution = example.partition("=")
            assert made.verify(f"{question}=", solution) is None
            assert f"{question}=" not in made.questions

    def test_what_the_teacher_reads_gives_no_question_of_the_test_away(self, tmp_path: Path):
        """Neither it nor its mirror image, whose solutions are the same, is among the solved ones."""
        everything = [Sum(1, a, b).prompt for a in range(10) for b in range(10)]
        (tmp_path / "test.txt").write_text("\n".join(everything[:22]), encoding="utf-8")
        (tmp_path / "q.txt").write_text("9+9=\n", encoding="utf-8")
        given = {"questions": str(tmp_path / "q.txt"), "test": str(tmp_path / "test.txt"), "shown": 1}
        made = registry.make("verified", given)
        assert isinstance(made, Verified)
        [shown] = [Sum.read(f"{line.partition('=')[0]}=") for line in made.forms[0]("9+9=").split("\n")[:-1]]
        assert shown.prompt not in {*everything[:22], "9+9="}
        assert Sum(1, shown.b, shown.a).prompt not in everything[:22]

    @pytest.mark.parametrize(
        ("given_", "said"),
        [
            ({"questions": {"digit": 3}}, r"questions say 'digit', which means nothing here; did you mean 'digits'\?"),
            ({"questions": {"world": "words"}}, "the world of questions must be one of sums, got 'words'"),
            ({"questions": {"digits": "3"}}, "digits must be a whole number"),
            ({"questions": {"count": 10**9}}, "different problems of 3 digits are too many"),
            ({"questions": {}, "verify": "sum"}, "verify must be one of sums, .* did you mean 'sums'"),
            ({"questions": {}, "hints": True, "samples": 1}, "samples must be a whole number >= 2"),
            ({"questions": {}, "shown": 65}, "shown must be a whole number >= 0 and <= 64"),
            ({"questions": {}, "distinct": 1}, "distinct must be True or False, got 1"),
            ({"questions": {"digits": 1, "count": 25}}, "there are no more questions of 1 digits left"),
            ({"questions": "bad.txt"}, r"bad.txt, line 3: a prompt must be like '347\+285=', .* got 'hello'"),
            ({"questions": "blank.txt"}, "there are no questions in .*blank.txt"),
            ({"questions": "q.bin"}, "q.bin is no text in UTF-8"),
        ],
    )
    def test_what_cannot_be_verified_is_refused_by_its_line(
        self, given_: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        Path("bad.txt").write_text("1+2=\n\nhello\n")
        Path("blank.txt").write_text("\n \n")
        Path("q.bin").write_bytes(b"\xff")
        with pytest.raises(ValueError, match=said):
            registry.make("verified", given_)


class TestCoverage:
    def test_it_is_the_share_with_a_right_solution_so_far(self):
        def later(prompt: Prompt, seed: int) -> str:
            """The third question is never solved, the second from its second sample on."""
            turn = turns[str(prompt)] = turns.get(str(prompt), -1) + 1
            return Sum.read(str(prompt)).solution() if turn >= {0: 0, 1: 1, 2: 9}[QUESTIONS.index(str(prompt))] else ""

        turns: dict[str, int] = {}
        result = run(Verified(QUESTIONS[:3], sums.refuse, samples=3), FunctionTeacher(later), progress=False)
        np.testing.assert_allclose(coverage(result.pool, 3), [1 / 3, 2 / 3, 2 / 3])

    def test_it_agrees_with_the_unbiased_estimate_when_all_samples_count(self):
        result = run(
            Verified(QUESTIONS, sums.refuse, samples=8, distinct=False), FunctionTeacher(writes), progress=False
        )
        right = [len(result.pool.children(q, SOLUTION)) for q in result.pool.of(PROBLEM)]
        found = coverage(result.pool, 8)
        assert (np.diff(found) >= 0).all()
        assert found[-1] == pass_at_k(8, right, 8).mean()

    def test_a_pool_without_questions_is_refused(self):
        with pytest.raises(ValueError, match="the pool holds no questions"):
            coverage(Pool(), 3)


class TestFair:
    @staticmethod
    def solutions(counts: list[int]) -> list[Record]:
        return [
            Record.new(SOLUTION, {"question": f"{q}", "solution": f"{q}-{i}"})
            for q, count in enumerate(counts)
            for i in range(count)
        ]

    @given(st.lists(st.integers(0, 6), min_size=1, max_size=6), st.integers(0, 30), st.integers(0, 5))
    def test_nobody_has_two_more_than_another_who_has_some_left(self, counts: list[int], total: int, seed: int):
        everything = self.solutions(counts)
        chosen = fair(everything, total, seed=seed)
        assert len(chosen) == len({record.id for record in chosen}) == min(total, len(everything))
        got = Counter(int(record["question"]) for record in chosen)
        level = max(got.values(), default=0)
        assert all(got[q] >= min(count, level - 1) for q, count in enumerate(counts))
        assert chosen == fair(everything, total, seed=seed)

    def test_which_are_chosen_is_drawn(self):
        everything = self.solutions([10, 10])
        assert len({fair(everything, 2, seed=seed)[0]["solution"] for seed in range(40)}) > 10

    @pytest.mark.parametrize("total", [-1, 1.5])
    def test_other_totals_are_refused(self, total: Any):
        with pytest.raises(ValueError, match="total must be a whole number >= 0"):
            fair([], total, seed=0)
