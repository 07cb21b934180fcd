"""Words of any script: what is compared where the question is whether two texts say the same.

ROUGE knows the words of a–z and 0–9 alone (:func:`sdg_lab.distill.rouge.words`), as it was published. Whoever looks for
test data in a data set must also find what is written in Greek, in Chinese or with accents.
"""

from __future__ import annotations

import functools
import unicodedata

WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # marks and zero of Chinese and Japanese
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Chinese characters
    (0x4E00, 0x9FFF),
    (0x20000, 0x3FFFF),
)
"""Characters of scripts that put no spaces between words, from and to: each is a word of its own."""


def plain(text: str) -> str:
    """Return a text with what only looks different made alike: forms of one character (NFKC), case, white space."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters, digits and the marks on them, after :func:`plain`.

    In scripts without spaces a word is one character, so that n words in a row are n characters there.

    >>> words("Ça va? ΤΑ ΠΑΝΤΑ ῥεῖ, 第３章")
    ['ça', 'va', 'τα', 'παντα', 'ῥεῖ', '第', '3', '章']
    """
    return "".join(map(_as_words, plain(text))).split()


def has_characters(text: str) -> bool:
    """Say whether a text is, in part, of a script in which a word is one character."""
    return any(_alone(letter) for letter in plain(text))


@functools.lru_cache(maxsize=2**16)
def _as_words(letter: str) -> str:
    """Return a character as it stands in words: with spaces around it, or a space where it belongs to none."""
    if not (letter.isalnum() or unicodedata.category(letter).startswith("M")):
        return " "
    return f" {letter} " if _alone(letter) else letter


def _alone(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in WITHOUT_SPACES)
