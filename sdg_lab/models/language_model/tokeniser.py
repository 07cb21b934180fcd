"""Text to tokens and back with the byte-pair encoding that a language model's file holds; ``tokenizers`` merges.

A text is cut into words, spaces and single digits; each piece is spelt in bytes, and the pairs of neighbours that were
merged most often in training are merged first (Sennrich, Haddow & Birch, *Neural Machine Translation of Rare Words with
Subword Units*, 2016; on bytes: Radford et al., *Language Models are Unsupervised Multitask Learners*, 2019). A rare
character has at worst a token a byte. The bytes that were never met in training have none: SmolLM2 lacks six control
characters and the rarest planes of Unicode, and a text that holds one is refused rather than read without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdg_lab.models.language_model.gguf import REMEDY, GGUFFile

CONTROL = 3
"""The type of tokens that mark turns and documents and are no text."""


class Tokeniser:
    """The tokens of a language model.

    Args:
        file: an open GGUF file with a byte-level vocabulary and its merges.

    Attributes:
        vocabulary: the tokens as the file spells them, by number.
        merges: the pairs that become one token, the first merged first, as ``"left right"``.
        special: numbers of the tokens that are no text, by spelling, such as ``<|im_start|>``.
        start: number of the token that stands between documents, and so before the first word of one.
        ends: numbers of the tokens that end a turn or a document.
        names: spellings of the tokens that chat templates call ``bos_token`` and ``eos_token``.

    Raises:
        ValueError: if the file's vocabulary is of another kind, or damaged.
    """

    def __init__(self, file: GGUFFile) -> None:
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

        kind, cut = (file.value(f"tokenizer.ggml.{name}", str) for name in ("model", "pre"))
        if (kind, cut) != ("gpt2", "smollm"):
            raise ValueError(
                f"{file.path} cuts text by the rules {kind}/{cut}; only gpt2/smollm are known here: give another file"
            )
        self.vocabulary: list[str] = file.value("tokenizer.ggml.tokens", list)
        self.merges: list[str] = file.value("tokenizer.ggml.merges", list)
        merges = [merge.split(" ") for merge in self.merges]
        types = file.value("tokenizer.ggml.token_type", list)
        number_of = {token: number for number, token in enumerate(self.vocabulary)}
        if len(number_of) != len(self.vocabulary) or len(types) != len(self.vocabulary):
            raise ValueError(f"{file.path}: its vocabulary names a token twice or misses a type; {REMEDY}")
        wrong = [pair for pair in merges if len(pair) != 2 or not {*pair, "".join(pair)} <= number_of.keys()]
        if wrong:
            raise ValueError(f"{file.path}: its vocabulary has a merge of unknown tokens, {wrong[0]}; {REMEDY}")
        self._unknown = bytes(byte for character, byte in BYTES.items() if character not in number_of)
        self.special = {self.vocabulary[i]: i for i, kind in enumerate(types) if kind == CONTROL}
        bos, eos = (self._mark(file, f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos"))
        self.names = {"bos_token": self.vocabulary[bos], "eos_token": self.vocabulary[eos]}
        self.start = self.special.get("<|endoftext|>", bos)
        self.ends = frozenset({eos, self.start})
        self._tokenizer = Tokenizer(models.BPE(number_of, [(left, right) for left, right in merges]))
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        self._tokenizer.decoder = decoders.ByteLevel()
        self._tokenizer.add_special_tokens(
            [AddedToken(token, special=True, normalized=False) for token in self.special]
        )

    def _mark(self, file: GGUFFile, key: str) -> int:
        """Return the number of a token that the file gives a part to."""
        number: int = file.value(key, int)
        if not 0 <= number < len(self.vocabulary):
            raise ValueError(
                f"{file.path}: {key} is {number}, outside the vocabulary of {len(self.vocabulary):,}; {REMEDY}"
            )
        return number

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens; what is spelt like a special token is one.

        Raises:
            TypeError: if ``text`` is not a str.
            ValueError: if a character has no token, or is none, such as half of a surrogate pair.
        """
        if not isinstance(text, str):
            raise TypeError(f"a text must be a str, got {text!r}, a {type(text).__name__}")
        raw = text.encode(errors="surrogatepass")
        if _SURROGATE in raw or len(raw.translate(None, self._unknown)) < len(raw):
            self._refuse(text)
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _refuse(self, text: str) -> None:
        """Name the first character that has no token."""
        for position, character in enumerate(text):
            if "\ud800" <= character <= "\udfff" or set(character.encode()) & set(self._unknown):
                raise ValueError(
                    f"position {position} holds {character!r}, for which the vocabulary has no token; "
                    "take it out, or put another character in its place"
                )

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, special ones as they are spelt; bytes that are no character become �.

        Raises:
            ValueError: if a number is outside the vocabulary.
        """
        return str(self._tokenizer.decode(self.check(ids), skip_special_tokens=False))

    def pieces(self, ids: Sequence[int]) -> list[str]:
        r"""Return the text of each token alone; bytes that are no whole character are written like ``\xe2``."""
        return [self._bytes(number).decode(errors="backslashreplace") for number in self.check(ids)]

    def spelling(self) -> list[bytes]:
        """Return the bytes of every token of the vocabulary; a special one is spelt as it is."""
        return [self._bytes(number) for number in range(len(self))]

    def _bytes(self, number: int) -> bytes:
        token = self.vocabulary[number]
        return token.encode() if token in self.special else bytes(BYTES[character] for character in token)

    def check(self, ids: Sequence[int]) -> list[int]:
        """Return the numbers as a list, or refuse one that is outside the vocabulary."""
        numbers = [int(number) for number in ids]
        for position, number in enumerate(numbers):
            if not 0 <= number < len(self):
                raise ValueError(
                    f"token {number} at position {position} is outside the vocabulary of {len(self):,}: "
                    "make the tokens with encode(text)"
                )
        return numbers


_SURROGATE = b"\xed"
"""The first byte of every half of a surrogate pair, and of some characters of Korean."""


def _characters_of_bytes() -> dict[str, int]:
    """Return the printable character that stands for each byte in the vocabulary (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + place): byte for place, byte in enumerate(others)}


BYTES = _characters_of_bytes()
"""The byte for which each character of the vocabulary's spelling stands."""
