"""Rounds of self-improvement: who teaches, what is learnt, from which weights; and a run that is killed goes on."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import multiprocessing
import random
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tqdm.auto import tqdm

from sdg_lab.distill import improvement
from sdg_lab.distill.improvement import Round, improve
from sdg_lab.distill.recipes.star import Star, anything
from sdg_lab.distill.recipes.verified import SOLUTION, pairs
from sdg_lab.distill.records import Pool
from sdg_lab.distill.student import Pairs, Student, accuracy
from sdg_lab.distill.teacher import Options
from sdg_lab.files import read_tensors
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.transformer import lora

SIZES: dict[str, Any] = {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 8}
OPTIONS = Options(max_tokens=4, temperature=1.0)
QUESTIONS = ["".join(letters) for letters in itertools.product("abc", repeat=3)]
GOLD: Pairs = [(question, question[-1]) for question in QUESTIONS[::9]]


def refuse(question: str, text: str) -> str | None:
    """The right answer is the question's last letter."""
    return None if text == question[-1] else "wrong"


def nothing(question: str, text: str) -> str | None:
    return "nothing is good enough"


def training(examples: int, epochs: int = 2) -> dict[str, Any]:
    return {"epochs": epochs, "batch_size": 8, "lr": 1e-2}


def learn(pool: Pool) -> Pairs:
    return pairs(pool.of(SOLUTION))


def recipe(number: int, verify: Any = refuse, samples: int = 2) -> Star:
    return Star(QUESTIONS, verify, samples=samples, options=OPTIONS)


@pytest.fixture(scope="module")
def base() -> Student:
    return Student(**SIZES).fit(GOLD, symbols="abc", epochs=2, progress=False)


def rounds_of(base: Student, count: int = 2, **options: Any) -> list[Round]:
    given = {"recipe": recipe, "training": training, "rounds": count, "seed": 4, "progress": False, **options}
    return list(improve(base, given.pop("gold", GOLD), given.pop("recipe"), given.pop("learn", learn), **given))


def weights(student: Student) -> np.ndarray:
    return np.concatenate([weight.numpy().ravel() for weight in student.state().values()])


class TestRounds:
    def test_round_0_is_the_base_and_it_stays_as_it_was(self, base: Student):
        before = weights(base)
        rounds = rounds_of(base)
        assert [one.number for one in rounds] == [0, 1, 2]
        assert rounds[0].student is base
        assert rounds[0].data == GOLD
        assert len(rounds[0].pool) == 0
        np.testing.assert_array_equal(weights(base), before)

    def test_each_round_is_written_by_the_student_of_the_round_before(self, base: Student):
        rounds = rounds_of(base, 2, recipe=partial(recipe, verify=anything))
        for before, after in itertools.pairwise(rounds):
            for record in after.pool.of(SOLUTION):
                (again,) = before.student.generate(
                    [record.prompt], seeds=[record.seed], temperature=1.0, max_tokens=OPTIONS.max_tokens
                )
                assert again.text == record["solution"]
            assert {record.teacher for record in after.pool.of(SOLUTION)} == {f"the student of round {before.number}"}
        assert not {r.seed for r in rounds[1].pool.of(SOLUTION)} & {r.seed for r in rounds[2].pool.of(SOLUTION)}

    def test_what_is_learnt_is_gold_and_what_was_kept(self, base: Student):
        for one in rounds_of(base)[1:]:
            assert one.data == list(dict.fromkeys([*GOLD, *learn(one.pool)]))
            assert all(refuse(*pair) is None for pair in one.data)
        first, second = rounds_of(base, accumulate=True)[1:]
        assert {*second.data} == {*GOLD, *learn(first.pool), *learn(second.pool)}

    @pytest.mark.parametrize("start", improvement.STARTS)
    def test_a_training_starts_from_the_weights_that_were_named(self, base: Student, start: improvement.Start):
        first, second = rounds_of(base, start=start)[1:]
        student = {"base": base, "last": first.student, "new": Student(**SIZES)}[start]
        again = Student.from_header(student.header(), student.state()) if student.fitted else student
        again.fit(second.data, symbols="abc", warm_start=True, seed=4, progress=False, **training(len(second.data)))
        np.testing.assert_array_equal(weights(again), weights(second.student))

    def test_a_round_that_keeps_nothing_learns_the_seed_data_again(self, base: Student):
        rounds = rounds_of(base, recipe=partial(recipe, verify=nothing))
        assert [one.data for one in rounds] == [GOLD] * 3
        assert rounds[1].funnel is not None
        assert "nothing is good enough" in str(rounds[1].funnel)
        without = rounds_of(base, recipe=partial(recipe, verify=nothing), gold=[])
        assert without[2].student is base, "with nothing to learn a student stays what it is"

    def test_a_student_gets_better_by_what_is_verified_and_not_otherwise(self, base: Student):
        """Answers with the last letter are drawn by luck at first; the seed data alone do not teach them."""
        held_out = [(question, question[-1]) for question in QUESTIONS]
        more = {"training": partial(training, epochs=8), "count": 2}
        good = rounds_of(base, **more, recipe=partial(recipe, samples=4))
        bare = rounds_of(base, **more, recipe=partial(recipe, samples=4, verify=anything))
        assert accuracy(base, held_out) < 0.6
        assert accuracy(good[-1].student, held_out) > 0.9
        assert accuracy(bare[-1].student, held_out) < accuracy(good[-1].student, held_out) - 0.1


