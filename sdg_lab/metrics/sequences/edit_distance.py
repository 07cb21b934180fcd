"""How many symbols of a written sequence are wrong: the error rate of phonemes, letters or words."""

from __future__ import annotations

from collections.abc import Sequence

from sdg_lab.checks import several


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the least number of insertions, deletions and replacements of a symbol that turn a into b.

    Source: Levenshtein (1966), by the dynamic programme of Wagner and Fischer (1974).
    """
    row = list(range(len(b) + 1))  # distances of the beginning of a read so far to all beginnings of b
    for i, symbol in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (symbol != other))
    return row[-1]


def error_rate(written: Sequence[Sequence[str]], reference: Sequence[Sequence[str]]) -> float:
    """Return Σ edit distance / Σ reference length: 0 is perfect, and more than 1 is possible.

    With phonemes as symbols this is the phoneme error rate.

    Raises:
        ValueError: if one is a single text, the two are not equally many, or the references hold no symbol.
    """
    if len(several("written", written)) != len(several("reference", reference)):
        raise ValueError(f"there are {len(written)} written sequences and {len(reference)} references; pair them up")
    symbols = sum(map(len, reference))
    if symbols == 0:
        raise ValueError("the references hold no symbols; an error rate needs some")
    return sum(edit_distance(a, b) for a, b in zip(written, reference, strict=True)) / symbols
