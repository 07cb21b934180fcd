"""Contamination: what of a data set stands in the test data too, word for word or in part.

A student trained on a test's own texts says nothing about what it has learnt. So each data set is compared with the
texts that its students will be tested on, and its card says what was found, or that nobody has looked.

Texts of any script are compared: what a word is, is said in :mod:`sdg_lab.distill.scripts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sdg_lab.checks import several, whole
from sdg_lab.distill.budget import counted
from sdg_lab.distill.filters import Clean
from sdg_lab.distill.records import Record
from sdg_lab.distill.scripts import has_characters, plain

EXAMPLES = 3


@dataclass(frozen=True)
class Contamination:
    """What was found.

    Attributes:
        records: how many were looked at.
        texts: how many test texts they were compared with.
        n: words of a run.
        equal: ids of the records of which a whole text field is a test text, but for case, white space and forms of one
            character.
        sharing: ids of the records that share a run of n words with a test text, or hold the whole of one of fewer
            words.
        examples: up to three runs that are shared.
        characters: whether a test text is, in part, of a script without spaces, where a character counts as a word.
    """

    records: int
    texts: int
    n: int
    equal: tuple[str, ...]
    sharing: tuple[str, ...]
    examples: tuple[str, ...]
    characters: bool = False

    def __str__(self) -> str:
        equal, sharing = len(self.equal), len(self.sharing)
        are = "is" if 1 in (equal, self.records) else "are"
        characters = " (where a script has no spaces, characters)" if self.characters else ""
        return (
            f"compared with {counted(self.texts, 'test text')}: "
            f"{equal:,} of {counted(self.records, 'record')} {are} one of them word for word, "
            f"{sharing:,} {'shares' if sharing == 1 else 'share'} {counted(self.n, 'word')}{characters} in a row with "
            "one, or the whole of a shorter one"
        )


def contamination(records: Iterable[Record], texts: Sequence[str], *, n: int = 13) -> Contamination:
    """Compare every text field of records, lists of texts included, with test data.

    Args:
        records: the data set.
        texts: what students are tested on: questions, and answers if they are long.
        n: words in a row that count as shared. GPT-3's authors took 13; fewer find more, and more that is chance. In
            Chinese, Japanese, Thai, Lao, Khmer and Burmese a character counts as a word.

    Raises:
        ValueError: if there are no texts with words in them, or n is below 1.
    """
    clean = Clean(several("texts", texts), n=whole("n", n, least=1))
    known = {plain(text) for text in texts} - {""}
    equal: list[str] = []
    sharing: list[str] = []
    examples: list[str] = []
    count = 0
    for record in records:
        count += 1
        said = list(_texts(record.fields))
        if any(plain(text) in known for text in said):
            equal.append(record.id)
        if run := next(filter(None, map(clean.shared, said)), ""):
            sharing.append(record.id)
            if len(examples) < EXAMPLES and run not in examples:
                examples.append(run)
    return Contamination(
        count, len(texts), n, tuple(equal), tuple(sharing), tuple(examples), any(map(has_characters, texts))
    )


def _texts(value: object) -> Iterable[str]:
    """Yield the texts in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
