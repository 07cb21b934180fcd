"""Evol-Instruct: small steps that say more, what fails goes back, and difficulty that rises where it is known."""

import numpy as np
import pytest

from sdg_lab.distill import run
from sdg_lab.distill.pipeline import Request
from sdg_lab.distill.recipes.evol_instruct import (
    BREADTH,
    DEPTH,
    REQUESTS,
    EvolInstruct,
    demands,
    read_continued,
    read_only,
    unfinished,
)
from sdg_lab.distill.recipes.self_instruct import SeedTask
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.teacher import FunctionTeacher, Prompt, as_text
from sdg_lab.distill.world import tasks
from sdg_lab.models.completion import Completion

SEEDS = (
    SeedTask("Write a poem about rain.", "Drip."),
    SeedTask("Name three rivers of Europe.", "Rhine, Po, Ebro"),
    SeedTask("Explain how soap works.", "It holds grease and water."),
)


def small(**options: object) -> EvolInstruct:
    """The recipe for the small world: one more operation is a step in depth."""
    seeds = tuple(SeedTask(task.instruction, task.output("abc")) for task in tasks.leaves()[:10])
    return EvolInstruct(
        **{"seeds": seeds, "depth": {"deepen": (" then",)}, "openings": ("",), "least": 1, "answers": False} | options
    )  # type: ignore[arg-type]


def written(text: str) -> Completion:
    return Completion(text, "end", 1, 1)


class TestPrompts:
    RECORD = Record.new("seed", vars(SEEDS[0]))

    def evolve(self, made: EvolInstruct, seed: int) -> Request:
        pool = Pool([Record.new("seed", vars(task)) for task in made.seeds])
        return made.evolve(self.RECORD, 1, pool, np.random.default_rng(seed))

    def test_all_operations_are_drawn_and_begin_with_their_words(self):
        seen: dict[str, int] = {}
        for seed in range(300):
            request = self.evolve(EvolInstruct(SEEDS), seed)
            operation = request.fields["operation"]
            seen[operation] = seen.get(operation, 0) + 1
            assert request.parents[0] == self.RECORD.id
            if operation != BREADTH:
                assert str(request.prompt) in [f"Write a poem about rain{opening}" for opening in DEPTH[operation]]
        assert set(seen) == {*DEPTH, BREADTH} == set(REQUESTS)
        assert min(seen.values()) > 25  # equally likely: 50 each

    def test_a_chat_says_what_it_wants(self):
        request = self.evolve(EvolInstruct(SEEDS, style="chat", breadth=0.0), 0)
        assert not isinstance(request.prompt, str)
        said = request.prompt[0]["content"]
        assert REQUESTS[request.fields["operation"]] in said
        assert said.endswith("\n\nWrite a poem about rain.")

    def test_refusals(self):
        with pytest.raises(ValueError, match="generations must be a whole number >= 1, got 0"):
            EvolInstruct(SEEDS, generations=0)
        with pytest.raises(ValueError, match=r"breadth must be >= 0 and <= 1, got 1.5"):
            EvolInstruct(SEEDS, breadth=1.5)
        with pytest.raises(ValueError, match="the operation 'deepen' has no openings"):
            EvolInstruct(SEEDS, depth={"deepen": ()})
        with pytest.raises(ValueError, match="without operations in depth, breadth must be 1"):
            EvolInstruct(SEEDS, depth={})
        with pytest.raises(ValueError, match="the first of share must be a whole number >= 0 and <= 1, got 2"):
            EvolInstruct(SEEDS, share=(2, 2))