class TestFolder:
    def test_a_folder_changes_nothing_but_that_a_second_call_does_no_work(
        self, base: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        plain, kept = rounds_of(base), rounds_of(base, folder=tmp_path)
        monkeypatch.setattr(Student, "fit", None)
        monkeypatch.setattr(Student, "generate", None)
        again = rounds_of(base, folder=tmp_path)
        for one, two, three in zip(plain, kept, again, strict=True):
            np.testing.assert_array_equal(weights(one.student), weights(two.student))
            np.testing.assert_array_equal(weights(one.student), weights(three.student))
            assert one.data == two.data == three.data
        assert not list(tmp_path.rglob(improvement.TRAINING)), "what is done needs no checkpoint"

    def test_more_rounds_go_on_from_those_that_are_there(self, base: Student, tmp_path: Path):
        rounds_of(base, 1, folder=tmp_path)
        before = files(tmp_path)
        longer = rounds_of(base, 2, folder=tmp_path)
        assert before.items() <= files(tmp_path).items()
        np.testing.assert_array_equal(weights(longer[2].student), weights(rounds_of(base, 2)[2].student))

    @pytest.mark.parametrize(
        ("other", "said"),
        [
            ({"seed": 5}, "seed is 4 there and 5 here"),
            ({"start": "new"}, "start is 'base' there and 'new' here"),
            ({"gold": GOLD[:2]}, "gold"),
            ({"training": partial(training, epochs=3)}, "training"),
            ({"accumulate": True}, "accumulate is False there and True here"),
            ({"recipe": partial(recipe, samples=3)}, "samples is 2 there and 3 here"),
        ],
    )
    def test_another_run_is_refused(self, base: Student, tmp_path: Path, other: dict[str, Any], said: str):
        rounds_of(base, 1, folder=tmp_path)
        before = files(tmp_path)
        with pytest.raises(ValueError, match=said):
            rounds_of(base, 1, folder=tmp_path, **other)
        assert files(tmp_path) == before

    def test_another_base_is_refused(self, base: Student, tmp_path: Path):
        rounds_of(base, 1, folder=tmp_path)
        other = Student(**SIZES).fit(GOLD, symbols="abc", epochs=2, seed=1, progress=False)
        with pytest.raises(ValueError, match="holds another run: base is"):
            improve(other, GOLD, recipe, learn, training=training, folder=tmp_path, seed=4)

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            ("training's own", "options.epochs is 1 there and 2 here"),
            ("training's object", "options.epochs is 1 there and 2 here"),
            ("training's method", "options.epochs is 1 there and 2 here"),
            ("numpy's numbers", "options.epochs is 1 there and 2 here"),
            ("schedule", "options.schedule.sha256 is"),
            ("validation", "options.validation is"),
            ("learn", "data.*there and"),
        ],
    )
    def test_what_a_description_cannot_see_is_compared_where_it_is_used(
        self, base: Student, tmp_path: Path, kind: str, said: str
    ):
        """The functions are the same ones in both calls; what they return is not."""
        now: dict[str, Any] = {"epochs": 1, "factor": 1.0, "validation": GOLD[:1], "kept": 99}

        class Makes:
            def __call__(self, examples: int) -> dict[str, Any]:
                return {**training(examples), "epochs": now["epochs"]}

            def method(self, examples: int) -> dict[str, Any]:
                return self(examples)

        def own(examples: int) -> dict[str, Any]:
            if kind == "numpy's numbers":
                return {**training(examples), "epochs": np.int64(now["epochs"])}
            return {**training(examples), "epochs": now["epochs"]}

        def with_more(examples: int) -> dict[str, Any]:
            given = {"schedule": lambda done: now["factor"]} if kind == "schedule" else {}
            return {**training(examples), "validation": now["validation"], **given}

        made = Makes()
        by_kind = {"training's object": made, "training's method": made.method}
        by_kind |= {"schedule": with_more, "validation": with_more}
        options = {"training": by_kind.get(kind, own), "folder": tmp_path, "recipe": partial(recipe, verify=anything)}
        options["learn"] = lambda pool: learn(pool)[: now["kept"]]
        rounds_of(base, 1, **options)
        rounds_of(base, 1, **options)
        before = files(tmp_path)
        changed = {"learn": {"kept": 1}, "schedule": {"factor": 0.5}, "validation": {"validation": GOLD[1:2]}}
        now |= changed.get(kind, {"epochs": 2})
        with pytest.raises(ValueError, match=f"was made of something else: .*{said}.*remove this file"):
            rounds_of(base, 1, **options)
        assert files(tmp_path) == before

    def test_a_student_that_no_round_wrote_is_refused(self, base: Student, tmp_path: Path):
        rounds_of(base, 1, folder=tmp_path)
        other = Student(**{**SIZES, "d_model": 8}).fit([("x", "y")], epochs=1, progress=False)
        other.save(tmp_path / "round-1" / improvement.STUDENT)
        with pytest.raises(ValueError, match="does not say what it was made of: no round wrote it"):
            rounds_of(base, 1, folder=tmp_path)

    @pytest.mark.parametrize("start", improvement.STARTS)
    def test_rounds_of_another_base_are_refused(self, base: Student, tmp_path: Path, start: improvement.Start):
        rounds_of(base, 1, folder=tmp_path, start=start)
        about = (tmp_path / improvement.RUN).read_text(encoding="utf-8")
        (tmp_path / improvement.RUN).unlink()
        other = Student(**SIZES).fit(GOLD, symbols="abc", epochs=2, seed=1, progress=False)
        with pytest.raises(ValueError, match=r"holds rounds, and no improvement\.json says of which run"):
            rounds_of(other, 1, folder=tmp_path, start=start)
        said = {**json.loads(about), "base": improvement.fingerprint(other)}
        (tmp_path / improvement.RUN).write_text(json.dumps(said), encoding="utf-8")
        with pytest.raises(ValueError, match="was made of something else: teacher is"):
            rounds_of(other, 1, folder=tmp_path, start=start)

    def test_a_base_with_adapters_is_refused_before_any_work(self, base: Student, tmp_path: Path):
        adapted = copy.deepcopy(base)
        lora.add(adapted.network, 2)
        with pytest.raises(ValueError, match=r"lora\.merge\(student\.network\)"):
            rounds_of(adapted, 1, folder=tmp_path)
        assert not list(tmp_path.iterdir())

    def test_numpy_s_numbers_are_numbers(self, base: Student, tmp_path: Path):
        rounds_of(base, np.int64(1), seed=np.int64(4), accumulate=np.bool_(False), folder=tmp_path)
        before = files(tmp_path)
        rounds_of(base, 1, seed=4, folder=tmp_path)
        assert files(tmp_path) == before

    @pytest.mark.parametrize("text", ["mine", "[]", "null", "3"])
    def test_a_file_of_somebody_else_is_refused(self, base: Student, tmp_path: Path, text: str):
        (tmp_path / improvement.RUN).write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="is no run of rounds"):
            improve(base, GOLD, recipe, learn, training=training, folder=tmp_path)


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"start": "best"}, ValueError, "start must be one of"),
        ({"rounds": 0}, ValueError, "rounds must be a whole number >= 1"),
        ({"seed": -1}, ValueError, "seed must be a whole number >= 0"),
        ({"accumulate": "no"}, ValueError, "accumulate must be True or False"),
        ({"gold": ["ab"]}, TypeError, "pair 0 is 'ab'"),
        ({"gold": np.array(GOLD)}, TypeError, "must be a list of pairs .* got ndarray"),
        ({"gold": ()}, TypeError, "got tuple"),
        ({"gold": ""}, TypeError, "got str"),
        ({"gold": {}}, TypeError, "got dict"),
        ({"folder": ""}, ValueError, "folder is empty; name one, or leave it out"),
        ({"folder": 3}, TypeError, "folder must be a text or a Path, got 3"),
        ({"folder": __file__}, NotADirectoryError, "is a file; choose another name for the folder"),
        ({"base": None}, TypeError, "base must be a Student, got NoneType"),
        ({"base": Student}, TypeError, "base must be a Student, got the class; make one and fit it"),
        ({"recipe": Star(QUESTIONS, refuse)}, ValueError, "recipe must be a function of a round's number, got Star"),
        ({"learn": None}, ValueError, "learn must be a function of the records that a round kept, got None"),
        (
            {"training": {"epochs": 1}},
            ValueError,
            r"training must be a function of the number of pairs, got \{'epochs'",
        ),
    ],
)
def test_what_cannot_run_is_refused_at_once(base: Student, wrong: dict[str, Any], kind: type[Exception], said: str):
    given: dict[str, Any] = {"base": base, "gold": GOLD, "recipe": recipe, "learn": learn, "training": training}
    with pytest.raises(kind, match=said):
        improve(**{**given, **wrong})


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"warm_start": True}, ValueError, "training must not return warm_start: improve decides that itself"),
        ({"symbols": "a", "checkpoint": "x"}, ValueError, "training must not return symbols, checkpoint"),
        ({"data": GOLD}, ValueError, "training must not return data"),
        (None, TypeError, "training must return a mapping of options of fit by their names, got None"),
        ({1: 2}, TypeError, r"training must return a mapping of options of fit by their names, got \{1: 2\}"),
        (
            {"epochs": 1, "schedule": lambda done: None},
            ValueError,
            "the factor that schedule gives must be .*, got None",
        ),
    ],
)
def test_a_training_that_decides_too_much_is_refused(
    base: Student, options: Any, kind: type[Exception], said: str, tmp_path: Path
):
    for folder in (None, tmp_path):
        with pytest.raises(kind, match=said):
            rounds_of(base, 1, training=lambda examples: options, folder=folder)


