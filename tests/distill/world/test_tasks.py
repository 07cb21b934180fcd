"""The small world of tasks: its truth, and a teacher whose faults are what they are said to be."""

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill.teacher import FunctionTeacher, Options
from sdg_lab.distill.world import tasks
from sdg_lab.distill.world.tasks import PERFECT, Faults, Task

LINE, BLOCK = Options(stop=("\n",)), Options(stop=("\n\n",))
names = st.lists(st.sampled_from(sorted(tasks.OPERATIONS)), min_size=1, max_size=tasks.MAX_OPERATIONS).map(tuple)
inputs = st.text(tasks.LETTERS, min_size=1, max_size=4)


def written(teacher: FunctionTeacher, prompt: str, n: int, options: Options = LINE) -> list[str]:
    return [one.text.strip() for one in teacher.generate([prompt] * n, seeds=range(n), options=options)]


def near(count: int, n: int, p: float) -> bool:
    """Whether a count is within four standard deviations of its expectation."""
    return abs(count - n * p) <= 4 * math.sqrt(n * p * (1 - p)) + 1e-9


class TestTruth:
    @pytest.mark.parametrize(
        ("instruction", "given", "output"),
        [
            ("reverse", "abc", "cba"),
            ("sort", "cab", "abc"),
            ("upper", "ab", "AB"),
            ("double", "ab", "aabb"),
            ("first", "bc", "b"),
            ("last", "bc", "c"),
            ("next", "ah", "ba"),
            ("mate", "ab", "fd"),
            ("code", "ah", "18"),
            ("kind", "ebb", "vowel"),
            ("kind", "beb", "other"),
            ("upper then next", "ah", "BA"),
            ("reverse then upper then first", "abc", "C"),
            ("code then next", "ab", "12"),  # a digit has no next letter, and stays
        ],
    )
    def test_by_hand(self, instruction: str, given: str, output: str):
        task = Task.parse(instruction)
        assert task is not None
        assert task.output(given) == output
        assert tasks.is_right(instruction, given, output)
        assert not tasks.is_right(instruction, given, f"{output}x")

    @given(names)
    def test_an_instruction_is_read_as_it_was_said(self, operations: tuple[str, ...]):
        task = Task(operations)
        assert Task.parse(task.instruction) == task
        assert task.difficulty == len(operations)
        assert task.is_classification() == (operations[-1] == "kind")

    @given(names, names, inputs)
    def test_one_after_another(self, first: tuple[str, ...], second: tuple[str, ...], text: str):
        both = (first + second)[: tasks.MAX_OPERATIONS]
        cut = len(first)
        between = Task(both[:cut]).output(text)
        assert Task(both).output(text) == (Task(both[cut:]).output(between) if both[cut:] else between)
        assert Task(both).output(text) != ""

    @pytest.mark.parametrize("text", ["", "reverse upper", "reverse then", "draw reverse", "- sort", "then", "Sort"])
    def test_what_is_no_instruction(self, text: str):
        assert Task.parse(text) is None
        assert not tasks.is_right(text, "ab", "ba")

    def test_refusals(self):
        with pytest.raises(ValueError, match="there is no operation 'revers'; there are"):
            Task(("revers",))
        with pytest.raises(ValueError, match="the number of operations must be a whole number >= 1 and <= 6, got 7"):
            Task(("sort",) * 7)
        with pytest.raises(ValueError, match="the input is empty"):
            Task(("sort",)).output("")
        with pytest.raises(ValueError, match="imitation must be >= 0 and <= 1, got 2"):
            Faults(imitation=2)
        with pytest.raises(ValueError, match="there are no instances"):
            tasks.share_right([])

    def test_the_taxonomy_has_100_leaves(self):
        found = [task.leaf for task in tasks.leaves()]
        assert len(set(found)) == 100
        assert Counter(leaf.partition("/")[0] for leaf in found) == {
            "knowledge": 4,
            "foundational": 6,
            "compositional": 90,
        }
        assert Task(("sort", "sort")).leaf == Task(("sort", "upper", "sort")).leaf == ""

    def test_coverage_and_right_answers_are_counted(self):
        assert tasks.coverage([task.instruction for task in tasks.leaves()]) == 1
        assert tasks.coverage(["sort", "sort", "sort then upper", "nonsense", "sort then upper then sort"]) == 0.02
        one = {"instruction": "sort", "input": "ba", "output": "ab"}
        assert tasks.share_right([one, {**one, "output": "ba"}]) == 0.5

    def test_examples_are_right_and_differ(self):
        pairs = tasks.examples(Task(("sort",)), 20, seed=0)
        assert len(dict(pairs)) == 20
        assert all(tasks.is_right("sort", given, output) for given, output in pairs)
        assert pairs == tasks.examples(Task(("sort",)), 20, seed=0)