class TestReading:
    @pytest.mark.parametrize(
        ("text", "instruction"),
        [
            (" four lines. Then sing.", "Write a poem in at most four lines."),
            (" 3.5 minutes and 2 pages", "Write a poem in at most 3.5 minutes and 2 pages"),
            (" four lines? No.", "Write a poem in at most four lines?"),
        ],
    )
    def test_up_to_the_end_of_the_sentence(self, text: str, instruction: str):
        assert read_continued(written(text), "Write a poem in at most") == {"instruction": instruction}

    def test_nothing(self):
        with pytest.raises(ValueError, match="nothing was added"):
            read_continued(written(" \n"), "Write")
        with pytest.raises(ValueError, match="cut off by max_tokens before a sentence ended"):
            read_continued(Completion(" a long", "length", 2, 1), "Write")
        assert read_continued(Completion(" a poem. A", "length", 3, 1), "Write") == {"instruction": "Write a poem."}

    def test_quotation_marks_are_left_out(self):
        assert read_only(written('"Write a  poem."')) == {"instruction": "Write a poem."}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("Write a poem about the", "breaks off after 'the'"),
            ("Write a poem,", "breaks off after 'poem,'"),
            ("Write a poem...", "breaks off after 'poem...'"),
            ("Write a poem about the sea", None),
            ("", None),
        ],
    )
    def test_unfinished(self, text: str, said: str | None):
        assert unfinished(Record.new("evolved", {"instruction": text}), Pool()) == said


class TestDemands:
    @pytest.mark.parametrize(
        ("instruction", "count"),
        [
            ("Write a poem.", 1),
            ("Write a poem in at most four lines.", 2),
            ("Write a poem without the letter e, and explain why.", 4),
            ("Write a poem, given that it is for a child.", 3),
            ("Android", 1),  # "and" is a word of its own only
        ],
    )
    def test_one_more_for_each_marker(self, instruction: str, count: int):
        assert demands(instruction) == count


class TestRun:
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_difficulty_rises_where_it_is_known(self, seed: int):
        result = run(small(breadth=0.0, generations=4), tasks.teacher(), seed=seed, progress=False)
        by_generation = {generation: [] for generation in (1, 2, 3, 4)}
        for record in result.pool.of("evolved"):
            task = tasks.Task.parse(record["instruction"])
            assert task is not None
            parent = tasks.Task.parse(result.pool.get(record.parents[0])["instruction"])
            assert parent is not None
            assert task.operations[:-1] == parent.operations  # a small step
            by_generation[record["generation"]].append(task.difficulty)
        means = [float(np.mean(found)) for found in by_generation.values()]
        assert means == sorted(means)
        assert means[0] == 2
        assert means[-1] > 3

    @pytest.mark.parametrize("seed", range(6))
    def test_what_fails_goes_back_to_the_pool(self, seed: int):
        def teacher(prompt: Prompt, seed: int) -> str:
            text = as_text(prompt)
            if text.endswith("Output:"):
                return " Sorry, I cannot." if "four" in text.rpartition("Task:")[2] else " A poem."
            return " four lines" if text.endswith("in at most") else f" thing{seed}"

        depth = {"constraint": (" in at most",), "deepen": (" with",)}
        made = EvolInstruct(SEEDS[:1], depth=depth, breadth=0.0, generations=5)
        result = run(made, FunctionTeacher(teacher), seed=seed, progress=False)
        answered = {record.parents[0] for record in result.pool.of("answer")}
        for record in result.pool.of("evolved"):
            assert (record.id in answered) is ("four" not in record["instruction"])
            if record["generation"] > 1:  # it was made from an instruction that could be answered
                parent = result.pool.get(record.parents[0])
                assert parent.kind == "seed" or parent.id in answered
        refused = result.funnel.kinds["answer"].stages["refusal"]
        assert refused.fell == sum("four" in record["instruction"] for record in result.pool.of("evolved"))

    def test_a_teacher_that_adds_nothing_is_eliminated(self):
        made = EvolInstruct(SEEDS, depth={"deepen": (" and",)}, breadth=0.0, generations=1, answers=False)
        result = run(
            made,
            FunctionTeacher(lambda prompt, seed: " that too" if "poem" in str(prompt) else " dams"),
            progress=False,
        )
        assert [record["instruction"] for record in result.pool.of("evolved")] == [
            "Name three rivers of Europe and dams",
            "Explain how soap works and dams",
        ]
        assert result.funnel.kinds["evolved"].stages["gain"].fell == 1

    def test_parts_together_are_the_whole(self):
        whole = small()
        firsts = [
            len(list(part.seeds)[part.share[0] :: part.share[1]]) for part in (whole.part(i, 3) for i in range(3))
        ]
        assert firsts == [4, 3, 3]
        assert whole.part(1, 2).part(1, 2).share == (3, 4)
