"""LAB: a taxonomy in YAML files, sampling leaf by leaf, a judge, and phases with replay."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sdg_lab.distill import filters, run
from sdg_lab.distill.recipes.lab import Lab, Leaf, phases, read_taxonomy
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.rouge import similar_pairs
from sdg_lab.distill.teacher import FunctionTeacher, Prompt
from sdg_lab.distill.world import tasks

EXAMPLES = (("One a?", "1"), ("Two b?", "2"), ("Three c?", "3"))
GOOD = """
description: Questions about letters.
examples:
  - {question: "One a?", answer: "1"}
  - {question: "Two b?", answer: "2"}
  - {question: "Three c?", answer: "3"}
"""


def leaves(every: int = 1) -> tuple[Leaf, ...]:
    """The small world's taxonomy, three examples a leaf."""
    return tuple(
        Leaf(task.leaf, "Tasks:", tuple((f"{task.instruction}: {a}", b) for a, b in tasks.examples(task, 3, 0)))
        for task in tasks.leaves()[::every]
    )


def small(**options: object) -> Lab:
    return Lab(**{"taxonomy": leaves(), "per_leaf": 1, "least": 1, "threshold": 1.0, "fewest_words": 1} | options)  # type: ignore[arg-type]


class TestTaxonomy:
    LEAVES = read_taxonomy()

    def test_the_courses_own_has_all_branches(self):
        assert len(self.LEAVES) >= 20
        assert set(Counter(leaf.branch for leaf in self.LEAVES)) == {"knowledge", "foundational", "compositional"}
        assert all(leaf.openings != ("",) for leaf in self.LEAVES)

    def test_its_questions_differ_and_can_be_answered_by_a_language_model(self):
        questions = [question for leaf in self.LEAVES for question, _ in leaf.examples]
        places, _ = similar_pairs(questions, questions, 0.7)
        assert all(i == j for i, j in places.tolist())
        for leaf in self.LEAVES:
            for question, answer in leaf.examples:
                record = Record.new("seed", {"instruction": question, "output": answer})
                assert filters.first_character(record, Pool()) is None
                assert filters.instance(record, Pool()) is None

    def test_the_path_is_the_name(self, tmp_path: Path):
        for path in ("knowledge/b.yaml", "foundational/x/a.yaml", "knowledge/a.yaml"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(GOOD)
        found = read_taxonomy(tmp_path)
        assert [leaf.path for leaf in found] == ["foundational/x/a", "knowledge/a", "knowledge/b"]
        assert found[0] == Leaf("foundational/x/a", "Questions about letters.", EXAMPLES)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("- a", "expected description, examples"),
            (GOOD.replace("examples", "example"), "unknown key 'example'; did you mean 'examples'"),
            (GOOD.replace("description: Questions about letters.", ""), "'description' is missing"),
            (GOOD.replace('question: "Two b?", ', ""), "'question' is missing"),
            (GOOD.replace('"3"', "3"), "answer must be a text, got 3; put quotation marks around it"),
            (GOOD.replace("Two b?", "One a?"), "write at least 3 with different questions"),
            (GOOD + "openings: What", "openings must be several values"),
            (GOOD + "openings: [What, 1]", r"openings must be texts, got \['What', 1\]"),
            (GOOD + "description: again", "'description' stands there twice"),
            ("description: [", "is no leaf of a taxonomy"),
            ("!!python/object/apply:os.system ['true']", "is no leaf of a taxonomy"),
        ],
    )
    def test_a_file_that_is_no_leaf_is_named(self, text: str, said: str, tmp_path: Path):
        (tmp_path / "knowledge").mkdir()
        (tmp_path / "knowledge" / "a.yaml").write_text(text)
        with pytest.raises(ValueError, match=said) as raised:
            read_taxonomy(tmp_path)
        assert "a.yaml is no leaf of a taxonomy" in str(raised.value)

    def test_an_unknown_branch_and_an_empty_folder(self, tmp_path: Path):
        with pytest.raises(FileNotFoundError, match=r"there is no \.yaml file below"):
            read_taxonomy(tmp_path)
        (tmp_path / "a.yaml").write_text(GOOD)
        with pytest.raises(ValueError, match=r"the branch of a leaf must be one of knowledge, .* got 'a'"):
            read_taxonomy(tmp_path)