@pytest.mark.parametrize("wrong", [None, 3, Star])
def test_a_recipe_that_is_none_is_refused(base: Student, wrong: Any):
    with pytest.raises(TypeError, match=r"recipe, in round 1: it must return a recipe, such as Star\(...\), got"):
        rounds_of(base, 1, recipe=lambda number: wrong)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("pairs", [None, 3, "ab", (("a", "b"),), [["a", "b"]], [("a", "b", "c")], iter([("a", "b")])])
def test_what_is_learnt_must_be_a_list_of_pairs(base: Student, pairs: Any, accumulate: bool):
    with pytest.raises(TypeError, match=r"learn, in round 1: (data must be a list of pairs|pair 0 is)"):
        rounds_of(base, 1, learn=lambda pool: pairs, accumulate=accumulate)


def test_a_round_that_learns_an_empty_text_is_named(base: Student):
    with pytest.raises(ValueError, match="learn, in round 1: the answer of pair 0 is empty"):
        rounds_of(base, 1, learn=lambda pool: [("a", "")])


@pytest.mark.parametrize("make", [Path.mkdir, lambda file: file.write_text("[" * 100_000)])
def test_a_folder_or_endless_brackets_in_the_place_of_the_run_are_refused(base: Student, tmp_path: Path, make: Any):
    make(tmp_path / improvement.RUN)
    with pytest.raises(ValueError, match="is no run of rounds"):
        improve(base, GOLD, recipe, learn, training=training, folder=tmp_path)


