"""Self-Instruct: own seed tasks, its prompts, what is read of answers, and a run in a world whose truth is known."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill import filters, run
from sdg_lab.distill.pipeline import Request
from sdg_lab.distill.recipes.self_instruct import (
    SEEDS,
    SeedTask,
    SelfInstruct,
    numbered,
    pairs_seen,
    read_instances,
    read_list,
    seed_tasks,
    shown,
    verb_noun,
)
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.rouge import similar_pairs
from sdg_lab.distill.teacher import FunctionTeacher
from sdg_lab.distill.world import tasks
from sdg_lab.models.completion import Completion


def written(text: str) -> Completion:
    return Completion(text, "end", 1, 1)


def small(n: int = 25) -> tuple[SeedTask, ...]:
    made = []
    for task in tasks.leaves()[::4][:n]:
        ((given, output),) = tasks.examples(task, 1, 0)
        made.append(SeedTask(task.instruction, output, given, task.is_classification()))
    return tuple(made)


def recipe(**options: object) -> SelfInstruct:
    """The recipe for the small world, whose instructions are short and alike."""
    return SelfInstruct(**{"target": 40, "seeds": small(), "openings": ("",), "least": 1, "threshold": 1.0} | options)  # type: ignore[arg-type]


class TestSeeds:
    TASKS = seed_tasks()

    def test_there_are_enough_of_both_kinds(self):
        assert len(self.TASKS) >= 175
        assert sum(task.classification for task in self.TASKS) >= 25

    def test_none_is_like_another(self):
        texts = [task.instruction for task in self.TASKS]
        places, f = similar_pairs(texts, texts, 0.7)
        assert [(texts[i], texts[j], score) for (i, j), score in zip(places.tolist(), f, strict=True) if i < j] == []

    def test_they_pass_the_filters_that_others_must(self):
        for task in self.TASKS:
            record = Record.new("instruction", vars(task))
            for stage in (filters.word_count, filters.keywords, filters.program, filters.first_character):
                assert stage(record, Pool()) is None, task
            assert filters.instance(record, Pool()) is None, task
            for text in vars(task).values():
                assert not isinstance(text, str) or text == text.strip()

    def test_verbs_and_nouns_vary(self):
        pairs = [verb_noun(task.instruction) for task in self.TASKS]
        assert len({verb for verb, _ in pairs}) > 70
        assert len({noun for _, noun in pairs}) > 100

    def test_answers_that_a_program_can_check(self):
        by_start = {task.instruction: task for task in self.TASKS}
        find = lambda start: next(task for text, task in by_start.items() if text.startswith(start))  # noqa: E731
        assert find("Reverse the order").output == find("Reverse the order").input[::-1]
        assert find("Count the vowels").output == str(sum(map(find("Count the vowels").input.count, "aeiou")))
        assert find("Count how many words").output == str(len(find("Count how many words").input.split()))
        sort = find("Sort the following numbers")
        assert sort.output == ", ".join(sorted(sort.input.split(", "), key=int))
        sort = find("Sort these words")
        assert sort.output == ", ".join(sorted(sort.input.split(", ")))
        even = [str(number) for number in range(2, 15, 2)]
        assert find("List all the even").output == ", ".join(even)
        assert find("Rewrite each word in capital").output == find("Rewrite each word in capital").input.upper()
        assert find("Calculate the average").output == str(np.mean([4, 8, 15]).astype(int))
        assert find("Round the given").output == f"{float(find('Round the given').input):.1f}"
        assert find("Verify that the word").input == find("Verify that the word").input[::-1]
        assert len(find("Summarize this email").output.split()) <= 10
        assert len(find("Shorten the headline").output.split()) <= 4

    def test_a_line_that_is_no_task_is_named(self, tmp_path: Path):
        path = tmp_path / "mine.jsonl"
        path.write_text('{"instruction": "Sing", "output": "La"}\n{"instruction": "Sing"}\n')
        with pytest.raises(ValueError, match=r"line 2 of .*mine.jsonl is no task .*write an object with instruction"):
            seed_tasks(path)
        path.write_text(path.read_text().splitlines()[0])
        assert seed_tasks(path) == (SeedTask("Sing", "La"),)
        assert SEEDS.is_file()


class TestPrompts:
    def propose(self, made: SelfInstruct, generated: int, seed: int = 0) -> Request:
        pool = Pool([Record.new("seed", vars(task)) for task in made.seeds])
        for place in range(generated):
            pool.add(Record.new("instruction", {"instruction": f"new {place}"}))
        return made.propose(pool, np.random.default_rng(seed))

    @pytest.mark.parametrize(("there", "machine"), [(0, 0), (1, 1), (2, 2), (50, 2)])
    def test_eight_tasks_six_of_them_by_people(self, there: int, machine: int):
        request = self.propose(recipe(), there)
        assert isinstance(request.prompt, str)
        items = re.findall(r"(?m)^\d+\. (.+)$", request.prompt)
        assert len(items) == len(set(items)) == 8
        assert sum(item.startswith("new ") for item in items) == machine
        assert request.prompt.endswith("\n9.")
        assert len(request.parents) == 8

    def test_which_tasks_and_in_which_order_is_drawn(self):
        assert len({str(self.propose(recipe(), 10, seed).prompt) for seed in range(20)}) == 20

    def test_the_first_word_is_given_and_belongs_to_the_instruction(self):
        request = self.propose(recipe(openings=("Write",)), 0)
        assert str(request.prompt).endswith("\n9. Write")
        assert request.read(written(" a  poem. ")) == {"instruction": "Write a poem."}

    def test_a_chat_writes_several(self):
        request = self.propose(recipe(style="chat"), 3)
        assert not isinstance(request.prompt, str)
        assert request.prompt[0]["role"] == "user"
        assert "\n" not in request.options.stop
        said = "Sure!\n1. Write a poem.\n2) Name a river.\n\n- no item\n10. Sing: la\nla"
        assert request.read(written(said)) == [
            {"instruction": "Write a poem."},
            {"instruction": "Name a river."},
            {"instruction": "Sing: la"},
        ]
        assert read_list(written("none")) == []

    @given(st.lists(st.text(min_size=1).filter(str.strip), max_size=6))
    def test_a_list_is_read_as_it_was_written(self, items: list[str]):
        once = [" ".join(item.split()) for item in items]
        assert [one["instruction"] for one in read_list(written(numbered(items)))] == [
            item for item in once if item.strip()
        ]

    def test_classification_tasks_show_the_output_first(self):
        made = recipe()
        record = Record.new("instruction", {"instruction": "sort then kind"})
        first, second = (made.instantiate(record, answer) for answer in (True, False))
        assert str(first.prompt).endswith("Task: sort then kind\nClass label:")
        assert "Output:" not in str(first.prompt)
        assert str(second.prompt).endswith("Task: sort then kind\n")
        assert "Class label:" not in str(second.prompt)

    def test_refusals(self):
        with pytest.raises(ValueError, match="a prompt shows 8 tasks, and there are 5 seeds"):
            recipe(seeds=small(5))
        with pytest.raises(ValueError, match="style must be one of continue, chat, got 'talk'"):
            recipe(style="talk")
        with pytest.raises(ValueError, match="target must be a whole number >= 1, got 0"):
            recipe(target=0)
        with pytest.raises(ValueError, match="openings must be several values"):
            recipe(openings="Write")


class TestReading:
    @pytest.mark.parametrize(
        ("text", "before", "pairs"),
        [
            ("Input: 1 2\nOutput: 3", "", [("1 2", "3")]),
            ("Output: A poem\nof two lines", "", [("", "A poem\nof two lines")]),
            ("Input: a\nOutput: b\nInput: c\nOutput: d\nInput: e", "", [("a", "b"), ("c", "d")]),
            (
                " good\nInput: I like it\nClass label: bad\nInput: no",
                "Class label:",
                [("I like it", "good"), ("no", "bad")],
            ),
            ("Class label: good\nInput: yes", "Class label:", [("yes", "good")]),  # a chat says it again
            ("Input: a\nOutput: b\nInput: a\nOutput: b", "", [("a", "b")]),
        ],
    )
    def test_instances(self, text: str, before: str, pairs: list[tuple[str, str]]):
        found = read_instances(written(text), before=before)
        assert [(one["input"], one["output"]) for one in found] == pairs

    def test_at_most_five(self):
        text = "\n".join(f"Input: {i}\nOutput: {i}{i}" for i in range(9))
        assert len(read_instances(written(text))) == 5
        assert len(read_instances(written(text), most=2)) == 2

    @pytest.mark.parametrize("text", ["", "Input: a", "no form at all", "Class label: x"])
    def test_none(self, text: str):
        with pytest.raises(ValueError, match="no instance"):
            read_instances(written(text))

    def test_one_input_with_several_outputs_drops_the_set(self):
        with pytest.raises(ValueError, match="one input has several outputs"):
            read_instances(written("Input: a\nOutput: b\nInput: a\nOutput: c\nInput: d\nOutput: e"))

    @given(st.lists(st.tuples(st.text("abc", min_size=1), st.text("xyz", min_size=1)), min_size=1, max_size=5))
    def test_what_was_shown_is_read(self, pairs: list[tuple[str, str]]):
        unique = list(dict(pairs).items())
        text = "\n".join(f"Input: {given}\nOutput: {output}" for given, output in unique)
        assert [(one["input"], one["output"]) for one in read_instances(written(text))] == unique

    def test_a_seed_is_shown_as_instances_are_read(self):
        task = SeedTask("Add", "3", "1 2")
        assert read_instances(written(shown(task).removeprefix("Task: Add\n"))) == [{"input": "1 2", "output": "3"}]
        back = read_instances(written(shown(task, output_first=True).removeprefix("Task: Add\n")))
        assert back == [{"input": "1 2", "output": "3"}]


class TestDiversity:
    @pytest.mark.parametrize(
        ("instruction", "pair"),
        [
            ("Write a short poem about rain.", ("write", "poem")),
            ("Explain, in two words, the rule.", ("explain", "words")),
            ("What is the capital of Peru?", ("", "capital")),
            ("Sort", ("sort", "")),
            ("", ("", "")),
        ],
    )
    def test_verb_and_noun(self, instruction: str, pair: tuple[str, str]):
        assert verb_noun(instruction) == pair

    def test_it_grows(self):
        assert pairs_seen(["Write a poem.", "Write the poem now!", "Write a song.", "Sing a song."]) == [1, 2, 3, 4]
        assert pairs_seen(["Write a poem.", "Write the poem!"]) == [1, 1]
        assert pairs_seen([]) == []


class TestRun:
    def test_in_the_small_world(self):
        result = run(recipe(), tasks.teacher(), progress=False)
        instructions = [record["instruction"] for record in result.pool.of("instruction")]
        assert len(instructions) >= 40
        assert len({*instructions, *(task.instruction for task in small())}) == len(instructions) + 25
        assert all(task is not None for task in map(tasks.Task.parse, instructions))  # the filters took what is none
        found = [dict(record.fields) for record in result.pool.of("instance")]
        assert 0.5 < tasks.share_right(found) < 0.9  # they cannot see that an output is wrong
        assert all(one["input"] != one["output"] and not one["output"].endswith(":") for one in found)
        for record in result.pool.of("instance"):
            assert result.pool.get(record.parents[0])["instruction"] == record["instruction"]

    def test_without_faults_all_is_right_and_labels_are_balanced(self):
        seeds = tuple(
            SeedTask(f"{a} then kind", *reversed(tasks.examples(tasks.Task((a, "kind")), 1, 0)[0]), classification=True)
            for a in ("sort", "upper", "double", "first")
        )
        made = recipe(seeds=small() + seeds, target=60)
        result = run(made, tasks.teacher(tasks.PERFECT), progress=False)
        found = [dict(record.fields) for record in result.pool.of("instance")]
        kinds = [one for one in found if one["instruction"].endswith("kind")]
        labels = Counter(one["output"] for one in kinds)
        assert labels["vowel"] > 0.3 * len(kinds)  # a quarter of the letters are vowels
        others = [one for one in found if not one["instruction"].endswith("kind")]
        assert tasks.share_right(others) == 1

    def test_a_chat(self):
        def answers(prompt: object, seed: int) -> str:
            text = prompt[0]["content"]  # type: ignore[index]
            if "numbered list" in text:
                return f"1. Describe number {seed} of all.\n2. Name the thing called {seed + 1}."
            return "No." if "classification" in text else "Input: a\nOutput: b"

        result = run(
            SelfInstruct(target=4, seeds=small(), round=2, style="chat", threshold=0.95),
            FunctionTeacher(answers),
            progress=False,
        )
        assert len(result.pool.of("instruction")) >= 4
        assert {record["output"] for record in result.pool.of("instance")} == {"b"}

    def test_what_is_there_must_do_when_nothing_new_comes(self):
        def one_thing(prompt: object, seed: int) -> str:
            return " mate then code then mate" if str(prompt).endswith("9.") else " Input: ab\nOutput: AB"

        teacher = FunctionTeacher(one_thing, score=lambda prompt, answer: float(answer == " No"))
        result = run(recipe(target=9, round=2, tries=3), teacher, progress=False)
        assert [record["instruction"] for record in result.pool.of("instruction")] == ["mate then code then mate"]
        assert len(result.pool.of("instance")) == 1
        assert result.funnel.kinds["instruction"].proposed == 2 * (1 + 3)

    def test_instructions_only(self):
        result = run(recipe(instances=0, target=5, round=4), tasks.teacher(), progress=False)
        assert not result.pool.of("classification")
        assert recipe(instances=0).result == ("instruction",)

    def test_a_published_filter_that_is_not_there_is_missed(self):
        made = recipe()
        weaker = {"instruction": [s for s in made.stages["instruction"] if s is not filters.keywords]}
        result = run(made, tasks.teacher(), stages=weaker, progress=False)
        assert any("draw" in record["instruction"] for record in result.pool.of("instruction"))

    def test_parts_share_the_target(self):
        parts = [recipe(target=10).part(index, 3) for index in range(3)]
        assert [part.target for part in parts] == [4, 3, 3]
        with pytest.raises(ValueError, match="2 instructions cannot be cut into 3 parts"):
            recipe(target=2).part(2, 3)

    def test_seeds_may_be_a_file(self):
        assert SelfInstruct(seeds=str(SEEDS)).seeds == SelfInstruct().seeds == seed_tasks()  # type: ignore[arg-type]
