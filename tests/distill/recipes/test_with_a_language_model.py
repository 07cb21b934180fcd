"""The recipes with a real language model: their prompts lead it to texts of the right form, and its grades tell."""

import itertools

import numpy as np
import pytest

from sdg_lab.distill import Budget, EmptyError, LocalTeacher, run
from sdg_lab.distill.recipes.evol_instruct import EvolInstruct
from sdg_lab.distill.recipes.lab import Lab, read_taxonomy
from sdg_lab.distill.recipes.self_instruct import SelfInstruct
from sdg_lab.distill.records import Pool, Record
from sdg_lab.models.language_model import LanguageModel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def teacher() -> LocalTeacher:
    return LocalTeacher(LanguageModel.from_gguf())


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        (SelfInstruct(8, round=8, instances=0), "instruction"),
        (EvolInstruct(start=8, generations=1, breadth=0.0, answers=False), "evolved"),
    ],
    ids=["Self-Instruct", "Evol-Instruct"],
)
def test_half_of_what_it_writes_is_kept(recipe: SelfInstruct | EvolInstruct, kind: str, teacher: LocalTeacher):
    try:
        result = run(recipe, teacher, budget=Budget(requests=8), progress=False)
    except EmptyError as error:
        pytest.fail(str(error))
    assert len(result.pool.of(kind)) >= 4


def test_a_question_makes_its_answer_likelier_than_another_one_does(teacher: LocalTeacher):
    examples = [example for leaf in read_taxonomy() for example in leaf.examples][::9]
    made = Lab()

    def grade(question: str, answer: str) -> float:
        record = Record.new("answer", {"question": question, "answer": answer, "leaf": "", "branch": ""})
        prior = made.prior(record)
        before = Record.new(
            "prior", prior.read(tuple(teacher.log_prob([prior.prompt], prior.answers))), parents=[record.id]
        )
        asked = made.grade(record, Pool([record, before]))
        return float(asked.read(tuple(teacher.log_prob([asked.prompt], asked.answers)))["score"])

    right = [grade(question, answer) for question, answer in examples]
    wrong = [grade(question, answer) for (question, _), (_, answer) in itertools.pairwise(examples)]
    assert np.mean(np.array(right) >= 0.5) > np.mean(np.array(wrong) >= 0.5) + 0.25
