"""What the language model of chapter 15 is taught: sentences about people, and a program that judges answers."""

import json

import pytest

from sdg_lab.course.ch15 import facts


def test_training_and_test_share_neither_names_nor_cities_nor_forms():
    parts = [facts.people(200, seed=0, test=test) for test in (False, True)]
    for key in ("name", "city"):
        seen, new = ({fact[key] for _, fact in part} for part in parts)
        assert not seen & new
    plain = [{sentence.replace(str(f["age"]), "").replace(f["name"], "").replace(f["city"], "") for sentence, f in part}
             for part in parts]  # fmt: skip
    assert not plain[0] & plain[1]


def test_a_sentence_holds_its_facts_and_the_same_seed_draws_the_same():
    for sentence, fact in facts.people(50, seed=1, test=True):
        assert all(str(value) in sentence for value in fact.values())
    assert facts.people(5, seed=1, test=True) == facts.people(5, seed=1, test=True)
    assert facts.people(5, seed=1, test=True) != facts.people(5, seed=2, test=True)


FACT = {"name": "Ada", "age": 36, "city": "Turin"}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (json.dumps(FACT), (True, True)),
        ('{"city": "Turin", "age": 36, "name": "Ada"}', (True, True)),
        (json.dumps({**FACT, "age": 63}), (True, False)),
        (json.dumps({**FACT, "age": "36"}), (False, False)),
        (json.dumps({**FACT, "age": True}), (False, False)),
        (json.dumps({**FACT, "job": "poet"}), (False, False)),
        ('{"name": "Ada", "age": 36}', (False, False)),
        (f"Sure! {json.dumps(FACT)}", (False, False)),
        ("[" * 100_000, (False, False)),
        ("[1]", (False, False)),
        ("", (False, False)),
    ],
)
def test_form_and_facts_are_judged_apart(text, verdict):
    assert facts.judge(text, FACT) == verdict


def test_a_conversation_ends_with_the_right_answer():
    *asked, answer = facts.answered("Ada, 36, lives in Turin.", FACT)
    assert asked == facts.asked("Ada, 36, lives in Turin.")
    assert answer["role"] == "assistant"
    assert facts.judge(answer["content"], FACT) == (True, True)