def test_the_base_must_be_fitted():
    with pytest.raises(NotFittedError):
        improve(Student(**SIZES), GOLD, recipe, learn, training=training)


# Killed at any moment.


def files(folder: Path) -> dict[str, str]:
    """Return the checksums of all that a run leaves behind, but for locks and what was half written: hidden files.

    Of a student's file they are of what it says: the entries of a safetensors header stand in an order that varies.
    """
    there = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): hashlib.sha256(content(path)).hexdigest() for path in there}


def content(path: Path) -> bytes:
    """Return a file's bytes; of tensors theirs, by name, and their header."""
    if path.suffix != ".safetensors":
        return path.read_bytes()
    tensors, header = read_tensors(path)
    named = [name.encode() + tensor.numpy().tobytes() for name, tensor in sorted(tensors.items())]
    return json.dumps(header, sort_keys=True).encode() + b"".join(named)


def work(base: Student, folder: Path) -> None:
    """Do the whole run: in each of three rounds some hundred requests and twelve epochs, each with its checkpoint."""
    rounds_of(base, 3, start="last", folder=folder, training=partial(training, epochs=12))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed as Unix does")
def test_killed_at_random_moments_it_ends_in_the_same_weights_to_the_last_bit(
    base: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # tqdm's own lock is one for all forked processes, and what is killed while it holds it never gives it back.
    monkeypatch.setattr(tqdm, "_lock", threading.RLock(), raising=False)
    begin = time.monotonic()
    work(base, tmp_path / "whole")
    length = time.monotonic() - begin
    expected = files(tmp_path / "whole")
    names = {Path(name).name for name in expected}
    assert names == {improvement.RUN, "journal.jsonl", improvement.STUDENT}
    draws, context, seen = random.Random(0), multiprocessing.get_context("fork"), set()
    for _ in range(25):
        process = context.Process(target=work, args=(base, tmp_path / "killed"))
        process.start()
        process.join(draws.uniform(0, length / 5))
        process.kill()
        process.join()
        seen.add(tuple(files(tmp_path / "killed").values()) if (tmp_path / "killed").exists() else ())
    assert len(seen) > 8, "it was killed in different places"
    work(base, tmp_path / "killed")
    assert files(tmp_path / "killed") == expected