class TestTeacher:
    LIST = "Tasks:\n1. sort\n2. sort\n3."
    QUESTIONS = "Tasks:\n1. sort: ab\n2. sort: cd\n3."

    def test_without_faults_all_is_right(self):
        teacher = tasks.teacher(PERFECT)
        assert all(Task.parse(text) for text in written(teacher, self.LIST, 50))
        for text in written(teacher, self.QUESTIONS, 50):
            instruction, _, given = text.partition(": ")
            assert Task.parse(instruction)
            assert tasks.is_word(given)
        assert set(written(teacher, "Task: reverse then upper\nInput: abc\nOutput:", 20)) == {"CBA"}
        assert set(written(teacher, "Task: reverse then upper: abc\nOutput:", 20)) == {"CBA"}

    def test_an_item_is_a_function_of_its_prompt_and_seed(self):
        teacher = tasks.teacher()
        alone = [teacher.generate([self.LIST], seeds=[seed], options=LINE)[0] for seed in (5, 3)]
        assert teacher.generate([self.LIST] * 2, seeds=[5, 3], options=LINE) == alone

    def test_preference_by_zipfs_law(self):
        found = Counter(
            text.split(" then ")[0] for text in written(tasks.teacher(Faults(imitation=0)), "Tasks:\n1.", 2000)
        )
        clean = {name: found[name] for name in tasks.OPERATIONS}
        harmonic = sum(1 / rank for rank in range(1, 11))
        right = sum(clean.values())
        for rank, name in enumerate(tasks.ORDER, start=1):
            assert near(clean[name], right, 1 / rank / harmonic)

    @pytest.mark.parametrize("rate", [0.2, 0.7, 1.0])
    def test_imitation(self, rate: float):
        # By itself it writes this task of three operations in one of about 10,000 cases.
        teacher = tasks.teacher(Faults(imitation=rate, repeat=0, malformed=0, keyword=0))
        rare = "mate then last then mate"
        found = written(teacher, f"Tasks:\n1. {rare}\n2. {rare}\n3.", 400)
        assert near(found.count(rare), 400, rate)

    def test_repeats(self):
        found = written(tasks.teacher(Faults(repeat=0.3)), self.QUESTIONS, 1000)
        assert near(sum(text in ("sort: ab", "sort: cd") for text in found), 1000, 0.3)

    def test_forms_that_break(self):
        found = written(tasks.teacher(Faults(repeat=0, malformed=0.3, keyword=0.2)), self.LIST, 1000)
        assert near(sum(text.startswith("- ") for text in found), 1000, 0.3)
        assert near(sum("draw" in text for text in found), 1000, 0.2)

    @pytest.mark.parametrize("difficulty", [1, 3])
    def test_errors_grow_with_difficulty(self, difficulty: int):
        teacher = tasks.teacher(Faults(error=0.2, echo=0, colon=0))
        instruction = Task(("reverse", "next", "upper")[:difficulty]).instruction
        found = written(teacher, f"Task: {instruction}\nInput: abc\nOutput:", 1000)
        right = sum(tasks.is_right(instruction, "abc", text) for text in found)
        assert near(right, 1000, 0.8**difficulty)

    def test_echoes_and_colons(self):
        teacher = tasks.teacher(Faults(error=0, echo=0.2, colon=0.5))
        found = Counter(written(teacher, "Task: upper\nInput: abc\nOutput:", 1000))
        assert near(found["abc"], 1000, 0.2)
        assert near(found["the output is:"], 1000, 0.8 * 0.5)
        assert found["ABC"] == 1000 - found["abc"] - found["the output is:"]

    def test_an_operation_more(self):
        found = written(tasks.teacher(Faults(zipf=0)), "sort then", 50)
        assert set(found) <= set(tasks.OPERATIONS)
        assert len(set(found)) > 5

    def test_a_first_word_that_is_given(self):
        found = written(tasks.teacher(PERFECT), "Tasks:\n1. sort\n2. mate", 50)
        assert all(Task.parse(f"mate {text}".strip()) for text in found)

    def test_labels_first_are_balanced(self):
        found = "\n".join(written(tasks.teacher(PERFECT), "Task: next then kind\nClass label:", 50, BLOCK))
        assert found.startswith("vowel\nInput: ")
        labels = Counter(line for line in f"Class label: {found}".split("\n") if not line.startswith("Input"))
        assert {"Class label: vowel", "Class label: other"} <= set(labels)

    @pytest.mark.parametrize("misjudged", [0.0, 0.2])
    def test_it_scores_right_answers_higher_but_for_its_misjudgements(self, misjudged: float):
        teacher = tasks.teacher(Faults(misjudged=misjudged))
        rng = random.Random(0)
        words = {tasks.random_word(rng) for _ in range(400)}
        prompts = [f"Task: reverse: {word}\nOutput:" for word in words]
        right = teacher.log_prob(prompts, [f" {word[::-1]}" for word in words])
        wrong = teacher.log_prob(prompts, [f" {word}x" for word in words])
        assert near(int((right < -1).sum()), len(words), misjudged)
        assert near(int((wrong > -1).sum()), len(words), misjudged)

    def test_it_knows_what_a_classification_is(self):
        teacher = tasks.teacher(PERFECT)
        asked = [f"Task: {one}\nIs it a classification task?" for one in ("sort then kind", "sort", "nonsense")]
        assert (teacher.log_prob(asked, [" Yes"] * 3) > teacher.log_prob(asked, [" No"] * 3)).tolist() == [
            True,
            False,
            False,
        ]

    def test_tasks_as_they_come_to_mind(self):
        found = tasks.as_they_come(300, seed=0)
        assert len(found) == 300
        assert tasks.coverage([task.instruction for task in found]) < 0.9
        assert tasks.as_they_come(300, seed=0) == found