class TestSampling:
    def test_a_prompt_shows_examples_of_its_leaf_alone(self):
        made = small()
        for leaf in made.taxonomy[::17]:
            prompt = str(made.ask(leaf, np.random.default_rng(0)).prompt)
            shown = [line.partition(" ")[2] for line in prompt.split("\n")[1:-1]]
            assert sorted(shown) == sorted(question for question, _ in leaf.examples)

    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_leaf_by_leaf_covers_more_at_equal_number(self, seed: int):
        covered = {}
        for sampling in ("leaf", "pool"):
            made = small(sampling=sampling, judge=False, shown=3 if sampling == "leaf" else 8)
            result = run(made, tasks.teacher(tasks.Faults(imitation=0.9)), seed=seed, progress=False)
            questions = [record["question"].partition(": ")[0] for record in result.pool.of("question")]
            assert len(questions) == 100
            covered[sampling] = tasks.coverage(questions)
        assert covered["leaf"] >= 1.2 * covered["pool"]

    def test_a_pool_shows_some_of_what_was_written(self):
        made = small(taxonomy=leaves(25), per_leaf=6, sampling="pool", shown=8, judge=False)
        result = run(made, tasks.teacher(), progress=False)
        kinds = [[result.pool.get(id).kind for id in record.parents] for record in result.pool.of("question")]
        assert kinds[0].count("seed") == 8
        assert kinds[-1].count("question") == 2
        assert kinds[-1].count("seed") == 6

    def test_each_leaf_gets_as_many_as_asked_for_and_no_more(self):
        made = small(taxonomy=leaves(10), per_leaf=3)
        result = run(made, tasks.teacher(), progress=False)
        counts = Counter(record["leaf"] for record in result.pool.of("question"))
        assert counts == {leaf.path: 3 for leaf in made.taxonomy}

    def test_a_leaf_of_which_nothing_new_comes_is_left(self):
        teacher = FunctionTeacher(lambda prompt, seed: " the only question" if "1. " in str(prompt) else " a")
        result = run(small(taxonomy=leaves(50), per_leaf=2, tries=3, judge=False), teacher, progress=False)
        assert [record["question"] for record in result.pool.of("question")] == ["the only question"]

    def test_the_judge_takes_wrong_answers(self):
        teacher = tasks.teacher(tasks.Faults(error=0.3))
        share = {}
        for judge in (True, False):
            made = small(per_leaf=3, judge=judge)
            result = run(made, teacher, progress=False)
            found = []
            for record in result.pool.of(made.result[0]):
                instruction, _, given = record["question"].partition(": ")
                found.append({"instruction": instruction, "input": given, "output": record["answer"]})
            share[judge] = tasks.share_right(found)
        assert share[True] > share[False] + 0.15

    def test_a_chat_grades_questions_and_pairs(self):
        def teacher(prompt: Prompt, seed: int) -> str:
            said = prompt[-1]["content"]  # type: ignore[index]
            if said.startswith("Is the following question"):
                return "0" if "odd" in said else "1"
            if said.startswith("Grade the answer"):
                return "Grade: 3" if "good" in said else "1"
            if "Write one new question" in said:
                return f"Why is thing {seed} {'odd' if seed % 2 else 'even'} then?"
            return "good" if seed % 3 else "bad"

        made = Lab(leaves(20), per_leaf=6, style="chat", threshold=1.0)
        result = run(made, FunctionTeacher(teacher), progress=False)
        assert len(result.pool.of("question")) == 30
        assert result.pool.of("pair")
        assert all("even" in record["question"] for record in result.pool.of("answer"))
        assert {record["answer"] for record in result.pool.of("answer")} == {"good", "bad"}
        assert {(record["answer"], record["score"]) for record in result.pool.of("pair")} == {("good", 3)}

    def test_parts_are_leaves(self):
        made = small()
        parts = [made.part(index, 3) for index in range(3)]
        assert sorted(leaf.path for part in parts for leaf in part.taxonomy) == sorted(
            leaf.path for leaf in made.taxonomy
        )
        with pytest.raises(ValueError, match="cannot be cut into 200 parts: there are fewer leaves"):
            made.part(150, 200)
        with pytest.raises(ValueError, match="prompts show examples of all leaves"):
            small(sampling="pool").part(0, 2)

    def test_refusals(self):
        with pytest.raises(ValueError, match="the taxonomy has no leaves"):
            small(taxonomy=())
        with pytest.raises(ValueError, match="the leaf knowledge/next stands twice"):
            small(taxonomy=leaves()[:1] * 2)
        with pytest.raises(ValueError, match="sampling must be one of leaf, pool, got 'tree'"):
            small(sampling="tree")
        with pytest.raises(ValueError, match="per_leaf must be a whole number >= 1, got 0"):
            small(per_leaf=0)


class TestPhases:
    RECORDS = tuple(
        Record.new("pair", {"question": f"{branch} {n}", "branch": branch})
        for branch in ("compositional", "knowledge", "foundational")
        for n in range(8)
    )

    def test_knowledge_first_then_skills_and_some_of_it_again(self):
        first, second, third = phases(self.RECORDS, replay=0.25)
        count = [Counter(record["branch"] for record in phase) for phase in (first, second, third)]
        assert count[0] == {"knowledge": 8}
        assert count[1] == {"foundational": 8, "knowledge": 2}
        assert count[2]["compositional"] == 8
        assert count[2]["knowledge"] + count[2]["foundational"] == 4
        assert all(len({record.id for record in phase}) == len(phase) for phase in (first, second, third))

    def test_without_replay_and_without_a_branch(self):
        assert [len(phase) for phase in phases(self.RECORDS, replay=0)] == [8, 8, 8]
        assert [len(phase) for phase in phases(self.RECORDS[:8])] == [8]
        nowhere = [Record.new("pair", {"question": "x", "branch": ""})]
        assert [phase[-1]["branch"] for phase in phases([*nowhere, *self.RECORDS[8:16]], replay=0)] == ["knowledge", ""]
        assert phases([]) == []
        with pytest.raises(ValueError, match="replay must be >= 0 and <= 1, got 2"):
            phases([], replay=2)

    def test_the_seed_decides(self):
        assert phases(self.RECORDS, seed=1) == phases(self.RECORDS, seed=1) != phases(self.RECORDS, seed=2)
