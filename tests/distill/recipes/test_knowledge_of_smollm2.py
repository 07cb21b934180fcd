"""SmolLM2 as a labeller and as a writer of questions; what it yields is in ``benchmarks/distill_knowledge.py``."""

from __future__ import annotations

import numpy as np
import pytest

from sdg_lab.data import packages
from sdg_lab.distill.pipeline import run
from sdg_lab.distill.recipes.labels import TEST_REVIEWS, Labels, centre, decided
from sdg_lab.distill.recipes.qa import Document, KnowledgeQA
from sdg_lab.distill.teacher import LocalTeacher

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smollm2() -> LocalTeacher:
    try:
        packages.language_model_file()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    from sdg_lab.models.language_model import LanguageModel

    return LocalTeacher(LanguageModel.from_gguf())


def test_centred_it_labels_nearly_all_test_reviews_right(smollm2: LocalTeacher):
    """23 of 24 were measured; by chance 12, and 18 or more with a probability of 0.011."""
    recipe = Labels()
    names, (texts, truth) = list(recipe.openings), zip(*TEST_REVIEWS, strict=True)
    prompts = [recipe.question(text) for text in texts for _ in names]
    nats = smollm2.log_prob(prompts, [f" {name}" for _ in texts for name in names]).reshape(len(texts), -1)
    found = [decided(row, names)["label"] for row in nats - centre(nats, truth)]
    assert np.sum([a == b for a, b in zip(found, truth, strict=True)]) >= 20


def test_the_answers_that_are_kept_stand_in_the_passage(smollm2: LocalTeacher):
    text = (
        "The lighthouse of Aldersand was built in 1871 by the engineer Ruth Calloway. It is 34 metres high, and its "
        "lamp can be seen from Port Merrow. Since 1962 nobody has lived in it; a museum opened there in 1990."
    )
    recipe = KnowledgeQA(
        [Document("lighthouse", text)], least=50, pairs=6, openings=("Who", "When", "How high", "What")
    )
    result = run(recipe, smollm2, progress=False)
    assert len(result.pool.of("question")) > 0
    assert all(pair["answer"].casefold() in text.casefold() for pair in result.pool.of("pair"))
    assert all(record["gain"] >= recipe.margin for record in result.pool.of("blind"))
