"""Sentences about people, and the facts that they hold: what a language model learns to answer with in a fixed form.

A sentence names a person, an age and a city; the answer is a JSON object of the three. A program knows each answer. No
name, city or form of sentence of the test is among those of the training.
"""

from __future__ import annotations

import json
import random
from typing import Any

from sdg_lab import data
from sdg_lab.models.language_model.chat import Message

SYSTEM = 'Answer with JSON: {"name": ..., "age": ..., "city": ...}'
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
    "additionalProperties": False,
}
FORMS = (
    (
        "{name}, {age}, lives in {city}.",
        "{name} is {age} years old and lives in {city}.",
        "I am {name} from {city}, aged {age}.",
        "In {city} I met {name}, who is {age}.",
        "{name} moved to {city} at the age of {age}.",
        "Age {age}, city {city}: {name}.",
        "{city} is the home of {name} ({age}).",
        "My name is {name}, I am {age} and my home is {city}.",
    ),
    (
        "{name} turned {age} last week, at home in {city}.",
        "At {age}, {name} still works in {city}.",
        "From {city} comes {name}, now {age}.",
        "We wrote to {name} in {city}, {age} years of age.",
    ),
)
"""Forms of sentences, of the training and of the test."""

CITIES = (
    "Paris London Madrid Berlin Rome Vienna Lisbon Dublin Oslo Prague Warsaw Athens Cairo Lagos Nairobi Tunis Delhi "
    "Tokyo Seoul Hanoi Lima Quito Bogota Havana Boston Denver Dallas Toronto Sydney Perth",
    "Lyon Turin Porto Leeds Bergen Krakow Tampere Graz Accra Dakar Kyoto Osaka Pune Cusco Recife Tucson Ottawa Hobart",
)
"""Of the training and of the test."""


def people(n: int, seed: int, *, test: bool) -> list[tuple[str, dict[str, Any]]]:
    """Draw sentences about people, with what they say; no name, city or form is in both parts."""
    rng, first_names = random.Random(f"{seed} {test}"), data.names()
    names, cities = (first_names.test if test else first_names.train), CITIES[test].split()
    found = []
    for _ in range(n):
        fact = {"name": rng.choice(names).title(), "age": rng.randint(18, 79), "city": rng.choice(cities)}
        found.append((rng.choice(FORMS[test]).format(**fact), fact))
    return found


def asked(sentence: str) -> list[Message]:
    """Return the conversation that asks for the facts of a sentence."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": sentence}]


def answered(sentence: str, fact: dict[str, Any]) -> list[Message]:
    """Return it with its right answer."""
    return [*asked(sentence), {"role": "assistant", "content": json.dumps(fact)}]


def judge(text: str, fact: dict[str, Any]) -> tuple[bool, bool]:
    """Say whether an answer is JSON of this form, and whether what it says is right."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return False, False
    wanted = {key: type(value) for key, value in fact.items()}
    form = isinstance(read, dict) and {key: type(value) for key, value in read.items()} == wanted
    return form, form and read == fact
