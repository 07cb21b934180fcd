"""Every exercise of every chapter: the stub is not attempted, the reference passes, each wrong answer is refused."""

import dataclasses

import nbformat
import proofs
import pytest
from sample_chapter import sample_notebook

from sdg_lab.course.engine import notebooks, registry

CHAPTERS = registry.numbers()
EXERCISES = [exercise for number in CHAPTERS for exercise in registry.exercises(number)]
WRONG = [(exercise, wrong) for exercise in EXERCISES for wrong in exercise.wrong]


def notebook_of(number):
    return notebooks.read(notebooks.match(number, notebooks.chapters(notebooks.SOURCES)))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_untouched_stub_is_not_attempted(exercise):
    proofs.prove_stub(exercise, proofs.stub(notebook_of(exercise.chapter), exercise.key))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_reference_passes(exercise):
    proofs.prove_reference(exercise)


@pytest.mark.parametrize(
    ("exercise", "wrong"), WRONG, ids=[f"{exercise.key}: {wrong.name}" for exercise, wrong in WRONG]
)
def test_each_wrong_answer_is_refused_by_name(exercise, wrong):
    proofs.prove_wrong(exercise, wrong)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_junk_is_refused_without_a_crash(exercise):
    proofs.prove_junk(exercise)


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_chapter_checks_exactly_its_exercises_and_has_three_to_five(number):
    keys = [exercise.key for exercise in registry.exercises(number)]
    assert sorted(proofs.check_calls(notebook_of(number))) == sorted(keys)
    assert 3 <= len(keys) <= 5


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
        for exercise in registry.exercises(sample):
            proofs.prove_stub(exercise, proofs.stub(notebook, exercise.key))
            proofs.prove_reference(exercise)
            proofs.prove_junk(exercise)
            for wrong in exercise.wrong:
                proofs.prove_wrong(exercise, wrong)
        assert sorted(proofs.check_calls(notebook)) == ["98.letters", "98.reverse", "98.smoothing"]

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

    def test_a_wrong_reference_is_found_out(self, smoothing):
        spoilt = dataclasses.replace(smoothing, reference=smoothing.wrong[0].answer)
        with pytest.raises(AssertionError, match=r"the reference of 98\.smoothing is refused"):
            proofs.prove_reference(spoilt)

    def test_a_check_that_cannot_fail_is_found_out(self, smoothing):
        spoilt = dataclasses.replace(smoothing, check=lambda answer: None)
        with pytest.raises(AssertionError, match="accepts an answer that forgets α"):
            proofs.prove_wrong(spoilt, spoilt.wrong[0])
        with pytest.raises(AssertionError, match="returns 'text' is reported as ✓"):
            proofs.prove_junk(spoilt)

    def test_a_refusal_that_names_something_else_is_found_out(self, smoothing):
        wrong = dataclasses.replace(smoothing.wrong[0], says="divide by the sum")
        with pytest.raises(AssertionError, match=r"!~ 'divide by the sum'"):
            proofs.prove_wrong(smoothing, wrong)
