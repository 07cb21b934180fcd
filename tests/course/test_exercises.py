"""Every exercise of every chapter: the stub is not attempted, right answers pass, wrong ones are refused by name."""

import dataclasses
import re

import nbformat
import proofs
import pytest
from sample_chapter import sample_notebook

from sdg_lab.course.engine import Case, Exercise, notebooks, registry

CHAPTERS = registry.numbers()
EVERY = [exercise for number in CHAPTERS for exercise in registry.exercises(number)]
EXERCISES = [exercise for exercise in EVERY if isinstance(exercise, Exercise)]
MISTAKES = [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.mistakes]

each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)


def notebook_of(number):
    return notebooks.read(notebooks.match(number, notebooks.chapters(notebooks.SOURCES)))


@each_exercise
def test_the_untouched_stub_is_not_attempted(exercise):
    proofs.prove_stub(exercise, proofs.stub(notebook_of(exercise.chapter), exercise.key))


@each_exercise
def test_the_cases_are_those_of_their_seed(exercise):
    proofs.prove_cases(exercise)


@each_exercise
def test_the_reference_passes(exercise):
    proofs.prove_reference(exercise)


@each_exercise
def test_the_solution_runs_where_it_is_pasted(exercise):
    proofs.prove_solution(exercise, proofs.check_calls(notebook_of(exercise.chapter))[exercise.key][1])


@each_exercise
def test_a_right_answer_passes_in_any_style(exercise):
    proofs.prove_styles(exercise)


@pytest.mark.parametrize(
    ("exercise", "mistake"), MISTAKES, ids=[f"{exercise.key}: {mistake.sentence}" for exercise, mistake in MISTAKES]
)
def test_each_mistake_is_refused_by_name(exercise, mistake):
    proofs.prove_mistake(exercise, mistake)


@each_exercise
def test_wrong_answers_made_of_the_reference_are_refused(exercise):
    proofs.prove_generic(exercise)


@each_exercise
def test_junk_is_refused_without_a_crash(exercise):
    proofs.prove_junk(exercise)


@each_exercise
def test_the_page_announces_it_as_it_is_declared_and_goes_on_with_the_student_s_function(exercise):
    cells = notebook_of(exercise.chapter)["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    at = next(i for i, text in enumerate(texts) if re.search(rf'check\(\s*"{exercise.key}"', text))
    heading = next(h for text in texts[at::-1] if (h := re.search(r"^### Exercise: (.+)$", text, re.MULTILINE)))[1]
    worth = f"{exercise.points} point{'s' * (exercise.points > 1)} · {exercise.minutes} minutes"
    assert heading.casefold() == f"{exercise.title} · {worth}".casefold()
    assert any(f'course.use("{exercise.key}")' in text for text in texts[at:])


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_chapter_checks_exactly_its_exercises_and_has_three_to_six(number):
    keys = [exercise.key for exercise in registry.exercises(number)]
    assert sorted(proofs.check_calls(notebook_of(number))) == sorted(keys)
    assert 3 <= len(keys) <= 6


def test_every_chapter_has_a_module_and_every_module_a_chapter():
    assert [path.stem[:2] for path in notebooks.chapters(notebooks.SOURCES)] == list(CHAPTERS)


class TestTheProofsThemselves:
    """On the sample chapter they hold, and spoiling it in any way makes them fail."""

    @pytest.fixture
    def notebook(self):
        return sample_notebook()

    @pytest.fixture
    def smoothing(self, sample):
        return registry.find("98.smoothing")

    def test_they_hold_on_the_sample(self, sample, notebook):
        calls = proofs.check_calls(notebook)
        assert sorted(calls) == ["98.letters", "98.reverse", "98.smoothing", "98.softplus"]
        for exercise in registry.exercises(sample):
            proofs.prove_stub(exercise, proofs.stub(notebook, exercise.key))
            proofs.prove_cases(exercise)
            proofs.prove_reference(exercise)
            proofs.prove_solution(exercise, calls[exercise.key][1])
            proofs.prove_styles(exercise)
            proofs.prove_generic(exercise)
            proofs.prove_junk(exercise)
            for mistake in exercise.mistakes:
                proofs.prove_mistake(exercise, mistake)

    def test_a_stub_that_answers_is_found_out(self, smoothing, notebook):
        notebook.cells[2] = nbformat.v4.new_code_cell("def smoothing(counts, alpha):\n    return counts")
        with pytest.raises(AssertionError, match=r"reported as ✗ 98\.smoothing failed"):
            proofs.prove_stub(smoothing, proofs.stub(notebook, smoothing.key))

    def test_a_missing_stub_is_found_out(self, smoothing, notebook):
        del notebook.cells[2]
        with pytest.raises(AssertionError, match=r"no cell above the check of 98\.smoothing defines smoothing"):
            proofs.stub(notebook, smoothing.key)

    def test_a_stub_sees_imports_only(self, smoothing, notebook):
        notebook.cells[2].source = notebook.cells[2].source.replace("np.ndarray", "Matrix")
        notebook.cells[1].source += "\nMatrix = np.ndarray"
        with pytest.raises(NameError, match="Matrix"):
            proofs.stub(notebook, smoothing.key)

    def test_a_mistake_that_no_case_shows_is_found_out(self, smoothing):
        spoilt = dataclasses.replace(smoothing, cases=lambda rng: [Case(_uniform(n), 1.0) for n in (1, 2, 3)])
        with pytest.raises(AssertionError, match="accepts it: The columns"):
            proofs.prove_mistake(spoilt, next(m for m in spoilt.mistakes if "columns" in m.sentence))

    def test_cases_of_one_size_are_found_out(self, smoothing):
        spoilt = dataclasses.replace(smoothing, cases=lambda rng: [Case(rng.random((2, 2)), 1.0) for _ in range(3)])
        with pytest.raises(AssertionError, match="have one size"):
            proofs.prove_generic(spoilt)

    def test_cases_that_follow_another_generator_are_found_out(self, smoothing):
        import random

        spoilt = dataclasses.replace(smoothing, cases=lambda rng: [Case(_uniform(2) * random.random(), 1.0)])
        with pytest.raises(AssertionError, match="a seed makes two sets of cases"):
            proofs.prove_cases(spoilt)

    def test_a_solution_under_another_name_is_found_out(self, smoothing):
        with pytest.raises(AssertionError, match="defines smoothing, the stub smooth"):
            proofs.prove_solution(smoothing, "smooth")


def _uniform(n):
    import numpy as np

    return np.ones((n, n))
