"""Tokens that are pieces of words: learnt from a text by merging neighbours, then used to cut any text.

Learning is byte-pair encoding on characters (Sennrich, Haddow & Birch, *Neural Machine Translation of Rare Words with
Subword Units*, 2016): every word is spelt in characters, and again and again the commonest pair of neighbours becomes
one token. Cutting takes the longest token that fits, from the left of each word (as WordPiece does), so that the tokens
alone, without the order of their merging, say how a text is cut.

A model of tokens gives a text at least the probability of this one way to cut it: its log-likelihood is a lower bound.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import pairwise

from sdg_lab.checks import several, whole

PIECE = re.compile(r" ?[^\W\d_]+| ?[^\s\w]+| ?[\d_]+|\s+(?!\S)|\s+")
"""What no token reaches beyond: a word with the space before it, marks, digits, or white space."""

Pair = tuple[str, str]


class Subwords:
    """A way to cut text.

    Args:
        tokens: the tokens; every character that a text may hold has to be one of them.

    Raises:
        ValueError: if there are none, or one is empty or there twice.
    """

    def __init__(self, tokens: tuple[str, ...]) -> None:
        tokens = several("tokens", tokens)
        if not tokens or "" in tokens or len(set(tokens)) < len(tokens):
            raise ValueError("tokens must be different and not empty, and there must be at least one")
        self.tokens = tokens
        self._cut: dict[str, tuple[str, ...]] = {}  # each different piece is cut once

    @classmethod
    def learn(cls, text: str, size: int) -> Subwords:
        """Learn tokens from a text: its characters, and merged pairs of tokens until there are ``size`` of them.

        Of pairs that are equally common the first in alphabetical order is merged. A pair that occurs once stays apart,
        so that a short text may give fewer tokens.

        Raises:
            ValueError: if the text is empty, or has more different characters than ``size``.
        """
        tokens = sorted(set(text))
        if not tokens:
            raise ValueError("the text is empty; give at least one character")
        whole("size, which counts the text's different characters too,", size, least=len(tokens))
        counts = Counter(PIECE.findall(text))
        pieces = [(list(piece), count) for piece, count in counts.items()]
        common: Counter[Pair] = Counter()
        found_in: defaultdict[Pair, set[int]] = defaultdict(set)
        for index, (piece, count) in enumerate(pieces):
            for pair in pairwise(piece):
                common[pair] += count
                found_in[pair].add(index)
        heap = [(-count, pair) for pair, count in common.items()]
        heapify(heap)
        known = set(tokens)
        while len(tokens) < size and heap:
            count, best = heappop(heap)
            if -count != common[best]:  # it has become rarer, and stands further down in the heap
                continue
            if -count < 2:
                break
            if (merged := "".join(best)) not in known:
                known.add(merged)
                tokens.append(merged)
            changed = set()
            for index in found_in.pop(best):
                piece, times = pieces[index]
                for pair in pairwise(piece):
                    common[pair] -= times
                    changed.add(pair)
                piece[:] = _merge(piece, best)
                for pair in pairwise(piece):
                    common[pair] += times
                    found_in[pair].add(index)
                    changed.add(pair)
            for pair in changed - {best}:
                heappush(heap, (-common[pair], pair))
        return cls(tuple(tokens))

    def encode(self, text: str) -> tuple[str, ...]:
        """Return the tokens of a text; ``"".join`` of them is the text.

        Raises:
            ValueError: if a character is no token; the message says which, and where.
        """
        found: list[str] = []
        for match in PIECE.finditer(text):
            piece = match.group()
            if piece not in self._cut:
                self._cut[piece] = self._longest_first(piece, match.start())
            found += self._cut[piece]
        return tuple(found)

    def _longest_first(self, piece: str, offset: int) -> tuple[str, ...]:
        cut, start = [], 0
        while start < len(piece):
            for end in range(min(len(piece), start + self._longest), start, -1):
                if piece[start:end] in self._known:
                    break
            else:
                raise ValueError(
                    f"character {offset + start}, {piece[start]!r}, is no token: it was never seen when the tokens "
                    "were learnt; leave it out"
                )
            cut.append(piece[start:end])
            start = end
        return tuple(cut)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.tokens)

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.tokens))


def _merge(piece: list[str], pair: Pair) -> list[str]:
    """Join every occurrence of a pair of neighbours, from the left."""
    joined: list[str] = []
    for token in piece:
        if joined and (joined[-1], token) == pair:
            joined[-1] += token
        else:
            joined.append(token)
    return joined
